import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { sampleSource, series } from '../../test/fakes/sample-source.ts';
import { PromqlError } from './errors.ts';
import { evaluateInstant, evaluateRange, parseSelector, type QueryResult } from './promql.ts';
import type { Control } from './query.ts';
import type { Samples } from './source.ts';
import { valueText } from './value-text.ts';

const minuteMs = 60_000;
const free: Control = { over: false, yield: () => Promise.resolve(), maxSamples: 1_000_000 };

function loaded(lines: readonly string[], stepMs = minuteMs): readonly Samples[] {
  return lines.map((line) => series(line, stepMs));
}

/** `name{a=b} value` a line, as the answer orders them. */
function lines(result: QueryResult): string[] {
  const labelled = (labels: Samples['labels']): string => `{${labels.map((pair) => pair.join('=')).join(',')}}`;
  switch (result.type) {
    case 'vector':
      return result.samples.map(({ labels, value }) => `${labelled(labels)} ${valueText(value)}`);
    case 'matrix':
      return result.series.map(({ labels, timesMs, values }) => {
        const points = Array.from(timesMs, (time, at) => `${valueText(values[at] ?? 0)}@${time / 1_000}`);
        return `${labelled(labels)} ${points.join(' ')}`;
      });
    case 'scalar':
      return [valueText(result.value)];
    default:
      return [result.value];
  }
}

async function at(data: readonly Samples[], minutes: number, query: string): Promise<string[]> {
  return lines(await evaluateInstant(query, minutes * minuteMs, sampleSource(data), free));
}

const counters = loaded(['c{pod="a",zone="x"} 0+60x20', 'c{pod="b",zone="x"} 0+120x20', 'c{pod="c",zone="y"} 0+30x20']);

describe('selectors', () => {
  test('a value holds for less than five minutes, and not past the end of its series', async () => {
    const data = loaded(['up{job="a"} 1', 'up{job="b"} 2 stale', 'up{job="c"} NaN']);
    expect(await at(data, 4, 'up')).toEqual(['{__name__=up,job=a} 1', '{__name__=up,job=c} NaN']);
    expect(await at(data, 5, 'up')).toEqual([]);
    expect(await at(data, 0, 'up{job="b"}')).toEqual(['{__name__=up,job=b} 2']);
  });

  test('a range leaves out the sample on its older bound, and stale markers', async () => {
    const data = loaded(['m 1 2 3 stale 5']);
    expect(await at(data, 4, 'm[3m]')).toEqual(['{__name__=m} 3@120 5@240']);
    expect(await at(data, 4, 'm[3m] offset 1m')).toEqual(['{__name__=m} 2@60 3@120']);
    expect(await at(data, 9, 'm[2m] @ 120')).toEqual(['{__name__=m} 2@60 3@120']);
  });

  test('offset and @ move the time of the selector that they stand behind', async () => {
    expect(await at(counters, 10, 'c{pod="a"} - c{pod="a"} offset 5m')).toEqual(['{pod=a,zone=x} 300']);
    expect(await at(counters, 10, 'c{pod="a"} offset -2m')).toEqual(['{__name__=c,pod=a,zone=x} 720']);
    const range = { startMs: 0, endMs: 2 * minuteMs, stepMs: minuteMs };
    const found = await evaluateRange('c{pod="a"} @ end() - c{pod="a"} @ start()', range, sampleSource(counters), free);
    expect(lines(found)).toEqual(['{pod=a,zone=x} 120@0 120@60 120@120']);
  });
});

describe('rates', () => {
  test('a rate reaches to the bounds of its window, and sums by label', async () => {
    expect(await at(counters, 10, 'rate(c[5m])')).toEqual([
      '{pod=a,zone=x} 1',
      '{pod=b,zone=x} 2',
      '{pod=c,zone=y} 0.5',
    ]);
    expect(await at(counters, 10, 'sum by (zone) (rate(c[5m]))')).toEqual(['{zone=x} 3', '{zone=y} 0.5']);
    expect(await at(counters, 10, 'sum(increase(c[5m]))')).toEqual(['{} 1050']);
  });

  test('a counter that began anew counts on, and a gauge does not', async () => {
    const data = loaded(['c 10 20 5 15 25']);
    expect(await at(data, 4, 'increase(c[5m]) / 5 * 4')).toEqual(['{} 35']);
    expect(await at(data, 4, 'irate(c[5m]) * 60')).toEqual(['{} 10']);
    expect(await at(data, 2, 'irate(c[5m]) * 60')).toEqual(['{} 5']);
    expect(await at(data, 4, 'resets(c[5m])')).toEqual(['{} 1']);
  });

  test('a counter is not carried on below zero, nor far from its samples', async () => {
    const young = loaded(['c _ _ _ _ _ _ 1 61 121']);
    expect(await at(young, 8, 'increase(c[8m])')).toEqual(['{} 121']);
    const gap = loaded(['c _ _ _ 600 660 720 780 _ _ _ _']);
    expect(await at(gap, 10, 'increase(c[10m])')).toEqual(['{} 240']);
    expect(await at(gap, 10, 'delta(c[10m])')).toEqual(['{} 240']);
  });

  test('one sample is no rate', async () => {
    expect(await at(loaded(['c _ _ 5']), 3, 'rate(c[5m])')).toEqual([]);
  });
});

