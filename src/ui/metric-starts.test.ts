import { expect, test } from '@jest/globals';
import { parser } from '@prometheus-io/lezer-promql';
import type { MetricInfo } from './metric-search.ts';
import { startsOf } from './metric-starts.ts';

const family = (name: string): MetricInfo => ({
  ...{ name, measurement: '', field: name, type: 'counter', help: '', unit: '', series: 1 },
});
const all = [
  'istio_requests_total',
  'istio_request_duration_milliseconds',
  'istio_tcp_sent_bytes_total',
  'container_cpu_usage_seconds_total',
  'container_memory_working_set_bytes',
].map(family);

test('only questions that the metrics here can answer are offered', () => {
  expect(startsOf([], '2m')).toEqual([]);
  expect(startsOf([family('istio_requests_total'), family('up')], '2m').map(({ text }) => text)).toEqual([
    'startRequests',
    'startErrors',
    'startCallers',
  ]);
  expect(startsOf(all, '2m').length).toBe(7);
});

test.each(startsOf(all, '10m').map(({ text, query }) => [text, query] as const))(
  '%s is PromQL, over the window that fits',
  (_text, query) => {
    const faults: string[] = [];
    parser.parse(query).iterate({
      enter: ({ type, from }) => {
        if (type.isError) {
          faults.push(`${query} at ${from}`);
        }
      },
    });
    expect(faults).toEqual([]);
    expect(query).not.toContain('[2m]');
  },
);
