import { type Labels, labelKey } from '../../../promql/labels.ts';
import type { Matcher, SampleSource, Samples } from '../../../promql/source.ts';
import type { Slice } from '../slice.ts';

export interface VirtualFamily {
  readonly name: string;
  readonly type: 'counter' | 'histogram';
  readonly help: string;
}

/** Series that nobody scraped: their samples are worked out from something else when they are asked for. */
export interface VirtualSeries {
  readonly families: readonly VirtualFamily[];
  /** As `SampleSource.select`. */
  select(matchers: readonly Matcher[], range: VirtualRange, slice: Slice): Promise<readonly Samples[]>;
  /** Without their samples. Without matchers some of each family stand for all. */
  list(matchers: readonly Matcher[], range: VirtualRange, slice: Slice): Promise<readonly Labels[]>;
}

/** ms since 1970, both ends included. */
export interface VirtualRange {
  readonly startMs: number;
  readonly endMs: number;
}

/** Both together; a scraped series hides a virtual one of equal labels. */
export class JointSource implements SampleSource {
  readonly #scraped: SampleSource;
  readonly #virtual: VirtualSeries;
  readonly #slice: Slice;

  constructor(scraped: SampleSource, virtual: VirtualSeries, slice: Slice) {
    this.#scraped = scraped;
    this.#virtual = virtual;
    this.#slice = slice;
  }

  async select(matchers: readonly Matcher[], startMs: number, endMs: number): Promise<readonly Samples[]> {
    const scraped = await this.#scraped.select(matchers, startMs, endMs);
    const virtual = await this.#virtual.select(matchers, { startMs, endMs }, this.#slice);
    if (virtual.length === 0) {
      return scraped;
    }
    const known = new Set(scraped.map(({ labels }) => labelKey(labels)));
    return [...scraped, ...virtual.filter(({ labels }) => !known.has(labelKey(labels)))];
  }
}
