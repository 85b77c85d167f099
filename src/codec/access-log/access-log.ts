import type { FieldValue } from '../../model/rum.ts';
import type { Attributes } from '../log-block/attributes.ts';
import { fieldsOfText } from './text-format.ts';

/** Longer lines are no access log. */
const maxLineBytes = 65_536;
/** Fields that Envoy writes as numbers in JSON, and as text in the text format. */
const numeric = new Set([
  'response_code',
  'bytes_received',
  'bytes_sent',
  'duration',
  'upstream_service_time',
  'request_duration',
  'response_duration',
]);
/** By these a JSON line is known: one of the first, or three of them all. */
const telling = ['response_flags', 'upstream_cluster', 'response_code_details', 'downstream_remote_address'];
const usual = ['start_time', 'method', 'path', 'response_code', 'authority', 'request_id', 'bytes_sent', 'duration'];
/** Names that people give the trace id, which Istio's own format lacks. */
const traceNames = ['trace_id', 'traceid', 'traceID', 'traceId', 'x_b3_traceid', 'x-b3-traceid', 'b3_trace_id'];

const openBrace = 123;
const openBracket = 91;

/**
 * The fields of a line of Envoy's access log, under the names of Istio's JSON format (`method`, `path`, `response_code`,
 * `response_flags`, `duration`, `upstream_cluster`, `request_id`, ...), and `trace_id` where the line has one. Both forms are
 * known: text of Istio 1.0 and later, Envoy's default text, and JSON with whatever keys in whatever order. What is missing
 * (`-`, null) has no field; numbers are numbers. Undefined for any other line, such as those that the proxy writes between.
 * The order of the text is that of Istio's pilot/pkg/model/telemetry_logging.go.
 */
export function accessLogFields(bytes: Uint8Array): Attributes | undefined {
  if (bytes.length > maxLineBytes) {
    return undefined;
  }
  if (bytes[0] === openBracket) {
    const found = fieldsOfText(textOf(bytes));
    return found && attributesOf(found);
  }
  return bytes[0] === openBrace ? fieldsOfJson(textOf(bytes)) : undefined;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

function fieldsOfJson(text: string): Attributes | undefined {
  if (!telling.some((key) => text.includes(key)) && !text.includes('response_code')) {
    return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const has = (key: string): boolean => Object.hasOwn(value, key);
  const isAccessLog = telling.some(has) && [...telling, ...usual].filter(has).length >= 3;
  return isAccessLog || usual.filter(has).length >= 4 ? attributesOf(Object.entries(value)) : undefined;
}

function attributesOf(entries: Iterable<readonly [string, unknown]>): Attributes {
  const fields = new Map<string, FieldValue>();
  for (const [key, value] of entries) {
    const field = fieldOf(key, value);
    if (field !== undefined) {
      fields.set(key, field);
    }
  }
  const trace = fields.has('trace_id') ? undefined : traceNames.find((name) => fields.has(name));
  if (trace !== undefined) {
    fields.set('trace_id', fields.get(trace) ?? '');
  }
  return Object.fromEntries(fields);
}

function fieldOf(key: string, value: unknown): FieldValue | undefined {
  if (typeof value === 'string') {
    return value === '-' || value === '' ? undefined : textField(key, value);
  }
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

function textField(key: string, value: string): FieldValue {
  return numeric.has(key) && /^\d{1,15}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
}
