import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HeldClock } from '../../../../test/fakes/clock.ts';
import { requestOf } from '../../../../test/fakes/requests.ts';
import { decodeSpans } from '../../../codec/spans.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import { EmbeddedStore } from '../embedded-store.ts';
import { istioLabels } from './exemplar-labels.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples', 'envoy');

interface RawSpan {
  readonly traceId: string;
  readonly id: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly kind: string;
  readonly tags: Readonly<Record<string, string>>;
}

const sent: RawSpan[] = [];
const dir = mkdtempSync(join(tmpdir(), 'meshbridge-exemplars-'));
const clock = new HeldClock();
const store = new EmbeddedStore({ dir, clock, retentionMs: 1e12, maxBytes: 1e9, decodeSpans });

beforeAll(async () => {
  await store.open();
  let seq = 0;
  for (const folder of ['zipkin-v2-json', 'zipkin-v2-json-gateway']) {
    for (const file of readdirSync(join(samples, folder)).filter((name) => name.endsWith('.body'))) {
      const payload = readFileSync(join(samples, folder, file));
      const spans: RawSpan[] = JSON.parse(payload.toString());
      sent.push(...spans);
      seq++;
      const record: QueueRecord = {
        ...{ seq, signal: 'traces', format: 'zipkin-json-v2', receivedAtMs: clock.now() },
        ...{ items: spans.length, cumItems: sent.length, origin: {}, payload },
      };
      await store.commit(requestOf([record]));
    }
  }
});
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

interface Found {
  readonly seriesLabels: Readonly<Record<string, string>>;
  readonly exemplars: readonly {
    readonly labels: { readonly trace_id: string; readonly span_id: string };
    readonly value: string;
    readonly timestamp: number;
  }[];
}

async function ask(query: string, range = whole()): Promise<Found[]> {
  const { body } = await store.ask({ kind: 'traces.exemplars', query, range });
  return JSON.parse(Buffer.from(body).toString());
}

function whole() {
  const times = sent.map(({ timestamp }) => timestamp / 1000);
  return { startMs: Math.min(...times) - 1, endMs: Math.max(...times) + 1 };
}

test("a query over Istio's latencies finds spans of that workload, with what they took and when they ended", async () => {
  const query =
    'histogram_quantile(0.95, sum by (le) (rate(istio_request_duration_milliseconds_bucket{reporter="destination",destination_workload="reviews-v1",destination_workload_namespace="bookinfo",response_code="200"}[5m])))';
  const found = await ask(query);
  expect(found.length).toBeGreaterThan(0);
  const byId = new Map(sent.map((span) => [span.id, span]));
  for (const { seriesLabels, exemplars } of found) {
    expect(seriesLabels).toMatchObject({
      __name__: 'istio_request_duration_milliseconds_bucket',
      destination_app: 'reviews',
      destination_service_name: 'reviews',
      destination_canonical_service: 'reviews',
    });
    expect(exemplars.length).toBeGreaterThan(0);
    for (const { labels, value, timestamp } of exemplars) {
      const span = byId.get(labels.span_id);
      expect(span).toMatchObject({ traceId: labels.trace_id, kind: 'SERVER' });
      expect(span?.tags['http.status_code']).toBe('200');
      expect(Number(value)).toBe((span?.duration ?? 0) / 1000);
      expect(timestamp).toBeCloseTo(((span?.timestamp ?? 0) + (span?.duration ?? 0)) / 1e6, 2);
    }
  }
});

test('the slowest request of the range is among them', async () => {
  const errors = sent.filter((span) => span.tags['http.status_code'] === '500' && span.kind === 'SERVER');
  const slowest = Math.max(...errors.map(({ duration }) => duration));
  const found = await ask('istio_request_duration_milliseconds_sum{response_code=~"5.."}');
  const values = found.flatMap(({ exemplars }) => exemplars.map(({ value }) => Number(value)));
  expect(Math.max(...values)).toBe(slowest / 1000);
});

test("a proxy's own leg to its application is no request that Istio counts", async () => {
  expect(sent.some(({ kind }) => kind === 'CLIENT')).toBe(true);
  expect(await ask('istio_request_duration_milliseconds_bucket{reporter="source"}')).toEqual([]);
});

test("a gateway's spans are of what it passes on, as its own metrics say", () => {
  const labels = istioLabels({
    ...{ traceId: 'a', id: 'b', kind: 'SERVER', name: 'productpage.bookinfo.svc.cluster.local:9080/productpage' },
    localEndpoint: { serviceName: 'istio-ingressgateway.istio-system' },
    tags: {
      node_id: 'router~10.244.0.14~istio-ingressgateway-79788cd94-wgmsp.istio-system~istio-system.svc.cluster.local',
      upstream_cluster: 'outbound|9080||productpage.bookinfo.svc.cluster.local',
      'http.status_code': '503',
      response_flags: 'UH',
    },
  });
  expect(labels).toMatchObject({
    reporter: 'source',
    source_workload: 'istio-ingressgateway',
    source_workload_namespace: 'istio-system',
    destination_service: 'productpage.bookinfo.svc.cluster.local',
    destination_service_name: 'productpage',
    destination_service_namespace: 'bookinfo',
    response_code: '503',
    response_flags: 'UH',
  });
});

test('no span is given for another workload, another metric or another time', async () => {
  const { startMs } = whole();
  const query = 'istio_request_duration_milliseconds_bucket';
  expect(await ask(`${query}{destination_workload="ratings-v1"}`)).toEqual([]);
  expect(await ask(`${query}{source_workload="productpage-v1",reporter="destination"}`)).toEqual([]);
  expect(await ask('envoy_cluster_upstream_rq_time_bucket')).toEqual([]);
  expect(await ask('vector(1)')).toEqual([]);
  expect(await ask(query, { startMs: startMs - 10_000, endMs: startMs })).toEqual([]);
});

test('metrics that are derived of spans have exemplars too', async () => {
  const [first] = await ask('rate(traces_spanmetrics_latency_bucket{span_kind="SPAN_KIND_SERVER"}[5m])');
  expect(first?.seriesLabels).toMatchObject({ service: expect.any(String), span_name: expect.any(String) });
  expect(first?.exemplars[0]?.labels.trace_id).toMatch(/^[0-9a-f]{32}$/);
});

test('a query that is none is refused', async () => {
  await expect(ask('rate(')).rejects.toMatchObject({ code: 'BRIDGE_DECODE' });
});
