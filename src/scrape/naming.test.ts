import { describe, expect, test } from '@jest/globals';
import type { PageSeries } from '../codec/prometheus-text/prometheus-text.ts';
import type { Series } from '../model/metric.ts';
import { promConfig } from './config.ts';
import { nameFilter } from './name-filter.ts';
import { Naming } from './naming.ts';

const url = 'http://10.0.0.1:15020/stats/prometheus';

function named(config: object, series: Partial<PageSeries> & { readonly name: string }): Series | undefined {
  const checked = promConfig.parse({ url, ...config });
  const naming = new Naming({ config: checked, instance: '10.0.0.1:15020', wantedName: nameFilter(checked) });
  return naming.place({ labels: [], family: series.name, type: 'counter', ...series });
}

function split(config: object, name: string, more: Partial<PageSeries> = {}): string {
  const series = named(config, { name, ...more });
  return series === undefined ? 'left out' : `${series.measurement} / ${series.field}`;
}

function labels(config: object, own: Record<string, string>): Record<string, string> {
  return Object.fromEntries(named(config, { name: 'm', labels: Object.entries(own) })?.labels ?? []);
}

describe('a name is split as DataKit does', () => {
  test.each([
    ['istio_requests_total', 'istio / requests_total'],
    ['envoy_cluster_upstream_cx_total', 'envoy / cluster_upstream_cx_total'],
    ['go_goroutines', 'go / goroutines'],
    ['uptime', 'uptime / uptime'],
    ['process_cpu_seconds_total', 'process / cpu_seconds_total'],
    ['__private_name', 'private / name'],
    ['trailing_', 'trailing / trailing'],
    ['double__underscore', 'double / _underscore'],
    ['___', 'unknown / unknown'],
    ['_a', 'unknown / unknown'],
    ['a', 'unknown / unknown'],
  ])('%s: %s', (name, expected) => {
    expect(split({}, name)).toBe(expected);
  });

  test('with the whole name as field where that is wanted', () => {
    expect(split({ keep_exist_metric_name: true }, '_istio_requests_total')).toBe('istio / istio_requests_total');
    expect(split({ keep_exist_metric_name: true }, 'uptime')).toBe('uptime / uptime');
  });

  test('with the measurement that was given, and then the whole name as field', () => {
    expect(split({ measurement_name: 'istio_prom' }, 'istio_requests_total')).toBe('istio_prom / istio_requests_total');
    expect(split({ measurement_name: 'p', measurement_prefix: 'x_' }, 'a_b')).toBe('x_p / a_b');
    expect(split({ measurement_prefix: 'x_' }, 'a_b')).toBe('x_a / b');
  });

  test('by the first rule whose prefix fits, before all else', () => {
    const measurements = [{ name: 'never' }, { prefix: 'cpu__' }, { prefix: 'cpu_', name: 'proc' }, { prefix: '_' }];
    const config = { measurements, measurement_name: 'other' };
    expect(split(config, 'cpu_seconds')).toBe('proc / seconds');
    expect(split(config, 'cpu__seconds')).toBe('cpu / seconds');
    expect(split(config, 'mem_bytes')).toBe('other / mem_bytes');
    expect(split(config, '_x')).toBe('prom / x');
  });

  test('histograms and summaries by the name of their family', () => {
    expect(split({}, 'latency_bucket', { family: 'latency', type: 'histogram' })).toBe('latency / latency_bucket');
    expect(split({}, 'rpc_time_sum', { family: 'rpc_time', type: 'summary' })).toBe('rpc / time_sum');
    expect(
      split({ measurements: [{ prefix: 'rpc_time' }] }, 'rpc_time_count', { family: 'rpc_time', type: 'summary' }),
    ).toBe('rpc_time / _count');
  });
});

