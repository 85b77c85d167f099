import { BridgeError } from '../contract/errors.ts';
import type { SeriesQuery, TimeRange } from '../contract/store.ts';
import { durationMs } from '../lib/prometheus-duration.ts';
import { rfc3339Ms } from './instants.ts';

/** Steps between the points of one series; Prometheus' bound. */
const maxSteps = 11_000;

export function badParameter(name: string, what: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `invalid parameter "${name}": ${what}`);
}

/** Go's strconv.ParseFloat, of what people write in a query string. */
function float(text: string): number | undefined {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Seconds since 1970, or RFC 3339 → ms. `prefix` is what Prometheus says before the fault. */
function time(name: string, text: string, prefix = ''): number {
  const seconds = float(text);
  const ms = seconds === undefined ? rfc3339Ms(text) : Math.round(seconds * 1_000);
  if (ms === undefined || !Number.isSafeInteger(ms)) {
    throw badParameter(name, `${prefix}cannot parse ${JSON.stringify(text)} to a valid timestamp`);
  }
  return ms;
}

/** Seconds, or Prometheus' way of writing a duration → ms. */
function duration(name: string, text: string): number {
  const seconds = float(text);
  const ms = seconds === undefined ? durationMs(text) : Math.round(seconds * 1_000);
  if (ms === undefined || !Number.isSafeInteger(ms)) {
    throw badParameter(name, `cannot parse ${JSON.stringify(text)} to a valid duration`);
  }
  return ms;
}

function optionalTime(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  return text === null || text === '' ? undefined : time(name, text, `Invalid time value for '${name}': `);
}

function requiredTime(parameters: URLSearchParams, name: string): number {
  return time(name, parameters.get(name) ?? '');
}

/** The time of an instant query; `nowMs` where it has none. */
export function queryTime(parameters: URLSearchParams, nowMs: number): number {
  return optionalTime(parameters, 'time') ?? nowMs;
}

/** The longest time that the asker gives a query, ms; Prometheus' two minutes at most. */
export function queryTimeout(parameters: URLSearchParams, mostMs: number): number {
  const text = parameters.get('timeout');
  return text === null || text === '' ? mostMs : Math.min(mostMs, duration('timeout', text));
}

export function queryRange(parameters: URLSearchParams): { readonly range: TimeRange; readonly stepMs: number } {
  const startMs = requiredTime(parameters, 'start');
  const endMs = requiredTime(parameters, 'end');
  if (endMs < startMs) {
    throw badParameter('end', 'end timestamp must not be before start time');
  }
  const stepMs = duration('step', parameters.get('step') ?? '');
  if (stepMs <= 0) {
    const what = 'zero or negative query resolution step widths are not accepted. Try a positive integer';
    throw badParameter('step', what);
  }
  if (Math.floor((endMs - startMs) / stepMs) > maxSteps) {
    throw new BridgeError(
      'BRIDGE_DECODE',
      `exceeded maximum resolution of ${maxSteps.toLocaleString('en')} points per timeseries. ` +
        'Try decreasing the query resolution (?step=XX)',
    );
  }
  return { range: { startMs, endMs }, stepMs };
}

/** 0 where it is not there: no limit. */
export function limitOf(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name);
  if (text === null || text === '') {
    return 0;
  }
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw badParameter(name, `cannot parse ${JSON.stringify(text)} to a valid limit`);
  }
  const limit = Number(text);
  if (limit < 0) {
    throw badParameter(name, 'limit must be non-negative');
  }
  return limit;
}

/** What `labels`, `label/…/values` and `series` ask about; without bounds, all time. */
export function seriesQuery(parameters: URLSearchParams): SeriesQuery {
  const startMs = optionalTime(parameters, 'start') ?? 0;
  const endMs = optionalTime(parameters, 'end') ?? Number.MAX_SAFE_INTEGER;
  if (endMs < startMs) {
    throw badParameter('end', 'end timestamp must not be before start time');
  }
  return { startMs, endMs, selectors: parameters.getAll('match[]'), limit: limitOf(parameters, 'limit') };
}

/** A label name in a path, where `U__` begins names whose other characters are written `_<hex>_`. */
export function labelName(text: string): string {
  if (!text.startsWith('U__')) {
    return checkedName(text);
  }
  return checkedName(
    text.slice(3).replaceAll(/__|_([0-9a-fA-F]{1,6})_/g, (whole, hex?: string) => {
      const code = hex === undefined ? 0x5f : Number.parseInt(hex, 16);
      return code > 0x10_ff_ff ? whole : String.fromCodePoint(code);
    }),
  );
}

function checkedName(name: string): string {
  if (name === '' || !name.isWellFormed()) {
    throw new BridgeError('BRIDGE_DECODE', `invalid label name: ${JSON.stringify(name)}`);
  }
  return name;
}
