import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { json, lookAt, soon, textOf } from './page-tools.ts';

jest.setTimeout(240_000);

const minuteMs = 60_000;
const minutes = 12;
const requestsPerMinute = 1000;
const tracesPerMinute = 20;

/** What a gateway counts: so many requests in each minute until now. */
function requestCounts(nowMs: number): object {
  const perMinute = 4;
  const attributes = Object.entries({
    ...{ reporter: 'source', source_workload: 'gw-gateway', source_workload_namespace: 'istio-system' },
    ...{ destination_workload: 'shop', destination_workload_namespace: 'default', response_code: '200' },
  }).map(([key, value]) => ({ key, value: { stringValue: value } }));
  const dataPoints = Array.from({ length: minutes * perMinute + 1 }, (_, i) => ({
    attributes,
    timeUnixNano: String(BigInt(nowMs - minutes * minuteMs + (i * minuteMs) / perMinute) * 1_000_000n),
    asDouble: (i * requestsPerMinute) / perMinute,
  }));
  const sum = { aggregationTemporality: 2, isMonotonic: true, dataPoints };
  return { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'istio_requests_total', sum }] }] }] };
}

/** A request that the gateway passes on to a shop, whose own call to a bank begins a trace of its own. */
function request(number: number, atMs: number): object[] {
  const id = (part: number): string => (number * 16 + part).toString(16).padStart(16, '0');
  const span = (part: number, kind: 'SERVER' | 'CLIENT', service: string, rest: object): object => ({
    ...{ traceId: `c${id(0).slice(1)}${id(1)}`, id: id(part), kind, name: 'shop.default.svc.cluster.local:80/*' },
    ...{ timestamp: (atMs + part) * 1000, duration: 5_000 - part, localEndpoint: { serviceName: service } },
    ...rest,
  });
  const gateway = { tags: { node_id: 'router~10.0.0.1~gw-gateway-79788cd94-wgmsp.istio-system~cluster.local' } };
  const shop = { tags: { node_id: 'sidecar~10.0.0.2~shop-5d9f7b8c6d-x2x4z.default~cluster.local' } };
  return [
    span(1, 'SERVER', 'gw-gateway.istio-system', gateway),
    span(2, 'CLIENT', 'gw-gateway.istio-system', { ...gateway, parentId: id(1) }),
    span(3, 'SERVER', 'shop.default', { ...shop, parentId: id(2) }),
    { ...span(4, 'CLIENT', 'shop.default', shop), traceId: `d${id(0).slice(1)}${id(4)}` },
  ];
}

describeWith('chromium', (program) => {
  let browser: Browser;
  let dir: TempDir;
  let daemon: Daemon;

  beforeAll(async () => {
    [browser, dir] = [await startBrowser(program), await tempDir()];
    daemon = await startDaemon({ dir: dir.path });
    const nowMs = Date.now();
    const times = Array.from(
      { length: minutes * tracesPerMinute },
      (_, i) => nowMs - minutes * minuteMs + (i * minuteMs) / tracesPerMinute,
    );
    const posts = [
      ['/api/v1/otlp/v1/metrics', requestCounts(nowMs), 200],
      ['/api/v2/spans', times.flatMap((atMs, i) => request(i + 1, atMs)), 202],
    ] as const;
    for (const [path, body, status] of posts) {
      const headers = { 'content-type': 'application/json' };
      const sent = await fetch(daemon.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(sent.status).toBe(status);
    }
    await until(
      async () => {
        const { sampling } = await json<{ sampling: { rate?: number } }>(daemon, '/api/native/traces/doctor');
        return sampling.rate;
      },
      { withinMs: 180_000, what: 'a measured rate' },
    );
  });

  afterAll(async () => {
    await browser?.close();
    await daemon?.end();
    await dir?.remove();
  });

  test.each(['#/', '#/traces'])(
    '%s says what share is traced, how to change it, and who breaks traces',
    async (hash) => {
      await lookAt({ browser, daemon, hash }, async (page) => {
        const note = page.locator('.trace-doctor .sampling');
        await soon(async () => expect(await textOf(note)).toMatch(/About [12]([.]\d)? % of the requests are traced/));
        await note.locator('summary').click();
        const how = await textOf(note);
        for (const way of [
          /randomSamplingPercentage/,
          /defaultConfig.tracing.sampling/,
          /PILOT_TRACE_SAMPLING/,
          /restart/,
        ]) {
          expect(how).toMatch(way);
        }
        const losing = page.locator('.trace-doctor [data-losing]');
        expect(await losing.evaluateAll((all) => all.map((one) => one.getAttribute('data-losing')))).toEqual([
          'shop.default',
        ]);
        expect(await textOf(losing)).toMatch(/does not pass on the headers of its caller/);
      });
    },
  );

  test('numbers of spans in PromQL and in links come with that share', async () => {
    const query = 'sum(rate(traces_spanmetrics_calls_total[5m]))';
    const answer = await fetch(`${daemon.url}/api/v1/query?${new URLSearchParams({ query })}`);
    const { data, infos } = (await answer.json()) as { data: { result: object[] }; infos: string[] };
    expect(data.result).toHaveLength(1);
    expect(infos).toEqual([
      expect.stringMatching(/^counted from traces: about [12]([.]\d)? % of the requests are traced$/),
    ]);
    for (const path of ['/api/v2/dependencies', '/zipkin/api/v2/dependencies', '/jaeger/api/dependencies']) {
      const { headers } = await fetch(`${daemon.url}${path}?endTs=${Date.now()}`);
      expect(Number(headers.get('meshbridge-sampling-rate'))).toBeCloseTo(tracesPerMinute / requestsPerMinute, 2);
    }
  });

  test('the overview says what the store has deleted', async () => {
    await lookAt({ browser, daemon, hash: '#/' }, async (page) => {
      await page.route('**/api/native/status', async (route) => {
        const response = await route.fetch();
        const status = (await response.json()) as { store: object };
        const evictions = [{ signal: 'traces', reason: 'age', partitions: 1, items: 12_000, bytes: 5_000_000 }];
        await route.fulfill({ response, json: { ...status, store: { ...status.store, evictions } } });
      });
      const deleted = page.locator('.about [data-deleted=traces]');
      await soon(async () => expect(await textOf(deleted)).toMatch(/12.*older than .*retention/));
    });
  });
});
