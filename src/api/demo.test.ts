import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import type { DemoDesk, DemoRequest, DemoView } from '../contract/demo.ts';
import { demoRoutes } from './demo.ts';

const view: DemoView = {
  productpage: 'http://127.0.0.1:8080/productpage',
  namespace: 'default',
  kubeconfig: '/data/demo/kubeconfig',
  pagesPerSecond: 5,
  switches: [{ name: 'all-v1', group: 'routing', summary: 'Every call goes to v1.', isOn: false }],
  rules: ['VirtualService default/bookinfo'],
  notes: [],
};

let asked: DemoRequest[];
let answer: Awaited<ReturnType<DemoDesk['ask']>>;
let served: Awaited<ReturnType<typeof serveRoutes>>;

beforeEach(async () => {
  asked = [];
  answer = view;
  const demo: DemoDesk = {
    ask: async (request) => {
      asked.push(request);
      return answer;
    },
  };
  served = await serveRoutes(demoRoutes({ demo }), 'main');
});

afterEach(() => served.close());

async function call(path: string, body?: unknown, type = 'application/json') {
  const init = { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) };
  const response = await fetch(`${served.url}/api/native/demo${path}`, body === undefined ? {} : init);
  return { status: response.status, text: await response.text() };
}

test('what is on is told, with the groups in their order', async () => {
  const { status, text } = await call('');
  expect([status, JSON.parse(text)]).toEqual([
    200,
    { ...view, groups: ['routing', 'faults', 'telemetry', 'cluster', 'metrics pages'] },
  ]);
});

test('each route asks what it is for', async () => {
  const files = [{ file: 'a.yaml', text: 'kind: VirtualService' }];
  await call('/switches/all-v1', { on: true });
  await call('/apply', { files });
  await call('/delete', { files });
  await call('/load', { pagesPerSecond: 7 });
  expect(asked).toEqual([
    { ask: 'set', name: 'all-v1', on: true },
    { ask: 'apply', files },
    { ask: 'delete', files },
    { ask: 'load', pagesPerSecond: 7 },
  ]);
});

test('what is refused is a 422 with a line for each reason', async () => {
  answer = { refused: ['a.yaml:1  kind is missing', 'a.yaml:9  spec is missing'] };
  const { status, text } = await call('/apply', { files: [{ file: 'a.yaml', text: '' }] });
  expect([status, JSON.parse(text)]).toEqual([
    422,
    { error: 'a.yaml:1  kind is missing\na.yaml:9  spec is missing', refused: answer.refused },
  ]);
});

test('a demo that does not run says why', async () => {
  answer = { unavailable: 'python3 is missing' };
  expect(await call('')).toEqual({ status: 503, text: '{"error":"python3 is missing"}' });
});

test('a form of another page, which needs no leave of ours, changes nothing', async () => {
  const { status } = await call('/switches/all-v1', { on: true }, 'text/plain');
  expect([status, asked]).toEqual([400, []]);
});

test.each([
  ['/switches/all-v1', { on: 'yes' }],
  ['/apply', { files: [] }],
  ['/apply', { files: [{ file: 'a' }] }],
  ['/delete', {}],
  ['/load', { pagesPerSecond: '5' }],
  ['/load', 7],
])('%s does not take %j', async (path, body) => {
  expect([(await call(path, body)).status, asked]).toEqual([400, []]);
});

test('without a demo there are no such routes', () => {
  expect(demoRoutes({})).toEqual([]);
});
