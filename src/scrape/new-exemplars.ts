import type { ParsedPage } from '../codec/prometheus-text/prometheus-text.ts';
import type { Exemplar } from '../model/metric.ts';

/**
 * Leaves out exemplars that were there at the last scrape: a page shows the same one until another comes, and receivers
 * would keep it again under each time (Prometheus, storage/interface.go: equal unless the page gives another time).
 */
export class NewExemplars {
  #list: ParsedPage['list'] | undefined;
  /** By index into the list. */
  #last: Map<number, Exemplar> = new Map();

  of(page: ParsedPage): ParsedPage {
    const { exemplars, list } = page;
    if (exemplars === undefined) {
      return page;
    }
    if (list !== this.#list) {
      this.#last = this.#moved(page);
      this.#list = list;
    }
    const fresh = exemplars.filter((one) => !isSame(one, this.#last.get(one.index)));
    for (const one of fresh) {
      this.#last.set(one.index, one);
    }
    return fresh.length === exemplars.length ? page : withExemplars(page, fresh);
  }

  /** What is remembered of series, under their places on a page with other lines. */
  #moved({ list }: ParsedPage): Map<number, Exemplar> {
    const before = this.#list?.series ?? [];
    const bySeries = new Map([...this.#last].map(([index, one]) => [keyOf(before[index]), one]));
    const moved = new Map<number, Exemplar>();
    for (const [index, series] of (bySeries.size === 0 ? [] : list.series).entries()) {
      const one = bySeries.get(keyOf(series));
      if (one !== undefined) {
        moved.set(index, one);
      }
    }
    return moved;
  }
}

function isSame(now: Exemplar, last: Exemplar | undefined): boolean {
  return (
    last !== undefined &&
    Object.is(now.value, last.value) &&
    now.timestampMs === last.timestampMs &&
    now.labels.length === last.labels.length &&
    now.labels.every(([name, value], i) => name === last.labels[i]?.[0] && value === last.labels[i]?.[1])
  );
}

function keyOf(series: ParsedPage['series'][number] | undefined): string {
  return JSON.stringify([series?.name, series?.labels]);
}

/** The series are not decoded for it. */
function withExemplars(page: ParsedPage, exemplars: readonly Exemplar[]): ParsedPage {
  const { list, values, timestampsMs, samples, unwanted, duplicates } = page;
  return {
    list,
    get series() {
      return list.series;
    },
    values,
    ...(timestampsMs && { timestampsMs }),
    ...(exemplars.length > 0 && { exemplars }),
    samples,
    unwanted,
    duplicates,
  };
}
