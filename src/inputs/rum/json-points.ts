import { type Precision, timeNanosOf } from '../../codec/line-protocol/precision.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { FieldValue, RumPoint } from '../../model/rum.ts';

export interface JsonPointsOptions {
  readonly precision?: Precision;
  readonly nowNanos: bigint;
}

/**
 * DataKit's JSON points: a list of `{measurement, tags, fields, time}`, as the SDK sends it with `sendContentTypeByJson`.
 * `time` is a number in the unit of `precision`. What is no text in a tag becomes text, objects and lists in fields become
 * JSON, and null is nothing. Throws BRIDGE_DECODE.
 */
export function decodeJsonPoints(bytes: Uint8Array, options: JsonPointsOptions): readonly RumPoint[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', 'the body is not JSON', { cause });
  }
  const list = Array.isArray(value) ? value : [value];
  return list.map((item, index) => pointOf(item, index, options));
}

function pointOf(item: unknown, index: number, options: JsonPointsOptions): RumPoint {
  const bad = (what: string): BridgeError => new BridgeError('BRIDGE_DECODE', `point ${index + 1}: ${what}`);
  if (!isObject(item)) {
    throw bad('it is no object with measurement, tags, fields and time');
  }
  const { measurement, tags = {}, fields, time } = item;
  if (typeof measurement !== 'string' || measurement === '') {
    throw bad('it has no measurement');
  }
  if (!isObject(tags) || !isObject(fields)) {
    throw bad('its tags and fields are not objects');
  }
  const read = Object.entries(fields).flatMap(([key, value]) => entry(key, fieldOf(value)));
  if (read.length === 0) {
    throw bad('it has no field');
  }
  const timeNanos = nanosOf(time, options);
  if (timeNanos === undefined) {
    throw bad(`its time ${JSON.stringify(time)} is no timestamp`);
  }
  return {
    measurement,
    tags: Object.fromEntries(Object.entries(tags).flatMap(([key, value]) => entry(key, tagOf(value)))),
    fields: Object.fromEntries(read),
    timeNanos,
  };
}

function entry<T>(key: string, value: T | undefined): [string, T][] {
  return key === '' || value === undefined ? [] : [[key, value]];
}

function tagOf(value: unknown): string | undefined {
  const field = fieldOf(value);
  return field === undefined || field === '' ? undefined : String(field);
}

function fieldOf(value: unknown): FieldValue | undefined {
  if (value === null || value === undefined) {
    return undefined;
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}

function nanosOf(time: unknown, { precision, nowNanos }: JsonPointsOptions): bigint | undefined {
  if (time === undefined || time === null) {
    return nowNanos;
  }
  const written = typeof time === 'number' && Number.isSafeInteger(Math.trunc(time)) ? String(Math.trunc(time)) : time;
  if (typeof written === 'number') {
    return timeNanosOf(BigInt(Math.trunc(written)).toString(), precision);
  }
  return typeof written === 'string' ? timeNanosOf(written, precision) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
