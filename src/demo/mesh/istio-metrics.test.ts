import { describe, expect, test } from '@jest/globals';
import type { RequestReport } from './access-log.ts';
import { IstioMetrics } from './istio-metrics.ts';
import { gateway, principal, productpage, ratings, reviewsV2 } from './topology.ts';

const report: RequestReport = {
  reporter: 'source',
  responseCode: '200',
  responseFlags: '-',
  durationMs: 7,
  requestBytes: 400,
  responseBytes: 90,
  upstreamCluster: 'outbound|9080||ratings.default.svc.cluster.local',
  upstreamHost: '127.95.29.17:15006',
  peer: undefined,
  peerPrincipal: undefined,
};

const workloadAt = (address: string) => (address === '127.95.29.17:15006' ? ratings : undefined);

/** Labels of the only series of `istio_requests_total`. */
function labelsOf(metrics: IstioMetrics): Record<string, string> {
  const [, labels = ''] = /^istio_requests_total\{(.*)\} 1$/m.exec(metrics.render()) ?? [];
  return Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

describe('the labels of a request', () => {
  test('are 25 at the source, which knows the pod that answered', () => {
    const metrics = new IstioMetrics(reviewsV2, workloadAt);
    metrics.count(report);
    const labels = labelsOf(metrics);
    expect(Object.keys(labels)).toHaveLength(25);
    expect(labels).toMatchObject({
      source_workload: 'reviews-v2',
      source_version: 'v2',
      destination_workload: 'ratings-v1',
      destination_service: 'ratings.default.svc.cluster.local',
      destination_service_name: 'ratings',
      connection_security_policy: 'unknown',
    });
  });

  test('are 25 at the destination, which knows who asked', () => {
    const metrics = new IstioMetrics(productpage, workloadAt);
    metrics.count({ ...report, reporter: 'destination', upstreamCluster: 'inbound|9080||', peer: gateway });
    expect(labelsOf(metrics)).toMatchObject({
      source_workload: 'istio-ingressgateway',
      source_workload_namespace: 'istio-system',
      source_canonical_revision: 'latest',
      source_version: 'unknown',
      destination_workload: 'productpage-v1',
      destination_service: 'productpage.default.svc.cluster.local',
      connection_security_policy: 'none',
    });
    expect(Object.keys(labelsOf(metrics))).toHaveLength(25);
  });

  test('have the names of both certificates where the connection had them', () => {
    const names = { source: principal(gateway), destination: principal(productpage) };
    const taken = new IstioMetrics(productpage, workloadAt);
    taken.count({ ...report, reporter: 'destination', peer: gateway, peerPrincipal: names.source });
    const sent = new IstioMetrics(gateway, workloadAt);
    sent.count({ ...report, peerPrincipal: names.destination });
    for (const metrics of [taken, sent]) {
      expect(labelsOf(metrics)).toMatchObject({
        source_principal: 'spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account',
        destination_principal: 'spiffe://cluster.local/ns/default/sa/bookinfo-productpage',
      });
    }
    expect(labelsOf(taken)['connection_security_policy']).toBe('mutual_tls');
    expect(labelsOf(sent)['connection_security_policy']).toBe('unknown');
  });

  test('are unknown where no route was found', () => {
    const metrics = new IstioMetrics(gateway, workloadAt);
    metrics.count({ ...report, responseCode: '404', responseFlags: 'NR', upstreamCluster: '-', upstreamHost: '-' });
    expect(labelsOf(metrics)).toMatchObject({
      destination_workload: 'unknown',
      destination_service: 'unknown',
      destination_service_namespace: 'unknown',
      destination_cluster: 'unknown',
      response_flags: 'NR',
    });
  });

  test('keep a subset’s requests with the service', () => {
    const metrics = new IstioMetrics(reviewsV2, workloadAt);
    metrics.count({ ...report, upstreamCluster: 'outbound|9080|v1|ratings.default.svc.cluster.local' });
    expect(labelsOf(metrics)).toMatchObject({ destination_service: 'ratings.default.svc.cluster.local' });
  });
});

test('a bucket counts what is at most its bound, and the last one all', () => {
  const metrics = new IstioMetrics(reviewsV2, workloadAt);
  for (const durationMs of [0, 5, 6, 4_000_000]) {
    metrics.count({ ...report, durationMs });
  }
  const page = metrics.render();
  const buckets = [...page.matchAll(/^istio_request_duration_milliseconds_bucket\{.*,le="([^"]+)"\} (\d+)$/gm)];
  expect(buckets).toHaveLength(20);
  const counts = Object.fromEntries(buckets.map(([, bound, count]) => [bound, Number(count)]));
  expect(counts).toMatchObject({ 0.5: 1, 1: 1, 5: 2, 10: 3, 3600000: 3, '+Inf': 4 });
  expect(page).toMatch(/^istio_request_duration_milliseconds_sum\{.*\} 4000011$/m);
  expect(page).toMatch(/^istio_request_duration_milliseconds_count\{.*\} 4$/m);
  expect(page).toMatch(/^istio_requests_total\{.*\} 4$/m);
});

test('each family has its type once, and no sample of another family between its own', () => {
  const metrics = new IstioMetrics(reviewsV2, workloadAt);
  metrics.count(report);
  metrics.count({ ...report, responseCode: '500' });
  const names = metrics
    .render()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/(_bucket|_sum|_count)?\{.*/, ''));
  const runs = names.filter((name, at) => name !== names[at - 1]);
  expect(runs).toEqual([...new Set(runs)]);
  const types = [...metrics.render().matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name);
  expect(types).toEqual(runs);
});
