/** What is compared: each is started fresh over an empty log directory, and says how many records it has taken to the end of its way. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BridgeStatus } from '../../../src/contract/status.ts';
import { freePort } from '../../fakes/free-port.ts';
import { answers, type PeerProcess, processOf, start } from '../peers/peer-process.ts';

export interface LogPeer extends PeerProcess {
  /** Records that have gone all the way, and whether that is all there is now. */
  progress(): Promise<{ readonly records: number; readonly isAtEnd: boolean }>;
  readonly url: string;
  /** Where the store's files are. */
  readonly store: string;
}

export interface LogPeerKind {
  readonly name: string;
  /** What it stores can be watched. */
  readonly hasTail: boolean;
  readonly start: (folder: string, root: string) => Promise<LogPeer>;
}

const top = fileURLToPath(new URL('../../..', import.meta.url));

/** `tables` of its configuration beside the input; its lane counts as the end where `output` is undefined. */
function meshbridge(name: string, tables: string, outputs: readonly string[]): LogPeerKind {
  return {
    name,
    hasTail: outputs.includes('store'),
    start: async (folder, root) => {
      const port = await freePort();
      const config = join(folder, 'conf.d');
      mkdirSync(config, { recursive: true });
      const inputs = ['zipkin', 'opentelemetry', 'rum', 'self'].map(
        (input) => `[inputs.${input}]\n  enabled = false\n`,
      );
      writeFileSync(
        join(config, 'bench.conf'),
        `[[inputs.container]]\n  root = ${JSON.stringify(root)}\n${inputs.join('')}${tables}`,
      );
      const data = join(folder, 'data');
      const args = ['run', '--config-dir', config, '--data-dir', data, '--listen', `127.0.0.1:${port}`];
      const url = `http://127.0.0.1:${port}`;
      const child = start(join(top, 'bin', 'meshbridge'), args, folder);
      await answers(child, `${url}/-/ready`, folder);
      return {
        ...processOf(child),
        url,
        store: join(data, 'store'),
        progress: async () => progressOf(await statusOf(url), outputs),
      };
    },
  };
}

async function statusOf(url: string): Promise<BridgeStatus> {
  const response = await fetch(`${url}/api/native/status`);
  return JSON.parse(await response.text());
}

function progressOf({ inputs, lanes }: BridgeStatus, names: readonly string[]) {
  const input = inputs.find(({ type }) => type === 'container');
  const lag = input?.detail !== undefined && 'lagBytes' in input.detail ? Number(input.detail.lagBytes) : Number.NaN;
  const cursors = lanes.find(({ signal }) => signal === 'logs')?.outputs.filter(({ output }) => names.includes(output));
  const isDelivered = cursors?.length === names.length && cursors.every(({ queuedItems }) => queuedItems === 0);
  return { records: input?.accepted ?? 0, isAtEnd: lag === 0 && (names.length === 0 || isDelivered) };
}

export const agent = meshbridge('meshbridge, read to durable', '[store]\n  enabled = false\n', []);
export const withStore = meshbridge('meshbridge, with the store', '', ['store']);
export const withFile = meshbridge(
  'meshbridge, with the store and a file',
  '[[outputs.file]]\n  path = "out.ndjson"\n  signals = ["logs"]\n  start = "beginning"\n',
  ['store', 'file'],
);

/** Its receiver of log files with the container operator and its own store of positions; what it reads goes nowhere. */
export const collector: LogPeerKind = {
  name: 'collector',
  hasTail: false,
  start: async (folder, root) => {
    const built = spawnSync('bash', [join(top, 'test', 'components', 'otelcol.sh'), 'logs'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (built.status !== 0) {
      throw new Error('the OpenTelemetry Collector is missing');
    }
    const port = await freePort();
    const positions = join(folder, 'positions');
    mkdirSync(positions);
    const config = join(folder, 'otelcol.yaml');
    writeFileSync(config, collectorConfig({ port, positions, root }));
    const child = start(built.stdout.trim(), ['--config', config], folder);
    const url = `http://127.0.0.1:${port}/metrics`;
    await answers(child, url, folder);
    let before = -1;
    return {
      ...processOf(child),
      url,
      store: positions,
      progress: async () => {
        const records = acceptedIn(await (await fetch(url)).text());
        const isAtEnd = records === before;
        before = records;
        return { records, isAtEnd };
      },
    };
  },
};

function collectorConfig({ port, positions, root }: { port: number; positions: string; root: string }): string {
  return `
extensions:
  file_storage: { directory: ${JSON.stringify(positions)} }
receivers:
  filelog:
    include: [${JSON.stringify(join(root, '*/*/*.log'))}]
    start_at: beginning
    include_file_path: true
    storage: file_storage
    operators: [{ type: container, id: container }]
exporters: { nop: {} }
service:
  extensions: [file_storage]
  telemetry:
    logs: { level: error }
    metrics:
      level: basic
      readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${port} } } } }]
  pipelines: { logs: { receivers: [filelog], exporters: [nop] } }
`;
}

function acceptedIn(page: string): number {
  const lines = page.split('\n').filter((line) => line.startsWith('otelcol_receiver_accepted_log_records'));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
