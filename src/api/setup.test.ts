import { expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import type { BridgeStatus } from '../contract/status.ts';
import type { Answer, Question, StoreReader } from '../contract/store.ts';
import { setupRoutes } from './setup.ts';

const nowMs = 1_700_000_000_000;
const status: BridgeStatus = {
  version: '1.2.3',
  startedAtMs: 0,
  nowMs,
  node: 'n1',
  pid: 1,
  configFiles: [],
  warnings: [],
  listeners: [],
  inputs: [],
  lanes: [],
  store: {},
  ready: true,
  notReady: [],
};

interface SetupBody {
  readonly node: string;
  readonly lights: readonly { readonly id: string; readonly state: string; readonly seen: string }[];
}

async function ask(path: string, store?: StoreReader, of: () => BridgeStatus = () => status) {
  const served = await serveRoutes(setupRoutes({ status: of, ...(store && { store }) }), 'main');
  try {
    const answers = [];
    for (const one of path.split(' ')) {
      const answer = await fetch(served.url + one);
      const text = await answer.text();
      answers.push({ status: answer.status, text, body: (text.startsWith('{') ? JSON.parse(text) : {}) as SetupBody });
    }
    return answers;
  } finally {
    await served.close();
  }
}

/** A store that answers each kind of question with one text, and fails for those it has none for. */
function storeOf(answers: Readonly<Record<string, unknown>>): StoreReader & { readonly asked: Question[] } {
  const asked: Question[] = [];
  return {
    asked,
    ask: async (question): Promise<Answer> => {
      asked.push(question);
      const key = question.kind === 'prom.query' ? question.query : question.kind;
      const found = Object.entries(answers).find(([name]) => key.includes(name));
      if (found === undefined) {
        throw new Error('the store is busy');
      }
      return { contentType: 'application/json', body: Buffer.from(JSON.stringify(found[1])), count: 1 };
    },
  };
}

function seen(body: SetupBody | undefined, id: string): string {
  const light = body?.lights.find((one) => one.id === id);
  return `${light?.state}: ${light?.seen}`;
}

const path = '/api/native/setup';

test('what the store knows becomes lights', async () => {
  const spans = Array.from({ length: 30 }, (_, i) => [
    {
      traceId: `${i}`,
      id: '1',
      kind: 'SERVER',
      timestamp: (nowMs - i * 1_000) * 1_000,
      duration: 10,
      localEndpoint: { serviceName: 'a' },
    },
  ]);
  const store = storeOf({
    'zipkin.traces': spans,
    'traces.workloads': {
      ...{ startMs: nowMs - 300_000, endMs: nowMs },
      workloads: [
        {
          ...{ service: 'gw', workload: 'gw', namespace: 'istio-system', proxy: 'router' },
          ...{ servers: 30, serverRoots: 30, clients: 0, clientRoots: 0 },
        },
      ],
    },
    'source_workload, ': {
      resultType: 'vector',
      result: [{ metric: { source_workload: 'gw', source_workload_namespace: 'istio-system' }, value: [1, '60'] }],
    },
    istio_requests_total: { resultType: 'vector', result: [] },
    pilot_info: { resultType: 'vector', result: [{ metric: { instance: '10.0.0.1:15014' }, value: [1, '1'] }] },
    'logs.search': { lines: [{ message: '{"level":"info"}', labels: { pod: 'p' } }] },
  });
  const [answer] = await ask(path, store);
  expect(answer?.status).toBe(200);
  expect(answer?.body.node).toBe('n1');
  expect(seen(answer?.body, 'spans')).toBe('green: Spans arrive: 30 in the last 29 s; workloads: 1 (a).');
  expect(seen(answer?.body, 'sampling')).toContain('About 50 %');
  expect(seen(answer?.body, 'istiod')).toContain('10.0.0.1:15014');
  expect(seen(answer?.body, 'access-log')).toContain('Of the last 1 lines of 1 proxies');
});

test('a store that answers nothing leaves lights unknown, and the others as they are', async () => {
  const [answer] = await ask(path, storeOf({}));
  expect(answer?.status).toBe(200);
  expect(seen(answer?.body, 'sampling')).toContain('unknown');
  expect(seen(answer?.body, 'configuration')).toContain('green');
});

test('without a store the lights that need one say so', async () => {
  const [answer] = await ask(path);
  for (const id of ['sampling', 'headers', 'clock', 'access-log']) {
    expect(seen(answer?.body, id)).toContain('unknown');
  }
});

test('the store is not asked for each who looks, but the status is', async () => {
  const store = storeOf({});
  let calls = 0;
  const looks = await ask(`${path} ${path} ${path}`, store, () => {
    calls += 1;
    return { ...status, nowMs: nowMs + calls, warnings: Array.from({ length: calls }, () => 'w') };
  });
  expect(store.asked).toHaveLength(5);
  expect(looks.map(({ body }) => seen(body, 'configuration').slice(0, 22))).toEqual([
    'yellow: Warnings: 1. T',
    'yellow: Warnings: 2. T',
    'yellow: Warnings: 3. T',
  ]);
  const later = storeOf({});
  let ms = nowMs;
  await ask(`${path} ${path}`, later, () => {
    ms += 5_000;
    return { ...status, nowMs: ms };
  });
  expect(later.asked).toHaveLength(10);
});

test('parameters that mean nothing are refused', async () => {
  const [answer] = await ask(`${path}?node=x`);
  expect(answer).toMatchObject({ status: 400, text: expect.stringContaining('node') });
});
