import { BridgeError } from '../../contract/errors.ts';
import type { FieldValue, RumPoint } from '../../model/rum.ts';

const version = 1;

/** JSON: `{"v":1,"points":[{"measurement","tags","fields","time":"<ns since 1970>"}]}`. */
export function encodeRumPoints(points: readonly RumPoint[]): Uint8Array {
  const wire = points.map(({ measurement, tags, fields, timeNanos }) => ({
    measurement,
    tags,
    fields,
    time: String(timeNanos),
  }));
  return Buffer.from(JSON.stringify({ v: version, points: wire }));
}

/** Throws BRIDGE_DECODE. */
export function decodeRumPoints(bytes: Uint8Array): readonly RumPoint[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', 'not a list of RUM points: no JSON', { cause });
  }
  if (!isObject(value) || value['v'] !== version || !Array.isArray(value['points'])) {
    throw new BridgeError('BRIDGE_DECODE', 'not a list of RUM points of version 1');
  }
  return value['points'].map(pointOf);
}

function pointOf(value: unknown, index: number): RumPoint {
  if (isObject(value)) {
    const { measurement, tags, fields, time } = value;
    const isTime = typeof time === 'string' && /^-?\d{1,20}$/.test(time);
    if (typeof measurement === 'string' && isTime && isTags(tags) && isFields(fields)) {
      return { measurement, tags, fields, timeNanos: BigInt(time) };
    }
  }
  throw new BridgeError('BRIDGE_DECODE', `RUM point ${index} lacks a measurement, tags, fields or a time`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTags(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((tag) => typeof tag === 'string');
}

function isFields(value: unknown): value is Readonly<Record<string, FieldValue>> {
  return (
    isObject(value) && Object.values(value).every((field) => ['string', 'number', 'boolean'].includes(typeof field))
  );
}
