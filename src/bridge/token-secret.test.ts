import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HeldClock } from '../../test/fakes/clock.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { type TempDir, tempDir } from '../../test/fakes/temp-dir.ts';
import { until } from '../../test/fakes/until.ts';
import { loadFrom } from '../config/load.ts';
import { AccessPolicy, type Tokens } from '../http/access.ts';
import { placeOf, startTokenSecret, TokenSecret } from './token-secret.ts';

interface Stored {
  metadata: { resourceVersion: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  type?: string;
}

const path = '/api/v1/namespaces/mesh/secrets';

/** The Secrets of one namespace, as an API server keeps them. */
class FakeSecrets {
  readonly byName = new Map<string, Stored>();
  readonly calls: string[] = [];
  /** Answers with it instead. */
  refuse: { readonly method: string; readonly status: number } | undefined;
  /** Somebody else does this before the next write. */
  before: (() => void) | undefined;
  #version = 1;
  readonly #server = createServer((request, response) => {
    void this.#answer(request).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  put(name: string, values: Record<string, string>): void {
    const data = Object.fromEntries(
      Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
    );
    this.byName.set(name, { metadata: { resourceVersion: String(this.#version++) }, data });
  }

  values(name: string): Record<string, string> {
    const data = this.byName.get(name)?.data ?? {};
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
  }

  async #answer(request: IncomingMessage): Promise<[number, object]> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const method = request.method ?? '';
    this.calls.push(`${method} ${request.url}`);
    if (this.refuse?.method === method) {
      return [this.refuse.status, { message: `secrets is forbidden: cannot ${method}` }];
    }
    if (method !== 'GET') {
      this.before?.();
      this.before = undefined;
    }
    const body =
      chunks.length === 0
        ? undefined
        : (JSON.parse(Buffer.concat(chunks).toString()) as Stored & { metadata: { name: string } });
    return this.#do(method, request.url ?? '', body);
  }

  #do(method: string, url: string, body: (Stored & { metadata: { name: string } }) | undefined): [number, object] {
    const name = body?.metadata.name ?? url.slice(path.length + 1);
    const known = this.byName.get(name);
    if (method === 'GET') {
      return known === undefined
        ? [404, { message: 'not found' }]
        : [200, { ...known, metadata: { ...known.metadata, name } }];
    }
    if (body === undefined || !url.startsWith(path)) {
      return [400, { message: 'bad' }];
    }
    const isStale =
      method === 'POST' ? known !== undefined : known?.metadata.resourceVersion !== body.metadata.resourceVersion;
    if (isStale) {
      return [409, { message: 'conflict' }];
    }
    const stored = { ...body, metadata: { ...body.metadata, resourceVersion: String(this.#version++) } };
    this.byName.set(name, stored);
    return [method === 'POST' ? 201 : 200, stored];
  }
}

const own = { token: 'the-token-of-the-hub', ingestToken: 'the-ingest-token-of-the-hub' };
let server: FakeSecrets;
let url: string;
let dir: TempDir;
let clock: HeldClock;
let log: MemoryLog;
let adopted: Tokens[];
let secret: TokenSecret | undefined;

beforeEach(async () => {
  server = new FakeSecrets();
  url = await server.listen();
  dir = await tempDir();
  clock = new HeldClock();
  log = new MemoryLog();
  adopted = [];
});

afterEach(async () => {
  await secret?.stop();
  secret = undefined;
  await server.close();
  await dir.remove();
});

async function started(): Promise<TokenSecret> {
  secret = new TokenSecret({
    access: { url },
    place: { namespace: 'mesh', name: 'meshbridge-token' },
    own,
    adopt: (tokens) => adopted.push(tokens),
    userAgent: 'test',
    clock,
    log,
  });
  secret.start();
  await rested();
  return secret;
}

/** It sleeps until its next look. */
async function rested(): Promise<void> {
  await until(() => clock.sleepers === 1, { what: 'the next look is due' });
}

async function looksAgain(): Promise<void> {
  const calls = server.calls.length;
  await clock.advance(60_000);
  await until(() => server.calls.length > calls && clock.sleepers === 1, { what: 'another look' });
}

describe('the Secret', () => {
  test('is made where there is none, with both tokens', async () => {
    const made = await started();
    expect(server.values('meshbridge-token')).toEqual({ token: own.token, 'ingest-token': own.ingestToken });
    expect(server.byName.get('meshbridge-token')).toMatchObject({
      type: 'Opaque',
      metadata: { labels: { 'app.kubernetes.io/name': 'meshbridge' } },
    });
    expect(adopted).toEqual([own]);
    expect(made.status()).toEqual({ name: 'mesh/meshbridge-token' });
    await looksAgain();
    expect(server.calls.slice(2)).toEqual([`GET ${path}/meshbridge-token`]);
  });

  test('that is there is taken as it is, and followed', async () => {
    server.put('meshbridge-token', { token: 'another-token-by-hand', 'ingest-token': 'short', other: 'kept' });
    const one = await started();
    expect(adopted).toEqual([{ token: 'another-token-by-hand', ingestToken: undefined }]);
    expect(one.status().error).toContain('ingest-token has fewer than 16 characters');
    server.put('meshbridge-token', { token: 'another-token-by-hand', 'ingest-token': 'one-that-is-long-enough\n' });
    await looksAgain();
    expect(adopted.at(-1)).toEqual({ token: 'another-token-by-hand', ingestToken: 'one-that-is-long-enough' });
    expect(one.status()).toEqual({ name: 'mesh/meshbridge-token' });
    expect(server.calls.every((call) => call.startsWith('GET'))).toBe(true);
  });

  test('that lacks a token gets it, and keeps what it has', async () => {
    server.put('meshbridge-token', { other: 'kept', token: '', 'ingest-token': 'one-that-is-long-enough' });
    await started();
    const values = { other: 'kept', token: own.token, 'ingest-token': 'one-that-is-long-enough' };
    expect(server.values('meshbridge-token')).toEqual(values);
    expect(adopted).toEqual([{ token: own.token, ingestToken: 'one-that-is-long-enough' }]);
    await looksAgain();
    expect(server.calls.filter((call) => call.startsWith('PUT'))).toHaveLength(1);
  });

  test('that another hub makes at the same moment is taken', async () => {
    server.before = () =>
      server.put('meshbridge-token', { token: 'the-token-of-the-other', 'ingest-token': 'the-ingest-of-the-other' });
    const one = await started();
    expect(one.status()).toEqual({ name: 'mesh/meshbridge-token' });
    await looksAgain();
    expect(adopted).toEqual([{ token: 'the-token-of-the-other', ingestToken: 'the-ingest-of-the-other' }]);
    expect(log.at('warn')).toEqual([]);
  });

  test('that may not be made is said once, with the right to grant, and made when it is granted', async () => {
    server.refuse = { method: 'POST', status: 403 };
    const one = await started();
    expect(one.status()).toMatchObject({
      error: expect.stringContaining('HTTP 403'),
      hint: expect.stringMatching(/get, create and update of secrets .*Role in the namespace mesh.*token_file/),
    });
    await looksAgain();
    expect(log.at('warn')).toHaveLength(1);
    server.refuse = undefined;
    await looksAgain();
    expect(one.status()).toEqual({ name: 'mesh/meshbridge-token' });
    expect(adopted).toEqual([own]);
  });

  test('is waited for while there is no API server', async () => {
    await server.close();
    const one = await started();
    expect(one.status().error).toContain('ECONNREFUSED');
    expect(adopted).toEqual([]);
  });
});

describe('what the Secret says', () => {
  test('opens the doors beside the hub’s own token, which stays good', async () => {
    server.put('meshbridge-token', { token: 'another-token-by-hand', 'ingest-token': 'one-that-is-long-enough' });
    const policy = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token: own.token });
    const may = (token: string, access: 'reader' | 'ingest'): boolean =>
      policy.refusal(
        { method: 'POST', remoteAddress: '192.0.2.1', headers: { authorization: `Bearer ${token}` } },
        access,
      ) === undefined;
    const toml = `[kubernetes]\n  api_server = "${url}"\n  token_secret = "mesh/meshbridge-token"\n`;
    const config = await loadFrom(
      { sources: [{ file: 'a.conf', text: toml }], faults: [] },
      {
        flags: {},
        env: {},
        cwd: '/',
        definitions: { inputs: [], outputs: [] },
        where: { inCluster: false, readableDir: () => false },
      },
    );
    const common = { config, env: {}, dataDir: dir.path, token: own.token, userAgent: 'test', log };
    secret = await startTokenSecret({ ...common, policy });
    await until(() => may('another-token-by-hand', 'reader'), { what: 'the token of the Secret' });
    expect(may(own.token, 'reader')).toBe(true);
    expect([may('one-that-is-long-enough', 'ingest'), may('one-that-is-long-enough', 'reader')]).toEqual([true, false]);
    expect(policy.session('another-token-by-hand')).toBeDefined();
    expect((await readFile(join(dir.path, 'ingest-token'), 'utf8')).length).toBeGreaterThan(40);
    const elsewhere = { ...config, kubernetes: { ...config.kubernetes, api_server: undefined } };
    expect(await startTokenSecret({ ...common, policy, config: elsewhere })).toBeUndefined();
  });
});

test('the Secret is in the namespace that is written, of the service account, of the pod, or the default one', async () => {
  const serviceAccountDir = join(dir.path, 'account');
  const place = (setting: string, env = {}) => placeOf(setting, { serviceAccountDir, env });
  expect(await place('a/b')).toEqual({ namespace: 'a', name: 'b' });
  expect(await place('b')).toEqual({ namespace: 'default', name: 'b' });
  expect(await place('b', { POD_NAMESPACE: 'pods' })).toEqual({ namespace: 'pods', name: 'b' });
  await mkdir(serviceAccountDir);
  await writeFile(join(serviceAccountDir, 'namespace'), 'mesh');
  expect(await place('b', { POD_NAMESPACE: 'pods' })).toEqual({ namespace: 'mesh', name: 'b' });
});
