import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

jest.setTimeout(180_000);

const patient = { withinMs: 60_000 };
const categorize = { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' };
const traceId = '7f3c19d2a45e4b0f8a1c6d9e2b3f4a5c';
/** Lines of each of the three containers, one a second, the last of them a minute ago. */
const lineCount = 120;

interface Stream {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [string, string, Categories?])[];
}
interface Categories {
  readonly structuredMetadata?: Readonly<Record<string, string>>;
  readonly parsed?: Readonly<Record<string, string>>;
}
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}
interface Result<T> {
  readonly status: string;
  readonly data: {
    readonly resultType: string;
    readonly result: readonly T[];
    readonly encodingFlags?: readonly string[];
    readonly stats: { readonly summary: Readonly<Record<string, number>> };
  };
}

let dir: TempDir;
let daemon: Daemon;
let startMs: number;

function cri(atMs: number, stream: string, text: string): string {
  return `${new Date(atMs).toISOString().replace('Z', '000000Z')} ${stream} F ${text}\n`;
}

/** Text as Istio's sidecars write it. */
function access(path: string, code: number): string {
  const ids = `"-" "curl/8" "0b7c6f1e-${code}" "reviews:9080" "10.0.0.7:9080"`;
  const peers = 'outbound|9080||reviews.shop.svc.cluster.local 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3 - default';
  return `[2026-11-21T09:39:00.695Z] "GET ${path} HTTP/1.1" ${code} - via_upstream - "-" 0 295 12 11 ${ids} ${peers}`;
}

const writers: Readonly<Record<string, (i: number) => string>> = {
  'reviews-1/app': (i) =>
    `level=${i % 10 === 0 ? 'error' : 'info'} msg="served" status=${i % 4 === 0 ? 500 : 200} took=${i}ms`,
  'ratings-1/app': (i) =>
    JSON.stringify({
      level: 'warn',
      msg: `rated ${i}`,
      user: { id: `u${i % 3}` },
      ...(i === 7 ? { trace_id: traceId } : {}),
    }),
  'reviews-1/istio-proxy': (i) => access(`/reviews/${i % 2}`, i % 5 === 0 ? 503 : 200),
};

function write(name: string, text: string): void {
  const [pod = '', container = ''] = name.split('/');
  const logs = join(dir.path, 'pods', `shop_${pod}_0b7c6f1e`, container);
  mkdirSync(logs, { recursive: true });
  appendFileSync(join(logs, '0.log'), text);
}

async function get(path: string, parameters: Readonly<Record<string, string>>, headers = {}): Promise<Response> {
  return fetch(`${daemon.url}${path}?${new URLSearchParams(parameters)}`, { headers });
}

/** The data source's own way to write a range: ns. */
function range(): { readonly start: string; readonly end: string } {
  return { start: `${startMs}000000`, end: `${startMs + lineCount * 1_000}000000` };
}

async function ask<T>(path: string, parameters: Readonly<Record<string, string>> = {}, headers = {}): Promise<T> {
  const answer = await get(`/loki/api/v1/${path}`, { ...range(), ...parameters }, headers);
  const text = await answer.text();
  expect({ path, status: answer.status, text: answer.status === 200 ? '' : text }).toEqual({
    path,
    status: 200,
    text: '',
  });
  return JSON.parse(text);
}

async function streams(
  query: string,
  more: Readonly<Record<string, string>> = {},
  headers = {},
): Promise<Result<Stream>['data']> {
  return (await ask<Result<Stream>>('query_range', { query, limit: '1000', direction: 'backward', ...more }, headers))
    .data;
}

async function lines(query: string): Promise<string[]> {
  return (await streams(query)).result.flatMap(({ values }) => values.map(([, line]) => line));
}

beforeAll(async () => {
  dir = await tempDir();
  startMs = Math.floor(Date.now() / 1_000) * 1_000 - 60_000 - lineCount * 1_000;
  for (const [name, line] of Object.entries(writers)) {
    const texts = Array.from({ length: lineCount }, (_, i) =>
      cri(startMs + i * 1_000, i % 2 === 0 ? 'stdout' : 'stderr', line(i)),
    );
    write(name, texts.join(''));
  }
  daemon = await startDaemon({
    dir: dir.path,
    config: { 'container.conf': `[[inputs.container]]\n  root = "${join(dir.path, 'pods')}"\n  from = "beginning"\n` },
  });
  await until(async () => (await lines('{namespace="shop"}')).length === 3 * lineCount, {
    ...patient,
    what: 'all lines in the store',
  });
}, 120_000);

afterAll(async () => {
  await daemon?.end();
  await dir?.remove();
});

