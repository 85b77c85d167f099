import { BridgeError } from '../contract/errors.ts';
import type { LokiEncoding, TimeRange } from '../contract/store.ts';
import { rfc3339Nanos } from './instants.ts';

const nanosInMs = 1_000_000n;
const nanosInSecond = 1_000_000_000n;
const hourNanos = 3_600n * nanosInSecond;
const defaultLimit = 100;
const maxLimit = 5_000;
const maxPoints = 11_000;

function bad(what: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', what);
}

/** Ns since 1970 (whole numbers of more than 10 digits), seconds, or RFC 3339. */
function nanos(parameters: URLSearchParams, name: string): bigint | undefined {
  const text = parameters.get(name) ?? '';
  if (text === '') {
    return undefined;
  }
  if (/^\d{11,19}$/.test(text)) {
    return BigInt(text);
  }
  if (/^\d+(?:\.\d*)?(?:e[+-]?\d+)?$/.test(text) && Number(text) < 1e11) {
    return BigInt(Math.round(Number(text) * 1e3)) * nanosInMs;
  }
  const found = rfc3339Nanos(text);
  if (found === undefined) {
    throw bad(`could not parse '${name}' parameter: parsing time ${JSON.stringify(text)}: it is no time`);
  }
  return found;
}

/** Seconds, or a duration as Go writes it (`1m0.5s`), also in days. */
function milliseconds(text: string): number | undefined {
  if (/^\d+(?:\.\d*)?$/.test(text)) {
    return Number(text) * 1000;
  }
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|[smhdwy]))+$/.test(text)) {
    return undefined;
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|[smhdwy])/g)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitsMs[unit] ?? 0), 0);
}

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
  d: 8.64e7,
  w: 6.048e8,
  y: 3.1536e10,
};

export interface NanosRange {
  readonly startNanos: bigint;
  readonly endNanos: bigint;
}

/** `start`, `end`, `since`: the last hour where they are not there. */
export function lokiRange(parameters: URLSearchParams, nowMs: number): NanosRange {
  const now = BigInt(nowMs) * nanosInMs;
  const end = nanos(parameters, 'end');
  const since = parameters.get('since') ?? '';
  const sinceMs = since === '' ? undefined : milliseconds(since);
  if (since !== '' && sinceMs === undefined) {
    throw bad(`could not parse 'since' parameter: not a valid duration string: ${JSON.stringify(since)}`);
  }
  const back = sinceMs === undefined ? hourNanos : BigInt(Math.round(sinceMs)) * nanosInMs;
  const last = end === undefined || end > now ? now : end;
  const startNanos = nanos(parameters, 'start') ?? last - back;
  return { startNanos, endNanos: end ?? now };
}

/** The same in ms, for questions about streams. */
export function lokiMsRange(parameters: URLSearchParams, nowMs: number): TimeRange {
  const { startNanos, endNanos } = lokiRange(parameters, nowMs);
  return { startMs: Number(startNanos / nanosInMs), endMs: Number((endNanos + nanosInMs - 1n) / nanosInMs) };
}

export function orderedRange(range: NanosRange): NanosRange {
  if (range.endNanos <= range.startNanos) {
    throw bad('end timestamp must not be before or equal to start time');
  }
  return range;
}

export function lokiTime(parameters: URLSearchParams, nowMs: number): bigint {
  return nanos(parameters, 'time') ?? BigInt(nowMs) * nanosInMs;
}

/** A 250th of the range, at least a second, where it is not there. */
export function lokiStepMs(parameters: URLSearchParams, { startNanos, endNanos }: NanosRange): number {
  const text = parameters.get('step') ?? '';
  const rangeMs = Number((endNanos - startNanos) / nanosInMs);
  const stepMs = text === '' ? Math.max(1, Math.floor(rangeMs / 250_000)) * 1000 : milliseconds(text);
  if (stepMs === undefined) {
    throw bad(`cannot parse ${JSON.stringify(text)} to a valid duration`);
  }
  if (!(stepMs > 0)) {
    throw bad('zero or negative query resolution step widths are not accepted. Try a positive integer');
  }
  if (rangeMs / stepMs > maxPoints) {
    throw bad(
      'exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter',
    );
  }
  return stepMs;
}

export function wholeNumber(parameters: URLSearchParams, name: string, fallback: number): number {
  const text = parameters.get(name) ?? '';
  if (text === '') {
    return fallback;
  }
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (number < 1) {
    throw bad(`${name} must be a positive value`);
  }
  return number;
}

export function lokiLimit(parameters: URLSearchParams): number {
  const limit = wholeNumber(parameters, 'limit', defaultLimit);
  if (limit > maxLimit) {
    throw bad(`max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${maxLimit})`);
  }
  return limit;
}

export function lokiDirection(parameters: URLSearchParams): 'forward' | 'backward' {
  const text = (parameters.get('direction') ?? '').toLowerCase();
  if (text !== '' && text !== 'forward' && text !== 'backward') {
    throw bad(`invalid direction '${parameters.get('direction')}'`);
  }
  return text === 'forward' ? 'forward' : 'backward';
}

export function lokiEncoding(headers: Readonly<Record<string, string | undefined>>): LokiEncoding {
  const flags = headers['x-loki-response-encoding-flags'] ?? '';
  return flags.split(',').some((flag) => flag.trim() === 'categorize-labels') ? 'categorized' : 'merged';
}

/** Only a sample of a range's lines is not made here. */
export function refuseInterval(parameters: URLSearchParams): void {
  const text = parameters.get('interval') ?? '';
  if (text !== '' && milliseconds(text) !== 0) {
    throw new BridgeError('BRIDGE_UNSUPPORTED', 'the parameter interval is not evaluated by this version');
  }
}

export function queryText(parameters: URLSearchParams): string {
  return parameters.get('query') ?? '';
}
