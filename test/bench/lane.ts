/**
 * npm run bench -- lane [--rounds 3] [--seconds 8] [--dir DIR] [--json FILE]
 *
 * The lane alone, append → durable: records of one span under 64 appenders and of 100 spans under 16, each of which waits
 * for its record. The disk itself is measured with the writes of a commit: alone, and by a probe beside the same load.
 * Medians over the rounds.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { AppendReport } from './lane/appenders.ts';
import { quantile, run } from './lane/child.ts';

const shapes = [
  { title: '1 span a record, 64 appenders', appenders: 64, spans: 1 },
  { title: '100 spans a record, 16 appenders', appenders: 16, spans: 100 },
];

interface Measured {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly cpuPerMillion: number;
  readonly commitKilobytes: number;
  readonly diskShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly diskIdleP50Ms: number;
  readonly diskIdleP99Ms: number;
  readonly diskLoadedP50Ms: number;
  readonly diskLoadedP99Ms: number;
  /** Of the run with the probe beside it. */
  readonly besideProbeP99Ms: number;
  readonly peakMegabytes: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const { dir } = values;

async function measure(shape: (typeof shapes)[number]): Promise<Measured> {
  const plan = { ...shape, dir, seconds };
  const alone = await run<AppendReport>('appenders.ts', plan);
  const bytes = Math.round(alone.bytes / alone.commits);
  const idle = await run<number[]>('disk-probe.ts', { dir, bytes, seconds });
  const [beside, loaded] = await Promise.all([
    run<AppendReport>('appenders.ts', plan),
    run<number[]>('disk-probe.ts', { dir, bytes, seconds }),
  ]);
  return {
    recordsPerSecond: alone.records / alone.seconds,
    megabytesPerSecond: alone.bytes / alone.seconds / 1e6,
    cpuPerMillion: (alone.cpuSeconds / alone.records) * 1e6,
    commitKilobytes: bytes / 1000,
    diskShare: alone.diskSeconds / alone.seconds,
    p50Ms: alone.p50Ms,
    p99Ms: alone.p99Ms,
    diskIdleP50Ms: quantile(idle, 0.5),
    diskIdleP99Ms: quantile(idle, 0.99),
    diskLoadedP50Ms: quantile(loaded, 0.5),
    diskLoadedP99Ms: quantile(loaded, 0.99),
    besideProbeP99Ms: beside.p99Ms,
    peakMegabytes: alone.peakMegabytes,
  };
}

const rows = shapes.map(({ title }) => ({ title, runs: [] as Measured[] }));
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [index, shape] of shapes.entries()) {
    const run = await measure(shape);
    rows[index]?.runs.push(run);
    console.log(
      `round ${round}, ${shape.title}: ${run.recordsPerSecond.toFixed(0)} records/s, p99 ${run.p99Ms.toFixed(2)} ms`,
    );
  }
}
console.log(
  '\n| shape | records/s | MB/s | CPU-s per M records | kB a commit | time in the disk | p50 ms | p99 ms | VmHWM MB |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
for (const { title, runs } of rows) {
  const median = (key: keyof Measured) =>
    quantile(
      runs.map((run) => run[key]),
      0.5,
    );
  const cells = [
    median('recordsPerSecond').toFixed(0),
    median('megabytesPerSecond').toFixed(0),
    median('cpuPerMillion').toFixed(1),
    median('commitKilobytes').toFixed(0),
    `${(median('diskShare') * 100).toFixed(0)} %`,
    median('p50Ms').toFixed(2),
    median('p99Ms').toFixed(2),
    median('peakMegabytes').toFixed(0),
  ];
  console.log(`| ${[title, ...cells].join(' | ')} |`);
}
for (const { title, runs } of rows) {
  const median = (key: keyof Measured) =>
    quantile(
      runs.map((run) => run[key]),
      0.5,
    );
  const idle = `p50 ${median('diskIdleP50Ms').toFixed(2)}, p99 ${median('diskIdleP99Ms').toFixed(2)} ms`;
  const loaded = `p50 ${median('diskLoadedP50Ms').toFixed(2)}, p99 ${median('diskLoadedP99Ms').toFixed(2)} ms`;
  const ratios = [
    (median('p99Ms') / median('diskIdleP99Ms')).toFixed(1),
    (median('besideProbeP99Ms') / median('diskLoadedP99Ms')).toFixed(1),
  ];
  console.log(`\n${title}: write + fdatasync of such a commit alone ${idle}, beside the load ${loaded}`);
  console.log(`p99 of the append ${ratios[0]} × the disk's alone, ${ratios[1]} × the disk's beside the load`);
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, rows }, undefined, 2)}\n`);
}
