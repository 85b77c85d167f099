import type { ErrorCode } from '../contract/errors.ts';
import type { RetryCause, WriteResult } from '../contract/output.ts';
import type { Health } from '../contract/runtime.ts';
import type { Posted } from './poster.ts';
import { systemErrorOf } from './system-error.ts';
import { tlsFaultOf } from './tls-faults.ts';

/** The status that a BridgeError becomes when it leaves a route (contract/errors.ts). */
export function statusOf(code: ErrorCode): number {
  switch (code) {
    case 'BRIDGE_DECODE':
      return 400;
    case 'BRIDGE_TOO_LARGE':
      return 413;
    case 'BRIDGE_OVERLOADED':
      return 503;
    case 'BRIDGE_NOT_FOUND':
      return 404;
    case 'BRIDGE_UNSUPPORTED':
      return 422;
    default:
      return 500;
  }
}

/**
 * `Retry-After` of RFC 9110 §10.2.3, seconds or an HTTP date, in ms from `nowMs`. Undefined when it is absent or makes no
 * sense.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim();
  if (text === undefined || text === '') {
    return undefined;
  }
  if (/^\d{1,9}$/.test(text)) {
    return Number(text) * 1000;
  }
  const atMs = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** Answers that say "not now": the same request may be taken later. */
const passing = new Set([408, 425, 429]);

/**
 * Answers that speak about the address or the credentials, not about the data. Whoever mends the configuration gets
 * everything that waited, so nothing may be thrown away for them.
 */
const misconfigured = new Set([401, 402, 403, 404, 405, 407]);

export interface AnswerFacts {
  readonly records: number;
  /** Said in front of the status. Default: nothing. */
  readonly detail?: string;
  readonly nowMs: number;
}

/**
 * What an output makes of an HTTP status. 2xx is delivered; 408, 425, 429 and 5xx are tried again, after `Retry-After` if
 * that is given; so are 3xx and 401–405 and 407, which an operator must mend; 413 asks for halves; any other 4xx is final for a single record and
 * asks for halves of several, so that one bad record does not take the others with it.
 */
export function writeResultOf(status: number, retryAfter: string | undefined, facts: AnswerFacts): WriteResult {
  if (status >= 200 && status < 300) {
    return { status: 'delivered' };
  }
  const reason = facts.detail === undefined ? `HTTP ${status}` : `HTTP ${status}: ${facts.detail}`;
  if (status === 413) {
    return { status: 'split', reason };
  }
  if (status >= 400 && status < 500 && !passing.has(status) && !misconfigured.has(status)) {
    return facts.records > 1 ? { status: 'split', reason } : { status: 'rejected', reason };
  }
  const afterMs = retryAfterMs(retryAfter, facts.nowMs);
  return { status: 'retry', reason, cause: causeOf(status), ...(afterMs === undefined ? {} : { afterMs }) };
}

function causeOf(status: number): RetryCause {
  if (passing.has(status) || status === 503) {
    return 'busy';
  }
  return status >= 500 ? 'server_error' : 'misconfigured';
}

/** Files of certificates and keys. */
const unreadable = new Set(['ENOENT', 'EACCES', 'EISDIR']);

/** What it means that there was no answer: the far side is away and may come back, or TLS is set up wrongly. */
export function resultOfNoAnswer(error: unknown): WriteResult {
  const { code, message } = systemErrorOf(error);
  const tlsFault = tlsFaultOf({ code, message });
  if (tlsFault !== undefined) {
    return { status: 'retry', reason: tlsFault, cause: 'misconfigured' };
  }
  const cause = unreadable.has(code) ? 'misconfigured' : 'unreachable';
  return { status: 'retry', reason: message === '' ? code || String(error) : message, cause };
}

/** What an answer means for delivery. */
export function resultOfPost(posted: Posted, facts: { readonly records: number; readonly nowMs: number }): WriteResult {
  const { status, retryAfter, text } = posted;
  return writeResultOf(status, retryAfter, text === '' ? facts : { ...facts, detail: text });
}

const checkTimeoutMs = 10_000;

/** What one attempt at a harmless request says about the far side; it has 10 s unless told otherwise. */
export async function healthOf(
  attempt: (signal: AbortSignal) => Promise<WriteResult>,
  timeoutMs: number = checkTimeoutMs,
): Promise<Health> {
  const tooLong = AbortSignal.timeout(timeoutMs);
  try {
    const result = await attempt(tooLong);
    return result.status === 'delivered' ? { ok: true } : { ok: false, reason: result.reason, ...causeIn(result) };
  } catch (error) {
    if (!tooLong.aborted) {
      throw error;
    }
    return { ok: false, reason: `no answer within ${timeoutMs / 1_000} s`, cause: 'timeout' };
  }
}

function causeIn(result: WriteResult): { readonly cause?: RetryCause } {
  return result.status === 'retry' && result.cause !== undefined ? { cause: result.cause } : {};
}
