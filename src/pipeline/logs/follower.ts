import type { Text } from './text.ts';

/** Says of each line of one stream whether it belongs to the one before. `alone`: nothing can follow it. */
export interface Follower {
  judge(text: Text): 'begin' | 'continue' | 'alone';
  /** What was open is read again. */
  reset(): void;
}
