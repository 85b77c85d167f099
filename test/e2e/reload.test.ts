import { readFile, writeFile } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReloadStatus } from '../../src/contract/status.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

/** A page that notes when it was asked, and over which connection. */
class AskedPage {
  readonly asked: { readonly atMs: number; readonly port: number }[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<AskedPage> {
    const server = createServer((incoming, response) => {
      page.asked.push({ atMs: Date.now(), port: incoming.socket.remotePort ?? 0 });
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end('up_at 1\n');
    });
    const page = new AskedPage(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return page;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/metrics`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) {
    await end();
  }
});

async function daemonIn(dir: string, config: Readonly<Record<string, string>>): Promise<Daemon> {
  const daemon = await startDaemon({ dir, config });
  ended.push(() => daemon.end());
  return daemon;
}

async function page(): Promise<AskedPage> {
  const made = await AskedPage.start();
  ended.push(() => made.stop());
  return made;
}

async function reloadOf(daemon: Daemon): Promise<ReloadStatus> {
  const { reload } = await daemon.status();
  if (reload === undefined) {
    throw new Error('the status says nothing of reloads');
  }
  return reload;
}

/** Waits for an attempt after `before`. */
async function attempted(daemon: Daemon, { good, bad }: ReloadStatus): Promise<ReloadStatus> {
  let now = await reloadOf(daemon);
  await until(
    async () => {
      now = await reloadOf(daemon);
      return now.good + now.bad > good + bad;
    },
    { what: 'a reload' },
  );
  return now;
}

function post(port: number, body: string, agent?: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const out = request(
      {
        ...{ host: '127.0.0.1', port, path: '/api/v2/spans', method: 'POST', ...(agent && { agent }) },
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    out.once('error', reject);
    out.end(body);
  });
}

function span(id: string): string {
  return JSON.stringify([
    { traceId: id.repeat(32), id: '0000000000000001', name: 'op', localEndpoint: { serviceName: 'a' } },
  ]);
}

const quiet = '[inputs.container]\nenabled = false\n';

describe('a reload', () => {
  test('takes over what changed at SIGHUP, says what that was, and leaves the rest alone', () =>
    inTempDir(async (dir) => {
      const [kept, changed] = [await page(), await page()];
      const table = (url: string, source: string): string =>
        `[[inputs.prom]]\nurl = "${url}"\nsource = "${source}"\ninterval = "1s"\n`;
      const daemon = await daemonIn(dir, {
        'own.conf': quiet,
        'kept.conf': table(kept.url, 'kept'),
        'other.conf': table(changed.url, 'before'),
        'out.conf': '[[outputs.file]]\npath = "out.ndjson"\n',
      });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      expect(await post(daemon.port, span('1'), agent)).toBe(202);
      await until(() => kept.asked.length > 2 && changed.asked.length > 0, { what: 'scrapes' });
      const before = await reloadOf(daemon);
      await writeFile(join(dir, 'conf.d/other.conf'), table(changed.url, 'after'));
      await writeFile(join(dir, 'conf.d/new.conf'), '[[outputs.file]]\nname = "second"\npath = "second.ndjson"\n');
      process.kill(daemon.pid, 'SIGHUP');
      const now = await attempted(daemon, before);
      expect(now).toMatchObject({ ok: true, faults: [], generation: 2 });
      expect(now.changed).toEqual(['the output second is new', 'inputs.prom[1] has new settings']);
      const scrapes = kept.asked.length;
      await until(() => kept.asked.length > scrapes + 1, { what: 'more scrapes' });
      expect(new Set(kept.asked.map(({ port }) => port)).size).toBe(1);
      expect(await post(daemon.port, span('2'), agent)).toBe(202);
      agent.destroy();
      await until(async () => (await text(dir, 'second.ndjson')).includes('"after"'), { what: 'the new output' });
      await until(async () => (await text(dir, 'second.ndjson')).includes('2'.repeat(32)), { what: 'the span' });
      // What stays goes on: its series have not ended, over the same connection.
      expect(await text(dir, 'out.ndjson')).not.toMatch(/"job":"kept"\},"stale"/);
    }));
});

async function text(dir: string, name: string): Promise<string> {
  return readFile(join(dir, 'data', name), 'utf8').catch(() => '');
}
