/**
 * npm run bench -- zipkin [--rounds 3] [--seconds 15] [--shapes small,large,paced] [--peers meshbridge,collector,zipkin-server] [--json FILE] [--profile DIR]
 *
 * Zipkin v2 JSON of a real Envoy into meshbridge (accepted → durable → stored and indexed), into an OpenTelemetry
 * Collector (zipkin → batch → file) and into the Zipkin server (in memory), in turns on one machine; medians over the rounds. --profile writes CPU profiles of
 * meshbridge's threads to DIR (and slows it down).
 */
import { spawn } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile, run as runChild } from './lane/child.ts';
import type { LoadPlan, LoadReport } from './zipkin/load.ts';
import { collector, meshbridge, type Peer, type PeerKind, zipkinServer } from './zipkin/peers.ts';
import { cpuSeconds, peakMegabytes } from './zipkin/process-cost.ts';

type Shape = Pick<LoadPlan, 'connections' | 'bodySpans' | 'spansPerSecond'> & { readonly title: string };

const shapes: Readonly<Record<string, Shape>> = {
  small: { title: '1–5 spans a body, 64 connections', connections: 64, bodySpans: [1, 5], spansPerSecond: 0 },
  large: { title: '100 spans a body, 16 connections', connections: 16, bodySpans: [100, 100], spansPerSecond: 0 },
  paced: { title: '1–5 spans a body, 10,000 spans/s', connections: 64, bodySpans: [1, 5], spansPerSecond: 10_000 },
};

interface Measured {
  readonly spansPerSecond: number;
  readonly cpuPerMillion: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly peakMegabytes: number;
  /** Of the disk beside this peer's load: p99 of appends of 16 KiB, made durable. */
  readonly diskP99Ms: number;
}

interface Row {
  readonly shape: string;
  readonly peer: string;
  readonly runs: readonly Measured[];
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '15' },
    'warm-up': { type: 'string', default: '4' },
    shapes: { type: 'string', default: Object.keys(shapes).join(',') },
    peers: { type: 'string', default: 'meshbridge,collector,zipkin-server' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    profile: { type: 'string' },
  },
});

async function send(plan: LoadPlan): Promise<LoadReport> {
  const program = fileURLToPath(new URL('zipkin/load.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', program, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  const status = await promise;
  if (status !== 0) {
    throw new Error(`the load ended with ${status}`);
  }
  return JSON.parse(output);
}

async function measure(kind: PeerKind, shape: Shape, seed: number): Promise<Measured> {
  const folder = mkdtempSync(join(values.dir, 'meshbridge-bench-'));
  let peer: Peer | undefined;
  try {
    peer = await kind.start(folder, values.profile);
    const { port, path } = peer;
    const warmUp = Number(values['warm-up']);
    const [warm, diskMsBeside] = await Promise.all([
      send({ ...shape, port, path, seconds: warmUp, seed }),
      runChild<number[]>('disk-probe.ts', { dir: values.dir, bytes: probeBytes, seconds: warmUp }),
    ]);
    await peer.stored(warm.spans);
    const before = cpuSeconds(peer.pid);
    const report = await send({ ...shape, port, path, seconds: Number(values.seconds), seed: seed + 1 });
    if (Object.keys(report.refused).length > 0) {
      console.log(`  ${kind.name} refused: ${JSON.stringify(report.refused)}`);
    }
    await peer.stored(warm.spans + report.spans);
    return {
      spansPerSecond: report.spans / report.seconds,
      cpuPerMillion: ((cpuSeconds(peer.pid) - before) / report.spans) * 1e6,
      p50Ms: report.p50Ms,
      p99Ms: report.p99Ms,
      peakMegabytes: peakMegabytes(peer.pid),
      diskP99Ms: quantile(diskMsBeside, 0.99),
    };
  } finally {
    await peer?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const probeBytes = 16 * 1024;

/** What the disk itself takes, in ms: 16 KiB appended and made durable, again and again. */
function diskMs(): number[] {
  const folder = mkdtempSync(join(values.dir, 'meshbridge-disk-'));
  const file = openSync(join(folder, 'probe'), 'w');
  const bytes = Buffer.alloc(probeBytes, 1);
  const times = Array.from({ length: 1000 }, () => {
    const startedMs = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    return performance.now() - startedMs;
  });
  closeSync(file);
  rmSync(folder, { recursive: true });
  return times;
}

function medianOf(row: Row, key: keyof Measured): number {
  return quantile(
    row.runs.map((run) => run[key]),
    0.5,
  );
}

function print(rows: readonly Row[], disk: readonly number[]): void {
  const diskP99 = quantile(disk, 0.99);
  console.log('\n| shape | peer | spans/s | CPU-s per M spans | p50 ms | p99 ms | VmHWM MB |');
  console.log('|---|---|---|---|---|---|---|');
  for (const row of rows) {
    const number = (key: keyof Measured, digits: number) => medianOf(row, key).toFixed(digits);
    const cells = [number('spansPerSecond', 0), number('cpuPerMillion', 1), number('p50Ms', 2), number('p99Ms', 2)];
    console.log(`| ${[row.shape, row.peer, ...cells, number('peakMegabytes', 0)].join(' | ')} |`);
  }
  console.log(
    `\nfdatasync of this disk (16 KiB appends): p50 ${quantile(disk, 0.5).toFixed(2)} ms, p99 ${diskP99.toFixed(2)} ms`,
  );
  for (const row of rows.filter(({ peer }) => peer === meshbridge.name)) {
    const others = rows.filter(({ shape, peer }) => shape === row.shape && peer !== row.peer);
    const against = others
      .map((other) => {
        const share = medianOf(row, 'cpuPerMillion') / medianOf(other, 'cpuPerMillion');
        return `CPU ${share.toFixed(3)} × the ${other.peer}'s, `;
      })
      .join('');
    const beside = medianOf(row, 'diskP99Ms');
    const ratios = [diskP99, beside].map((p99) => (medianOf(row, 'p99Ms') / p99).toFixed(1));
    console.log(
      `${row.shape}: ${against}p99 ${ratios[0]} × the idle disk's, ${ratios[1]} × the disk's beside the load (${beside.toFixed(2)} ms)`,
    );
  }
}

async function main(): Promise<void> {
  const chosen = values.shapes.split(',').map((name) => {
    const shape = shapes[name];
    if (shape === undefined) {
      throw new Error(`there is no shape ${name}; there are ${Object.keys(shapes).join(', ')}`);
    }
    return shape;
  });
  const kinds = [meshbridge, collector, zipkinServer].filter(({ name }) => values.peers.split(',').includes(name));
  const rows = chosen.flatMap((shape) =>
    kinds.map((kind) => ({ shape: shape.title, peer: kind.name, runs: [] as Measured[] })),
  );
  const disk: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const shape of chosen) {
      disk.push(...diskMs());
      for (const kind of kinds) {
        const run = await measure(kind, shape, round * 100);
        rows.find((row) => row.shape === shape.title && row.peer === kind.name)?.runs.push(run);
        const [cpu, p99] = [run.cpuPerMillion.toFixed(1), run.p99Ms.toFixed(2)];
        console.log(
          `round ${round}, ${shape.title}, ${kind.name}: ${run.spansPerSecond.toFixed(0)} spans/s, ${cpu} CPU-s per M, p99 ${p99} ms`,
        );
      }
    }
  }
  print(rows, disk);
  if (values.json !== undefined) {
    writeFileSync(
      values.json,
      `${JSON.stringify({ node: process.version, rows, disk: { p99Ms: quantile(disk, 0.99) } }, undefined, 2)}\n`,
    );
  }
}

await main();
