import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import { healthRoutes } from './health.ts';
import { pageRoutes } from './page.ts';

function ask(routes: readonly HttpRoute[], path: string, rest = ''): Promise<HttpResponse> {
  const route = routes.find((one) => one.path === path);
  const request: HttpRequest = {
    method: 'GET',
    path,
    params: { '*': rest },
    query: new URLSearchParams(),
    headers: {},
    body: Buffer.alloc(0),
    remoteAddress: '127.0.0.1',
    signal: new AbortController().signal,
  };
  return route === undefined ? Promise.reject(new Error(`no route ${path}`)) : route.handle(request);
}

test('readiness names every reason, and the process is alive all the same', async () => {
  const reasons: string[] = ['queue/logs is being recovered', 'port 9529 is not open'];
  const routes = healthRoutes({
    version: '1.2.3',
    host: 'n1',
    startedAtMs: 0,
    now: () => 61_000,
    notReady: () => reasons,
  });
  expect(await ask(routes, '/-/ready')).toMatchObject({ status: 503, body: `${reasons.join('\n')}\n` });
  expect(await ask(routes, '/-/healthy')).toMatchObject({ status: 200 });
  reasons.length = 0;
  expect(await ask(routes, '/v1/health')).toMatchObject({ status: 200 });
  const ping = await ask(routes, '/v1/ping');
  expect(JSON.parse(String(ping.body))).toEqual({ content: { version: '1.2.3', uptime: '61s', host: 'n1' } });
});

test('the page serves its own files and nothing beside them', async () => {
  const top = await mkdtemp(join(tmpdir(), 'meshbridge-page-'));
  const dir = join(top, 'ui');
  await mkdir(join(dir, 'assets'), { recursive: true });
  await writeFile(join(dir, 'index.html'), '<html>');
  await writeFile(join(dir, 'assets', 'a-1.js'), 'x');
  await writeFile(join(top, 'secret.txt'), 'no');
  const routes = pageRoutes({ dir });
  expect(await ask(routes, '/')).toMatchObject({
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  });
  const script = await ask(routes, '/ui/*', 'assets/a-1.js');
  expect(script).toMatchObject({ status: 200, headers: { 'cache-control': expect.stringContaining('immutable') } });
  expect(await ask(routes, '/ui/*', '../secret.txt')).toMatchObject({ status: 404 });
  expect(await ask(routes, '/ui/*', 'absent.js')).toMatchObject({ status: 404 });
});

test('a page that was not built says what to run', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'meshbridge-page-'));
  expect(await ask(pageRoutes({ dir }), '/')).toMatchObject({
    status: 404,
    body: expect.stringContaining('npm run build'),
  });
});
