import type { RumQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { PointQuery } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';
import { quantileOf } from './sketch.ts';
import { type ViewRow, ViewRows } from './view-rows.ts';
import { visitPages } from './visit.ts';
import { rounded, summarise } from './vitals.ts';

/** Views by name, the most visited first: how often, how quick, how many errors. */
export async function viewTable(
  partitions: readonly RumPartition[],
  { query, limit }: { readonly query: RumQuery; readonly limit: number },
  slice: Slice,
): Promise<{ readonly views: readonly object[]; readonly exact: boolean }> {
  const ofViews = new PointQuery(query, ['view']);
  const views = new ViewRows();
  await visitPages(partitions, ofViews, slice, (page) => views.take(page, ofViews));
  const { rows, scale } = views;
  const byName = [...Map.groupBy(rows, ({ name }) => name)].sort(([, a], [, b]) => b.length - a.length);
  const table: object[] = [];
  for (const [name, group] of byName.slice(0, limit)) {
    table.push(rowOf(name, group, scale));
    if (slice.over) {
      await slice.yield();
    }
  }
  return { views: table, exact: scale === 1 };
}

function rowOf(name: string, rows: readonly ViewRow[], scale: number): object {
  const loading = Float64Array.from(rows, ({ loadingMs }) => loadingMs)
    .filter((ms) => !Number.isNaN(ms))
    .sort();
  const loadingP75 = quantileOf(loading, 0.75);
  return {
    name,
    views: rows.length * scale,
    sessions: new Set(rows.map(({ session }) => session)).size * scale,
    users: new Set(rows.map(({ user }) => user)).size * scale,
    errors: rows.reduce((sum, { errors }) => sum + errors, 0) * scale,
    timeSpentMs: rounded(rows.reduce((sum, { timeSpentMs }) => sum + timeSpentMs, 0) / rows.length),
    ...(loadingP75 !== undefined && { loadingP75Ms: rounded(loadingP75) }),
    vitals: summarise(rows),
  };
}
