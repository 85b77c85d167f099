import { seededBits } from '../../bench/zipkin/random.ts';

/** Choices that are the same for the same seed. */
export interface Choices {
  below(limit: number): number;
  /** True in that share of all cases, 0 to 1. */
  chance(share: number): boolean;
  of<T>(list: readonly T[]): T;
  hex(digits: number): string;
}

export function choicesOf(seed: number): Choices {
  const bits = seededBits(seed);
  const below = (limit: number): number => bits() % limit;
  return {
    below,
    chance: (share) => bits() < share * 2 ** 32,
    of: (list) => {
      const chosen = list[below(list.length)];
      if (chosen === undefined) {
        throw new Error('there is nothing to choose from');
      }
      return chosen;
    },
    // Never all zeros.
    hex: (digits) =>
      Array.from({ length: digits }, (_, i) => (i === 0 ? 1 + below(15) : below(16)).toString(16)).join(''),
  };
}
