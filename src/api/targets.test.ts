import { describe, expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import type { BridgeStatus, InputStatus } from '../contract/status.ts';
import type { StoreReader } from '../contract/store.ts';
import { targetList } from './target-list.ts';
import { targetsRoutes } from './targets.ts';

const books = { signal: 'metrics', received: 0, accepted: 0, refused: {}, dropped: {} } as const;

const sidecar = {
  url: 'http://10.0.0.7:15020/stats/prometheus',
  state: 'up',
  intervalMs: 15_000,
  timeoutMs: 10_000,
  lastMs: 1_700_000_000_000,
  nextMs: 1_700_000_015_000,
  durationMs: 12.5,
  samples: 826,
  bytes: 300_000,
  namespace: 'prod',
  pod: 'reviews-1',
  workload: 'reviews',
  rule: 'datakit/prom.instances',
  source: 'reviews',
  leftOutCounts: [{ rule: 'metric_types', type: 'histogram', families: 4, such: ['istio_request_bytes'] }],
  filtered: 512,
  history: [12, -3],
};

const planned = {
  url: sidecar.url,
  written: 'http://$IP:15020/stats/prometheus',
  rule: 'datakit/prom.instances',
  source: 'reviews',
  intervalMs: 15_000,
  measurement: 'istio_prom',
  labels: { namespace: 'prod', pod: 'reviews-1', app: 'reviews' },
  leftOut: ['no histograms, so no latencies: metric_types of datakit/prom.instances has counter only'],
};

const bare = { namespace: 'prod', pod: 'bare', targets: [], faults: [], warnings: [], skipped: 'it has none' };

const kubernetes: InputStatus = {
  ...books,
  id: 'kubernetes',
  type: 'kubernetes',
  detail: {
    watch: { state: 'watching', node: 'n1', pods: 2 },
    targets: [sidecar],
    pods: [
      {
        namespace: 'prod',
        pod: 'reviews-1',
        workload: 'reviews',
        sidecar: true,
        annotations: { 'datakit/prom.instances': '[[inputs.prom]]' },
        targets: [planned],
        faults: [],
        warnings: [],
      },
      bare,
    ],
  },
};

const configured: InputStatus = {
  ...books,
  id: 'inputs.prom[0]',
  type: 'prom',
  detail: {
    targets: [
      {
        url: 'https://istiod/metrics',
        state: 'down',
        intervalMs: 90_000,
        error: 'HTTP 404',
        hint: 'is the path right?',
        source: 'istiod',
        tags: { namespace: 'istio-system', pod: 'istiod-1' },
      },
      { url: '/run/metrics.prom', state: 'waiting', intervalMs: 30_000 },
      { url: 'http://of-another-shape' },
    ],
  },
};

const status: BridgeStatus = {
  version: '1.2.3',
  startedAtMs: 0,
  nowMs: 1_700_000_001_000,
  node: 'n1',
  pid: 1,
  configFiles: [],
  warnings: [],
  listeners: [],
  inputs: [kubernetes, configured, { ...configured, signal: 'logs' }, { ...books, id: 'zipkin', type: 'zipkin' }],
  lanes: [],
  ready: true,
  notReady: [],
};

async function ask(
  path: string,
  of = status,
  store?: StoreReader,
): Promise<{ status: number; text: string; body: unknown }> {
  const served = await serveRoutes(targetsRoutes({ status: () => of, ...(store && { store }) }), 'main');
  try {
    const answer = await fetch(`${served.url}${path}`);
    const text = await answer.text();
    return { status: answer.status, text, body: text.startsWith('{') ? JSON.parse(text) : undefined };
  } finally {
    await served.close();
  }
}

function record(value: unknown): Record<string, unknown> {
  return value as Record<string, unknown>;
}

function urls(body: unknown): unknown[] {
  return (record(body)['targets'] as { url: string }[]).map(({ url }) => url);
}

describe('the list of targets', () => {
  test('has those of pods with what their annotation became, and those of the configuration', async () => {
    const { body } = await ask('/api/native/targets');
    expect(body).toMatchObject({
      node: 'n1',
      nowMs: 1_700_000_001_000,
      counts: { up: 1, down: 1, waiting: 1, skipped: 1 },
      watches: [{ input: 'kubernetes', state: 'watching' }],
    });
    expect(record(body)['targets']).toEqual([
      {
        ...sidecar,
        id: 'kubernetes prod/reviews-1 http://10.0.0.7:15020/stats/prometheus',
        input: 'kubernetes',
        written: planned.written,
        measurement: 'istio_prom',
        labels: planned.labels,
        leftOut: planned.leftOut,
      },
      {
        id: 'inputs.prom[0] https://istiod/metrics',
        input: 'inputs.prom[0]',
        url: 'https://istiod/metrics',
        state: 'down',
        intervalMs: 90_000,
        error: 'HTTP 404',
        hint: 'is the path right?',
        namespace: 'istio-system',
        pod: 'istiod-1',
        source: 'istiod',
        rule: '[[inputs.prom]]',
        labels: { namespace: 'istio-system', pod: 'istiod-1' },
        leftOut: [],
      },
      expect.objectContaining({ url: '/run/metrics.prom', state: 'waiting', source: 'prom' }),
    ]);
    expect(record(body)['pods']).toEqual([
      expect.objectContaining({
        pod: 'reviews-1',
        annotations: { 'datakit/prom.instances': '[[inputs.prom]]' },
        targets: ['kubernetes prod/reviews-1 http://10.0.0.7:15020/stats/prometheus'],
      }),
      { ...bare, input: 'kubernetes' },
    ]);
  });

  test('tells two pods of the host network with the same URL apart', () => {
    const twins = ['a', 'b'].map((pod) => ({ ...sidecar, pod }));
    const pods = twins.map(({ pod }) => ({ ...bare, pod, targets: [{ ...planned, labels: { pod } }] }));
    const detail = { targets: twins, pods };
    const { targets } = targetList({ ...status, inputs: [{ ...kubernetes, detail }] });
    expect(new Set(targets.map(({ id }) => id)).size).toBe(2);
    expect(targets.map(({ labels }) => labels['pod'])).toEqual(['a', 'b']);
  });

  test('is narrowed by state and namespace, while the counts are of all', async () => {
    const down = await ask('/api/native/targets?state=down');
    expect(urls(down.body)).toEqual(['https://istiod/metrics']);
    expect(down.body).toMatchObject({ pods: [], counts: { up: 1, skipped: 1 } });
    const some = await ask('/api/native/targets?state=up&state=skipped');
    expect(urls(some.body)).toEqual([sidecar.url]);
    expect(some.body).toMatchObject({ pods: [{ pod: 'bare' }] });
    expect(urls((await ask('/api/native/targets?namespace=istio-system')).body)).toEqual(['https://istiod/metrics']);
  });

  test('refuses what it does not know', async () => {
    expect(await ask('/api/native/targets?state=dead')).toMatchObject({
      status: 400,
      text: expect.stringContaining('state: "dead" is none of up, down, waiting, skipped'),
    });
    expect(await ask('/api/native/targets?pod=x')).toMatchObject({ status: 400 });
  });
});

describe('an explanation', () => {
  test('has each target with its last scrape', async () => {
    const { body } = await ask('/api/native/explain?pod=prod/reviews-1');
    expect(body).toMatchObject({
      pods: [{ pod: 'reviews-1', sidecar: true, targets: [{ written: planned.written, samples: 826, state: 'up' }] }],
    });
    expect(record((await ask('/api/native/explain')).body)['pods']).toHaveLength(2);
  });

  test('of a pod that is not known, or where no pods are looked for, says so', async () => {
    expect(await ask('/api/native/explain?pod=prod/none')).toMatchObject({
      status: 404,
      text: expect.stringContaining('no pod "prod/none" is known; those of the node n1 are'),
    });
    expect(await ask('/api/native/explain', { ...status, inputs: [configured] })).toMatchObject({
      status: 404,
      text: expect.stringContaining('looks for no pods'),
    });
  });
});

describe('the targets of a hub', () => {
  test('are those that the store has scrapes of, but for its own', async () => {
    const remote = { instance: '10.0.1.1:15020', job: 'reviews', namespace: 'prod', pod: 'reviews-2', node: 'n2' };
    const gone = { instance: '10.0.1.2:15020', job: 'ratings', namespace: 'prod', pod: 'ratings-1', node: 'n2' };
    const own = { instance: '10.0.0.7:15020', job: 'reviews', pod: 'reviews-1' };
    const sample = (name: string, labels: object, value: string) => ({
      metric: { __name__: name, ...labels },
      value: [1, value],
    });
    const answers: Readonly<Record<string, readonly object[]>> = {
      up: [sample('up', remote, '1'), sample('up', gone, '0'), sample('up', own, '1')],
      scrape_duration_seconds: [sample('scrape_duration_seconds', remote, '0.0125')],
      scrape_samples_scraped: [sample('scrape_samples_scraped', remote, '826')],
    };
    const store: StoreReader = {
      ask: async (question) => {
        const result = question.kind === 'prom.query' ? answers[question.query] : undefined;
        const body = Buffer.from(JSON.stringify({ resultType: 'vector', result }));
        return { contentType: 'application/json', body, count: 1 };
      },
    };
    const { body } = await ask('/api/native/targets/stored', status, store);
    expect(record(body)['targets']).toMatchObject([
      { url: '10.0.1.1:15020', state: 'up', samples: 826, durationMs: 12.5, pod: 'reviews-2', labels: { node: 'n2' } },
      { url: '10.0.1.2:15020', state: 'down', source: 'ratings', input: 'store' },
    ]);
    expect((await ask('/api/native/targets/stored')).status).toBe(404);
  });
});

describe("Prometheus' list of targets", () => {
  test('has the members that its clients read', async () => {
    const { body } = await ask('/api/v1/targets');
    const data = record(record(body)['data']);
    expect(body).toMatchObject({ status: 'success' });
    expect((data['activeTargets'] as unknown[])[0]).toEqual({
      discoveredLabels: {
        __address__: '10.0.0.7:15020',
        __metrics_path__: '/stats/prometheus',
        __scheme__: 'http',
        __scrape_interval__: '15s',
        __scrape_timeout__: '10s',
        __meta_kubernetes_namespace: 'prod',
        __meta_kubernetes_pod_name: 'reviews-1',
        job: 'reviews',
      },
      labels: { ...planned.labels, instance: '10.0.0.7:15020', job: 'reviews' },
      scrapePool: 'reviews',
      scrapeUrl: sidecar.url,
      globalUrl: sidecar.url,
      lastError: '',
      lastScrape: '2023-11-14T22:13:20.000Z',
      lastScrapeDuration: 0.0125,
      health: 'up',
      scrapeInterval: '15s',
      scrapeTimeout: '10s',
    });
    expect(data['activeTargets']).toMatchObject([
      {},
      { labels: { instance: 'istiod:443' }, health: 'down', lastError: 'HTTP 404', scrapeInterval: '1m30s' },
      { discoveredLabels: { __scheme__: 'file' }, health: 'unknown', lastScrape: '0001-01-01T00:00:00Z' },
    ]);
    expect(data['droppedTargets']).toEqual([
      {
        discoveredLabels: {
          __meta_kubernetes_namespace: 'prod',
          __meta_kubernetes_pod_name: 'bare',
          job: 'kubernetes',
        },
        scrapePool: 'kubernetes',
      },
    ]);
    expect(data['droppedTargetCounts']).toEqual({ kubernetes: 1 });
  });

  test('is narrowed by state and pool', async () => {
    const of = async (query: string): Promise<readonly number[]> => {
      const data = record(record((await ask(`/api/v1/targets?${query}`)).body)['data']);
      return ['activeTargets', 'droppedTargets'].map((name) => (data[name] as unknown[]).length);
    };
    expect(await of('state=active')).toEqual([3, 0]);
    expect(await of('state=dropped')).toEqual([0, 1]);
    expect(await of('state=any')).toEqual([3, 1]);
    expect(await of('scrapePool=istiod')).toEqual([1, 0]);
  });
});
