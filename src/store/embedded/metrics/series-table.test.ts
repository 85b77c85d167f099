import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { labelTest } from '../../../lib/label-matcher.ts';
import type { Series } from '../../../model/metric.ts';
import { labelValue } from '../../../promql/labels.ts';
import type { Matcher } from '../../../promql/source.ts';
import { Slice } from '../slice.ts';
import { matchingSeries } from './series-match.ts';
import { SeriesTable } from './series-table.ts';

const slice = (): Slice => new Slice({ clear: async () => undefined });

function seriesOf(name: string, labels: Readonly<Record<string, string>>): Series {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return { name, labels: sorted, type: 'counter', measurement: 'm', field: name };
}

const anySeries = fc
  .tuple(
    fc.constantFrom('up', 'requests_total', 'bytes'),
    fc.dictionary(fc.constantFrom('A', 'app', 'le', 'pod', '_x'), fc.constantFrom('a', 'b', 'cc', '0.5', 'x\ny'), {
      maxKeys: 4,
    }),
  )
  .map(([name, labels]) => seriesOf(name, labels));
const anyMatcher: fc.Arbitrary<Matcher> = fc.record({
  name: fc.constantFrom('__name__', 'app', 'le', 'pod', 'absent'),
  op: fc.constantFrom('=', '!=', '=~', '!~'),
  value: fc.constantFrom('', 'a', 'b', 'a|b', '.+', '.*', 'c+', 'up', 'x.y', 'requests_.*'),
});

/** As it was, and as it is read from what it writes. */
function bothWays(table: SeriesTable): SeriesTable[] {
  return [table, SeriesTable.read(structuredClone(table.write()))];
}

describe('a table of series', () => {
  test('learns the type of a series that had none, and does not forget it', () => {
    const table = new SeriesTable();
    const unknown: Series = { ...seriesOf('up', { app: 'a' }), type: 'unknown' };
    const told: Series = { ...unknown, type: 'gauge', help: 'Is it there?', measurement: 'up' };
    for (const series of [unknown, told, unknown]) {
      expect(table.number(series)).toBe(0);
    }
    for (const one of bothWays(table)) {
      expect(one.series(0)).toEqual(told);
    }
  });

  test('gives equal series one number, and back what they are', () => {
    fc.assert(
      fc.property(fc.array(anySeries, { minLength: 1, maxLength: 300 }), (all) => {
        const table = new SeriesTable();
        const numbers = all.map((series) => table.number(series));
        expect(all.map((series) => table.number(series))).toEqual(numbers);
        for (const one of bothWays(table)) {
          expect(numbers.map((number) => one.series(number))).toEqual(all);
          expect(one.size).toBe(new Set(all.map((series) => JSON.stringify(series))).size);
        }
      }),
    );
  });

  test('sorts the metric name among the labels in byte order', () => {
    const table = new SeriesTable();
    const number = table.number(seriesOf('up', { Zone: '1', _a: '2', app: '3' }));
    expect(table.labels(number).map(([name]) => name)).toEqual(['Zone', '__name__', '_a', 'app']);
  });

  test('matches as PromQL does, series by series', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySeries, { maxLength: 60 }),
        fc.array(anyMatcher, { maxLength: 3 }),
        async (all, matchers) => {
          const table = new SeriesTable();
          for (const series of all) {
            table.number(series);
          }
          const expected = Array.from({ length: table.size }, (_, i) => i).filter((number) =>
            matchers.every((matcher) => labelTest(matcher)(labelValue(table.labels(number), matcher.name))),
          );
          for (const one of bothWays(table)) {
            const found = await matchingSeries(one, matchers, slice());
            expect(found.toSorted((a, b) => a - b)).toEqual(expected);
          }
        },
      ),
    );
  });

  test('keeps numbers in step where a piece was lost', async () => {
    const table = new SeriesTable();
    table.number(seriesOf('up', { app: 'a' }));
    table.skipTo(3);
    const number = table.number(seriesOf('up', { app: 'b' }));
    expect(number).toBe(3);
    for (const one of bothWays(table)) {
      expect(await matchingSeries(one, [{ name: '__name__', op: '=', value: 'up' }], slice())).toEqual([0, 3]);
      expect(one.known(1)).toBe(false);
      expect(one.labels(3)).toEqual([
        ['__name__', 'up'],
        ['app', 'b'],
      ]);
    }
  });

  test('knows within a second when a series has samples', () => {
    const table = new SeriesTable();
    const number = table.number(seriesOf('up', {}));
    expect(table.reaches(number, 0, 1e12)).toBe(false);
    table.extend(number, 10_500, 20_500);
    table.extend(number, 12_000, 13_000);
    expect(table.reaches(number, 0, 9_000)).toBe(false);
    expect(table.reaches(number, 0, 10_500)).toBe(true);
    expect(table.reaches(number, 20_500, 30_000)).toBe(true);
    expect(table.reaches(number, 21_001, 30_000)).toBe(false);
  });
});