describe('functions', () => {
  const data = loaded([
    'g{pod="a"} 1 5 3 9',
    'g{pod="b"} 4 4 4 4',
    'b{le="0.1"} 0+10x10',
    'b{le="1"} 0+30x10',
    'b{le="+Inf"} 0+40x10',
    'info{pod="a",version="1.2"} 1x10',
    'info{pod="b",version="1.3"} 1x10',
  ]);

  test.each<[string, string[]]>([
    ['avg_over_time(g[4m])', ['{pod=a} 4.5', '{pod=b} 4']],
    ['min_over_time(g[3m]) + max_over_time(g[3m])', ['{pod=a} 12', '{pod=b} 8']],
    ['sum_over_time(g[2m]) / count_over_time(g[2m])', ['{pod=a} 6', '{pod=b} 4']],
    ['last_over_time(g{pod="a"}[1h])', ['{__name__=g,pod=a} 9']],
    ['stddev_over_time(g[4m])', ['{pod=a} 2.958039891549808', '{pod=b} 0']],
    ['quantile_over_time(0.5, g[4m])', ['{pod=a} 4', '{pod=b} 4']],
    ['changes(g[4m])', ['{pod=a} 3', '{pod=b} 0']],
    ['idelta(g[4m])', ['{pod=a} 6', '{pod=b} 0']],
    ['deriv(g{pod="b"}[4m]) + predict_linear(g{pod="b"}[4m], 60)', ['{pod=b} 4']],
    ['max_over_time(sum(g)[4m:1m])', ['{} 13']],
    ['max_over_time(sum(g)[4m:])', ['{} 13']],
    ['absent_over_time(nothing{pod="a",x=~"y"}[5m])', ['{pod=a} 1']],
    ['absent(nothing{pod="a",pod="b"})', ['{} 1']],
    ['absent(g)', []],
    ['histogram_quantile(0.5, b)', ['{} 0.55']],
    ['round(histogram_quantile(0.5, rate(b[5m])), 0.01)', ['{} 0.55']],
    ['histogram_quantile(0.99, b)', ['{} 1']],
    ['histogram_quantile(0.5, b{le!="+Inf"})', ['{} NaN']],
    ['histogram_quantile(2, b)', ['{} +Inf']],
    ['g * on (pod) group_left (version) info', ['{pod=a,version=1.2} 9', '{pod=b,version=1.3} 4']],
    ['info * on (pod) group_right (version) g', ['{pod=a,version=1.2} 9', '{pod=b,version=1.3} 4']],
    ['g > bool 5', ['{pod=a} 1', '{pod=b} 0']],
    ['g > 5 or info{pod="b"}', ['{__name__=g,pod=a} 9', '{__name__=info,pod=b,version=1.3} 1']],
    ['g unless on (pod) info{version="1.2"}', ['{__name__=g,pod=b} 4']],
    [
      'label_replace(info, "major", "v$1", "version", "([0-9]*).*")',
      ['{__name__=info,major=v1,pod=a,version=1.2} 1', '{__name__=info,major=v1,pod=b,version=1.3} 1'],
    ],
    ['label_join(info{pod="a"}, "id", "/", "pod", "version", "x")', ['{__name__=info,id=a/1.2/,pod=a,version=1.2} 1']],
    ['sort_desc(g)', ['{__name__=g,pod=a} 9', '{__name__=g,pod=b} 4']],
    ['sort(g)', ['{__name__=g,pod=b} 4', '{__name__=g,pod=a} 9']],
    ['topk(1, g)', ['{__name__=g,pod=a} 9']],
    ['round(g / 4, 0.5)', ['{pod=a} 2.5', '{pod=b} 1']],
    ['clamp(g, 5, 8)', ['{pod=a} 8', '{pod=b} 5']],
    ['clamp(g, 8, 5)', []],
    ['scalar(g{pod="a"}) + scalar(g)', ['NaN']],
    ['time() - timestamp(g)', ['{pod=a} 30', '{pod=b} 30']],
    ['hour(vector(7200 + 59)) * 100 + days_in_month(vector(68e5))', ['{} 231']],
    ['-2 ^ 2 + 7 % 4', ['-1']],
  ])('%s', async (query, wanted) => {
    expect(await at(data, 3.5, query)).toEqual(wanted);
  });
});

