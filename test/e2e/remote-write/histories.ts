import type { RawSample, RawSeries } from '../../components/raw-samples.ts';
import type { ChangingPage } from './pages.ts';

/** Series → what became of it: its values in order, equal ones that follow each other said once. */
export type Histories = Readonly<Record<string, string>>;

export interface HistoriesOptions {
  readonly page: ChangingPage;
  /** Samples from before the first scrape have times of their own: these are shown, in ms before it. */
  readonly firstScrapeMs: number;
  /** `victoria`: what is left of values in VictoriaMetrics, which keeps a dozen decimal digits and no NaN. */
  readonly precision: 'full' | 'victoria';
  /** Programs count differently which series are new. */
  readonly added: 'compared' | 'left out';
}

/** These differ from scrape to scrape, or exist on one side only. */
const measured = /^scrape_(?!samples_scraped|samples_post_metric_relabeling|series_added)/;

export function historiesOf(all: readonly RawSeries[], options: HistoriesOptions): Histories {
  const { page, added } = options;
  const histories: [series: string, history: string][] = [];
  for (const { labels, samples } of all) {
    const name = labels['__name__'] ?? '';
    const leftOut = added === 'left out' && name === 'scrape_series_added';
    if (labels['page'] === page.name && !measured.test(name) && !leftOut) {
      const kept = Object.entries(labels).filter(([label]) => label !== 'job');
      // How many scrapes added nothing is left to chance.
      const counted = name === 'scrape_series_added' ? samples.filter(({ value }) => value !== 0) : samples;
      histories.push([JSON.stringify(kept.sort(byFirst)), history(counted, options)]);
    }
  }
  return Object.fromEntries(histories.sort(byFirst));
}

function history(samples: readonly RawSample[], { firstScrapeMs, precision }: HistoriesOptions): string {
  const shown = samples.map(({ value, timestampMs }) => {
    const text = precision === 'full' ? exactly(value) : roughly(value);
    return timestampMs < firstScrapeMs && text !== '' ? `${text}@-${firstScrapeMs - timestampMs}` : text;
  });
  return shown
    .filter((text) => text !== '')
    .filter((text, i, all) => text !== all[i - 1])
    .join(' ');
}

function exactly(value: RawSample['value']): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function roughly(value: RawSample['value']): string {
  if (value === 'stale') {
    return 'stale';
  }
  if (Number.isNaN(value)) {
    return '';
  }
  return Math.abs(value) < 1e-300 ? '0' : value.toPrecision(8);
}

function byFirst([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]): number {
  return a < b ? -1 : 1;
}