describe("Grafana's data source", () => {
  test('finds it healthy', async () => {
    const query = { direction: 'backward', query: 'vector(1)+vector(1)', time: `${Date.now()}000000` };
    const { data } = (await (await get('/loki/api/v1/query', query)).json()) as Result<Series>;
    expect(data.resultType).toBe('vector');
    expect(data.result).toEqual([{ metric: {}, value: [expect.any(Number), '2'] }]);
    expect(await (await get('/ready', {})).text()).toBe('ready\n');
    expect(await ask('status/buildinfo')).toMatchObject({ version: expect.stringMatching(/^3\./) });
  });

  test('lists labels and their values, all of them and those of a selector', async () => {
    expect(await ask('labels')).toEqual({
      status: 'success',
      data: expect.arrayContaining(['container', 'namespace', 'pod', 'service_name', 'stream', 'level']),
    });
    expect(await ask('label/pod/values')).toEqual({ status: 'success', data: ['ratings-1', 'reviews-1'] });
    expect(await ask('label/pod/values', { query: '{container="istio-proxy"}' })).toEqual({
      status: 'success',
      data: ['reviews-1'],
    });
    expect(await ask('label/level/values')).toEqual({ status: 'success', data: ['error', 'info', 'warn'] });
    expect(await ask('label/none/values')).toEqual({ status: 'success', data: [] });
  });

  test('lists series, asked by GET and by a form', async () => {
    const match = '{pod="ratings-1"}';
    const { data } = await ask<{ data: Record<string, string>[] }>('series', { 'match[]': match });
    expect(data.map(({ pod, stream }) => [pod, stream]).sort()).toEqual([
      ['ratings-1', 'stderr'],
      ['ratings-1', 'stdout'],
    ]);
    const body = new URLSearchParams({ ...range(), 'match[]': match });
    const posted = await fetch(`${daemon.url}/loki/api/v1/series`, { method: 'POST', body });
    expect(await posted.json()).toEqual({ status: 'success', data });
  });

  test('asks how much a query will read', async () => {
    const stats = await ask<Record<string, number>>('index/stats', { query: '{pod="ratings-1"}' });
    expect(stats).toEqual({
      streams: 1,
      chunks: expect.any(Number),
      bytes: expect.any(Number),
      entries: expect.any(Number),
    });
    expect(stats['bytes']).toBeGreaterThan(1000);
  });
});

