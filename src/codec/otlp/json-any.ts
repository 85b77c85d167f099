import { isObject, type JsonObject, SpanFault, shown, unexpected } from '../zipkin-json/json-value.ts';
import { listAt, readEach } from '../zipkin-json/span.ts';
import type { Style } from './proto-value.ts';

type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

const mostDeep = 32;
/** A number, not in a text of digits, that a double may not hold. */
const longNumber = /[:,[]\s*-?\d{16}/;

/** Integers that a double cannot hold stay their digits (ECMA-262, JSON.parse source text access). */
const keepDigits: Reviver = (_key, value, context) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? (context?.source ?? String(value))
    : value;

/** Throws SpanFault. */
export function parseJson(text: string): unknown {
  try {
    return longNumber.test(text)
      ? JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown)
      : JSON.parse(text);
  } catch (error) {
    const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
    throw new SpanFault('', `is not JSON: ${message}`);
  }
}

/** An AnyValue (opentelemetry.proto.common.v1): as what a tag says, or as JSON. */
export function anyOf(value: JsonObject, style: Style): string {
  if (style === 'json') {
    return jsonOf(value, 0);
  }
  const text = value['stringValue'] ?? value['bytesValue'];
  if (typeof text === 'string') {
    return text;
  }
  const double = value['doubleValue'];
  if (double !== undefined) {
    return String(double);
  }
  const json = jsonOf(value, 0);
  return json === 'null' ? '' : json;
}

/** A list of KeyValue. Throws SpanFault. */
export function pairsAt(value: unknown, path: string): readonly (readonly [key: string, value: JsonObject])[] {
  return readEach(value, path, (pair) => {
    if (!isObject(pair)) {
      throw unexpected('', pair, 'an object with key and value');
    }
    return [textAt(pair['key'], '.key'), isObject(pair['value']) ? pair['value'] : {}] as const;
  });
}

/** An AnyValue inside of a list or a map. */
function jsonOf(value: unknown, depth: number): string {
  if (!isObject(value) || depth > mostDeep) {
    return 'null';
  }
  const { stringValue, bytesValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue } = value;
  const text = stringValue ?? bytesValue;
  if (typeof text === 'string') {
    return JSON.stringify(text);
  }
  if (boolValue !== undefined) {
    return String(boolValue === true || boolValue === 'true');
  }
  if (intValue !== undefined) {
    return /^-?\d+$/.test(String(intValue)) ? String(intValue) : 'null';
  }
  if (doubleValue !== undefined) {
    return typeof doubleValue === 'number' ? String(doubleValue) : JSON.stringify(String(doubleValue));
  }
  if (isObject(arrayValue)) {
    return `[${listAt(arrayValue['values'], '')
      .map((one) => jsonOf(one, depth + 1))
      .join(',')}]`;
  }
  if (isObject(kvlistValue)) {
    const members = pairsAt(kvlistValue['values'], '');
    return `{${members.map(([key, one]) => `${JSON.stringify(key)}:${jsonOf(one, depth + 1)}`).join(',')}}`;
  }
  return 'null';
}

/** Absent is empty. Throws SpanFault. */
export function textAt(value: unknown, path: string): string {
  if (value === undefined || value === null) {
    return '';
  }
  if (typeof value === 'string') {
    return value;
  }
  throw unexpected(path, value, 'a string');
}

export function countAt(value: unknown, path: string): number {
  const count = value === undefined || value === null ? 0 : Number(value);
  if (!Number.isInteger(count) || count < 0) {
    throw unexpected(path, value, 'a count');
  }
  return count;
}

/** Enums are numbers in OTLP's JSON; their names, which some senders write, are understood too. */
export function choiceAt(value: unknown, path: string, names: readonly string[]): number {
  if (typeof value === 'string' && !/^\d+$/.test(value)) {
    const index = names.indexOf(value);
    if (index < 0) {
      throw new SpanFault(path, `is ${shown(value)}; expected a number or one of ${names.join(', ')}`);
    }
    return index;
  }
  return countAt(value, path);
}
