/**
 * npm run bench -- store traces [--spans 1000000] [--body 10] [--dir DIR] [--json FILE]
 *
 * The embedded store alone: records of `--body` Envoy-like spans → decoded → blocks on disk and indexed, in commits of 2,000
 * spans; then questions over all of them. CPU is user and system time of all threads while the store works.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeSpans } from '../../../src/codec/spans.ts';
import type { Question } from '../../../src/contract/store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { QueueRecord } from '../../../src/model/batch.ts';
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import { peakMegabytes } from '../zipkin/process-cost.ts';
import { rareTag, SpanMaker } from './spans.ts';

const { values } = parseArgs({
  options: {
    spans: { type: 'string', default: '1000000' },
    body: { type: 'string', default: '10' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});

const total = Number(values.spans);
const bodySpans = Number(values.body);
const commitSpans = 2_000;
const startMs = Date.UTC(2026, 10, 21, 12);

interface Made {
  readonly records: QueueRecord[];
  readonly traceIds: string[];
}

/** The next records, as the lane would give them. */
function makeRecords(maker: SpanMaker, firstSeq: number, spans: number): Made {
  const records: QueueRecord[] = [];
  const traceIds: string[] = [];
  for (let made = 0; made < spans; made += bodySpans) {
    const body = Array.from({ length: bodySpans }, () => maker.next());
    const seq = firstSeq + records.length;
    records.push({
      seq,
      signal: 'traces',
      format: 'zipkin-json-v2',
      receivedAtMs: Math.floor((body[0]?.timestamp ?? 0) / 1000),
      items: bodySpans,
      cumItems: seq * bodySpans,
      origin: {},
      payload: Buffer.from(JSON.stringify(body)),
    });
    traceIds.push(body[0]?.traceId ?? '');
  }
  return { records, traceIds };
}

interface Cost {
  seconds: number;
}

async function costing(cost: Cost, work: () => Promise<void>): Promise<void> {
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  cost.seconds += (used.user + used.system) / 1e6;
}

async function millisOf(store: EmbeddedStore, question: Question): Promise<{ ms: number; count: number }> {
  const began = performance.now();
  const { count } = await store.ask(question);
  return { ms: performance.now() - began, count };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const dir = mkdtempSync(join(values.dir, 'meshbridge-bench-store-'));
const options = { dir, retentionMs: 7 * 86_400_000, maxBytes: 20e9, clock: systemClock, decodeSpans };
const store = new EmbeddedStore(options);
await store.open();
const traces = store.parts.find(({ signal }) => signal === 'traces');
if (traces === undefined) {
  throw new Error('the store takes no traces');
}
const maker = new SpanMaker(1, startMs * 1000);
const ingest: Cost = { seconds: 0 };
const someIds: string[] = [];
let lastMs = startMs;
for (let done = 0, seq = 1; done < total; done += commitSpans) {
  const { records, traceIds } = makeRecords(maker, seq, commitSpans);
  seq += records.length;
  someIds.push(traceIds[0] ?? '');
  lastMs = records.at(-1)?.receivedAtMs ?? lastMs;
  await costing(ingest, async () => {
    traces.append('bench', records);
    await traces.flush();
  });
}
const status = await store.status();
const stored = status.partitions.reduce((sum, { items }) => sum + items, 0);

const byId: number[] = [];
for (const traceId of someIds.filter((_, i) => i % Math.ceil(someIds.length / 500) === 0)) {
  byId.push((await millisOf(store, { kind: 'zipkin.trace', traceId })).ms);
}
byId.sort((a, b) => a - b);
const range = { endTsMs: lastMs + 1000, lookbackMs: lastMs - startMs + 2000 };
const rare = { key: rareTag.key, value: rareTag.value };
const service = { serviceName: 'reviews.bookinfo' };
const questions: Readonly<Record<string, Question>> = {
  'service + rare tag + duration': {
    kind: 'zipkin.traces',
    query: { ...range, ...service, annotations: [rare], minDurationMicros: 20_000, limit: 10 },
  },
  'rare tag': { kind: 'zipkin.traces', query: { ...range, annotations: [rare], limit: 100 } },
  'absent tag': { kind: 'zipkin.traces', query: { ...range, annotations: [{ key: 'no', value: 'such' }], limit: 10 } },
  'service, newest 10': { kind: 'zipkin.traces', query: { ...range, ...service, annotations: [], limit: 10 } },
  services: { kind: 'zipkin.services' },
  dependencies: { kind: 'zipkin.dependencies', ...range },
};
const asked: Record<string, { firstMs: number; secondMs: number; count: number }> = {};
for (const [name, question] of Object.entries(questions)) {
  const first = await millisOf(store, question);
  const second = await millisOf(store, question);
  asked[name] = { firstMs: first.ms, secondMs: second.ms, count: first.count };
}
await store.close();
const reopened = new EmbeddedStore(options);
const openBegan = performance.now();
await reopened.open();
const openMs = performance.now() - openBegan;
await reopened.close();
rmSync(dir, { recursive: true });

const report = {
  spans: stored,
  bodySpans,
  cpuSecondsPerMillion: (ingest.seconds / stored) * 1e6,
  bytesPerSpan: status.bytes / stored,
  partitions: status.partitions.length,
  traceByIdMs: { p50: quantile(byId, 0.5), p99: quantile(byId, 0.99) },
  asked,
  openMs,
  peakMegabytes: peakMegabytes(process.pid),
};
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify(report, undefined, 2));
}
console.log(JSON.stringify(report, undefined, 2));
