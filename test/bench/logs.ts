/**
 * npm run bench -- logs [--mib 1024] [--rounds 3] [--seconds 20] [--memory-mib 512] [--parts cold,live,memory] [--dir DIR] [--json FILE]
 *
 * Container logs beside an OpenTelemetry Collector (receiver of log files with the container operator, positions in a file, to
 * nowhere), in turns on one machine: a corpus of CRI lines over 100 files that is there at once (`cold`), 20 MB/s over 100 files
 * (`live`), and the memory at 20 and at 1,000 files. CPU is user and system time of all threads; medians of the rounds. Ends with
 * the goals and whether each is met.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { quantile } from './lane/child.ts';
import { writeCorpus } from './logs/corpus.ts';
import { type Cold, type CorpusPlace, type Live, runCold, runLive } from './logs/course.ts';
import { agent, collector, type LogPeerKind, withFile, withStore } from './logs/peers.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    'memory-mib': { type: 'string', default: '512' },
    parts: { type: 'string', default: 'cold,live,memory' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});

const liveBytesPerSecond = 20e6;
const files = 100;
const rounds = Number(values.rounds);

interface Goal {
  readonly what: string;
  readonly figure: number;
  readonly most: number;
  readonly digits: number;
}

interface Row<T> {
  readonly name: string;
  readonly runs: T[];
}

function median<T>(rows: readonly Row<T>[], kind: LogPeerKind, key: keyof T): number {
  const runs = rows.find(({ name }) => name === kind.name)?.runs ?? [];
  return quantile(
    runs.map((run) => Number(run[key])),
    0.5,
  );
}

async function interleaved<T>(
  kinds: readonly LogPeerKind[],
  what: string,
  run: (kind: LogPeerKind) => Promise<T>,
): Promise<readonly Row<T>[]> {
  const rows = kinds.map(({ name }) => ({ name, runs: [] as T[] }));
  for (let round = 1; round <= rounds; round += 1) {
    for (const kind of kinds) {
      const result = await run(kind);
      rows.find(({ name }) => name === kind.name)?.runs.push(result);
      console.log(`${what}, round ${round}, ${kind.name}: ${JSON.stringify(result, rounded)}`);
    }
  }
  return rows;
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

function corpusOf(place: string, count: number, mib: number): CorpusPlace {
  const root = join(place, `corpus-${count}`);
  return { root, ...writeCorpus(root, count, mib * 2 ** 20) };
}

function table<T extends object>(title: string, rows: readonly Row<T>[], keys: readonly (keyof T & string)[]): void {
  console.log(`\n${title}\n\n| | ${keys.join(' | ')} |\n|---|${keys.map(() => '---|').join('')}`);
  for (const { name, runs } of rows) {
    const cells = keys.map((key) =>
      Number(
        quantile(
          runs.map((run) => Number(run[key])),
          0.5,
        ).toPrecision(4),
      ),
    );
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

async function cold(place: string): Promise<readonly Goal[]> {
  const corpus = corpusOf(place, files, Number(values.mib));
  const kinds = [collector, agent, withStore, withFile];
  const rows = await interleaved(kinds, 'cold', (kind) => runCold(kind, corpus, place));
  rmSync(corpus.root, { recursive: true });
  const keys = ['cpuPerGib', 'mbPerSecond', 'peakMegabytes', 'surplus', 'storedShare'] as const;
  table<Cold>(`cold: ${corpus.bytes} bytes, ${corpus.records} records, ${files} files`, rows, keys);
  const ratio = (kind: LogPeerKind): number => median(rows, kind, 'cpuPerGib') / median(rows, collector, 'cpuPerGib');
  return [
    { what: "CPU, read to durable, × the collector's", figure: ratio(agent), most: 0.05, digits: 3 },
    { what: "CPU, with the store, × the collector's", figure: ratio(withStore), most: 0.12, digits: 3 },
    { what: "CPU, with the store and a file, × the collector's", figure: ratio(withFile), most: 0.18, digits: 3 },
    { what: 'stored bytes per byte', figure: median(rows, withStore, 'storedShare'), most: 0.15, digits: 3 },
  ];
}

async function live(place: string): Promise<readonly Goal[]> {
  const plan = { files, bytesPerSecond: liveBytesPerSecond, seconds: Number(values.seconds) };
  const rows = await interleaved([collector, agent, withStore], 'live', (kind) => runLive(kind, plan, place));
  const keys = ['cores', 'cpuPerGib', 'mbPerSecond', 'peakMegabytes', 'delayP50Ms', 'delayP99Ms'] as const;
  table<Live>(`live: 20 MB/s over ${files} files`, rows, keys);
  return [{ what: 'live delay p99, ms', figure: median(rows, withStore, 'delayP99Ms'), most: 1_000, digits: 0 }];
}

async function memory(place: string): Promise<readonly Goal[]> {
  const goals: Goal[] = [];
  for (const count of [20, 1_000]) {
    const corpus = corpusOf(place, count, Number(values['memory-mib']));
    const rows = await interleaved([agent, withStore], `${count} files`, (kind) => runCold(kind, corpus, place));
    rmSync(corpus.root, { recursive: true });
    table<Cold>(`${count} files, ${corpus.bytes} bytes`, rows, ['peakMegabytes', 'cpuPerGib', 'mbPerSecond']);
    const peak = (kind: LogPeerKind): number => median(rows, kind, 'peakMegabytes');
    goals.push(
      { what: `VmHWM of an agent at ${count} files, MB`, figure: peak(agent), most: 110, digits: 0 },
      { what: `VmHWM with the store at ${count} files, MB`, figure: peak(withStore), most: 220, digits: 0 },
    );
  }
  return goals;
}

const parts: Readonly<Record<string, (place: string) => Promise<readonly Goal[]>>> = { cold, live, memory };
const place = mkdtempSync(join(values.dir, 'bench-logs-'));
try {
  const goals: Goal[] = [];
  for (const name of values.parts.split(',')) {
    goals.push(...((await parts[name]?.(place)) ?? []));
  }
  console.log('\n| goal | figure | at most | |\n|---|---|---|---|');
  for (const { what, figure, most, digits } of goals) {
    console.log(`| ${what} | ${figure.toFixed(digits)} | ${most} | ${figure <= most ? 'met' : 'missed'} |`);
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ bench: 'logs', ...values, goals }, undefined, 2)}\n`);
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
