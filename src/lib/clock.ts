import { setTimeout as delay } from 'node:timers/promises';

export const systemClock = {
  now: (): number => Date.now(),
  steady: (): number => performance.now(),
  sleep: (ms: number, signal?: AbortSignal): Promise<void> =>
    delay(ms, undefined, signal === undefined ? {} : { signal }),
};
