import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { until } from '../../../test/fakes/until.ts';
import { rumLine } from './rum-lines.ts';
import { Visit } from './visit.ts';
import { Visitors, visitorOf } from './visitors.ts';

interface Asked {
  readonly path: string | undefined;
  readonly trace: string | undefined;
  readonly cookie: string | undefined;
}

let asked: Asked[];
let sent: string[];
let reviewsStatus: number;
let servers: Server[];
let gateway: { host: string; port: number };
let rum: { host: string; port: number };

beforeEach(async () => {
  asked = [];
  sent = [];
  reviewsStatus = 200;
  const shop = createServer((request, response) => {
    const trace = request.headers['x-b3-traceid'];
    asked.push({
      path: request.url,
      trace: trace === undefined ? undefined : String(trace),
      cookie: request.headers.cookie,
    });
    if (request.url === '/login') {
      response.writeHead(302, { 'set-cookie': 'session=jason; Path=/', location: '/productpage' }).end();
    } else {
      response.writeHead(request.url?.endsWith('/reviews') === true ? reviewsStatus : 200).end('x');
    }
  });
  const collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    sent.push(`${request.method} ${request.url}\n${Buffer.concat(chunks)}`);
    response.writeHead(200).end();
  });
  servers = [shop, collector];
  [gateway, rum] = [await placeOf(shop), await placeOf(collector)];
});

afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function placeOf(server: Server): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const somebody = { user: 'u', signsInAs: undefined, browser: 'Firefox', os: 'Mac OS', meetsError: false };

test('a visit is one view with its resources, and what a script asks for is marked with its trace', async () => {
  const visit = new Visit(gateway, somebody);
  await visit.make();
  expect(asked.map(({ path }) => path)).toEqual(['/productpage', '/static/bookinfo.css', '/api/v1/products/0/reviews']);
  expect(visit.points.map(({ measurement }) => measurement)).toEqual(['resource', 'resource', 'resource', 'view']);
  const marked = visit.points.filter(({ tags }) => tags['trace_id'] !== undefined);
  expect(marked.map(({ tags }) => [tags['resource_type'], tags['trace_id']])).toEqual([['fetch', asked[2]?.trace]]);
  expect(asked.slice(0, 2).map(({ trace }) => trace)).toEqual([undefined, undefined]);
  expect(new Set(visit.points.map(({ tags }) => `${tags['session_id']} ${tags['view_id']}`)).size).toBe(1);
});

test('who signs in clicks, has a second view, and is known there', async () => {
  const visit = new Visit(gateway, { ...somebody, signsInAs: 'jason' });
  await visit.make();
  expect(visit.points.filter(({ measurement }) => measurement === 'view')).toHaveLength(2);
  expect(visit.points.find(({ measurement }) => measurement === 'action')?.tags).toMatchObject({
    action_name: 'Sign in',
  });
  expect(asked.at(-1)).toMatchObject({ path: '/api/v1/products/0/reviews', cookie: 'session=jason' });
});

test('what the shop cannot answer is an error of the view, with the same trace', async () => {
  reviewsStatus = 503;
  const visit = new Visit(gateway, { ...somebody, meetsError: true });
  await visit.make();
  const errors = visit.points.filter(({ measurement }) => measurement === 'error');
  expect(errors.map(({ tags }) => [tags['error_source'], tags['trace_id']])).toEqual([
    ['network', asked[2]?.trace],
    ['source', undefined],
  ]);
  expect(visit.points.at(-1)?.fields['view_error_count']).toBe(2);
});

test('a shop that does not answer at all does not end the visits', async () => {
  const visit = new Visit({ host: '127.0.0.1', port: 1 }, somebody);
  await visit.make();
  expect(visit.points.filter(({ measurement }) => measurement === 'error')).toHaveLength(3);
});

test('lines keep what they mean', () => {
  const tags = { os: 'Mac OS', a: 'x,y=z', empty: '' };
  expect(rumLine({ measurement: 'error', tags, fields: { n: 1.6, text: 'a "b" \\ c' }, atMs: 5.2 })).toBe(
    'error,os=Mac\\ OS,a=x\\,y\\=z n=2,text="a \\"b\\" \\\\ c" 5',
  );
});

test('visitors come one after the other and tell the collector, until they are stopped', async () => {
  const visitors = new Visitors({ gateway, rum, pace: { firstAfterMs: 0, everyMs: 1 } });
  visitors.start();
  await until(() => sent.length >= 2, { what: 'two visits' });
  await visitors.stop();
  expect(sent[0]).toMatch(/^POST \/v1\/write\/rum\?precision=ms\nresource,app_id=bookinfo,.*userid=visitor-1,/);
  expect(sent[1]).toContain('userid=visitor-2,');
  const count = asked.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toHaveLength(count);
});

test('among twelve visitors some sign in and some meet an error', () => {
  const all = Array.from({ length: 12 }, (_, n) => visitorOf(n));
  expect(all.filter(({ signsInAs }) => signsInAs === 'jason')).toHaveLength(4);
  expect(all.filter(({ meetsError }) => meetsError)).toHaveLength(3);
  expect(new Set(all.map(({ user }) => user)).size).toBe(12);
});