describe('labels', () => {
  test('of the page win over tags, tags over instance and job', () => {
    expect(labels({ source: 's', tags: { a: 'tag', job: 'tag' } }, { a: 'own', b: 'own' })).toEqual({
      a: 'own',
      b: 'own',
      instance: '10.0.0.1:15020',
      job: 'tag',
    });
    expect(labels({}, { instance: 'own', job: 'own' })).toEqual({ instance: 'own', job: 'own' });
  });

  test('that are empty are none, so that a tag may take their place', () => {
    expect(labels({ tags: { a: 'tag', b: '' } }, { a: '', c: '' })).toEqual({
      a: 'tag',
      instance: '10.0.0.1:15020',
      job: 'prom',
    });
  });

  test('that are empty keep job and instance off, as Pushgateway means it, where the page is honored and no tag asks', () => {
    const empty = { instance: '', job: '' };
    expect(labels({}, empty)).toEqual({});
    expect(labels({ tags: { instance: 'tag' } }, empty)).toEqual({ instance: 'tag' });
    expect(labels({ honor_labels: false }, empty)).toEqual({ instance: '10.0.0.1:15020', job: 'prom' });
  });

  test('may be ignored and renamed, in that order, and tags are not touched by it', () => {
    const config = {
      disable_instance_tag: true,
      tags: { gone: 'tag' },
      tags_ignore: ['gone', 'old2'],
      tags_rename: { mapping: { old: 'fresh', old2: 'x', taken: 'kept', same: 'same' } },
    };
    expect(labels(config, { gone: 'g', old: '1', old2: '2', taken: '3', kept: '4', same: '5' })).toEqual({
      fresh: '1',
      gone: 'tag',
      job: 'prom',
      kept: '4',
      same: '5',
      taken: '3',
    });
    const overwriting = { ...config, tags_rename: { overwrite_exist_tags: true, mapping: { taken: 'kept' } } };
    expect(labels(overwriting, { taken: '3', kept: '4' })).toEqual({ gone: 'tag', job: 'prom', kept: '3' });
  });

  test('of the page give way where honor_labels is off, and are kept under another name', () => {
    const config = { honor_labels: false, source: 's', tags: { a: 'tag', exported_b: 'tag' } };
    expect(labels(config, { a: 'own', exported_a: 'own2', job: 'own', c: 'own' })).toEqual({
      a: 'tag',
      c: 'own',
      exported_a: 'own2',
      exported_b: 'tag',
      exported_exported_a: 'own',
      exported_job: 'own',
      instance: '10.0.0.1:15020',
      job: 's',
    });
  });

  test('of the pod fill gaps only, behind tags and before job and instance, whatever honor_labels says', () => {
    const discovered = [
      ['pod', 'p'],
      ['namespace', 'n'],
      ['job', 'j'],
    ] as const;
    for (const honor_labels of [true, false]) {
      const checked = promConfig.parse({ url, honor_labels, tags: { namespace: 'tag' }, disable_instance_tag: true });
      const naming = new Naming({ config: checked, instance: 'i', discovered, wantedName: nameFilter(checked) });
      const series = naming.place({ name: 'm', family: 'm', type: 'gauge', labels: [['pod', 'own']] });
      expect(series?.labels).toEqual([
        ['job', 'j'],
        ['namespace', 'tag'],
        ['pod', 'own'],
      ]);
    }
  });

  test('are left out where one of the expressions for them matches their value, and the series stays', () => {
    const config = { ignore_tag_kv_match: { code: ['^2', '^3'] }, disable_instance_tag: true };
    expect(labels(config, { code: '200', other: '200' })).toEqual({ job: 'prom', other: '200' });
    expect(labels(config, { code: '404' })).toEqual({ code: '404', job: 'prom' });
  });

  test('leave out the series where that is wanted of those that match', () => {
    const config = { ignore_tag_kv_match: { code: ['^2'] }, ignore_tag_kv_match_drops: 'series' };
    expect(named(config, { name: 'm', labels: [['code', '200']] })).toBeUndefined();
    expect(labels(config, { code: '404' })).toMatchObject({ code: '404' });
  });

  test('of bounds and quantiles stay as the page writes them', () => {
    for (const written of ['1000000', '1e+06', '0.50', '+Inf', 'Inf']) {
      expect(labels({}, { le: written, quantile: written })).toMatchObject({ le: written, quantile: written });
    }
  });

  test('stand in byte order', () => {
    const series = named(
      { tags: { b: '1', A: '2', é: '3' } },
      {
        name: 'm',
        labels: [
          ['z', '1'],
          ['_', '1'],
        ],
      },
    );
    expect(series?.labels.map(([name]) => name)).toEqual(['A', '_', 'b', 'instance', 'job', 'z', 'é']);
  });
});

