import type { Exemplar } from '../../model/metric.ts';
import type { Layout } from './layout.ts';
import { LineReader } from './line-reader.ts';
import { NumberReader } from './number.ts';
import type { PageParserOptions, ParsedPage } from './page.ts';
import { Places } from './page-keys.ts';
import { PageReader } from './page-reader.ts';
import { Pairs } from './pairs.ts';

/**
 * Reads the pages of one target: text format 0.0.4 and 1.0.0 as leniently as Prometheus does, and what OpenMetrics adds.
 * A page that differs from the last one in values only is compared with it, and no string is made; on any other page the
 * lines that were there before are found by their bytes. Both give exactly what a new parser would give.
 */
export class PageParser {
  readonly #options: PageParserOptions;
  #layout: Layout | undefined;
  #values: Float64Array = new Float64Array(0);

  constructor(options: PageParserOptions) {
    this.#options = options;
  }

  /**
   * The parser keeps nothing of `page`. Throws BRIDGE_DECODE with the number of the line that cannot be read: then none of
   * the page counts, and what is remembered of the page before stays. So does a page that throws TooManySamples.
   */
  parse(page: Buffer): ParsedPage {
    return (this.#layout === undefined ? undefined : this.#asBefore(page, this.#layout)) ?? this.#read(page);
  }

  #read(page: Buffer): ParsedPage {
    const { layout, reusable, ...samples } = new PageReader(page, this.#options, this.#layout).read();
    this.#layout = reusable ? withoutOldFamilies(layout) : undefined;
    this.#values = samples.values;
    return parsed(layout, samples);
  }

  /** Undefined where anything but the values is not as it was. */
  #asBefore(page: Buffer, layout: Layout): ParsedPage | undefined {
    const { keys } = layout.parts;
    const values = this.#values;
    const numbers = new NumberReader();
    const places = new Places(keys.count);
    const tails = new Tails(page, values.length, this.#options);
    let pos = 0;
    for (let i = 0; i < keys.count; i++) {
      const valueAt = keys.segment(page, pos, i, places);
      if (valueAt < 0 || valueAt >= page.length) {
        return undefined;
      }
      const value = numbers.read(page, valueAt);
      pos = numbers.end;
      if (pos < 0) {
        return undefined;
      }
      const slot = layout.slot(i);
      if (slot >= 0) {
        values[slot] = value;
      }
      pos = page[pos] === 0x0a ? tails.none(pos, slot) : tails.read(pos, slot);
    }
    return keys.rest(page, Math.min(pos, page.length)) ? parsed(layout, tails.with(values)) : undefined;
  }
}

/** Families that came and went must not pile up: then their lines are read anew, once. */
function withoutOldFamilies(layout: Layout): Layout | undefined {
  const { families, keys } = layout.parts;
  return families.length > 1000 && families.length > 2 * keys.count ? undefined : layout;
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
  const { list, keys, unwanted, repeats } = layout.parts;
  const { values, timestampsMs, exemplars } = samples;
  return {
    list,
    get series() {
      return list.series;
    },
    values,
    ...(timestampsMs && { timestampsMs }),
    ...(exemplars && { exemplars }),
    samples: keys.count,
    unwanted,
    duplicates: repeats.size,
  };
}
