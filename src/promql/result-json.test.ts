import { expect, test } from '@jest/globals';
import type { QueryResult } from './promql.ts';
import { resultBytes, resultJson } from './result-json.ts';

const never = { over: false, yield: () => Promise.resolve() };
const up: readonly (readonly [string, string])[] = [
  ['__name__', 'up'],
  ['pod', 'a "ü"\n'],
];

test.each<[QueryResult, string]>([
  [{ type: 'scalar', timeMs: 1_500, value: Number.NEGATIVE_INFINITY }, '{"resultType":"scalar","result":[1.5,"-Inf"]}'],
  [
    { type: 'string', timeMs: 1_795_278_498_001, value: '"' },
    '{"resultType":"string","result":[1795278498.001,"\\""]}',
  ],
  [{ type: 'vector', timeMs: 0, samples: [] }, '{"resultType":"vector","result":[]}'],
  [
    { type: 'vector', timeMs: 0, samples: [{ labels: up, value: Number.NaN }] },
    '{"resultType":"vector","result":[{"metric":{"__name__":"up","pod":"a \\"ü\\"\\n"},"value":[0,"NaN"]}]}',
  ],
  [
    {
      type: 'matrix',
      series: [
        { labels: [], timesMs: Float64Array.of(1_000, 1_001), values: Float64Array.of(-0, 1e21) },
        { labels: [], timesMs: Float64Array.of(2_000), values: Float64Array.of(1e-7) },
      ],
    },
    '{"resultType":"matrix","result":[{"metric":{},"values":[[1,"-0"],[1.001,"1e+21"]]},{"metric":{},"values":[[2,"1e-7"]]}]}',
  ],
])('a %p is written as Prometheus writes it', async (result, json) => {
  expect(resultJson(result)).toBe(json);
  expect((await resultBytes(result, never)).toString()).toBe(json);
});

test('a long answer is made bit by bit, and ends when the asker has gone', async () => {
  const samples = Array.from({ length: 10_000 }, (_, index) => ({ labels: up, value: index }));
  const result: QueryResult = { type: 'vector', timeMs: 0, samples };
  let yields = 0;
  const busy = {
    over: true,
    yield: () => {
      yields += 1;
      return yields > 20 ? Promise.reject(new Error('the asker has gone')) : Promise.resolve();
    },
  };
  const bytes = await resultBytes(result, busy);
  expect(yields).toBeGreaterThan(5);
  expect((JSON.parse(bytes.toString()) as { result: unknown[] }).result).toHaveLength(10_000);
  await expect(resultBytes(result, busy)).rejects.toThrow('the asker has gone');
});
