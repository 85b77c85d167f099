import type { Clock } from '../contract/runtime.ts';

/** For spans of time: what was measured with it stays right when somebody sets the clock. */
export function steadyMs(clock: Clock): number {
  return clock.steady?.() ?? clock.now();
}