describe('what goes wrong', () => {
  test.each([
    ['', '1:1: parse error: no expression found in input'],
    ['foo(bar)', '1:1: parse error: unknown function with name "foo"'],
    ['sum(foo', '1:8: parse error: unclosed left parenthesis'],
    ['rate(foo)', '1:6: parse error: expected type range vector in call to function "rate", got instant vector'],
    ['foo{a="b', '1:7: parse error: unterminated quoted string'],
    ['{a=""}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['a +\n  b)', "2:5: parse error: unexpected right parenthesis ')'"],
    ['1 == 1', '1:3: parse error: comparisons between scalars must use BOOL modifier'],
    ['sum(a) offset 5m', '1:1: parse error: offset modifier must be preceded by an instant vector selector or range'],
    ['(a + b)[5m]', '1:8: parse error: ranges only allowed for vector selectors'],
    ['rate(a[5m], 1)', '1:1: parse error: expected 1 argument(s) in call to "rate", got 2'],
    ['"ü" + a', '1:1: parse error: binary expression must contain only scalar and instant vector types'],
    ['a{b=~"("}', '1:3: parse error: error parsing regexp'],
  ])('%s is refused with: %s', async (query, message) => {
    const refused = at([], 1, query);
    await expect(refused).rejects.toBeInstanceOf(PromqlError);
    await expect(refused).rejects.toMatchObject({ fault: 'syntax', message: expect.stringContaining(message) });
  });

  test.each([
    ['limitk(1, a)', 'the aggregation limitk'],
    ['info(a)', 'the function info()'],
    ['double_exponential_smoothing(a[5m], 1, 1)', 'the function double_exponential_smoothing()'],
    ['a[5m + 5m]', 'the duration expression "5m + 5m"'],
    ['a </ b', '"</"'],
    ['rate(a[5m] smoothed)', '"smoothed"'],
    ['a + fill(0) b', '"fill(0)"'],
  ])('%s is right but not evaluated yet, and the answer names %s', async (query, name) => {
    await expect(at([], 1, query)).rejects.toMatchObject({
      fault: 'unsupported',
      message: expect.stringContaining(`${name} is not evaluated by this version yet`),
    });
  });

  test('a query that takes more samples than it may is ended', async () => {
    const few: Control = { ...free, maxSamples: 50 };
    await expect(evaluateInstant('c', 20 * minuteMs, sampleSource(counters), few)).resolves.toBeDefined();
    await expect(evaluateInstant('rate(c[20m])', 20 * minuteMs, sampleSource(counters), few)).rejects.toMatchObject({
      fault: 'execution',
      message: 'query processing would load too many samples into memory in query execution',
    });
  });

  test.each(['vector(1)[10y:1ms]', 'max_over_time(vector(time())[10y:1ms])', 'sum_over_time(c[100y:1s])'])(
    'a subquery of too many steps is ended before it begins: %s',
    async (query) => {
      await expect(at(counters, 10, query)).rejects.toMatchObject({ fault: 'execution' });
    },
  );

  test('a range has 11,000 steps at most', async () => {
    const range = { startMs: 0, endMs: 11_001_000, stepMs: 1_000 };
    await expect(evaluateRange('c', range, sampleSource([]), free)).rejects.toMatchObject({
      message: expect.stringContaining('exceeded maximum resolution of 11,000 points per timeseries'),
    });
    await expect(evaluateRange('c', { ...range, endMs: 11_000_000 }, sampleSource([]), free)).resolves.toEqual({
      type: 'matrix',
      series: [],
    });
  });

  test('an evaluation lets others work whenever it has worked long enough, and ends when the asker has gone', async () => {
    let yields = 0;
    let last = Number.POSITIVE_INFINITY;
    const busy: Control = {
      over: true,
      yield: () => {
        yields += 1;
        return yields > last ? Promise.reject(new Error('the asker has gone')) : Promise.resolve();
      },
      maxSamples: 1_000,
    };
    const ask = () => evaluateInstant('sum(rate(c[5m]))', minuteMs * 9, sampleSource(counters), busy);
    await expect(ask()).resolves.toBeDefined();
    expect(yields).toBeGreaterThanOrEqual(counters.length);
    yields = 0;
    last = 2;
    await expect(ask()).rejects.toThrow('the asker has gone');
    expect(yields).toBe(3);
  });
});

