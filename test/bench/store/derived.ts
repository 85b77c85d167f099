/**
 * npm run bench -- store derived [--spans 1000000] [--dir DIR] [--json FILE]
 *
 * What follows from a day of spans: traces of a mesh of 12 services (11 spans each), spread evenly over a day of arrival → links, RED
 * and the rest worked out minute by minute, as the store does by itself; then questions over the whole day and over an hour.
 * `cold` is the first question after the store was opened, before it had time to add up the hours.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeSpans } from '../../../src/codec/spans.ts';
import type { Question } from '../../../src/contract/store.ts';
import type { QueueRecord } from '../../../src/model/batch.ts';
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import { peakMegabytes } from '../zipkin/process-cost.ts';
import { seededBits } from '../zipkin/random.ts';

const { values } = parseArgs({
  options: {
    spans: { type: 'string', default: '1000000' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 20);
const endMs = startMs + dayMs;
const traceSpans = 11;
const commitTraces = 200;
const bits = seededBits(7);
const services = Array.from({ length: 12 }, (_, i) => `service-${i}.shop`);

function hex(): string {
  return bits().toString(16).padStart(8, '0');
}

/** A gateway calls five services, one below the other or beside it: both halves of each call. */
function traceAt(atMs: number): object[] {
  const traceId = hex() + hex() + hex() + hex();
  const spans: object[] = [];
  const add = (service: string, kind: string, parentId: string | undefined, name: string): string => {
    const id = hex() + hex();
    const failed = bits() % 50 === 0;
    spans.push({
      ...{ traceId, id, ...(parentId !== undefined && { parentId }), kind, name },
      ...{ timestamp: Math.round(atMs * 1000) + spans.length * 700, duration: 500 + (bits() % 60_000) },
      localEndpoint: { serviceName: service },
      tags: {
        ...{ component: 'proxy', 'http.method': 'GET', 'http.status_code': failed ? '503' : '200' },
        ...(failed && { error: 'true' }),
      },
    });
    return id;
  };
  let parent = add('gateway.istio-system', 'SERVER', undefined, 'in');
  let caller = 'gateway.istio-system';
  for (let hop = 0; hop < 5; hop++) {
    const service = services[bits() % services.length] ?? '';
    const name = `${service}.svc.cluster.local:80/*`;
    const called = add(service, 'SERVER', add(caller, 'CLIENT', parent, name), name);
    if (bits() % 2 === 0) {
      [parent, caller] = [called, service];
    }
  }
  return spans;
}

const dir = mkdtempSync(join(values.dir, 'meshbridge-bench-derived-'));
const clock = { now: () => endMs + 3_600_000, sleep: () => Promise.resolve() };
const options = { dir, retentionMs: 7 * dayMs, maxBytes: 20e9, clock, decodeSpans };
const never = new AbortController().signal;

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function fill(store: EmbeddedStore): Promise<number> {
  const traces = Math.round(Number(values.spans) / traceSpans);
  const part = store.parts.find(({ signal }) => signal === 'traces');
  let made = 0;
  for (let done = 0, seq = 1; done < traces; done += commitTraces, seq++) {
    const atMs = startMs + (done / traces) * dayMs;
    const spans = Array.from({ length: commitTraces }, () => traceAt(atMs)).flat();
    made += spans.length;
    const record: QueueRecord = {
      ...{ seq, signal: 'traces', format: 'zipkin-json-v2', receivedAtMs: Math.floor(atMs) },
      ...{ items: spans.length, cumItems: made, origin: {}, payload: Buffer.from(JSON.stringify(spans)) },
    };
    part?.append('bench', [record]);
    await part?.flush();
  }
  return made;
}

const dayLong = { startMs, endMs };
const lastHour = { startMs: endMs - 3_600_000, endMs };
const rate = 'sum by (service) (rate(traces_spanmetrics_calls_total[5m]))';
const p95 =
  'histogram_quantile(0.95, sum by (le, server) (rate(traces_service_graph_request_server_seconds_bucket[5m])))';
const questions: Readonly<Record<string, Question>> = {
  'dependencies, a day': { kind: 'zipkin.dependencies', endTsMs: endMs, lookbackMs: dayMs },
  'dependencies, an hour': { kind: 'zipkin.dependencies', endTsMs: endMs, lookbackMs: 3_600_000 },
  'graph, a day': { kind: 'traces.graph', range: dayLong },
  'red, a day': { kind: 'traces.red', range: dayLong },
  'graph, an hour': { kind: 'traces.graph', range: lastHour },
  'PromQL rate, an hour': { kind: 'prom.queryRange', query: rate, range: lastHour, stepMs: 60_000 },
  'PromQL p95, an hour': { kind: 'prom.queryRange', query: p95, range: lastHour, stepMs: 60_000 },
  'exemplars, an hour': { kind: 'traces.exemplars', query: 'traces_spanmetrics_latency_bucket', range: lastHour },
};

let store = new EmbeddedStore(options);
await store.open();
const spans = await fill(store);
const before = cpuSeconds();
await store.derive(never);
const deriveSeconds = cpuSeconds() - before;
await store.close();

const asked: Record<string, { coldMs: number; warmMs: number; count: number }> = {};
for (const [name, question] of Object.entries(questions)) {
  store = new EmbeddedStore(options);
  await store.open();
  const times: number[] = [];
  let count = 0;
  for (let round = 0; round < 6; round++) {
    if (round === 1) {
      // As the store does by itself every few seconds.
      await store.derive(never);
    }
    const began = performance.now();
    ({ count } = await store.ask(question));
    times.push(performance.now() - began);
  }
  const [coldMs = 0, ...warm] = times;
  asked[name] = { coldMs, warmMs: warm.sort((a, b) => a - b)[Math.floor(warm.length / 2)] ?? 0, count };
  await store.close();
}
rmSync(dir, { recursive: true });

const report = {
  spans,
  deriveCpuSecondsPerMillion: (deriveSeconds / spans) * 1e6,
  asked,
  peakMegabytes: peakMegabytes(process.pid),
};
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify(report, undefined, 2));
}
console.log(JSON.stringify(report, undefined, 2));