describe('Explore', () => {
  test('gets lines newest first, with the labels of each told apart', async () => {
    const found = await streams('{pod="ratings-1", stream="stderr"} | json', { limit: '4', step: '1m0s' }, categorize);
    expect(found.resultType).toBe('streams');
    expect(found.encodingFlags).toEqual(['categorize-labels']);
    expect(found.result).toHaveLength(1);
    expect(found.result[0]?.stream).toMatchObject({
      namespace: 'shop',
      pod: 'ratings-1',
      stream: 'stderr',
      container: 'app',
    });
    const values = found.result[0]?.values ?? [];
    expect(values.map(([nanos]) => nanos)).toEqual([119, 117, 115, 113].map((i) => `${startMs + i * 1_000}000000`));
    expect(values[0]).toEqual([
      `${startMs + 119_000}000000`,
      writers['ratings-1/app']?.(119),
      { structuredMetadata: { detected_level: 'warn' }, parsed: { level: 'warn', msg: 'rated 119', user_id: 'u2' } },
    ]);
    expect(found.stats.summary['totalEntriesReturned']).toBe(4);
  });

  test('goes on where the last answer ended', async () => {
    const seen: string[] = [];
    let end = range().end;
    for (let page = 0; page < 20 && seen.length < lineCount; page++) {
      const { result } = await streams('{pod="ratings-1"}', { limit: '50', end });
      const values = result.flatMap((stream) => stream.values).sort(([a], [b]) => Number(b) - Number(a));
      seen.push(...values.map(([, line]) => line));
      end = values.at(-1)?.[0] ?? end;
    }
    expect(seen).toEqual(Array.from({ length: lineCount }, (_, i) => writers['ratings-1/app']?.(lineCount - 1 - i)));
  });

  test('shows the lines around one, both ways', async () => {
    const at = startMs + 60_000;
    const before = await streams('{pod="ratings-1"}', { end: `${at}000000`, limit: '2' });
    const after = await streams('{pod="ratings-1"}', { start: `${at}000000`, limit: '2', direction: 'FORWARD' });
    const numbers = ({ result }: Result<Stream>['data']): string[] =>
      result.flatMap(({ values }) => values.map(([, line]) => /rated (\d+)/.exec(line)?.[1] ?? ''));
    expect(numbers(before).sort()).toEqual(['58', '59']);
    expect(numbers(after).sort()).toEqual(['60', '61']);
  });

  test('draws the volume of lines by level', async () => {
    const query =
      'sum by (level, detected_level) (count_over_time({pod="reviews-1", container="app"} |= `` | drop __error__[1m]))';
    const { data } = await ask<Result<Series>>('query_range', {
      query,
      step: '60000ms',
      direction: 'backward',
      limit: '1000',
    });
    expect(data.resultType).toBe('matrix');
    const totals = data.result.map(({ metric, values }) => [
      metric['detected_level'],
      values?.reduce((sum, [, n]) => sum + Number(n), 0),
    ]);
    expect(totals.map(([level]) => level)).toEqual(['error', 'info']);
    expect(totals.every(([, sum]) => Number(sum) > 0)).toBe(true);
  });

  test.each([
    ['{pod="ratings-1"} |= "rated 11"', (i: number) => `${i}`.startsWith('11'), 'ratings-1/app'],
    ['{level="error"}', (i: number) => i % 10 === 0, 'reviews-1/app'],
    [
      '{container="app", pod="reviews-1"} | logfmt | status >= 500 and took > 100ms',
      (i: number) => i % 4 === 0 && i > 100,
      'reviews-1/app',
    ],
    [
      '{pod="ratings-1"} | json | user_id="u1" | msg=~".*[05]"',
      (i: number) => i % 3 === 1 && i % 5 === 0,
      'ratings-1/app',
    ],
    [`{namespace="shop"} | trace_id="${traceId}"`, (i: number) => i === 7, 'ratings-1/app'],
    [
      '{container="istio-proxy"} | response_code >= 500 | path="/reviews/0"',
      (i: number) => i % 10 === 0,
      'reviews-1/istio-proxy',
    ],
  ])('%s', async (query, isMeant, name) => {
    const expected = Array.from({ length: lineCount }, (_, i) => i)
      .filter(isMeant)
      .map((i) => writers[name]?.(i));
    expect((await lines(query)).sort()).toEqual(expected.sort());
  });

  test('is told what lines have, and where bytes come from', async () => {
    const { fields } = await ask<{
      fields: { label: string; type: string; cardinality: number; parsers: string[] | null }[];
    }>('detected_fields', { query: '{pod="ratings-1"}', line_limit: '100' });
    expect(fields).toContainEqual({ label: 'user_id', type: 'string', cardinality: 3, parsers: ['json'] });
    expect(fields).toContainEqual({ label: 'detected_level', type: 'string', cardinality: 1, parsers: null });
    expect(await ask('detected_field/user_id/values', { query: '{pod="ratings-1"}' })).toMatchObject({
      values: ['u0', 'u1', 'u2'],
    });
    const { detectedLabels } = await ask<{ detectedLabels: object[] }>('detected_labels');
    expect(detectedLabels).toContainEqual({ label: 'pod', cardinality: 2 });
    const { data } = await ask<Result<Series>>('index/volume', {
      query: '{service_name=~".+"}',
      targetLabels: 'pod',
      limit: '1',
    });
    expect(data.result).toHaveLength(1);
    expect(data.result[0]?.metric).toEqual({ pod: 'reviews-1' });
    const overTime = await ask<Result<Series>>('index/volume_range', { query: '{pod="ratings-1"}', step: '60' });
    expect(overTime.data.resultType).toBe('matrix');
    expect(await ask('patterns', { query: '{pod="ratings-1"}' })).toEqual({ status: 'success', data: [] });
  });
});

describe('a dashboard', () => {
  test('counts and rates by label, over time and at one time', async () => {
    const by = await ask<Result<Series>>('query_range', {
      query: 'sum by (pod) (count_over_time({namespace="shop"}[10s]))',
      step: '10',
    });
    const total = by.data.result.flatMap(({ values }) => values ?? []).reduce((sum, [, n]) => sum + Number(n), 0);
    // The first time of the range sees its own line alone, the end none.
    expect(total).toBe(3 * lineCount);
    const time = range().end;
    const rate = await ask<Result<Series>>('query', {
      query: 'sum(rate({pod="reviews-1", container="app"} | logfmt | status=500 [2m]))',
      time,
    });
    expect(rate.data.result).toEqual([{ metric: {}, value: [Number(time.slice(0, 10)), String(29 / 120)] }]);
    const slowest = await ask<Result<Series>>('query', {
      query: 'max_over_time({pod="reviews-1", container="app"} | logfmt | unwrap duration(took) [2m]) by (pod)',
      time,
    });
    expect(slowest.data.result).toEqual([
      { metric: { pod: 'reviews-1' }, value: [Number(time.slice(0, 10)), '0.119'] },
    ]);
    // The line at the very beginning of a range is not within it.
    const share = await ask<Result<Series>>('query', {
      query:
        'sum(count_over_time({container="istio-proxy"} | response_code>=500 [2m])) / sum(count_over_time({container="istio-proxy"}[2m]))',
      time,
    });
    expect(share.data.result[0]?.value?.[1]).toBe(String(23 / 119));
  });
});

