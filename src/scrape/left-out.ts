import type { PageSeries } from '../codec/prometheus-text/prometheus-text.ts';
import type { PromConfig } from './config.ts';

/** What the settings leave out of a page, in words. `where`: the annotation or table that holds them. */
export function leftOutBy(config: PromConfig, where: string): readonly string[] {
  const types = config.metric_types.map((type) => type.toLowerCase());
  const lines: string[] = [];
  if (types.length > 0 && !types.includes('histogram')) {
    lines.push(`no histograms, so no latencies: metric_types of ${where} has ${types.join(', ')} only`);
  }
  if (config.metric_name_filter.length > 0) {
    lines.push(`only what metric_name_filter of ${where} names`);
  }
  if (config.metric_name_filter_ignore.length > 0) {
    lines.push(`not what metric_name_filter_ignore of ${where} names`);
  }
  return lines;
}

/** Families that one rule left out of a page. */
export interface LeftOutCount {
  /** The setting that did it. */
  readonly rule: string;
  readonly type: string;
  readonly families: number;
  /** Some of them. */
  readonly such: readonly string[];
}

const mostFamilies = 5_000;
const shownFamilies = 3;

/** Which families of a page were left out, by which rule. Told of a series when it is first seen, and not in each scrape. */
export class LeftOutBook {
  readonly #families = new Map<string, { readonly rule: string; readonly type: string; readonly names: Set<string> }>();
  #counts: readonly LeftOutCount[] = [];
  #changed = false;

  note(rule: string, { type, family }: Pick<PageSeries, 'type' | 'family'>): void {
    const key = `${rule} ${type}`;
    const entry = this.#families.get(key) ?? { rule, type, names: new Set() };
    this.#families.set(key, entry);
    if (entry.names.size < mostFamilies && !entry.names.has(family)) {
      entry.names.add(family);
      this.#changed = true;
    }
  }

  /** The same list for as long as nothing new was left out. */
  counts(): readonly LeftOutCount[] {
    if (this.#changed) {
      this.#changed = false;
      this.#counts = [...this.#families.values()].map(({ rule, type, names }) => ({
        rule,
        type,
        families: names.size,
        such: [...names].slice(0, shownFamilies),
      }));
    }
    return this.#counts;
  }
}

/** In words. */
export function leftOutLine({ rule, type, families, such }: LeftOutCount): string {
  const more = families > such.length ? ', …' : '';
  return `${families} ${families === 1 ? 'family' : 'families'} of type ${type} by ${rule}: ${such.join(', ')}${more}`;
}
