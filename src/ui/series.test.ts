import { expect, test } from '@jest/globals';
import { chartDataOf, sampleOf, seriesName, sharedLabels, tellingLabels } from './series.ts';

const answer = (...result: object[]): object => ({ status: 'success', data: { resultType: 'matrix', result } });
const bounds = { startMs: 1_000_000, endMs: 1_003_000 };

test('samples stand at their times, gaps are gaps', () => {
  const data = chartDataOf(
    answer({
      metric: { __name__: 'up', app: 'a' },
      values: [
        [1000, '1'],
        [1002, '3.5'],
      ],
    }),
    bounds,
    1_000,
  );
  expect(data.times).toEqual([1000, 1001, 1002, 1003]);
  expect(data.series).toEqual([
    { labels: { __name__: 'up', app: 'a' }, values: [1, null, 3.5, null], last: 3.5, min: 1, max: 3.5, mean: 2.25 },
  ]);
});

test('the highest now comes first, what is not a number last', () => {
  const of = (app: string, value: string): object => ({ metric: { app }, values: [[1003, value]] });
  const data = chartDataOf(answer(of('nan', 'NaN'), of('a', '2'), of('inf', '+Inf'), of('b', '10')), bounds, 1_000);
  expect(data.series.map(({ labels }) => labels['app'])).toEqual(['inf', 'b', 'a', 'nan']);
  expect(data.series.map(({ max }) => max)).toEqual([undefined, 10, 2, undefined]);
});

test('numbers are read as Prometheus writes them', () => {
  expect(['1e3', '+Inf', '-Inf'].map(sampleOf)).toEqual([1000, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  expect(sampleOf('NaN')).toBeNaN();
});

test('series are named by what tells them apart', () => {
  const { series } = chartDataOf(
    answer(
      { metric: { __name__: 'm', app: 'a', code: '200', ns: 'x' }, values: [[1000, '1']] },
      { metric: { __name__: 'm', app: 'b', code: '200', ns: 'x' }, values: [[1000, '2']] },
      { metric: { __name__: 'm', ns: 'x', code: '200' }, values: [[1000, '0']] },
    ),
    bounds,
    1_000,
  );
  const telling = tellingLabels(series);
  expect(telling).toEqual(['app']);
  expect(series.map(({ labels }) => seriesName(labels, telling))).toEqual(['b', 'a', 'm']);
  expect(sharedLabels(series)).toEqual([
    ['code', '200'],
    ['ns', 'x'],
  ]);
});

test('as few labels as possible tell series apart, and those that people know come first', () => {
  const of = (reporter: string, app: string, code: string): object => ({
    metric: { reporter, app, code, copy: app, workload_uid: app },
    values: [[1000, '1']],
  });
  const { series } = chartDataOf(
    answer(of('source', 'a', '200'), of('source', 'b', '200'), of('source', 'c', '200'), of('destination', 'a', '200')),
    bounds,
    1_000,
  );
  expect(tellingLabels(series)).toEqual(['reporter', 'app']);
});

test('an answer without a matrix is an empty chart', () => {
  expect(chartDataOf({ status: 'error' }, bounds, 1_000).series).toEqual([]);
});
