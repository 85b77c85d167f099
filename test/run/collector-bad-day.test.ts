/**
 * The bad days of a real OpenTelemetry Collector that takes spans, metrics and log records over OTLP. It passes each request on
 * before it answers, so what its far side has is what it acknowledged, read and written anew by OpenTelemetry's own code. Part of
 * npm run test:long, since the collector is built from source.
 */
import type { Signal } from '../../src/model/batch.ts';
import { describeBadDay } from '../e2e/bad-day/describe-bad-day.ts';
import { type Found, type Item, traceIdOf } from '../e2e/bad-day/load.ts';
import { type Running, Server } from '../e2e/bad-day/server.ts';
import { fakeFarSide, type Received } from '../fakes/far-side.ts';
import { freePort } from '../fakes/free-port.ts';
import { startCollector } from './collector.ts';

interface Kept {
  readonly id: string;
  readonly facts: unknown;
}

/** As protobuf's JSON mapping has it: integers of 64 bits are texts, and ids hexadecimal (opentelemetry-proto, OTLP/JSON). */
interface Value {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

interface Span {
  readonly traceId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Value[];
}

interface Point {
  readonly timeUnixNano: string;
  readonly asDouble: number;
  readonly attributes: readonly Value[];
}

interface LogRecord {
  readonly timeUnixNano: string;
  readonly body: { readonly stringValue: string };
}

interface Scoped {
  readonly spans?: readonly Span[];
  readonly metrics?: readonly { readonly name: string; readonly gauge?: { readonly dataPoints: readonly Point[] } }[];
  readonly logRecords?: readonly LogRecord[];
}

interface Resource {
  readonly scopeSpans?: readonly Scoped[];
  readonly scopeMetrics?: readonly Scoped[];
  readonly scopeLogs?: readonly Scoped[];
}

type Exported = Readonly<Partial<Record<'resourceSpans' | 'resourceMetrics' | 'resourceLogs', readonly Resource[]>>>;

function itemsIn({ body }: Received): readonly Kept[] {
  const { resourceSpans = [], resourceMetrics = [], resourceLogs = [] } = JSON.parse(body.toString()) as Exported;
  const scopes = [...resourceSpans, ...resourceMetrics, ...resourceLogs].flatMap(
    ({ scopeSpans = [], scopeMetrics = [], scopeLogs = [] }) => [...scopeSpans, ...scopeMetrics, ...scopeLogs],
  );
  return scopes.flatMap(({ spans = [], metrics = [], logRecords = [] }) => [
    ...spans.map(keptSpan),
    ...metrics.flatMap(({ name, gauge }) => (gauge?.dataPoints ?? []).map((point) => keptPoint(name, point))),
    ...logRecords.map(keptLine),
  ]);
}

function textOf(attributes: readonly Value[], name: string): string | undefined {
  return attributes.find(({ key }) => key === name)?.value.stringValue;
}

const server = 2;

function keptSpan({ traceId, name, kind, startTimeUnixNano, endTimeUnixNano, attributes }: Span): Kept {
  const micros = Number((BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1000n);
  const path = textOf(attributes, 'http.path');
  return { id: name, facts: { traceId, kind, path, atNanos: startTimeUnixNano, micros } };
}

function keptPoint(name: string, { timeUnixNano, asDouble, attributes }: Point): Kept {
  return { id: textOf(attributes, 'id') ?? '', facts: { name, value: asDouble, atNanos: timeUnixNano } };
}

function keptLine({ timeUnixNano, body: { stringValue: message } }: LogRecord): Kept {
  return { id: /"([^"]+)"/.exec(message)?.[1] ?? '', facts: { message, atNanos: timeUnixNano } };
}

const expected: Readonly<Partial<Record<Signal, (item: Item) => object>>> = {
  traces: (item) => ({ traceId: traceIdOf(item), kind: server, path: `/${item.id}`, micros: 1000 + item.number }),
  metrics: ({ number }) => ({ name: 'bad_day_number', value: number + 0.25 }),
  logs: ({ id }) => ({ message: `line "${id}" of a bad day` }),
};

async function collector(dir: string, protocol: 'http/protobuf' | 'http/json'): Promise<Running> {
  const name = protocol.replace('http/', 'collector-');
  const kept: Kept[] = [];
  const far = await fakeFarSide();
  far.answer((request) => {
    kept.push(...itemsIn(request));
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' };
  });
  const port = await freePort();
  const endpoint = `127.0.0.1:${port}`;
  const off = { enabled: false };
  const pipeline = { receivers: ['otlp'], exporters: ['otlphttp'] };
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint } } } },
    exporters: {
      // Without these it would answer first, and forget what it has when it is killed.
      otlphttp: { endpoint: far.url, encoding: 'json', compression: 'none', sending_queue: off, retry_on_failure: off },
    },
    service: { pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline } },
  };
  const running = await Server.of(() => startCollector({ dir, port, config }));
  return {
    name,
    signals: ['traces', 'metrics', 'logs'],
    upstream: `http://${endpoint}`,
    toml: (url) => `[[outputs.otlp]]\n  url = "${url}"\n  protocol = "${protocol}"\n`,
    read: async (items) => foundAmong(items, kept),
    expected: (item) => ({ ...expected[item.signal]?.(item), atNanos: `${item.atMs}000000` }),
    onTwice: 'two',
    kill: running.kill,
    restart: running.restart,
    stop: async () => {
      await running.kill();
      await far.close();
    },
  };
}

function foundAmong(items: readonly Item[], kept: readonly Kept[]): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>();
  for (const { id } of items) {
    const copies = kept.filter((one) => one.id === id);
    if (copies.length > 0) {
      found.set(id, { copies: copies.length, facts: copies[0]?.facts });
    }
  }
  return found;
}

describeBadDay({
  start: (dir) => Promise.all([collector(dir, 'http/protobuf'), collector(dir, 'http/json')]),
  inputs: '[[inputs.loki]]\n',
  turns: [['collector-protobuf'], ['collector-json']],
  killed: [['collector-protobuf', 'collector-json']],
  poisoned: 'logs',
});