describe('what other programs write', () => {
  const data = loaded([
    'istio_requests_total{reporter="source",destination_service="a.ns.svc",app="x"} 0+60x20',
    'istio_requests_total{reporter="waypoint",destination_service="b.other.svc",app="ztunnel"} 0+30x20',
  ]);

  test.each([
    [
      'round(sum(rate(istio_requests_total{reporter=~"waypoint|source"} [600s])) by (reporter) > 0, 0.001)',
      ['{reporter=source} 1', '{reporter=waypoint} 0.5'],
    ],
    ['sum(increase(istio_requests_total{app!="ztunnel",}[5m0s])) by ()', ['{} 300']],
    ['sum(istio_requests_total{destination_service=~"^.+\\\\.ns\\\\..+$"}) OR vector(0)', ['{} 1200']],
    ['count({app="x"}) by (__name__)', ['{__name__=istio_requests_total} 1']],
    ['SUM BY(app)(istio_requests_total) # a comment', ['{app=x} 1200', '{app=ztunnel} 600']],
    ['1+1', ['2']],
  ])('%s', async (query, wanted) => {
    expect((await at(data, 20, query)).toSorted()).toEqual(wanted);
  });
});

test('whatever is written is evaluated or refused in words', async () => {
  const words = [
    'c',
    'sum',
    'by',
    'rate',
    '(',
    ')',
    '{',
    '}',
    '[5m]',
    '[5m:]',
    'offset',
    '1m',
    '@',
    '"x"',
    '=',
    '=~',
    ',',
  ];
  const more = [
    '+',
    '-',
    '^',
    '==',
    'bool',
    'and',
    'on',
    'group_left',
    'pod',
    '1.',
    '0x',
    "'",
    '`',
    '#',
    '\n',
    'ü',
    '\\',
    '.',
  ];
  const written = fc.oneof(
    fc.array(fc.constantFrom(...words, ...more), { maxLength: 14 }).map((parts) => parts.join(' ')),
    fc.array(fc.constantFrom(...words, ...more), { maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(written, async (query) => {
      const outcome = await at(counters, 10, query).catch((error: unknown) => error);
      expect(Array.isArray(outcome) || outcome instanceof PromqlError).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('a query that is nested too deep is refused, not a fault', async () => {
  await expect(at([], 1, `${'('.repeat(5_000)}1${')'.repeat(5_000)}`)).rejects.toBeInstanceOf(PromqlError);
  await expect(at([], 1, '-'.repeat(20_000))).rejects.toBeInstanceOf(PromqlError);
  await expect(at([], 1, Array.from({ length: 5_000 }, () => '1').join('+'))).rejects.toBeInstanceOf(PromqlError);
  expect(await at([], 1, Array.from({ length: 300 }, () => '1').join('+'))).toEqual(['300']);
});

test('a long query is evaluated, and what is wrong with one is said', async () => {
  const pods = Array.from({ length: 1_000 }, (_, index) => `pod-${index}`).join('|');
  expect(await at(counters, 10, `count(c{pod=~"a|b|${pods}"})`)).toEqual(['{} 2']);
  await expect(at([], 1, `count(c{pod=~"${pods}")`)).rejects.toThrow('unexpected text somewhere behind this place');
  await expect(at([], 1, `foo(c{pod=~"${pods}"})`)).rejects.toThrow(
    '1:1: parse error: unknown function with name "foo"',
  );
});

test('match[] takes a series selector and nothing else', () => {
  expect(parseSelector('up{job="a",pod!~"x.*"}')).toEqual([
    { name: '__name__', op: '=', value: 'up' },
    { name: 'job', op: '=', value: 'a' },
    { name: 'pod', op: '!~', value: 'x.*' },
  ]);
  expect(() => parseSelector('up[5m]')).toThrow(PromqlError);
  expect(() => parseSelector('up + 1')).toThrow(PromqlError);
});
