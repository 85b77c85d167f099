import { z } from 'zod';
import { BridgeError } from '../../contract/errors.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { Batch, Origin, QueueRecord, Signal } from '../../model/batch.ts';
import { logFlags, logLevels } from '../../model/log.ts';
import type { Series } from '../../model/metric.ts';
import { encodeAttributes } from '../log-block/attributes.ts';
import { levelOfName, sniffLevel } from '../log-block/level.ts';
import { logBlockFormat, logBlockParts } from '../log-block/log-block.ts';
import { LogBlockBuilder } from '../log-block/log-block-builder.ts';
import { bitmapBytes, encodeFrame, encodeShape } from '../metric-frame/metric-frame.ts';
import { NdjsonLines } from '../ndjson/ndjson-lines.ts';
import { encodeRumPoints } from '../rum-points/rum-points.ts';
import { zipkinJson } from '../zipkin-json/zipkin-json.ts';

/** A sample, span, log line or RUM point as one line of the `file` output has it (interfaces.md); plain JSON. */
export type Item = Readonly<Record<string, unknown>> & { readonly signal: Signal };

/** Records → items, for components that no build knows of. Throws BRIDGE_DECODE. */
export function itemsOf(record: QueueRecord, decode: RecordDecoder): readonly Item[] {
  return new NdjsonLines(decode).of(record).map((line) => JSON.parse(line.toString()));
}

const labels = z.record(z.string(), z.string());
const numberOrWord = z.union([z.number(), z.enum(['NaN', '+Inf', '-Inf'])]);
const field = z.union([z.string(), z.number(), z.boolean()]);
const sampleSchema = z.object({
  name: z.string().min(1),
  labels: labels.default({}),
  value: numberOrWord.optional(),
  stale: z.literal(true).optional(),
  /** ms since 1970 */
  timestamp: z.number().optional(),
  type: z.enum(['counter', 'gauge', 'histogram', 'summary', 'unknown']).default('unknown'),
  help: z.string().optional(),
  measurement: z.string().optional(),
  field: z.string().optional(),
});
const lineSchema = z.object({
  message: z.string(),
  timestamp: z.string().optional(),
  stream: z.enum(['stdout', 'stderr']).default('stdout'),
  level: z.string().optional(),
  attributes: z.record(z.string(), field).default({}),
});
const pointSchema = z.object({
  measurement: z.string().min(1),
  tags: labels.default({}),
  fields: z.record(z.string(), field),
  /** ns since 1970 */
  time: z.string().regex(/^\d+$/).optional(),
});

export interface ItemsFrom {
  readonly origin: Origin;
  /** For items without a time of their own. */
  readonly nowMs: number;
}

type Encoded = Pick<Batch, 'format' | 'payload' | 'dictionary'>;

/**
 * Items of one signal → a batch. Beside their own keys, lines may have those that the `file` output adds, such as `pod`: they
 * are passed over, since `origin` says them. Throws BRIDGE_DECODE that names the item and the key.
 */
export function batchOf(items: readonly unknown[], { origin, nowMs }: ItemsFrom): Batch {
  const signal = signalOfAll(items);
  return { signal, items: items.length, origin, ...encoders[signal](items, nowMs) };
}

const encoders: Readonly<Record<Signal, (items: readonly unknown[], nowMs: number) => Encoded>> = {
  metrics: encodeSamples,
  traces: encodeSpans,
  logs: encodeLines,
  rum: encodePoints,
};

function signalOfAll(items: readonly unknown[]): Signal {
  const schema = z.object({ signal: z.enum(['metrics', 'traces', 'logs', 'rum']) });
  const [first, ...rest] = items.map((item, index) => checked(schema, item, index).signal);
  const other = rest.find((signal) => signal !== first);
  if (first === undefined || other !== undefined) {
    throw new BridgeError('BRIDGE_DECODE', first === undefined ? 'there is no item' : `${first} and ${other} at once`);
  }
  return first;
}

function checked<T>(schema: z.ZodType<T>, item: unknown, index: number): T {
  const { data, error } = schema.safeParse(item);
  if (error !== undefined) {
    const [issue] = error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    throw new BridgeError('BRIDGE_DECODE', `item ${index}: ${where}${issue?.message ?? 'it is not what it should be'}`);
  }
  return data as T;
}

