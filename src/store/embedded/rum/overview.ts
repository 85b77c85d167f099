import type { RumQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { PointQuery } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';
import { SampledMap } from './sampled-map.ts';
import { facets, type ViewRow, ViewRows } from './view-rows.ts';
import { visitPages } from './visit.ts';
import { rounded, summarise } from './vitals.ts';

const mostSessions = 200_000;
const mostUsers = 200_000;
const listedValues = 10;

const countedKinds = { error: 'errors', resource: 'resources', action: 'actions', long_task: 'longTasks' } as const;
type Counted = (typeof countedKinds)[keyof typeof countedKinds];

/** How many of what, when, and how quick: the first that is looked at (docs/api.md). */
export async function overviewOf(
  partitions: readonly RumPartition[],
  { query, stepMs }: { readonly query: RumQuery; readonly stepMs: number },
  slice: Slice,
): Promise<object> {
  const all = new PointQuery(query);
  const ofViews = new PointQuery(query, ['view']);
  const views = new ViewRows();
  const tally = new Tally(query, stepMs);
  await visitPages(partitions, all, slice, (page) => {
    views.take(page, ofViews);
    const sessions = page.column('session_id');
    const users = page.column('userid');
    for (const at of all.pointsIn(page)) {
      tally.point(page.kind.text(at), page.ms[at] ?? 0, { session: sessions.text(at), user: users.text(at) });
    }
  });
  const { rows, scale } = views;
  const series = tally.seriesOf(rows, scale);
  await slice.yield();
  return {
    startMs: query.startMs,
    stepMs,
    totals: { ...tally.totals(), views: rows.length * scale, timeSpentMs: averageOf(rows, 'timeSpentMs') },
    /** Views, sessions and users beyond the caps are estimates then. */
    exact: scale === 1 && tally.exact,
    series,
    vitals: summarise(rows),
    facets: Object.fromEntries(facets.map((name, i) => [name, topOf(rows, i, scale)])),
  };
}

interface Owner {
  readonly session: string;
  readonly user: string;
}

class Tally {
  readonly #query: RumQuery;
  readonly #stepMs: number;
  readonly #sessions = new SampledMap<true>(mostSessions);
  readonly #users = new SampledMap<true>(mostUsers);
  readonly #counts: Record<Counted | 'points', number> = {
    points: 0,
    errors: 0,
    resources: 0,
    actions: 0,
    longTasks: 0,
  };
  readonly #errors: number[];

  constructor(query: RumQuery, stepMs: number) {
    this.#query = query;
    this.#stepMs = stepMs;
    this.#errors = this.#noCounts();
  }

  get exact(): boolean {
    return this.#sessions.scale === 1 && this.#users.scale === 1;
  }

  point(kind: string, ms: number, { session, user }: Owner): void {
    this.#counts.points += 1;
    if (isCounted(kind)) {
      this.#counts[countedKinds[kind]] += 1;
    }
    if (kind === 'error') {
      this.#add(this.#errors, ms, 1);
    }
    if (session !== '') {
      this.#sessions.set(session, true);
    }
    if (user !== '') {
      this.#users.set(user, true);
    }
  }

  totals(): object {
    return { ...this.#counts, sessions: this.#sessions.count, users: this.#users.count };
  }

  seriesOf(rows: readonly ViewRow[], scale: number): object {
    const views = this.#noCounts();
    for (const { ms } of rows) {
      this.#add(views, ms, scale);
    }
    return { views, errors: this.#errors };
  }

  #noCounts(): number[] {
    const { startMs, endMs } = this.#query;
    return new Array<number>(Math.floor((endMs - startMs) / this.#stepMs) + 1).fill(0);
  }

  #add(counts: number[], ms: number, by: number): void {
    const bucket = Math.floor((ms - this.#query.startMs) / this.#stepMs);
    counts[bucket] = (counts[bucket] ?? 0) + by;
  }
}

function isCounted(kind: string): kind is keyof typeof countedKinds {
  return Object.hasOwn(countedKinds, kind);
}

function averageOf(rows: readonly ViewRow[], key: 'timeSpentMs'): number | undefined {
  return rows.length === 0 ? undefined : rounded(rows.reduce((sum, row) => sum + row[key], 0) / rows.length);
}

function topOf(rows: readonly ViewRow[], facet: number, scale: number): readonly { value: string; views: number }[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const value = row.facets[facet] ?? '';
    counts.set(value, (counts.get(value) ?? 0) + scale);
  }
  return [...counts]
    .filter(([value]) => value !== '')
    .map(([value, views]) => ({ value, views }))
    .sort((a, b) => b.views - a.views || (a.value < b.value ? -1 : 1))
    .slice(0, listedValues);
}
