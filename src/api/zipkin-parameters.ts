import { BridgeError } from '../contract/errors.ts';
import type { TraceQuery } from '../contract/store.ts';

const dayMs = 86_400_000;
const maxConditions = 100;

function bad(message: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', message);
}

/** Throws BRIDGE_DECODE in the reference's words when the parameter is not there. */
export function mandatory(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) {
    throw bad(`Mandatory parameter/header/attribute is missing: ${name}`);
  }
  return value;
}

/** A number above 0. */
export function wholeNumber(name: string, value: string): number {
  if (!/^[+-]?\d{1,18}$/.test(value)) {
    throw bad(`For input string: "${value}"`);
  }
  const number = Number(value);
  if (number <= 0) {
    throw bad(`${name} <= 0`);
  }
  return number;
}

/** 1 to 32 lower-case hex digits → 16 or 32 of them, as Zipkin pads and cuts ids. */
export function normalTraceId(value: string): string {
  const id = value.trim();
  if (id === '') {
    throw bad('traceId is empty');
  }
  if (id.length > 32) {
    throw bad('traceId.length > 32');
  }
  if (!/^[0-9a-f]+$/.test(id)) {
    throw bad(`${id} should be lower-hex encoded with no prefix`);
  }
  const padded = id.padStart(id.length <= 16 ? 16 : 32, '0');
  if (/^0+$/.test(padded)) {
    throw bad('traceId is all zeros');
  }
  return padded.length === 32 && padded.startsWith('0'.repeat(16)) ? padded.slice(16) : padded;
}

/** Two or more different ids, separated by commas. */
export function traceIds(value: string | null): string[] {
  if (value === null || value === '') {
    throw bad('traceIds parameter is empty');
  }
  const ids: string[] = [];
  for (const part of value.split(',')) {
    const id = normalTraceId(part);
    if (ids.includes(id)) {
      throw bad(`redundant traceId: ${part.trim()}`);
    }
    ids.push(id);
  }
  if (ids.length === 1) {
    throw bad('Use /api/v2/trace/{traceId} endpoint to retrieve a single trace');
  }
  return ids;
}

function conditions(value: string | null): TraceQuery['annotations'] {
  if (value === null || value === '') {
    return [];
  }
  const parts = value.split(' and ').slice(0, maxConditions);
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      const key = equals < 0 ? part : part.slice(0, equals);
      // `key=` asks for no value, as `key` does.
      return equals < 0 || equals === part.length - 1 ? { key } : { key, value: part.slice(equals + 1) };
    });
}

/** A name to match, lower case; empty or, for span names, `all` means any. */
function name(query: URLSearchParams, parameter: string): string | undefined {
  const value = query.get(parameter)?.toLowerCase();
  return value === undefined || value === '' ? undefined : value;
}

function optionalNumber(query: URLSearchParams, parameter: string): number | undefined {
  const value = query.get(parameter);
  return value === null ? undefined : wholeNumber(parameter, value);
}

/** The parameters of `GET /api/v2/traces`. Throws BRIDGE_DECODE in the reference's words. */
export function traceQuery(query: URLSearchParams, nowMs: number): TraceQuery {
  const serviceName = name(query, 'serviceName');
  const remoteServiceName = name(query, 'remoteServiceName');
  const anySpan = name(query, 'spanName');
  const spanName = anySpan === 'all' ? undefined : anySpan;
  const minDurationMicros = optionalNumber(query, 'minDuration');
  const maxDurationMicros = optionalNumber(query, 'maxDuration');
  if (maxDurationMicros !== undefined && minDurationMicros === undefined) {
    throw bad('maxDuration is only valid with minDuration');
  }
  if (maxDurationMicros !== undefined && maxDurationMicros < (minDurationMicros ?? 0)) {
    throw bad('maxDuration < minDuration');
  }
  return {
    ...(serviceName === undefined ? {} : { serviceName }),
    ...(remoteServiceName === undefined ? {} : { remoteServiceName }),
    ...(spanName === undefined ? {} : { spanName }),
    annotations: conditions(query.get('annotationQuery')),
    ...(minDurationMicros === undefined ? {} : { minDurationMicros }),
    ...(maxDurationMicros === undefined ? {} : { maxDurationMicros }),
    endTsMs: optionalNumber(query, 'endTs') ?? nowMs,
    lookbackMs: optionalNumber(query, 'lookback') ?? dayMs,
    limit: optionalNumber(query, 'limit') ?? 10,
  };
}
