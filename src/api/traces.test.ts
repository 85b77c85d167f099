import { expect, test } from '@jest/globals';
import type { HttpRequest, HttpResponse } from '../contract/http.ts';
import type { BridgeStatus } from '../contract/status.ts';
import type { Answer, Question, StoreReader } from '../contract/store.ts';
import { MeasuredRate } from './traces/measured-rate.ts';
import { tracesRoutes } from './traces.ts';

const nowMs = Date.UTC(2026, 10, 21, 12, 0, 30);
const status: BridgeStatus = {
  ...{ version: '1', startedAtMs: 0, nowMs, node: 'n', pid: 1, configFiles: [], warnings: [], listeners: [] },
  ...{ lanes: [], ready: true, notReady: [] },
  inputs: [
    {
      ...{ id: 'zipkin', type: 'zipkin', signal: 'traces', received: 0, accepted: 0, refused: {}, dropped: {} },
      detail: { sampling: { rate: 0.5, keepsErrors: true } },
    },
  ],
};
const workload = {
  ...{ service: 'gw.istio-system', workload: 'gw-gateway', namespace: 'istio-system', proxy: 'router' },
  ...{ servers: 30, serverRoots: 30, clients: 30, clientRoots: 0 },
};

function rig() {
  const asked: Question[] = [];
  const answers: Record<string, (question: Question) => unknown> = {
    'traces.red': () => ({ startMs: 0, endMs: 1, operations: [] }),
    'traces.graph': () => ({ startMs: 0, endMs: 1, nodes: [], edges: [] }),
    'traces.workloads': () => ({ startMs: nowMs - 330_000, endMs: nowMs - 30_000, workloads: [workload] }),
    'prom.query': (question) => ({
      result:
        question.kind === 'prom.query' && question.query.includes('source_workload, ')
          ? [
              {
                metric: { source_workload: 'gw-gateway', source_workload_namespace: 'istio-system' },
                value: [0, '300'],
              },
            ]
          : [],
    }),
    'traces.pins': () => ({ maxBytes: 10, bytes: 0, traces: [] }),
    'traces.pin': () => ({ traceId: 'ab' }),
    'traces.unpin': () => ({}),
  };
  const store: StoreReader = {
    ask: async (question): Promise<Answer> => {
      asked.push(question);
      const missing = 'traceId' in question && question.traceId === 'dead';
      const body = Buffer.from(JSON.stringify(answers[question.kind]?.(question)));
      return { contentType: 'application/json', body, count: missing ? 0 : 1 };
    },
  };
  const deps = { store, status: () => status, now: () => nowMs };
  const routes = tracesRoutes({ ...deps, sampling: new MeasuredRate(deps) });
  const call = async (method: string, path: string, params: Record<string, string> = {}): Promise<HttpResponse> => {
    const [name = '', query = ''] = path.split('?');
    const route = routes.find((one) => one.method === method && one.path === `/api/native/traces/${name}`);
    const request: HttpRequest = {
      ...{ method, path, params, query: new URLSearchParams(query), headers: {}, body: Buffer.alloc(0) },
      ...{ remoteAddress: '127.0.0.1', signal: new AbortController().signal },
    };
    if (route === undefined) {
      throw new Error(`no route ${method} ${path}`);
    }
    return route.handle(request);
  };
  return { asked, call };
}

function jsonOf({ body }: HttpResponse): unknown {
  return JSON.parse(String(body));
}

test('every derived number comes with the measured rate, and what inputs leave out', async () => {
  const { call, asked } = rig();
  const sampling = { rate: 0.1, applied: [{ input: 'zipkin', rate: 0.5, keepsErrors: true }] };
  expect(jsonOf(await call('GET', 'red?service=Front'))).toMatchObject({ operations: [], sampling });
  expect(jsonOf(await call('GET', 'graph'))).toMatchObject({ edges: [], sampling });
  expect(asked[0]).toMatchObject({ kind: 'traces.red', service: 'front' });
  // The rate is measured once for both.
  expect(asked.filter(({ kind }) => kind === 'traces.workloads')).toHaveLength(1);
});

test('the doctor counts requests in the very minutes that the spans are counted in', async () => {
  const { call, asked } = rig();
  expect(jsonOf(await call('GET', 'doctor'))).toMatchObject({
    startMs: nowMs - 330_000,
    endMs: nowMs - 30_000,
    sampling: { rate: 0.1, roots: 30, requests: 300, entries: [{ gateway: true, rate: 0.1 }] },
    propagation: [],
  });
  const queries = asked.filter((question) => question.kind === 'prom.query');
  expect(queries).toHaveLength(2);
  for (const question of queries) {
    expect(question).toMatchObject({ timeMs: nowMs - 30_000, query: expect.stringContaining('[300s]') });
  }
});

test('pins are made, listed and let go of by ids as people have them', async () => {
  const { call, asked } = rig();
  expect((await call('POST', ':id/pin', { id: '463AC35C-9F64-13AD-4848-5A3953BB6124' })).status).toBe(200);
  expect(asked.at(-1)).toEqual({ kind: 'traces.pin', traceId: '463ac35c9f6413ad48485a3953bb6124' });
  expect((await call('DELETE', ':id/pin', { id: 'ab' })).status).toBe(204);
  expect((await call('POST', ':id/pin', { id: 'dead' })).status).toBe(404);
  expect((await call('DELETE', ':id/pin', { id: 'dead' })).status).toBe(404);
  expect(jsonOf(await call('GET', 'pins'))).toMatchObject({ traces: [] });
  await expect(call('POST', ':id/pin', { id: 'x' })).rejects.toMatchObject({ code: 'BRIDGE_DECODE' });
  await expect(call('GET', 'red?servcie=x')).rejects.toMatchObject({ code: 'BRIDGE_DECODE' });
});
