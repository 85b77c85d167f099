import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  readonly withinMs?: number;
  /** Ends the message of the error: "not seen within 60000 ms: <what>". */
  readonly what?: string;
}

/**
 * Polls until `condition` gives something truthy, and returns it. Throws after the deadline with the last error of the
 * condition, if it threw.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const withinMs = options.withinMs ?? 60_000;
  const endMs = performance.now() + withinMs;
  let last: unknown;
  for (let pauseMs = 1; ; pauseMs = Math.min(25, pauseMs * 2)) {
    try {
      const value = await condition();
      if (value) {
        return value;
      }
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > endMs) {
      throw new Error(`not seen within ${withinMs} ms: ${options.what ?? condition.toString()}`, { cause: last });
    }
    await delay(pauseMs);
  }
}

/** What became of a promise within a while: for "this must not happen yet". */
export async function stateAfter(promise: Promise<unknown>, ms: number): Promise<'pending' | 'resolved' | 'rejected'> {
  const settled = promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  );
  const end = new AbortController();
  try {
    return await Promise.race([settled, delay(ms, 'pending' as const, { signal: end.signal })]);
  } finally {
    end.abort();
  }
}

/** Fails instead of waiting for ever. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const end = new AbortController();
  const late = delay(ms, undefined, { signal: end.signal }).then(() => {
    throw new Error(`still pending after ${ms} ms: ${what}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    end.abort();
  }
}
