/** Those that are compared: each is started fresh for a run, takes Zipkin v2 JSON, and says when all it took is where it keeps it. */
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BridgeStatus } from '../../../src/contract/status.ts';
import { freePort } from '../../fakes/free-port.ts';
import { accepts, answers, type PeerProcess, processOf, start, until } from '../peers/peer-process.ts';

export interface Peer extends PeerProcess {
  readonly port: number;
  readonly path: string;
  /** Resolves when that many spans (or more) have been stored. */
  stored(spans: number): Promise<void>;
}

export interface PeerKind {
  readonly name: string;
  /** `folder` takes its data; `profiles`, if given, CPU profiles. */
  start(folder: string, profiles?: string): Promise<Peer>;
}

const top = fileURLToPath(new URL('../../..', import.meta.url));

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

/** The reference server with its store in memory: nothing of what it takes is on disk. */
export const zipkinServer: PeerKind = {
  name: 'zipkin-server',
  async start(folder) {
    const found = spawnSync('bash', [join(top, 'test', 'components', 'zipkin-server.sh')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (found.status !== 0) {
      throw new Error('the Zipkin server is missing');
    }
    const port = await freePort();
    const flags = ['ip=127.0.0.1', `port=${port}`, 'protocols[0]=http'].map((flag) => `--armeria.ports[0].${flag}`);
    // By default it keeps half a million spans, which takes more than that heap where bodies are large: it then does nothing else.
    const kept = '--zipkin.storage.mem.max-spans=100000';
    const args = ['-Xmx1g', '-jar', found.stdout.trim(), ...flags, kept, '--zipkin.collector.grpc.enabled=false'];
    const child = start('java', args, folder);
    await answers(child, `http://127.0.0.1:${port}/health`, folder);
    const taken = async (): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
      return Number(JSON.parse(await answer.text())['counter.zipkin_collector.spans.http'] ?? 0);
    };
    return {
      ...processOf(child),
      port,
      path: '/api/v2/spans',
      stored: (spans) => until(async () => (await taken()) >= spans, `${spans} spans in the Zipkin server`),
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
