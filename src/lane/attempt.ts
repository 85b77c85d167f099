import { hasCode } from '../contract/errors.ts';
import type { Output, WriteRequest, WriteResult } from '../contract/output.ts';
import type { Clock, Logger } from '../contract/runtime.ts';

export interface AttemptOptions {
  readonly output: Output;
  /** For the log. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * One call of `write`, with an end: after `timeoutMs`, or when `signal` is aborted, it counts as failed, and what the
 * output may still answer is not waited for. An output that throws has failed too; if it says that the data is at fault
 * (cannot be decoded, too large), the request is to be split until the record that is at fault stands alone.
 */
export async function attempt(
  request: WriteRequest,
  { output, name, timeoutMs, clock, log }: AttemptOptions,
  signal: AbortSignal,
): Promise<WriteResult> {
  const done = new AbortController();
  const end = new AbortController();
  let late = false;
  const timer = clock.sleep(timeoutMs, done.signal).then(
    () => {
      late = true;
      end.abort(new Error('timeout'));
    },
    () => undefined,
  );
  // Not AbortSignal.any: `signal` lives as long as the output.
  signal.addEventListener('abort', () => end.abort(signal.reason), { once: true, signal: done.signal });
  if (signal.aborted) {
    end.abort(signal.reason);
  }
  try {
    return checked(await Promise.race([output.write(request, end.signal), aborted(end.signal)]), request);
  } catch (error) {
    if (late) {
      return { status: 'retry', reason: `no answer within ${timeoutMs} ms`, cause: 'timeout' };
    }
    const reason = error instanceof Error ? error.message : String(error);
    if (signal.aborted) {
      return { status: 'retry', reason: `cut off: ${reason}` };
    }
    if (hasCode(error, 'BRIDGE_DECODE') || hasCode(error, 'BRIDGE_TOO_LARGE') || hasCode(error, 'BRIDGE_CORRUPT')) {
      return { status: 'split', reason };
    }
    log.error({ output: name, error }, 'An output failed instead of answering.');
    return { status: 'retry', reason: `the output failed: ${reason}` };
  } finally {
    done.abort('done');
    await timer;
  }
}

/** Rejects when `signal` is aborted; never settles otherwise. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) {
      reject(signal.reason);
    }
  });
}

function checked(result: WriteResult, { items }: WriteRequest): WriteResult {
  return result.status === 'partial'
    ? { ...result, rejected: Math.max(0, Math.min(items, Math.floor(result.rejected))) }
    : result;
}
