const firstMs = 100;
const mostMs = 30_000;
const mostAskedMs = 300_000;

/**
 * How long to wait after the n-th failed attempt in a row (n from 1): full jitter over 100 ms doubled to 30 s, but not
 * less than the far side asked for (up to 5 minutes). `random` gives [0, 1).
 */
export function backOffMs(failures: number, askedMs: number | undefined, random: () => number): number {
  const ceiling = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 20));
  return Math.max(random() * ceiling, Math.min(askedMs ?? 0, mostAskedMs));
}
