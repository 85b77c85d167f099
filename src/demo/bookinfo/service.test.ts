import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { get } from '../mesh/http-get.ts';
import { close, listen } from '../mesh/listening.ts';
import { Topology, type Workload } from '../mesh/topology.ts';
import type { Conditions, MakeApplication } from './application.ts';
import { details as detailsApplication } from './details.ts';
import { productpage as productpageApplication } from './productpage.ts';
import { ratings as ratingsApplication } from './ratings.ts';
import { reviews as reviewsApplication } from './reviews.ts';
import { Service } from './service.ts';

const topology = new Topology();
const details = topology.workload('details-v1');
const productpage = topology.workload('productpage-v1');
const ratings = topology.workload('ratings-v1');
const reviewsV1 = topology.workload('reviews-v1');
const reviewsV2 = topology.workload('reviews-v2');
const reviewsV3 = topology.workload('reviews-v3');

const applications: Readonly<Record<string, MakeApplication>> = {
  details: detailsApplication,
  productpage: productpageApplication,
  ratings: ratingsApplication,
  reviews: reviewsApplication,
};

interface Call {
  readonly to: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** In the place of the sidecar: takes the calls of the service, and answers as the test says. */
let sidecar: Server;
let calls: Call[];
let answers: Record<string, { readonly status: number; readonly body: object }>;
let service: Service | undefined;
let lines: { readonly stream: string; readonly line: string }[];
let port: number;
let conditions: Conditions;

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

beforeEach(async () => {
  calls = [];
  lines = [];
  answers = {};
  conditions = { timeoutsRepaired: false, appsWithoutTraceHeaders: [] };
  sidecar = createServer((request, response) => {
    const to = request.headers.host;
    calls.push({ to, path: request.url, headers: request.headers });
    const { status, body } = answers[to ?? ''] ?? { status: 503, body: {} };
    response.writeHead(status).end(JSON.stringify(body));
  });
  await listen(sidecar, '127.0.0.1', 0);
});

afterEach(async () => {
  await service?.stop();
  await close(sidecar);
});

async function start(workload: Workload): Promise<void> {
  const make = applications[workload.app];
  if (make === undefined) {
    throw new Error(`${workload.app} has no application`);
  }
  const probe = createServer();
  await listen(probe, '127.0.0.1', 0);
  port = portOf(probe);
  await close(probe);
  const out = { host: '127.0.0.1', port: portOf(sidecar) };
  const write = (stream: string, line: string) => lines.push({ stream, line });
  service = new Service(make, { workload, write, conditions: () => conditions }, { http: out, tcp: out });
  await service.start({ host: '127.0.0.1', port });
}

async function ask(path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const answer = await get({ host: '127.0.0.1', port, path, headers, timeoutMs: 30_000 });
  return { status: answer?.status ?? 0, text: answer?.body.toString() ?? '' };
}

const rated = { status: 200, body: { id: 0, ratings: { Reviewer1: 5, Reviewer2: 4 } } };

describe('reviews', () => {
  test('v1 asks nobody, and has no stars', async () => {
    await start(reviewsV1);
    const { status, text } = await ask('/reviews/0');
    expect(status).toBe(200);
    expect(text).not.toContain('rating');
    expect(calls).toEqual([]);
  });

  test.each([
    { version: 'v2', workload: reviewsV2, color: 'black' },
    { version: 'v3', workload: reviewsV3, color: 'red' },
  ])('$version has $color stars', async ({ workload, color }) => {
    answers['ratings:9080'] = rated;
    await start(workload);
    const { reviews, podname } = JSON.parse((await ask('/reviews/0')).text);
    expect(podname).toBe(workload.pod);
    expect(reviews.map(({ rating }: { rating: object }) => rating)).toEqual([
      { stars: 5, color },
      { stars: 4, color },
    ]);
    expect(calls.map(({ to, path }) => `${to}${path}`)).toEqual(['ratings:9080/ratings/0']);
  });

  test('passes on what keeps a call in its trace, and nothing else', async () => {
    answers['ratings:9080'] = rated;
    await start(reviewsV2);
    const kept = {
      'x-request-id': 'r1',
      'x-b3-traceid': '463ac35c9f6413ad48485a3953bb6124',
      'x-b3-spanid': 'a2fb4a1d1a96d312',
      'x-b3-parentspanid': '0020000000000001',
      'x-b3-sampled': '1',
      'end-user': 'jason',
      'user-agent': 'somebody',
    };
    await ask('/reviews/0', { ...kept, 'x-envoy-peer-metadata-id': 'sidecar~a~b~c', cookie: 'secret' });
    expect(calls[0]?.headers).toMatchObject(kept);
    expect(calls[0]?.headers.cookie).toBeUndefined();
    expect(calls[0]?.headers['x-envoy-peer-metadata-id']).toBeUndefined();
  });

  test('passes on no trace headers where its app is one of those that do not', async () => {
    answers['ratings:9080'] = rated;
    conditions = { timeoutsRepaired: false, appsWithoutTraceHeaders: ['reviews'] };
    await start(reviewsV2);
    await ask('/reviews/0', { 'x-b3-traceid': '463ac35c9f6413ad48485a3953bb6124', 'end-user': 'jason' });
    expect(calls[0]?.headers['x-b3-traceid']).toBeUndefined();
    expect(calls[0]?.headers['end-user']).toBe('jason');
  });

  test('is good without ratings, but says so, also in its log', async () => {
    answers['ratings:9080'] = { status: 500, body: { error: 'no' } };
    await start(reviewsV2);
    const { status, text } = await ask('/reviews/0', { 'x-b3-traceid': 'abc' });
    expect(status).toBe(200);
    expect(text).toContain('Ratings service is currently unavailable');
    expect(lines.map(({ line }) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'error', trace_id: 'abc', status: 200, path: '/reviews/0' }),
    ]);
  });
});

