import { BridgeError } from '../contract/errors.ts';
import type { TraceQuery } from '../contract/store.ts';

const defaultLimit = 100;
/** Jaeger's own default, where `start` is not given. */
const defaultLookbackMs = 2 * 86_400_000;
const microsPerUnit: Readonly<Record<string, number>> = {
  ns: 0.001,
  us: 1,
  µs: 1,
  μs: 1,
  ms: 1000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
};

/** What both of Jaeger's APIs search by. Times are ms, durations µs. */
export interface JaegerSearch {
  readonly service: string;
  readonly operation?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly endMs: number;
  readonly minDurationMicros?: number;
  readonly maxDurationMicros?: number;
  readonly limit: number;
}

function bad(message: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', message);
}

/** Names are stored in lower case; `error=true` is, in Zipkin, any value of that tag. */
export function traceQueryOf(search: JaegerSearch): TraceQuery {
  const { service, operation, minDurationMicros: least, maxDurationMicros: most } = search;
  const annotations = Object.entries(search.tags).map(([key, value]) =>
    key === 'error' && value === 'true' ? { key } : { key, value },
  );
  return {
    ...(service !== '' && { serviceName: service.toLowerCase() }),
    ...(operation !== undefined && operation !== '' && { spanName: operation.toLowerCase() }),
    annotations,
    ...((least !== undefined || most !== undefined) && { minDurationMicros: least ?? 0 }),
    ...(most !== undefined && { maxDurationMicros: most }),
    endTsMs: search.endMs,
    lookbackMs: Math.max(1, search.endMs - search.startMs),
    limit: search.limit,
  };
}

/** The parameters of `GET /api/traces`. Throws BRIDGE_DECODE. */
export function searchOf(query: URLSearchParams, nowMs: number): JaegerSearch {
  const service = query.get('service') ?? '';
  if (service === '') {
    throw bad("parameter 'service' is required");
  }
  const endMs = microsAt(query, 'end') ?? nowMs;
  const startMs = microsAt(query, 'start') ?? endMs - defaultLookbackMs;
  const least = durationAt(query, 'minDuration');
  const most = durationAt(query, 'maxDuration');
  if (least !== undefined && most !== undefined && most < least) {
    throw bad("'maxDuration' should be greater than 'minDuration'");
  }
  const operation = query.get('operation') ?? '';
  return {
    service,
    ...(operation !== '' && { operation }),
    tags: tagsOf(query),
    startMs,
    endMs,
    ...(least !== undefined && { minDurationMicros: least }),
    ...(most !== undefined && { maxDurationMicros: most }),
    limit: limitOf(query),
  };
}

/** 1 to 32 hex digits of either case, also with the dashes of a UUID; lower case. Throws BRIDGE_DECODE. */
export function jaegerTraceId(value: string): string {
  const id = value.trim().replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(id)) {
    throw bad(`${JSON.stringify(value)} is not a trace id: 1 to 32 hex digits`);
  }
  return id;
}

function microsAt(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') {
    return undefined;
  }
  if (!/^\d{1,17}$/.test(value)) {
    throw bad(`unable to parse param '${name}': ${JSON.stringify(value)} is not µs since 1970`);
  }
  return Number(value) / 1000;
}

function durationAt(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)?.trim() ?? '';
  return value === '' ? undefined : durationMicros(name, value);
}

/** A Go duration such as `1.2s` or `1h30m`; a bare number, which some clients send, is µs. Throws BRIDGE_DECODE. */
export function durationMicros(name: string, value: string): number {
  if (/^\d+$/.test(value)) {
    return Number(value);
  }
  const parts = [...value.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== value) {
    throw bad(`unable to parse param '${name}': ${JSON.stringify(value)} is not a duration such as 1.2s or 100ms`);
  }
  return Math.round(
    parts.reduce((sum, [, digits, unit]) => sum + Number(digits) * (microsPerUnit[unit ?? ''] ?? 0), 0),
  );
}

function limitOf(query: URLSearchParams): number {
  const value = query.get('limit') ?? '';
  if (value === '') {
    return defaultLimit;
  }
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0) {
    throw bad(`unable to parse param 'limit': ${JSON.stringify(value)} is not a number above 0`);
  }
  return Number(value);
}

/** `tag=key:value`, any number of times, and `tags={"key":"value"}`. */
function tagsOf(query: URLSearchParams): Record<string, string> {
  const tags = new Map<string, string>();
  for (const tag of query.getAll('tag')) {
    const colon = tag.indexOf(':');
    if (colon < 0) {
      throw bad(`malformed 'tag' parameter, expecting key:value, received: ${tag}`);
    }
    tags.set(tag.slice(0, colon), tag.slice(colon + 1));
  }
  for (const json of query.getAll('tags')) {
    for (const [key, value] of Object.entries(parsedTags('tags', json))) {
      tags.set(key, value);
    }
  }
  return Object.fromEntries(tags);
}

/** A JSON object of texts. Throws BRIDGE_DECODE. */
export function parsedTags(name: string, json: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw bad(`malformed '${name}' parameter, cannot unmarshal JSON: ${json}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(`malformed '${name}' parameter, expecting an object: ${json}`);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (typeof one !== 'string') {
        throw bad(`malformed '${name}' parameter, the value of ${key} is not a string`);
      }
      return [key, one];
    }),
  );
}
