import { describe, expect, test } from '@jest/globals';
import {
  anyMetric,
  familiesOf,
  foundIn,
  labelledName,
  type MetricInfo,
  type MetricSearch,
  queryOf,
  rateWindow,
  shapesOf,
  unitOf,
} from './metric-search.ts';

const info = (name: string, type: string, more: Partial<MetricInfo> = {}): MetricInfo => ({
  name,
  measurement: 'istio',
  field: name.replace('istio_', ''),
  type,
  help: '',
  unit: '',
  series: 1,
  ...more,
});

test('the parts of a histogram are one metric, others stay as they are', () => {
  const families = familiesOf([
    info('istio_ms_bucket', 'histogram', { series: 20 }),
    info('istio_ms_count', 'histogram', { series: 2 }),
    info('istio_ms_sum', 'histogram', { series: 2 }),
    info('items_count', 'gauge', { measurement: 'items', field: 'count' }),
  ]);
  expect(families.map(({ name, field, series }) => [name, field, series])).toEqual([
    ['istio_ms', 'ms', 24],
    ['items_count', 'count', 1],
  ]);
});

test('a metric is found by words of its name, measurement and help', () => {
  const known = [info('istio_requests_total', 'counter', { help: 'All Requests' }), info('go_threads', 'gauge')];
  expect(foundIn(known, '').length).toBe(2);
  expect(foundIn(known, 'ISTIO all').map(({ name }) => name)).toEqual(['istio_requests_total']);
  expect(foundIn(known, 'threads all')).toEqual([]);
});

describe('the query behind the form', () => {
  const ask = (search: Partial<MetricSearch>, type: string): string =>
    queryOf({ ...anyMetric, metric: 'm', ...search }, info('m', type), '2m');

  test.each<[string, Partial<MetricSearch>, string]>([
    ['counter', {}, 'rate(m[2m])'],
    ['counter', { as: 'value' }, 'm'],
    ['counter', { as: 'increase', sum: 'sum', by: ['app', 'code'] }, 'sum by (app, code) (increase(m[2m]))'],
    ['gauge', { match: ['app=a', 'code!=200'] }, 'm{app="a",code!="200"}'],
    ['gauge', { sum: 'max' }, 'max (m)'],
    ['histogram', {}, 'rate(m_count[2m])'],
    ['histogram', { as: 'value' }, 'm_bucket'],
    ['histogram', { as: 'average', match: ['a=b'] }, 'rate(m_sum{a="b"}[2m]) / rate(m_count{a="b"}[2m])'],
    [
      'histogram',
      { as: 'average', sum: 'sum', by: ['app'] },
      'sum by (app) (rate(m_sum[2m])) / sum by (app) (rate(m_count[2m]))',
    ],
    ['histogram', { as: 'p99', by: ['app'] }, 'histogram_quantile(0.99, sum by (le, app) (rate(m_bucket[2m])))'],
    ['summary', {}, 'rate(m_count[2m])'],
    ['summary', { as: 'value' }, 'm'],
    ['gauge', { as: 'p99' }, 'm'],
    ['gauge', { query: ' up ' }, ' up '],
  ])('of a %s with %j is %s', (type, search, query) => {
    expect(ask(search, type)).toBe(query);
  });

  test('of a metric that the catalogue does not know goes by its name', () => {
    expect(queryOf({ ...anyMetric, metric: 'x' }, undefined, '2m')).toBe('x');
    expect(queryOf(anyMetric, undefined, '2m')).toBe('');
    expect(shapesOf(info('x_total', 'unknown'))[0]).toBe('rate');
  });
});

test('labels are asked of the part that has them all', () => {
  expect(labelledName('m', info('m', 'histogram'))).toBe('m_count');
  expect(labelledName('m', info('m', 'gauge'))).toBe('m');
});

test('a window of a rate holds at least two minutes and a step', () => {
  expect([5_000, 120_000, 150_000, 7_200_000].map(rateWindow)).toEqual(['2m', '2m', '150s', '2h']);
});

test.each<[string, string, Partial<MetricSearch>, string]>([
  ['istio_request_duration_milliseconds', 'histogram', { as: 'p99' }, 'ms'],
  ['istio_request_duration_milliseconds', 'histogram', { as: 'average' }, 'ms'],
  ['istio_request_duration_milliseconds', 'histogram', {}, '/s'],
  ['istio_request_duration_milliseconds', 'histogram', { as: 'increase' }, ''],
  ['istio_tcp_sent_bytes_total', 'counter', {}, 'B/s'],
  ['istio_tcp_sent_bytes_total', 'counter', { as: 'increase' }, 'B'],
  ['process_cpu_seconds_total', 'counter', {}, 's/s'],
  ['istio_requests_total', 'counter', {}, '/s'],
  ['istio_build', 'gauge', {}, ''],
  ['istio_tcp_sent_bytes_total', 'counter', { query: 'up' }, ''],
])('%s, a %s, asked as %j is in "%s"', (metric, type, search, unit) => {
  expect(unitOf({ ...anyMetric, metric, ...search }, info(metric, type))).toBe(unit);
});
