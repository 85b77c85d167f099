import { readFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../fakes/free-port.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

interface Afar {
  readonly title: string;
  /** Where the daemon listens. */
  readonly host: string;
  /** Where requests come from. */
  readonly from: string;
}

/** Istio's sidecars deliver what anyone in the mesh sends from 127.0.0.6, so that only 127.0.0.1 is this machine itself. */
const sidecar: Afar = { title: 'as a sidecar delivers it, from 127.0.0.6', host: '127.0.0.1', from: '127.0.0.6' };

function ownAddress(): Afar | undefined {
  const found = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  const address = found.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  return address === undefined ? undefined : { title: 'from an address of the network', host: address, from: address };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function call(
  { host, from }: Afar,
  port: number,
  { method = 'GET', path, body = '', headers = {} }: Call,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = method === 'POST' ? { 'content-length': Buffer.byteLength(body) } : {};
    const out = request(
      { host, port, path, method, localAddress: from, headers: { ...length, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    out.once('error', reject);
    out.end(body);
  });
}

const json = { 'content-type': 'application/json' };
const open: readonly (Call & { readonly status: number })[] = [
  { method: 'POST', path: '/api/v2/spans', body: '[{"traceId":"a","id":"b"}]', headers: json, status: 202 },
  { method: 'POST', path: '/api/v1/spans', body: '[{"traceId":"a","id":"b"}]', headers: json, status: 202 },
  { method: 'POST', path: '/v1/traces', body: '{"resourceSpans":[]}', headers: json, status: 200 },
  { method: 'POST', path: '/v1/write/rum?precision=ms', body: 'view,app_id=a,view_id=afar time_spent=1', status: 200 },
  { path: '/v1/env_variable?app_id=a', status: 200 },
  { path: '/v1/ping', status: 200 },
  { path: '/v1/health', status: 200 },
  { path: '/-/healthy', status: 200 },
  { path: '/-/ready', status: 200 },
];
const reading = [
  '/',
  '/ui/',
  '/metrics',
  '/api/native/status',
  '/api/native/targets',
  '/api/native/setup',
  '/api/native/metrics/catalogue',
  '/api/native/logs/search',
  '/api/native/rum/overview',
  '/api/native/rum/points',
  '/api/v1/query?query=1',
  '/api/v1/labels',
  '/api/v2/services',
  '/api/v2/trace/a',
  '/zipkin/api/v2/services',
];

for (const afar of [sidecar, ownAddress()].filter((one) => one !== undefined)) {
  describe(afar.title, () => {
    let dir: TempDir;
    let daemon: Daemon;
    let port: number;

    beforeAll(async () => {
      dir = await tempDir();
      port = await freePort();
      daemon = await startDaemon({ dir: dir.path, port, host: afar.host });
    }, 180_000);

    afterAll(async () => {
      await daemon?.end();
      await dir.remove();
    });

    test.each(open)('$path is open to everyone', async ({ status, ...what }) => {
      expect((await call(afar, port, what)).status).toBe(status);
    });

    test.each(reading)('%s asks for the token, and names the setting that opens it', async (path) => {
      const refused = await call(afar, port, { path });
      expect(refused.status).toBe(401);
      expect(refused.headers['www-authenticate']).toContain('Bearer');
      expect(refused.text).toMatch(/\[server\] token_file.*data directory.*\[server\] trusted/);
      const wrong = await call(afar, port, { path, headers: { authorization: 'Bearer not-the-token-of-this-daemon' } });
      expect([wrong.status, wrong.text]).toEqual([401, expect.stringContaining('sent a token that is not known')]);
      const token = (await readFile(join(dir.path, 'data', 'token'), 'utf8')).trim();
      const right = await call(afar, port, { path, headers: { authorization: `Bearer ${token}` } });
      expect(right.status).not.toBe(401);
    });

    test('the page asks a browser for the token, and lets it in', async () => {
      const asked = await call(afar, port, { path: '/', headers: { accept: 'text/html' } });
      expect([asked.status, asked.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
      expect(asked.text).toContain('<script');
      const token = (await readFile(join(dir.path, 'data', 'token'), 'utf8')).trim();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const login = { method: 'POST', path: '/api/native/login', body: `token=${token}`, headers };
      const cookie = (await call(afar, port, login)).headers['set-cookie']?.[0]?.split(';')[0] ?? '';
      expect((await call(afar, port, { path: '/api/native/status', headers: { cookie } })).status).toBe(200);
    });

    test('browsers may send 100 times a second, 500 times at once, and are kept', async () => {
      const body = (id: number): string => `view,app_id=a,view_id=burst-${id} time_spent=1`;
      const send = async (id: number): Promise<Answer> =>
        call(afar, port, { method: 'POST', path: '/v1/write/rum', body: body(id) });
      const answers: Answer[] = [];
      // Until the first refusal: a slow machine earns requests while it sends.
      for (let from = 0; from < 5_000 && answers.every(({ status }) => status === 200); from += 50) {
        answers.push(...(await Promise.all(Array.from({ length: 50 }, (_, i) => send(from + i)))));
      }
      const taken = answers.filter(({ status }) => status === 200).length;
      const refused = answers.find(({ status }) => status === 429);
      expect(taken).toBeGreaterThanOrEqual(490);
      expect([refused?.headers['retry-after'], refused?.text]).toEqual([
        '1',
        expect.stringContaining('reachMaxAPILimit'),
      ]);
      const token = (await readFile(join(dir.path, 'data', 'token'), 'utf8')).trim();
      const headers = { authorization: `Bearer ${token}` };
      await until(
        async () => {
          const { text } = await call(afar, port, { path: '/api/native/rum/overview', headers });
          return JSON.parse(text).totals.views === taken + 1;
        },
        { withinMs: 60_000, what: 'all views that were taken' },
      );
    }, 180_000);

    test('records of agents are taken with a token alone', async () => {
      const refused = await call(afar, port, { method: 'POST', path: '/api/native/records' });
      expect([refused.status, refused.text]).toEqual([401, expect.stringContaining('[server] ingest_token_file')]);
    });
  });
}
