import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReloadStatus } from '../../src/contract/status.ts';
import { describeWithMounts } from '../components/needs.ts';
import { freePort } from '../fakes/free-port.ts';
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
      await writeFile(join(dir, 'conf.d/other.conf'), table(changed.url, 'after'));
      await writeFile(join(dir, 'conf.d/new.conf'), '[[outputs.file]]\nname = "second"\npath = "second.ndjson"\n');
      process.kill(daemon.pid, 'SIGHUP');
      // A slow machine may see the one before the other.
      await until(() => /the output second is new.*inputs\.prom\[1\] has new settings/s.test(daemon.output()));
      expect(await reloadOf(daemon)).toMatchObject({ ok: true, faults: [] });
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

const fileOutput = (name: string): string => `[[outputs.file]]\nname = "${name}"\npath = "${name}.ndjson"\n`;

/** Lays out, or swaps, a ConfigMap as the kubelet does: names link through `..data` into a directory of one version. */
async function configMap(dir: string, number: number, files: Readonly<Record<string, string>>): Promise<void> {
  const version = `..2026_11_22_01_16_${String(number).padStart(2, '0')}.0`;
  await mkdir(join(dir, version), { recursive: true });
  for (const [name, toml] of Object.entries(files)) {
    await writeFile(join(dir, version, name), toml);
  }
  await symlink(version, join(dir, '..data_tmp'));
  await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  for (const name of Object.keys(files)) {
    await symlink(`..data/${name}`, join(dir, name)).catch(() => undefined);
  }
  await rm(join(dir, `..2026_11_22_01_16_${String(number - 1).padStart(2, '0')}.0`), { recursive: true, force: true });
}

describe('files that change', () => {
  test('as a ConfigMap does are taken by themselves, each time', () =>
    inTempDir(async (dir) => {
      const conf = join(dir, 'conf.d');
      await mkdir(conf, { recursive: true });
      await configMap(conf, 0, { 'own.conf': quiet });
      const daemon = await daemonIn(dir, {});
      for (const [i, name] of ['first', 'second'].entries()) {
        await configMap(conf, i + 1, { 'own.conf': `${quiet}${fileOutput(name)}` });
        await until(async () => (await reloadOf(daemon)).generation === i + 2, { what: `swap ${i + 1}` });
        expect(await post(daemon.port, span(String(i + 1)))).toBe(202);
        await until(async () => (await text(dir, `${name}.ndjson`)).includes(String(i + 1).repeat(32)));
      }
      expect((await reloadOf(daemon)).changed).toEqual(['the output second is new', 'the output first is taken out']);
      const { lanes } = await daemon.status();
      expect(lanes[1]?.outputs.map(({ output }) => output)).toEqual(['store', 'second']);
      expect(await text(dir, 'first.ndjson')).not.toContain('2'.repeat(32));
    }));

  test('into a fault change nothing, and that is said wherever one looks, until it is mended', () =>
    inTempDir(async (dir) => {
      const daemon = await daemonIn(dir, { 'own.conf': `${quiet}${fileOutput('out')}` });
      const before = await reloadOf(daemon);
      await writeFile(join(dir, 'conf.d/own.conf'), `${quiet}[[outputs.file]]\npaht = "a"\n[log]\nlevel = "loud"\n`);
      const bad = await attempted(daemon, before);
      expect(bad).toMatchObject({ ok: false, generation: 1, changed: [] });
      expect(bad.faults.join('\n')).toMatch(/own\.conf:4.*paht.*\n.*own\.conf:6.*log\.level/);
      const ready = await fetch(`${daemon.url}/-/ready`);
      expect([ready.status, await ready.text()]).toEqual([
        200,
        expect.stringMatching(/^ready\n.*was not taken.*\n.*paht/),
      ]);
      expect(await (await fetch(`${daemon.url}/metrics`)).text()).toMatch(/^meshbridge_config_reload_success 0$/m);
      expect(monitorOf(daemon, dir)).toMatch(/the new configuration was not taken, the last good one goes on/);
      expect(await post(daemon.port, span('1'))).toBe(202);
      await until(async () => (await text(dir, 'out.ndjson')).includes('1'.repeat(32)));
      await writeFile(join(dir, 'conf.d/own.conf'), `${quiet}${fileOutput('out')}[log]\nlevel = "debug"\n`);
      await until(async () => (await reloadOf(daemon)).ok, { what: 'a good one' });
      expect((await reloadOf(daemon)).changed).toEqual(['log.level is debug']);
      const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
      expect(metrics).toMatch(/^meshbridge_config_reload_success 1$/m);
      expect(metrics).toMatch(/^meshbridge_config_reloads_total\{result="bad"\} 1$/m);
      expect(await (await fetch(`${daemon.url}/-/ready`)).text()).toBe('ready\n');
    }));

  test('settings that only a start can take are named until then', () =>
    inTempDir(async (dir) => {
      const daemon = await daemonIn(dir, { 'own.conf': quiet });
      const before = await reloadOf(daemon);
      await writeFile(join(dir, 'conf.d/own.conf'), `${quiet}[server]\nauth = "none"\n[global_tags]\nmesh = "m1"\n`);
      const now = await attempted(daemon, before);
      expect(now).toMatchObject({ ok: true, atNextStart: ['server.auth'] });
      expect(now.changed).toEqual(['global_tags have new values', 'server.auth takes effect at the next start']);
      expect(monitorOf(daemon, dir)).toMatch(/server\.auth: the new value takes effect at the next start/);
      expect(await post(daemon.port, span('1'))).toBe(202);
      await until(async () => {
        const found = await fetch(`${daemon.url}/api/v2/trace/${'1'.repeat(32)}`);
        return found.status === 200 && (await found.text()).includes('"mesh":"m1"');
      });
      await writeFile(join(dir, 'conf.d/own.conf'), quiet);
      await until(async () => (await reloadOf(daemon)).atNextStart.length === 0);
    }));
});

