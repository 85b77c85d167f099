import { labelTest } from '../../../lib/label-matcher.ts';
import { metricName } from '../../../promql/labels.ts';
import type { Matcher } from '../../../promql/source.ts';
import type { Slice } from '../slice.ts';
import type { SeriesTable } from './series-table.ts';

/** Looked at between two looks at the clock. */
const atOnce = 1024;

/** The numbers of the series that every matcher matches, name by name. */
export async function matchingSeries(
  table: SeriesTable,
  matchers: readonly Matcher[],
  slice: Slice,
): Promise<readonly number[]> {
  const nameTests = matchers.filter(({ name }) => name === metricName).map(labelTest);
  const tests = matchers.filter(({ name }) => name !== metricName).map((matcher) => new PairTest(table, matcher));
  const found: number[] = [];
  let looked = 0;
  for (const [name, first] of table.names()) {
    if (!nameTests.every((test) => test(name))) {
      continue;
    }
    for (let number: number | undefined = first; number !== undefined; number = table.next(number)) {
      const candidate: number = number;
      if (tests.every((test) => test.matches(candidate))) {
        found.push(candidate);
      }
      if (++looked % atOnce === 0 && slice.over) {
        await slice.yield();
      }
    }
  }
  return found;
}

/** One matcher against the pairs of a table: each different pair is tested once. */
class PairTest {
  readonly #table: SeriesTable;
  readonly #name: number | undefined;
  readonly #test: (value: string) => boolean;
  readonly #absent: boolean;
  /** 0: not asked yet, 1: matches, 2: does not. */
  readonly #known: Uint8Array;

  constructor(table: SeriesTable, matcher: Matcher) {
    this.#table = table;
    this.#name = table.book.known(matcher.name);
    this.#test = labelTest(matcher);
    this.#absent = this.#test('');
    this.#known = new Uint8Array(table.book.size);
  }

  matches(series: number): boolean {
    const pair = this.#name === undefined ? undefined : this.#table.pairNamed(series, this.#name);
    if (pair === undefined) {
      return this.#absent;
    }
    const known = this.#known[pair] ?? 0;
    if (known !== 0) {
      return known === 1;
    }
    const matched = this.#test(this.#table.book.value(pair));
    this.#known[pair] = matched ? 1 : 2;
    return matched;
  }
}
