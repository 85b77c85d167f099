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