describe('filters', () => {
  test('keep the types that were asked for, untyped ones under both names', () => {
    expect(split({ metric_types: ['Counter'] }, 'a_b')).toBe('a / b');
    expect(split({ metric_types: ['counter'] }, 'a_b', { type: 'gauge' })).toBe('left out');
    expect(split({ metric_types: ['untyped'] }, 'a_b', { type: 'unknown' })).toBe('a / b');
    expect(split({ metric_types: ['unknown'] }, 'a_b', { type: 'unknown' })).toBe('a / b');
  });

  test('match anywhere in the name of the family, the ignoring ones first', () => {
    const histogram = { family: 'istio_request_bytes', type: 'histogram' } as const;
    expect(split({ metric_name_filter: ['request'] }, 'istio_request_bytes_sum', histogram)).toBe(
      'istio / request_bytes_sum',
    );
    expect(split({ metric_name_filter: ['_count$'] }, 'istio_request_bytes_sum', histogram)).toBe('left out');
    const both = { metric_name_filter: ['^istio'], metric_name_filter_ignore: ['bytes'] };
    expect(split(both, 'istio_request_bytes_sum', histogram)).toBe('left out');
    expect(split(both, 'istio_requests_total')).toBe('istio / requests_total');
    expect(split(both, 'envoy_x')).toBe('left out');
  });

  test('match the name of the sample too, so that _bucket finds a histogram', () => {
    const histogram = { family: 'istio_request_bytes', type: 'histogram' } as const;
    const wanted = { metric_name_filter: ['istio_request_bytes_bucket'] };
    expect(split(wanted, 'istio_request_bytes_bucket', histogram)).toBe('istio / request_bytes_bucket');
    expect(split(wanted, 'istio_request_bytes_sum', histogram)).toBe('left out');
    const ignored = { metric_name_filter_ignore: ['_bucket$'] };
    expect(split(ignored, 'istio_request_bytes_bucket', histogram)).toBe('left out');
    expect(split(ignored, 'istio_request_bytes_sum', histogram)).toBe('istio / request_bytes_sum');
  });

  test('that are no regular expressions are named', () => {
    expect(() => named({ ignore_tag_kv_match: { a: ['b('] } }, { name: 'a' })).toThrow(
      /^ignore_tag_kv_match.a: "b\(" is not a regular expression/,
    );
    expect(() => named({ metric_name_filter: ['a('] }, { name: 'a' })).toThrow(
      /^metric_name_filter: "a\(" is not a regular expression/,
    );
  });

  test('take linear time', () => {
    expect(split({ metric_name_filter: ['^(a+)+$'] }, `${'a'.repeat(60)}_b`)).toBe('left out');
  });
});

test('series can be told apart by their labels too', () => {
  const config = promConfig.parse({ url });
  const wantedSeries = ({ labels }: PageSeries): boolean => labels.some(([name]) => name === 'pod');
  const naming = new Naming({ config, instance: '', wantedName: nameFilter(config), wantedSeries });
  const one = { name: 'm', family: 'm', type: 'counter' } as const;
  expect(naming.place({ ...one, labels: [['id', '/']] })).toBeUndefined();
  expect(naming.place({ ...one, labels: [['pod', 'a']] })?.name).toBe('m');
});

test('a page cannot pose as the report of its scrape', () => {
  expect(split({}, 'up')).toBe('left out');
  expect(split({}, 'scrape_series_added')).toBe('left out');
  expect(split({}, 'up', { labels: [['of', 'something else']] })).toBe('up / up');
});