describe('what is wrong', () => {
  test.each([
    ['query_range', { query: '{pod="x"' }, 'parse error at line 1, col 9: syntax error: unexpected $end'],
    ['query_range', { query: '{}' }, 'queries require at least one regexp or equality matcher'],
    [
      'query_range',
      { query: '{pod="x"} | line_format "{{ date .x }}"' },
      'the function date in a template is not evaluated by this version',
    ],
    ['query_range', { query: '{pod="x"}', limit: '5001' }, 'max entries limit per query exceeded'],
    [
      'query_range',
      { query: '{pod="x"}', end: '1', start: '2' },
      'end timestamp must not be before or equal to start time',
    ],
    ['query_range', { query: 'rate({pod="x"}[1m])', step: '1ms' }, 'exceeded maximum resolution of 11,000 points'],
    ['query', { query: '{pod="x"}' }, 'log queries are not supported as an instant query type'],
    ['query', { query: 'sum(count_over_time({pod="reviews-1"} | json [1h]))' }, "pipeline error: 'JSONParserErr'"],
    ['tail', { query: '{pod="x"}' }, 'the client is not using the websocket protocol'],
  ])('%s of %j is 400 and says why', async (path, parameters, message) => {
    const answer = await get(`/loki/api/v1/${path}`, { ...range(), ...parameters });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(message);
  });
});

describe('live tail', () => {
  interface Message {
    readonly streams: readonly Stream[];
    readonly dropped_entries: readonly object[];
    readonly encodingFlags?: readonly string[];
  }

  function tail(query: string): { readonly messages: Message[]; readonly closed: Promise<number>; close(): void } {
    const url = `${daemon.url.replace('http', 'ws')}/loki/api/v1/tail?${new URLSearchParams({ query, start: range().start, limit: '2' })}`;
    // biome-ignore lint/suspicious/noExplicitAny: the options of Node's own client are not in the DOM's types.
    const socket: WebSocket = new (WebSocket as any)(url, { headers: categorize });
    const messages: Message[] = [];
    socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(String(data))));
    const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
    return { messages, closed, close: () => socket.close(1000) };
  }

  test('begins with the newest lines, goes on with each new one once, and ends when it is told to', async () => {
    const query = '{pod="details-1"} |= "detail" | logfmt';
    write(
      'details-1/app',
      cri(Date.now() - 2_000, 'stdout', 'detail n=0') +
        cri(Date.now() - 1_000, 'stdout', 'detail n=1') +
        cri(Date.now() - 500, 'stdout', 'detail n=2'),
    );
    await until(
      async () =>
        (await (await get('/loki/api/v1/query_range', { query: '{pod="details-1"}' })).text()).includes('n=2'),
      { ...patient, what: 'the first lines' },
    );
    const { messages, closed, close } = tail(query);
    const numbers = (): string[] =>
      messages.flatMap(({ streams: all }) =>
        all.flatMap(({ values }) => values.map(([, , categories]) => categories?.parsed?.['n'] ?? '')),
      );
    await until(() => numbers().length === 2, { ...patient, what: 'the newest lines' });
    for (let i = 3; i < 9; i++) {
      write('details-1/app', cri(Date.now(), 'stdout', `detail n=${i}`) + cri(Date.now(), 'stdout', 'other'));
    }
    await until(() => numbers().length === 8, { ...patient, what: 'the new lines' });
    expect(numbers()).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
    expect(messages[0]).toMatchObject({ dropped_entries: [], encodingFlags: ['categorize-labels'] });
    close();
    expect(await closed).toBe(1000);
  });

  test('a wrong query is refused before the connection stands', async () => {
    expect(await tail('{pod="x"').closed).toBe(1006);
  });

  test('ends with the daemon, which does not wait for its viewers', async () => {
    const { closed } = tail('{pod="details-1"}');
    await until(async () => (await get('/loki/api/v1/labels', {})).status === 200, { ...patient, what: 'an answer' });
    const began = performance.now();
    const ended = daemon.end();
    expect([1000, 1001, 1006]).toContain(await closed);
    expect(await ended).toBe(0);
    expect(performance.now() - began).toBeLessThan(9_000);
  });
});
