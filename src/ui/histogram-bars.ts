import { momentText } from './format.ts';
import { type Level, levels } from './log-search.ts';
import type { CountsView } from './logs-api.ts';

/** A piece of a stacked bar, in pixels from the top left. */
export interface BarPiece {
  readonly level: Level;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Bucket {
  readonly startMs: number;
  readonly endMs: number;
  readonly total: number;
  /** Worst first; only levels that there are. */
  readonly levels: readonly (readonly [level: Level, count: number])[];
}

export function bucketsOf(counts: CountsView): readonly Bucket[] {
  const length = Math.max(0, ...[...counts.levels.values()].map((row) => row.length));
  return Array.from({ length }, (_, i) => {
    const found = levels
      .map((level) => [level, counts.levels.get(level)?.[i] ?? 0] as const)
      .filter(([, count]) => count > 0);
    const startMs = counts.startMs + i * counts.stepMs;
    return { startMs, endMs: startMs + counts.stepMs, total: found.reduce((sum, [, n]) => sum + n, 0), levels: found };
  });
}

/** Times below the bars, evenly apart, as exact as their distance asks for. */
export function axisTexts(buckets: readonly Bucket[]): readonly string[] {
  const [first, last] = [buckets[0]?.startMs, buckets.at(-1)?.endMs];
  if (first === undefined || last === undefined) {
    return [];
  }
  const [from, to] = last - first > 20 * 3_600_000 ? [5, 16] : last - first < 300_000 ? [11, 19] : [11, 16];
  return [0, 0.25, 0.5, 0.75, 1].map((share) => momentText(first + share * (last - first)).slice(from, to));
}

/** Lines of each level over all buckets, worst first. */
export function levelTotals(counts: CountsView): readonly (readonly [level: Level, count: number])[] {
  return levels
    .map((level) => [level, (counts.levels.get(level) ?? []).reduce((a, b) => a + b, 0)] as const)
    .filter(([, count]) => count > 0);
}

/** The worst levels stand at the foot, and what there is at all is at least a pixel high. */
export function piecesOf(buckets: readonly Bucket[], { width, height }: { width: number; height: number }): BarPiece[] {
  const top = Math.max(1, ...buckets.map(({ total }) => total));
  const each = width / Math.max(1, buckets.length);
  return buckets.flatMap((bucket, i) => {
    let foot = height;
    return bucket.levels.map(([level, count]) => {
      const tall = Math.max(1, (count / top) * height);
      foot -= tall;
      const gap = each > 4 ? 1 : 0;
      return { level, x: i * each, y: Math.max(0, foot), width: each - gap, height: tall };
    });
  });
}
