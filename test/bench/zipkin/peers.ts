/** The two that are compared: each is started fresh for a run, takes Zipkin v2 JSON, and says when all it took is on disk. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BridgeStatus } from '../../../src/contract/status.ts';

export interface Peer {
  readonly pid: number;
  readonly port: number;
  readonly path: string;
  /** Resolves when that many spans (or more) have been stored. */
  stored(spans: number): Promise<void>;
  stop(): Promise<void>;
}

export interface PeerKind {
  readonly name: string;
  /** `folder` takes its data; `profiles`, if given, CPU profiles. */
  start(folder: string, profiles?: string): Promise<Peer>;
}

const top = fileURLToPath(new URL('../../..', import.meta.url));
const storedWithinMs = 120_000;

export const meshbridge: PeerKind = {
  name: 'meshbridge',
  async start(folder, profiles) {
    const port = await freePort();
    const config = join(folder, 'conf.d');
    mkdirSync(config, { recursive: true });
    const args = ['run', '--config-dir', config, '--data-dir', join(folder, 'data'), '--listen', `127.0.0.1:${port}`];
    const options = profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profiles)}` };
    const child = start(join(top, 'bin', 'meshbridge'), args, folder, options);
    await answers(child, `http://127.0.0.1:${port}/-/ready`, folder);
    const status = async (): Promise<BridgeStatus> => {
      const response = await fetch(`http://127.0.0.1:${port}/api/native/status`);
      return JSON.parse(await response.text());
    };
    return {
      ...processOf(child),
      port,
      path: '/api/v2/spans',
      stored: (spans) =>
        until(async () => {
          const lane = (await status()).lanes.find(({ signal }) => signal === 'traces');
          const store = lane?.outputs.find(({ output }) => output === 'store');
          return (store?.delivered ?? 0) >= spans && store?.queuedItems === 0;
        }, `${spans} spans in the store of meshbridge`),
    };
  },
};

export const collector: PeerKind = {
  name: 'collector',
  async start(folder) {
    const built = spawnSync('bash', [join(top, 'test', 'components', 'otelcol.sh')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (built.status !== 0) {
      throw new Error('the OpenTelemetry Collector is missing');
    }
    const port = await freePort();
    const file = join(folder, 'spans.json');
    const config = join(folder, 'otelcol.yaml');
    writeFileSync(
      config,
      [
        `receivers: { zipkin: { endpoint: "127.0.0.1:${port}", keep_alives_enabled: true } }`,
        'processors: { batch: {} }',
        `exporters: { file: { path: ${JSON.stringify(file)} } }`,
        'service:',
        '  telemetry: { metrics: { level: none }, logs: { level: warn } }',
        '  pipelines: { traces: { receivers: [zipkin], processors: [batch], exporters: [file] } }',
        '',
      ].join('\n'),
    );
    const child = start(built.stdout.trim(), ['--config', config], folder);
    await accepts(child, port, folder);
    const counter = new SpanCounter(file);
    return {
      ...processOf(child),
      port,
      path: '/api/v2/spans',
      stored: (spans) => until(async () => (await counter.count()) >= spans, `${spans} spans in ${file}`),
    };
  },
};

/** Counts the spans in a file that grows: `"spanId":` stands once in each. */
class SpanCounter {
  readonly #file: string;
  #read = 0;
  #count = 0;
  #rest = '';

  constructor(file: string) {
    this.#file = file;
  }

  async count(): Promise<number> {
    if (existsSync(this.#file) && statSync(this.#file).size > this.#read) {
      for await (const chunk of createReadStream(this.#file, { start: this.#read, highWaterMark: 1 << 20 })) {
        this.#read += chunk.length;
        const text = this.#rest + chunk.toString('latin1');
        this.#count += text.split('"spanId":').length - 1;
        // A mark may be cut in two; what is kept is too short to hold a whole one.
        this.#rest = text.slice(-8);
      }
    }
    return this.#count;
  }
}

function start(program: string, args: readonly string[], folder: string, environment: object = {}): ChildProcess {
  const log = openSync(join(folder, 'output.log'), 'a');
  return spawn(program, args, { stdio: ['ignore', log, log], cwd: folder, env: { ...process.env, ...environment } });
}

function processOf(child: ChildProcess): Pick<Peer, 'pid' | 'stop'> {
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once('exit', () => resolve());
      if (child.exitCode !== null || child.signalCode !== null || !child.kill('SIGTERM')) {
        return;
      }
      const hard = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await promise;
      clearTimeout(hard);
    },
  };
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const endMs = performance.now() + storedWithinMs; performance.now() < endMs; await delay(100)) {
    if (await condition()) {
      return;
    }
  }
  throw new Error(`not seen within ${storedWithinMs / 1000} s: ${what}`);
}

function alive(child: ChildProcess, folder: string): void {
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error(`it ended while it started; see ${join(folder, 'output.log')}`);
  }
}

function answers(child: ChildProcess, url: string, folder: string): Promise<void> {
  return until(async () => {
    alive(child, folder);
    const response = await fetch(url).catch(() => undefined);
    return response?.ok === true;
  }, `an answer from ${url}`);
}

function accepts(child: ChildProcess, port: number, folder: string): Promise<void> {
  return until(async () => {
    alive(child, folder);
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return response !== undefined;
  }, `a listener on port ${port}`);
}

async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once('error', reject);
  probe.listen(0, '127.0.0.1', () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}
