import type { Exemplar } from '../../model/metric.ts';
import type { Layout } from './layout.ts';
import { LineReader } from './line-reader.ts';
import { NumberReader } from './number.ts';
import type { PageParserOptions, ParsedPage } from './page.ts';
import { PageReader } from './page-reader.ts';
import { Pairs } from './pairs.ts';

/**
 * Reads the pages of one target: text format 0.0.4 and 1.0.0 as leniently as Prometheus does, and what OpenMetrics adds.
 * A page that differs from the last one in values only is compared with it, and no string is made; on any other page the
 * lines that were there before are found by their bytes. Both give exactly what a new parser would give.
 */
export class PageParser {
  readonly #options: PageParserOptions;
  #pairs = new Pairs();
  #layout: Layout | undefined;
  #values: Float64Array = new Float64Array(0);

  constructor(options: PageParserOptions) {
    this.#options = options;
  }

  /**
   * The parser keeps nothing of `page`. Throws BRIDGE_DECODE with the number of the line that cannot be read: then none of
   * the page counts, and what is remembered of the page before stays.
   */
  parse(page: Buffer): ParsedPage {
    return (this.#layout === undefined ? undefined : this.#asBefore(page, this.#layout)) ?? this.#read(page);
  }

  #read(page: Buffer): ParsedPage {
    const { layout, reusable, ...samples } = new PageReader(page, this.#pairs, this.#options, this.#layout).read();
    this.#layout = reusable ? layout : undefined;
    this.#values = samples.values;
    this.#forgetOldPairs(layout);
    return parsed(layout, samples);
  }

  /** Undefined where anything but the values is not as it was. */
  #asBefore(page: Buffer, layout: Layout): ParsedPage | undefined {
    const { keys, ends, slots } = layout.parts;
    const values = this.#values;
    const numbers = new NumberReader();
    const tails = new Tails(page, values.length, this.#options);
    let start = 0;
    let pos = 0;
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i] ?? 0;
      const valueAt = pos + end - start;
      if (valueAt >= page.length || page.compare(keys, start, end, pos, valueAt) !== 0) {
        return undefined;
      }
      const value = numbers.read(page, valueAt);
      pos = numbers.end;
      if (pos < 0) {
        return undefined;
      }
      const slot = slots[i] ?? -1;
      if (slot >= 0) {
        values[slot] = value;
      }
      pos = page[pos] === 0x0a ? tails.none(pos, slot) : tails.read(pos, slot);
      start = end;
    }
    const rest = Math.min(pos, page.length);
    if (page.compare(keys, start, keys.length, rest, page.length) !== 0) {
      return undefined;
    }
    return parsed(layout, tails.with(values));
  }

  #forgetOldPairs(layout: Layout): void {
    if (this.#pairs.size > 1000 && this.#pairs.size > 8 * layout.parts.series.length) {
      this.#pairs = new Pairs();
    }
  }
}

interface Samples {
  readonly values: Float64Array;
  readonly timestampsMs: Float64Array | undefined;
  readonly exemplars: readonly Exemplar[] | undefined;
}

/** What may stand behind a value: a time and an exemplar. Most pages have neither. */
class Tails {
  readonly #page: Buffer;
  readonly #size: number;
  readonly #options: PageParserOptions;
  #reader: LineReader | undefined;
  #timestampsMs: Float64Array | undefined;
  #exemplars: Exemplar[] | undefined;

  constructor(page: Buffer, size: number, options: PageParserOptions) {
    this.#page = page;
    this.#size = size;
    this.#options = options;
  }

  /** Where the next line begins. */
  none(newlineAt: number, slot: number): number {
    if (this.#timestampsMs !== undefined && slot >= 0) {
      this.#timestampsMs[slot] = Number.NaN;
    }
    return newlineAt + 1;
  }

  read(pos: number, slot: number): number {
    this.#reader ??= new LineReader(this.#page, new Pairs());
    const reader = this.#reader;
    reader.pos = pos;
    const timestampMs = reader.timestampMs(this.#options.dialect);
    const exemplar = reader.exemplar();
    reader.lineEnd();
    if (slot < 0) {
      return reader.pos;
    }
    if (timestampMs === undefined || this.#options.timestamps === 'ignore') {
      this.none(reader.pos, slot);
    } else {
      this.#timestampsMs ??= new Float64Array(this.#size).fill(Number.NaN);
      this.#timestampsMs[slot] = timestampMs;
    }
    if (exemplar !== undefined) {
      this.#exemplars ??= [];
      this.#exemplars.push({ index: slot, ...exemplar });
    }
    return reader.pos;
  }

  with(values: Float64Array): Samples {
    return { values, timestampsMs: this.#timestampsMs, exemplars: this.#exemplars };
  }
}

function parsed(layout: Layout, samples: Samples): ParsedPage {
  const { series, lines, unwanted, duplicates } = layout.parts;
  const { values, timestampsMs, exemplars } = samples;
  return {
    series,
    values,
    ...(timestampsMs && { timestampsMs }),
    ...(exemplars && { exemplars }),
    samples: lines.length,
    unwanted,
    duplicates,
  };
}
