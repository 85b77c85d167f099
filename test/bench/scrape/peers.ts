/** The four that are compared: each scrapes the same kind of targets and writes to the same sink by remote-write 1.0. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../fakes/free-port.ts';
import { accepts, answers, type PeerProcess, processOf, start } from '../peers/peer-process.ts';

export interface PeerTask {
  /** For its data and its log. */
  readonly folder: string;
  /** Host and port of each target. */
  readonly targets: readonly string[];
  readonly intervalMs: number;
  readonly sink: string;
  /** Where CPU profiles go, of those that can make them. */
  readonly profiles?: string;
}

export interface PeerKind {
  readonly name: string;
  start(task: PeerTask): Promise<PeerProcess>;
}

export const pagePath = '/stats/prometheus';
const top = fileURLToPath(new URL('../../..', import.meta.url));

/** Ours: no store; the queue is on disk, made durable before it is read. */
export const meshbridge: PeerKind = {
  name: 'meshbridge',
  async start({ folder, targets, intervalMs, sink, profiles }) {
    const port = await freePort();
    const config = join(folder, 'conf.d');
    mkdirSync(config, { recursive: true });
    const urls = targets.map((target) => `"http://${target}${pagePath}"`);
    writeFileSync(
      join(config, 'bench.conf'),
      [
        '[store]',
        'enabled = false',
        '[[inputs.prom]]',
        `urls = [${urls.join(', ')}]`,
        'source = "bench"',
        `interval = "${intervalMs}ms"`,
        '[[outputs.remote_write]]',
        `url = "${sink}"`,
        '',
      ].join('\n'),
    );
    const args = ['run', '--config-dir', config, '--data-dir', join(folder, 'data'), '--listen', `127.0.0.1:${port}`];
    const options = profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profiles)}` };
    const child = start(join(top, 'bin', 'meshbridge'), args, folder, options);
    await answers(child, `http://127.0.0.1:${port}/-/ready`, folder);
    return processOf(child);
  },
};

export const vmagent: PeerKind = {
  name: 'vmagent',
  async start({ folder, targets, intervalMs, sink }) {
    const program = component(['debian.sh', 'victoria-metrics', 'vmagent']);
    const port = await freePort();
    const config = join(folder, 'scrape.yaml');
    writeFileSync(config, scrapeConfig(targets, intervalMs).join('\n'));
    const child = start(
      program,
      [
        `-promscrape.config=${config}`,
        `-remoteWrite.url=${sink}`,
        `-remoteWrite.tmpDataPath=${join(folder, 'data')}`,
        `-httpListenAddr=127.0.0.1:${port}`,
      ],
      folder,
    );
    await accepts(child, port, folder);
    return processOf(child);
  },
};

export const prometheus: PeerKind = {
  name: 'prometheus-agent',
  async start({ folder, targets, intervalMs, sink }) {
    const program = component(['debian.sh', 'prometheus', 'prometheus']);
    const port = await freePort();
    const config = join(folder, 'prometheus.yaml');
    writeFileSync(config, [...scrapeConfig(targets, intervalMs), 'remote_write:', `  - url: ${sink}`, ''].join('\n'));
    const child = start(
      program,
      [
        '--enable-feature=agent',
        `--config.file=${config}`,
        `--storage.agent.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      folder,
    );
    await accepts(child, port, folder);
    return processOf(child);
  },
};

export const collector: PeerKind = {
  name: 'otel-collector',
  async start({ folder, targets, intervalMs, sink }) {
    const program = component(['otelcol.sh', 'metrics']);
    const port = await freePort();
    const config = join(folder, 'otelcol.yaml');
    const scrape = scrapeConfig(targets, intervalMs).map((line) => `      ${line}`);
    writeFileSync(
      config,
      [
        'receivers:',
        '  prometheus:',
        '    config:',
        ...scrape,
        'processors: { batch: {} }',
        'exporters:',
        `  prometheusremotewrite: { endpoint: "${sink}" }`,
        'service:',
        '  telemetry:',
        '    logs: { level: warn }',
        '    metrics:',
        `      readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${port} } } } }]`,
        '  pipelines: { metrics: { receivers: [prometheus], processors: [batch], exporters: [prometheusremotewrite] } }',
        '',
      ].join('\n'),
    );
    const child = start(program, ['--config', config], folder);
    await accepts(child, port, folder);
    return processOf(child);
  },
};

export const peerKinds: readonly PeerKind[] = [meshbridge, vmagent, prometheus, collector];

/** YAML lines that Prometheus, vmagent and the collector's receiver read alike. */
function scrapeConfig(targets: readonly string[], intervalMs: number): readonly string[] {
  const timeoutMs = Math.min(intervalMs, 10_000);
  return [
    `global: { scrape_interval: ${intervalMs}ms, scrape_timeout: ${timeoutMs}ms }`,
    'scrape_configs:',
    '  - job_name: bench',
    '    honor_labels: true',
    `    metrics_path: ${pagePath}`,
    '    static_configs:',
    `      - targets: [${targets.map((target) => `"${target}"`).join(', ')}]`,
  ];
}

function component([script = '', ...args]: readonly string[]): string {
  const run = spawnSync('bash', [join(top, 'test', 'components', script), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const path = run.stdout.trim().split('\n').at(-1) ?? '';
  if (run.status !== 0 || path === '') {
    throw new Error(`${args.join(' ')} of ${script} is missing`);
  }
  return path;
}
