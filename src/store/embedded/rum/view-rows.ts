import type { PointPage } from './point-page.ts';
import { type PointQuery, type TextAt, textsOf } from './point-query.ts';
import { brief, SampledMap } from './sampled-map.ts';
import { type VitalValues, vitalReader } from './vitals.ts';

/** What one view of a page is told of: some 500 bytes each. */
export interface ViewRow {
  readonly name: string;
  readonly ms: number;
  readonly session: string;
  readonly user: string;
  readonly vitals: VitalValues;
  readonly timeSpentMs: number;
  /** NaN where the SDK gave none. */
  readonly loadingMs: number;
  readonly errors: number;
  /** In the order of `facets`. */
  readonly facets: readonly string[];
}

/** What views are told apart by in the overview. */
export const facets: readonly string[] = ['app_id', 'service', 'env', 'version', 'browser', 'os', 'country', 'device'];

/** Views that are held at once; past it every second one, and so on. */
const mostViews = 200_000;
const nanosPerMs = 1e6;

/**
 * The views of the points that a query means. The SDK sends a view again and again while it goes on, with the same id; the
 * version that arrived last counts.
 */
export class ViewRows {
  readonly #rows = new SampledMap<ViewRow>(mostViews);
  #nameless = 0;

  take(page: PointPage, query: PointQuery): void {
    const ids = page.column('view_id');
    const read = rowReader(page);
    for (const at of query.pointsIn(page)) {
      const id = ids.text(at);
      const key = id === '' ? `\0${this.#nameless++}` : id;
      if (this.#rows.wants(key)) {
        this.#rows.set(key, read(at));
      }
    }
  }

  /** How many views one row stands for. */
  get scale(): number {
    return this.#rows.scale;
  }

  get rows(): readonly ViewRow[] {
    return [...this.#rows.values()];
  }
}

function rowReader(page: PointPage): (at: number) => ViewRow {
  const name = textsOf(page, 'view');
  const vitals = vitalReader(page);
  const facetTexts: readonly TextAt[] = facets.map((key) => textsOf(page, key));
  const session = page.column('session_id');
  const user = page.column('userid');
  const timeSpent = page.column('time_spent');
  const loading = page.column('loading_time');
  const errors = page.column('view_error_count');
  return (at) => ({
    name: brief(name(at)),
    ms: page.ms[at] ?? 0,
    session: brief(session.text(at)),
    user: brief(user.text(at)),
    vitals: vitals(at),
    timeSpentMs: (timeSpent.number(at) ?? 0) / nanosPerMs,
    loadingMs: (loading.number(at) ?? Number.NaN) / nanosPerMs,
    errors: errors.number(at) ?? 0,
    facets: facetTexts.map((text) => brief(text(at))),
  });
}
