/**
 * npm run bench -- store metrics [--targets 25] [--series 400] [--hours 6] [--dir DIR] [--json FILE]
 *
 * Scrapes of sidecars every 15 s → frames on disk, heads, chunks, sealed partition; then questions over all of it. Half-hour
 * cuts and the seal are part of what ingest costs. CPU is user and system time of all threads while the store works.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeSpans } from '../../../src/codec/spans.ts';
import type { Question } from '../../../src/contract/store.ts';
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import { peakMegabytes } from '../zipkin/process-cost.ts';
import { Scrapes } from './scrapes.ts';

const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: '25' },
    series: { type: 'string', default: '400' },
    hours: { type: 'string', default: '6' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const targets = Number(values.targets);
const hours = Number(values.hours);
const scrapes = (hours * 3600) / 15;
const startMs = Date.UTC(2026, 10, 21, 12);
/** Records that are committed together, as they come within a fifth of a second. */
const recordsInCommit = 5;

const source = new Scrapes(1, { targets, series: Number(values.series), startMs });
const clock = { now: (): number => source.timeMs, sleep: (): Promise<void> => Promise.resolve() };
const dir = mkdtempSync(join(values.dir, 'meshbridge-bench-store-'));
const sealMs = hours * 3_600_000 + 60_000;
const options = { dir, retentionMs: 7 * 86_400_000, maxBytes: 200e9, sealBytes: 20e9, sealMs, clock, decodeSpans };
const store = new EmbeddedStore(options);
await store.open();
const part = store.parts.find(({ signal }) => signal === 'metrics');
if (part === undefined) {
  throw new Error('the store takes no metrics');
}

const baseMegabytes = peakMegabytes(process.pid);
let cpuSeconds = 0;
let samples = 0;
let longestFlushMs = 0;
for (let scrape = 0; scrape < scrapes; scrape++) {
  const records = source.next();
  for (let at = 0; at < records.length; at += recordsInCommit) {
    const some = records.slice(at, at + recordsInCommit);
    const before = process.cpuUsage();
    const beganMs = performance.now();
    part.append('bench', some);
    await part.flush();
    longestFlushMs = Math.max(longestFlushMs, performance.now() - beganMs);
    const used = process.cpuUsage(before);
    cpuSeconds += (used.user + used.system) / 1e6;
    samples += some.reduce((sum, { items }) => sum + items, 0);
  }
}
const endMs = source.timeMs;
const ingestMegabytes = peakMegabytes(process.pid);

interface Asked {
  readonly ms: number;
  readonly cpuMs: number;
  readonly blockedMs: number;
  readonly count: number;
}

/** CPU time of this thread: what else runs on the machine does not count. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** How long a question takes, what it costs, and the longest piece of work between two turns of the others, in CPU time. */
async function asking(question: Question): Promise<Asked> {
  const beganMs = performance.now();
  let blockedMs = 0;
  let lastMs = threadMs();
  let going = true;
  const tick = (): void => {
    const nowMs = threadMs();
    blockedMs = Math.max(blockedMs, nowMs - lastMs);
    lastMs = nowMs;
    if (going) {
      setImmediate(tick);
    }
  };
  setImmediate(tick);
  const before = process.cpuUsage();
  const { count } = await store.ask(question);
  const used = process.cpuUsage(before);
  const ms = performance.now() - beganMs;
  going = false;
  tick();
  return { ms, cpuMs: (used.user + used.system) / 1000, blockedMs, count };
}

const range = { startMs, endMs };
const requests = 'istio_requests_total{request_protocol="http"}';
const stepMs = 60_000;
const questions: Readonly<Record<string, Question>> = {
  'read 1,000 series, all of it': {
    kind: 'prom.queryRange',
    query: `count_over_time(${requests}[${hours}h])`,
    range: { startMs: endMs, endMs },
    stepMs,
  },
  'rate, sum by': {
    kind: 'prom.queryRange',
    query: `sum by (response_code) (rate(${requests}[5m]))`,
    range,
    stepMs,
  },
  'instant, regex over pods': {
    kind: 'prom.query',
    query: `sum(${requests.replace('}', ',pod=~"workload-1.*"}')})`,
    timeMs: endMs,
  },
  'label values': { kind: 'prom.labelValues', name: 'pod', query: { ...range, selectors: [], limit: 0 } },
  'series of one metric': { kind: 'prom.series', query: { ...range, selectors: [requests], limit: 0 } },
  catalogue: { kind: 'metrics.catalogue', range },
};

async function askAll(): Promise<Record<string, object>> {
  const asked: Record<string, object> = {};
  for (const [name, question] of Object.entries(questions)) {
    const first = await asking(question);
    const second = await asking(question);
    const third = await asking(question);
    const blockedMs = Math.max(first.blockedMs, second.blockedMs, third.blockedMs);
    asked[name] = {
      firstMs: first.ms,
      thenMs: Math.min(second.ms, third.ms),
      cpuMs: Math.min(second.cpuMs, third.cpuMs),
      blockedMs,
      count: first.count,
    };
  }
  return asked;
}

const active = await askAll();
// One scrape after the end of the partition seals it.
source.timeMs += sealMs;
const sealBefore = process.cpuUsage();
part.append('bench', source.next().slice(0, 1));
await part.flush();
const sealUsed = process.cpuUsage(sealBefore);
cpuSeconds += (sealUsed.user + sealUsed.system) / 1e6;
const [sealed] = (await store.status()).partitions.filter(({ signal }) => signal === 'metrics');
const afterwards = await askAll();
await store.close();

const reopened = new EmbeddedStore(options);
const openBegan = performance.now();
await reopened.open();
const openMs = performance.now() - openBegan;
await reopened.close();
rmSync(dir, { recursive: true });

const report = {
  samples,
  series: targets * Number(values.series),
  cpuSecondsPerMillion: (cpuSeconds / samples) * 1e6,
  bytesPerSample: (sealed?.bytes ?? Number.NaN) / (sealed?.items ?? 0),
  longestFlushMs,
  active,
  sealed: afterwards,
  openMs,
  peakMegabytes: { before: baseMegabytes, ingest: ingestMegabytes, all: peakMegabytes(process.pid) },
};
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify(report, undefined, 2));
}
console.log(JSON.stringify(report, undefined, 2));
