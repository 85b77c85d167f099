import { resourceLogs } from '../../codec/otlp/export-logs.ts';
import { MetricExporter } from '../../codec/otlp/export-metrics.ts';
import { type IdOf, resourceSpans, type SharedSpans } from '../../codec/otlp/export-spans.ts';
import { encodeRequest, type RequestType } from '../../codec/otlp/messages.ts';
import { zipkinJson } from '../../codec/zipkin-json/zipkin-json.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';
import { paddedTraceId } from '../../model/span.ts';
import { keysOf } from './keys.ts';
import { Lines } from './lines.ts';
import { linesBetween } from './log-lines.ts';

export type MessageFormat = 'otlp_proto' | 'otlp_json' | 'zipkin_json' | 'ndjson' | 'json';

/** Items of one record that belong under one key, in their order. */
export interface Run {
  readonly key: string | undefined;
  /** Where its first item stands in the record. */
  readonly first: number;
  readonly items: number;
  /** Places where it may be cut: it has so many parts. */
  readonly parts: number;
  /** The value of a message with the parts `[from, to)`. */
  encode(from: number, to: number): Buffer;
}

export interface RunOptions {
  readonly format: Readonly<Record<Signal, MessageFormat>>;
  readonly shared: SharedSpans;
  readonly decode: RecordDecoder;
}

const hex: IdOf = (id) => id;
const bytes: IdOf = (id) => Buffer.from(id, 'hex');

/** Takes records apart into what becomes messages. */
export class Runs {
  readonly #options: RunOptions;
  readonly #proto = new MetricExporter(bytes);
  readonly #json = new MetricExporter(hex);

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** Throws BRIDGE_DECODE. */
  of(record: QueueRecord): readonly Run[] {
    const format = this.#options.format[record.signal];
    if (format === 'ndjson' || format === 'json') {
      return this.#lines(record, format);
    }
    switch (record.signal) {
      case 'traces':
        return this.#traces(record, format);
      case 'metrics':
        return this.#metrics(record, format);
      case 'logs':
        return this.#logs(record, format);
      default:
        throw new Error(`${record.signal} can't be written as ${format}`);
    }
  }

  #lines(record: QueueRecord, format: 'ndjson' | 'json'): readonly Run[] {
    const { decode } = this.#options;
    const lines = new Lines(record, decode);
    const groups = grouped(lines.count, keysOf(record, decode));
    return groups.flatMap(([key, indexes]) => {
      const whole = runOf(key, indexes, (some) => lines.joined(some));
      return format === 'ndjson' ? [whole] : indexes.map((one) => runOf(key, [one], () => lines.line(one)));
    });
  }

  #traces(record: QueueRecord, format: MessageFormat): readonly Run[] {
    const spans = this.#options.decode.spans(record);
    const { shared } = this.#options;
    const idOf = format === 'otlp_proto' ? bytes : hex;
    const groups = grouped(spans.length, (index) => paddedTraceId(spans[index]?.traceId ?? ''));
    return groups.map(([key, indexes]) =>
      runOf(key, indexes, (some) => {
        const chosen = some.flatMap((index) => spans[index] ?? []);
        return format === 'zipkin_json'
          ? Buffer.from(zipkinJson.encode(chosen))
          : encoded(format, 'TraceRequest', { resourceSpans: resourceSpans(chosen, idOf, shared) });
      }),
    );
  }

  #metrics(record: QueueRecord, format: MessageFormat): readonly Run[] {
    const { decode } = this.#options;
    const frame = decode.frame(record);
    const exporter = format === 'otlp_proto' ? this.#proto : this.#json;
    return [
      {
        key: keysOf(record, decode)(0),
        first: 0,
        items: record.items,
        parts: exporter.pointsOf(frame.shape),
        encode: (from, to) => {
          const resourceMetrics = exporter.resourceMetrics(frame, record.origin, { from, to });
          return encoded(format, 'MetricsRequest', { resourceMetrics });
        },
      },
    ];
  }

  #logs(record: QueueRecord, format: MessageFormat): readonly Run[] {
    const { decode } = this.#options;
    const block = decode.lines(record);
    const idOf = format === 'otlp_proto' ? bytes : hex;
    return [
      {
        key: keysOf(record, decode)(0),
        first: 0,
        items: record.items,
        parts: block.count,
        encode: (from, to) =>
          encoded(format, 'LogsRequest', { resourceLogs: [resourceLogs(linesBetween(block, from, to), record, idOf)] }),
      },
    ];
  }
}

function runOf(key: string | undefined, indexes: readonly number[], encode: (some: readonly number[]) => Buffer): Run {
  return {
    key,
    first: indexes[0] ?? 0,
    items: indexes.length,
    parts: indexes.length,
    encode: (from, to) => encode(indexes.slice(from, to)),
  };
}

/** Indexes below `count` by key, in the order in which keys first come. */
function grouped<K>(count: number, keyOf: (index: number) => K): readonly (readonly [K, readonly number[]])[] {
  const groups = new Map<K, number[]>();
  for (let index = 0; index < count; index++) {
    const key = keyOf(index);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [index]);
    } else {
      group.push(index);
    }
  }
  return [...groups];
}

function encoded(format: MessageFormat, type: RequestType, request: object): Buffer {
  return format === 'otlp_proto' ? encodeRequest(type, request) : Buffer.from(JSON.stringify(request));
}
