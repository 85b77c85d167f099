import { spawn } from 'node:child_process';
import { readdirSync, symlinkSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import type { DemoView } from '../../src/contract/demo.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';
const program = join(import.meta.dirname, '../../dist/main.js');

/** The machine may be busy with other things. */
export const patient = { withinMs: 120_000 };

export function walkthrough(file: string): string {
  return join(shared, 'walkthrough', file);
}

export interface Span {
  readonly id: string;
  readonly traceId: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  /** µs since 1970. */
  readonly timestamp: number;
  readonly duration: number;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

type Json = Readonly<Record<string, unknown>>;

/** A daemon with a demo, and whoever looks at both. */
export class DemoRig {
  readonly daemon: Daemon;
  readonly dir: string;
  readonly #temp: TempDir;

  private constructor(daemon: Daemon, temp: TempDir) {
    this.daemon = daemon;
    this.dir = temp.path;
    this.#temp = temp;
  }

  /** `environment`: where Envoy is installed. Resolves when the demo's switches answer. */
  static async start(environment: string, config = ''): Promise<DemoRig> {
    const temp = await tempDir('meshbridge-demo-');
    const demo = join(temp.path, 'data', 'demo');
    await mkdir(demo, { recursive: true });
    if (!readdirSync(demo).includes(basename(environment))) {
      symlinkSync(environment, join(demo, basename(environment)));
    }
    const files = config === '' ? {} : { 'own.conf': config };
    const daemon = await startDaemon({ dir: temp.path, config: files, args: ['--demo'], readyMs: 120_000 });
    const rig = new DemoRig(daemon, temp);
    try {
      await until(async () => (await fetch(`${daemon.url}/api/native/demo`)).status === 200, patient);
    } catch (cause) {
      await rig.stop();
      throw new Error(`no demo; the daemon said:\n${daemon.output()}`, { cause });
    }
    return rig;
  }

  async stop(): Promise<void> {
    await this.daemon.end();
    await this.#temp.remove();
  }

  async json<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.daemon.url}${path}`);
    return JSON.parse(await answer.text()) as T;
  }

  view(): Promise<DemoView> {
    return this.json('/api/native/demo');
  }

  async post(path: string, body: object): Promise<{ readonly status: number; readonly body: DemoView }> {
    const answer = await fetch(`${this.daemon.url}/api/native/demo/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(await answer.text()) as DemoView };
  }

  /** Turns a switch. Resolves with what is on then. */
  async set(name: string, on = true): Promise<readonly string[]> {
    const { status, body } = await this.post(`switches/${name}`, { on });
    if (status !== 200) {
      throw new Error(JSON.stringify(body));
    }
    return body.switches.filter(({ isOn }) => isOn).map((one) => one.name);
  }

  /** `meshbridge demo ...args`, as somebody would type it. */
  async command(...args: readonly string[]): Promise<Said> {
    const words = [program, 'demo', ...args, '--to', this.daemon.url, '--data-dir', join(this.dir, 'data')];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    child.stdout.on('data', (chunk) => {
      said.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said.err += chunk;
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, ...said };
  }

  async ask(query: string): Promise<readonly Sample[]> {
    const params = new URLSearchParams({ query });
    const answer = await this.json<{ status: string; data: { result: readonly Sample[] } }>(`/api/v1/query?${params}`);
    if (answer.status !== 'success') {
      throw new Error(JSON.stringify(answer));
    }
    return answer.data.result;
  }

  /** One number for each value of a label. */
  async numbers(query: string, label: string): Promise<Readonly<Record<string, number>>> {
    const samples = await this.ask(query);
    return Object.fromEntries(samples.map(({ metric, value }) => [metric[label] ?? '', Number(value[1])]));
  }

  traces(params: Readonly<Record<string, string>>): Promise<readonly (readonly Span[])[]> {
    return this.json(`/api/v2/traces?${new URLSearchParams({ limit: '50', ...params })}`);
  }

  /** productpage's HTML, as somebody who signed in with an empty password sees it. */
  async page(user?: string): Promise<string> {
    const { productpage } = await this.view();
    const headers: Record<string, string> = {};
    if (user !== undefined) {
      const body = new URLSearchParams({ username: user, passwd: '' });
      const login = await fetch(new URL('/login', productpage), { method: 'POST', body, redirect: 'manual' });
      const cookies = login.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
      headers['cookie'] = cookies.join('; ');
    }
    return (await fetch(productpage, { headers })).text();
  }

  /** The demo's API server, as `kubectl --kubeconfig` asks it. */
  async kube(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly body: Json }> {
    const { kubeconfig } = await this.view();
    const file = parse(await readFile(kubeconfig, 'utf8'));
    const { server, 'certificate-authority-data': ca } = file.clusters[0].cluster;
    const { token } = file.users[0].user;
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Json }>();
    const sent = request(
      `${server}${path}`,
      { method, ca: Buffer.from(ca, 'base64'), agent: false, headers: { authorization: `Bearer ${token}` } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }
}
