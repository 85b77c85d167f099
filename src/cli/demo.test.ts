import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import { type TempDir, tempDir } from '../../test/fakes/temp-dir.ts';
import { demoRoutes } from '../api/demo.ts';
import type { DemoDesk, DemoRequest } from '../contract/demo.ts';
import { type DemoOptions, demo } from './demo.ts';

let dir: TempDir;
let asked: DemoRequest[];
let answer: Awaited<ReturnType<DemoDesk['ask']>>;
let served: Awaited<ReturnType<typeof serveRoutes>> | undefined;

beforeEach(async () => {
  dir = await tempDir('meshbridge-demo-cli-');
  asked = [];
  answer = {
    productpage: 'http://127.0.0.1:8080/productpage',
    namespace: 'default',
    kubeconfig: '/data/demo/kubeconfig',
    pagesPerSecond: 5,
    switches: [
      { name: 'all-v1', group: 'routing', summary: 'Every call goes to v1.', isOn: true },
      { name: 'burst', group: 'cluster', summary: 'Many pages.', isOn: false },
    ],
    rules: ['VirtualService default/reviews'],
    notes: ['VirtualService default/reviews configured'],
  };
  const ask: DemoDesk['ask'] = async (request) => {
    asked.push(request);
    return answer;
  };
  served = await serveRoutes(demoRoutes({ demo: { ask } }), 'main');
});

afterEach(async () => {
  await served?.close();
  await dir.remove();
});

type Action = { readonly json?: boolean } & Readonly<Record<string, unknown>>;

async function run(action: Action): Promise<{ code: number; out: string[]; err: string[] }> {
  const said = { out: [] as string[], err: [] as string[] };
  const options = { to: served?.url ?? '', dataDir: dir.path, json: false, ...action } as DemoOptions;
  const code = await demo(options, {
    out: (text) => said.out.push(text),
    err: (text) => said.err.push(text),
    hasColours: false,
  });
  return { code, ...said };
}

test('the list has every switch with what it does, and the rules', async () => {
  const { code, out } = await run({ action: 'list' });
  expect([code, asked]).toEqual([0, [{ ask: 'view' }]]);
  expect(out.join('\n')).toBe(`Bookinfo is at http://127.0.0.1:8080/productpage, with 5 pages a second.
kubectl --kubeconfig /data/demo/kubeconfig asks its cluster.

routing
  on   all-v1  Every call goes to v1.
cluster
  off  burst   Many pages.

rules
  VirtualService default/reviews`);
});

test('files are sent as they are, and what became of them is said as kubectl says it', async () => {
  const file = join(dir.path, 'rule.yaml');
  await writeFile(file, 'kind: VirtualService\n');
  const { code, out } = await run({ action: 'apply', files: [file] });
  expect([code, out]).toEqual([0, ['VirtualService default/reviews configured']]);
  expect(asked).toEqual([{ ask: 'apply', files: [{ file, text: 'kind: VirtualService\n' }] }]);
});

test('a switch and the load are turned', async () => {
  await run({ action: 'set', name: 'all-v1', on: false });
  await run({ action: 'load', pagesPerSecond: 0.5 });
  expect(asked).toEqual([
    { ask: 'set', name: 'all-v1', on: false },
    { ask: 'load', pagesPerSecond: 0.5 },
  ]);
});

test('what is refused ends with 1, each reason on a line of its own', async () => {
  answer = { refused: ['f.yaml:3  spec is missing', 'f.yaml:9  kind is missing'] };
  expect(await run({ action: 'set', name: 'x', on: true })).toEqual({
    code: 1,
    out: [],
    err: ['f.yaml:3  spec is missing', 'f.yaml:9  kind is missing'],
  });
});

test('a file that is not there is named', async () => {
  await expect(run({ action: 'apply', files: ['/nowhere/x.yaml'] })).rejects.toThrow(
    '/nowhere/x.yaml cannot be read: there is no such file',
  );
});

test('a demo that could not start says why', async () => {
  answer = { unavailable: 'python3 is missing' };
  await expect(run({ action: 'list' })).rejects.toThrow('cannot be asked: python3 is missing');
});

test('a daemon without a demo, and none at all, are told apart', async () => {
  await served?.close();
  served = await serveRoutes([], 'main');
  await expect(run({ action: 'list' })).rejects.toThrow('runs without a demo: start one with "meshbridge run --demo"');
  const { url } = served;
  await served.close();
  served = undefined;
  await expect(run({ action: 'list', to: url })).rejects.toThrow('nothing listens there; name another with --to');
});