describeWithMounts({ as: 'anyone' }, (flags) => {
  test('a file that is mounted by subPath is named, since it cannot change in this container', () =>
    inTempDir(async (dir) => {
      const conf = join(dir, 'conf.d');
      const volume = join(dir, 'volume/..2026_11_22_01_16_31.123456789');
      await mkdir(join(conf, 'zipkin'), { recursive: true });
      await mkdir(volume, { recursive: true });
      await writeFile(join(volume, 'zipkin.conf'), '[[inputs.zipkin]]\n');
      await writeFile(join(conf, 'zipkin/zipkin.conf'), '');
      await writeFile(join(conf, 'own.conf'), quiet);
      const port = await freePort();
      const program = join(import.meta.dirname, '../../dist/main.js');
      const mount = `mount --bind '${volume}/zipkin.conf' '${conf}/zipkin/zipkin.conf'`;
      const args = ['run', '--config-dir', conf, '--data-dir', join(dir, 'data'), '--listen', `127.0.0.1:${port}`];
      const script = `${mount} && exec "$0" "$@"`;
      const child = spawn('unshare', [...flags, 'sh', '-c', script, process.execPath, program, ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => {
        log += chunk.toString();
      });
      const gone = new Promise((resolve) => child.once('exit', resolve));
      ended.push(async () => {
        child.kill();
        await gone;
      });
      const status = await until(async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/native/status`).catch(() => undefined);
        const body = (await answer?.json()) as { readonly reload?: ReloadStatus } | undefined;
        return (body?.reload?.frozenFiles.length ?? 0) > 0 ? body : undefined;
      });
      expect(status.reload?.frozenFiles).toEqual([join(conf, 'zipkin/zipkin.conf')]);
      expect(log).toMatch(/zipkin\.conf.*cannot change while the process runs/);
    }));
});

function monitorOf(daemon: Daemon, dir: string): string {
  const program = join(import.meta.dirname, '../../dist/main.js');
  const args = [program, 'monitor', '--to', daemon.url];
  return spawnSync(process.execPath, args, {
    encoding: 'utf8',
    cwd: dir,
    env: { PATH: process.env['PATH'] ?? '', COLUMNS: '200' },
  }).stdout;
}

async function text(dir: string, name: string): Promise<string> {
  return readFile(join(dir, 'data', name), 'utf8').catch(() => '');
}