function encodeSpans(items: readonly unknown[]): Encoded {
  const payload = Buffer.from(JSON.stringify(items.map((item) => without(item))));
  zipkinJson.decode(payload);
  return { format: 'zipkin-json-v2', payload };
}

function without(item: unknown): object {
  const { signal, ...span } = { signal: undefined, ...(typeof item === 'object' ? item : {}) };
  return span;
}

function encodeSamples(items: readonly unknown[], nowMs: number): Encoded {
  const samples = items.map((item, index) => checked(sampleSchema, item, index));
  const { id, bytes } = encodeShape(samples.map(seriesOf));
  const stale = new Uint8Array(bitmapBytes(samples.length));
  for (const [i, sample] of samples.entries()) {
    stale[i >> 3] = (stale[i >> 3] ?? 0) | (Number(sample.stale === true) << (i & 7));
  }
  const payload = encodeFrame({
    timestampMs: nowMs,
    values: Float64Array.from(samples, ({ value }) => numberOf(value)),
    timestampsMs: Float64Array.from(samples, ({ timestamp }) => timestamp ?? Number.NaN),
    ...(samples.some((sample) => sample.stale === true) && { stale }),
  });
  return { format: 'metric-frame', payload, dictionary: { id, bytes } };
}

/** A name without a split is split at its first underscore, as DataKit does. */
function seriesOf({
  name,
  labels: given,
  type,
  help,
  measurement,
  field: part,
}: z.output<typeof sampleSchema>): Series {
  const at = name.indexOf('_', 1);
  const pairs = Object.entries(given).filter(([, value]) => value !== '');
  return {
    name,
    labels: pairs.toSorted(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
    type,
    ...(help === undefined ? {} : { help }),
    measurement: measurement ?? (at < 0 ? name : name.slice(0, at)),
    field: part ?? (at < 0 ? name : name.slice(at + 1)),
  };
}

function numberOf(value: number | string | undefined): number {
  if (typeof value === 'number') {
    return value;
  }
  return value === '+Inf' ? Number.POSITIVE_INFINITY : value === '-Inf' ? Number.NEGATIVE_INFINITY : Number.NaN;
}

function encodeLines(items: readonly unknown[], nowMs: number): Encoded {
  const builder = new LogBlockBuilder();
  for (const [index, item] of items.entries()) {
    const { message, timestamp, stream, level, attributes } = checked(lineSchema, item, index);
    const text = Buffer.from(message);
    const encoded = encodeAttributes(attributes);
    const marks = {
      ...timeOf(timestamp, nowMs, index),
      flags: stream === 'stderr' ? logFlags.stderr : 0,
      level: level === undefined ? sniffLevel(text, 0, text.length) : levelIndex(level),
      ...(encoded !== undefined && { attributes: encoded }),
    };
    builder.append(marks, text, 0, text.length);
  }
  const block = builder.block();
  return { format: logBlockFormat(block), payload: logBlockParts(block) };
}

function levelIndex(level: string): number {
  const known = logLevels.findIndex((name) => name === level);
  return known < 0 ? levelOfName(level) : known;
}

/** RFC 3339, with up to nine digits of a second. */
function timeOf(text: string | undefined, nowMs: number, index: number): { seconds: number; nanos: number } {
  const ms = text === undefined ? nowMs : Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new BridgeError('BRIDGE_DECODE', `item ${index}: timestamp: "${text}" is no time as RFC 3339 writes it`);
  }
  const digits = text === undefined ? undefined : /\.(\d{1,9})/.exec(text)?.[1];
  const seconds = Math.floor(ms / 1_000);
  const nanos = digits === undefined ? (ms - seconds * 1_000) * 1_000_000 : Number(digits.padEnd(9, '0'));
  return { seconds, nanos: Math.round(nanos) };
}

function encodePoints(items: readonly unknown[], nowMs: number): Encoded {
  const points = items.map((item, index) => {
    const { time, ...point } = checked(pointSchema, item, index);
    return { ...point, timeNanos: time === undefined ? BigInt(nowMs) * 1_000_000n : BigInt(time) };
  });
  return { format: 'rum-points', payload: encodeRumPoints(points) };
}
