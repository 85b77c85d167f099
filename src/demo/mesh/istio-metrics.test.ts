import { describe, expect, test } from '@jest/globals';
import { IstioMetrics } from './istio-metrics.ts';
import type { ConnectionReport, RequestReport } from './reports.ts';
import { nodeId, principal, Topology, type Workload } from './topology.ts';

const topology = new Topology();
const { gateway } = topology;
const productpage = topology.workload('productpage-v1');
const ratings = topology.workload('ratings-v1');
const ratingsV2 = topology.workload('ratings-v2');
const reviewsV2 = topology.workload('reviews-v2');
const mongodb = topology.workload('mongodb-v1');

const report: RequestReport = {
  kind: 'request',
  reporter: 'source',
  method: 'GET',
  path: '/ratings/0',
  userAgent: 'somebody',
  responseCode: '200',
  responseFlags: '-',
  durationMs: 7,
  requestBytes: 400,
  responseBytes: 90,
  upstreamCluster: 'outbound|9080||ratings.default.svc.cluster.local',
  upstreamHost: '127.95.29.17:15006',
  peerNode: '-',
  peerPrincipal: undefined,
  grpc: undefined,
};

const workloadAt = (address: string) => (address === '127.95.29.17:15006' ? ratings : undefined);
const metricsOf = (self: Workload) => new IstioMetrics({ topology, self, workloadAt });
const gatewayNode = nodeId(gateway, '127.95.29.11');

/** Labels of the only series of `istio_requests_total`. */
function labelsOf(metrics: IstioMetrics): Record<string, string> {
  const [, labels = ''] = /^istio_requests_total\{(.*)\} 1$/m.exec(metrics.render()) ?? [];
  return Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

describe('the labels of a request', () => {
  test('are 25 at the source, which knows the pod that answered', () => {
    const metrics = metricsOf(reviewsV2);
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
    const metrics = metricsOf(productpage);
    metrics.count({ ...report, reporter: 'destination', upstreamCluster: 'inbound|9080||', peerNode: gatewayNode });
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
    const taken = metricsOf(productpage);
    taken.count({ ...report, reporter: 'destination', peerNode: gatewayNode, peerPrincipal: names.source });
    const sent = metricsOf(gateway);
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
    const metrics = metricsOf(gateway);
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
    const metrics = metricsOf(reviewsV2);
    metrics.count({ ...report, upstreamCluster: 'outbound|9080|v1|ratings.default.svc.cluster.local' });
    expect(labelsOf(metrics)).toMatchObject({ destination_service: 'ratings.default.svc.cluster.local' });
  });
});

describe('gRPC', () => {
  const call = { ...report, grpc: { status: '0', sent: 3, received: 2 } };

  test('has its protocol, its status, and its messages counted', () => {
    const metrics = metricsOf(reviewsV2);
    metrics.count(call);
    expect(labelsOf(metrics)).toMatchObject({ request_protocol: 'grpc', grpc_response_status: '0' });
    expect(metrics.render()).toMatch(/^istio_request_messages_total\{reporter="source",.*\} 3$/m);
    expect(metrics.render()).toMatch(/^istio_response_messages_total\{reporter="source",.*\} 2$/m);
  });

  test('without a status, and what is no gRPC, have an empty one, and no messages', () => {
    const metrics = metricsOf(reviewsV2);
    metrics.count(report);
    expect(labelsOf(metrics)).toMatchObject({ request_protocol: 'http', grpc_response_status: '' });
    expect(metrics.render()).not.toContain('messages_total');
    const lost = metricsOf(reviewsV2);
    lost.count({ ...call, grpc: { ...call.grpc, status: '-' } });
    expect(labelsOf(lost)).toMatchObject({ grpc_response_status: '' });
  });
});

describe('a connection', () => {
  const opened: ConnectionReport = {
    kind: 'connection',
    reporter: 'destination',
    phase: 'opened',
    id: '1',
    responseFlags: '-',
    receivedBytes: 0,
    sentBytes: 0,
    upstreamCluster: 'inbound|27017||',
    upstreamHost: '127.95.29.19:27017',
    peerPrincipal: principal(ratingsV2),
  };

  /** Values by the names of the TCP families. */
  function tcpOf(metrics: IstioMetrics): Record<string, number> {
    const found = metrics.render().matchAll(/^istio_tcp_(\w+)_total\{.*\} (\d+)$/gm);
    return Object.fromEntries([...found].map(([, name, value]) => [name, Number(value)]));
  }

  test('is counted while it is open, each byte once, and closed in the end', () => {
    const metrics = metricsOf(mongodb);
    metrics.count(opened);
    metrics.count({ ...opened, phase: 'open', receivedBytes: 100, sentBytes: 300 });
    metrics.count({ ...opened, phase: 'open', receivedBytes: 150, sentBytes: 400 });
    expect(tcpOf(metrics)).toEqual({
      received_bytes: 150,
      sent_bytes: 400,
      connections_opened: 1,
      connections_closed: 0,
    });
    metrics.count({ ...opened, phase: 'closed', receivedBytes: 160, sentBytes: 410 });
    // Envoy counts its connections on; the same number again is another one.
    metrics.count({ ...opened, receivedBytes: 5 });
    expect(tcpOf(metrics)).toEqual({
      received_bytes: 165,
      sent_bytes: 410,
      connections_opened: 2,
      connections_closed: 1,
    });
    expect(metrics.traffic).toEqual({ receivedBytes: 165, sentBytes: 410 });
  });

  test('has 23 labels, and knows who asks by the certificate', () => {
    const metrics = metricsOf(mongodb);
    metrics.count(opened);
    const [, labels = ''] = /^istio_tcp_sent_bytes_total\{(.*)\} 0$/m.exec(metrics.render()) ?? [];
    const read = Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    expect(Object.keys(read)).toHaveLength(23);
    expect(read).toMatchObject({
      source_workload: 'ratings-v2',
      destination_service: 'mongodb.default.svc.cluster.local',
      request_protocol: 'tcp',
      connection_security_policy: 'mutual_tls',
    });
  });
});

describe('istio_customer_request_count', () => {
  test('is counted at the destination, by what the caller sent', () => {
    const metrics = metricsOf(ratings);
    metrics.count(report);
    expect(metrics.render()).not.toContain('istio_customer_request_count');
    metrics.count({ ...report, reporter: 'destination', userAgent: 'a "b" \\' });
    expect(metrics.render()).toContain(
      'istio_customer_request_count{method="GET",path="/ratings/0",useragent="a \\"b\\" \\\\",destination="ratings",code="200"} 1\n',
    );
  });

  test('has an end where people ask with ever other paths', () => {
    const metrics = metricsOf(ratings);
    for (let n = 0; n < 1100; n++) {
      metrics.count({ ...report, reporter: 'destination', path: `/ratings/${n}` });
    }
    expect(metrics.render().match(/^istio_customer_request_count\{/gm)).toHaveLength(1000);
  });
});

test('a bucket counts what is at most its bound, and the last one all', () => {
  const metrics = metricsOf(reviewsV2);
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
  const metrics = metricsOf(reviewsV2);
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