describe('ratings', () => {
  test('fails once in 23 times, with a stack over several lines', async () => {
    await start(ratings);
    const statuses: number[] = [];
    for (let n = 0; n < 23; n++) {
      statuses.push((await ask('/ratings/0', { 'x-b3-traceid': `t${n}` })).status);
    }
    expect(statuses.filter((status) => status === 500)).toHaveLength(1);
    const errors = lines.filter(({ stream }) => stream === 'stderr').map(({ line }) => line);
    expect(errors[0]).toMatch(/^ERROR .* trace=t22$/);
    expect(errors.slice(2)).toHaveLength(3);
    expect(errors.slice(2).every((line) => line.startsWith('    at '))).toBe(true);
  });
});

describe('details', () => {
  test('knows one book', async () => {
    await start(details);
    expect((await ask('/details/0')).status).toBe(200);
    expect((await ask('/details/7')).status).toBe(404);
    expect(lines.map(({ line }) => line)).toEqual([
      expect.stringMatching(/\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/details\/0 HTTP\/1.1" 200 \d+$/),
      expect.stringMatching(/"GET \/details\/7 HTTP\/1.1" 404 \d+$/),
    ]);
  });
});

describe('productpage', () => {
  const book = { status: 200, body: { id: 0, author: 'William Shakespeare' } };
  const review = { reviewer: 'Reviewer1', text: 'Good.', rating: { stars: 4, color: 'red' } };

  test('shows details and reviews with their stars', async () => {
    answers = {
      'details:9080': book,
      'reviews:9080': { status: 200, body: { podname: 'reviews-v3-x', reviews: [review] } },
    };
    await start(productpage);
    const { status, text } = await ask('/productpage');
    expect(status).toBe(200);
    expect(text).toContain('<dd>William Shakespeare</dd>');
    expect(text).toContain('<span class="red">★★★★☆</span>');
    expect(text).toContain('Reviews served by: <code>reviews-v3-x</code>');
  });

  test('sends the name of who has signed in with its calls, and of nobody else', async () => {
    await start(productpage);
    const login = (body: string) =>
      get({ host: '127.0.0.1', port, path: '/login', method: 'POST', body, timeoutMs: 30_000 });
    const answer = await login('username=jason&passwd=');
    expect(answer).toMatchObject({ status: 302, headers: { location: '/productpage' } });
    const cookie = answer?.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    await ask('/api/v1/products/0', { cookie });
    await ask('/api/v1/products/0', { 'end-user': 'pushed in' });
    expect(calls.map(({ headers }) => headers['end-user'])).toEqual(['jason', undefined]);
    expect((await login('username=%20'))?.headers['set-cookie']?.[0]).toMatch(/^session=;/);
    expect((await ask('/login')).status).toBe(405);
  });

  test('asks for reviews once more where they fail, and for details once', async () => {
    await start(productpage);
    await ask('/productpage');
    expect(calls.map(({ path }) => path)).toEqual(['/details/0', '/reviews/0', '/reviews/0']);
    const { status, text } = await ask('/api/v1/products/0/reviews');
    expect(status).toBe(500);
    expect(JSON.parse(text)).toEqual({ error: 'Sorry, product reviews are currently unavailable for this book.' });
  });

  test('is good without them, and says sorry', async () => {
    await start(productpage);
    const { status, text } = await ask('/productpage');
    expect(status).toBe(200);
    expect(text).toContain('Sorry, product reviews are currently unavailable for this book.');
    expect(text).toContain('Sorry, product details are currently unavailable for this book.');
  });

  test('hands on the answers of the services, also bad ones', async () => {
    answers = { 'details:9080': book, 'ratings:9080': { status: 500, body: { error: 'no' } } };
    await start(productpage);
    expect(JSON.parse((await ask('/api/v1/products/0')).text)).toEqual(book.body);
    expect((await ask('/api/v1/products/0/ratings', { 'x-b3-traceid': 'abc' })).status).toBe(500);
    expect((await ask('/api/v1/products')).text).toContain('The Comedy of Errors');
    expect((await ask('/elsewhere')).status).toBe(404);
    expect(lines.map(({ line }) => line.slice(24))).toEqual([
      expect.stringMatching(/^INFO productpage: "GET \/api\/v1\/products\/0 HTTP\/1.1" 200 /),
      expect.stringMatching(/^ERROR productpage: .* 500 \d+ms trace_id=abc$/),
      expect.stringMatching(/^INFO /),
      expect.stringMatching(/^WARNING .* 404 /),
    ]);
  });
});
