import { resourceLogs } from '../../codec/otlp/export-logs.ts';
import { MetricExporter } from '../../codec/otlp/export-metrics.ts';
import { type IdOf, resourceSpans, type SharedSpans } from '../../codec/otlp/export-spans.ts';
import { encodeRequest } from '../../codec/otlp/messages.ts';
import { hasEdits } from '../../codec/spans.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';

export interface BodyOptions {
  readonly encoding: 'protobuf' | 'json';
  readonly shared: SharedSpans;
  readonly decode: RecordDecoder;
}

/** What OTLP has a service for. */
export type Sent = Exclude<Signal, 'rum'>;

const hex: IdOf = (id) => id;
const bytes: IdOf = (id) => Buffer.from(id, 'hex');

/** Makes requests of records. */
export class Bodies {
  readonly #options: BodyOptions;
  readonly #idOf: IdOf;
  readonly #metrics: MetricExporter;

  constructor(options: BodyOptions) {
    this.#options = options;
    this.#idOf = options.encoding === 'protobuf' ? bytes : hex;
    this.#metrics = new MetricExporter(this.#idOf);
  }

  /** One request with all that the records hold. Throws BRIDGE_DECODE. */
  of(signal: Sent, records: readonly QueueRecord[]): Buffer {
    const { decode } = this.#options;
    switch (signal) {
      case 'logs': {
        const logs = records.map((record) => resourceLogs(decode.lines(record), record, this.#idOf));
        return this.#encoded('LogsRequest', { resourceLogs: logs });
      }
      case 'metrics': {
        const metrics = records.flatMap((record) => this.#metrics.resourceMetrics(decode.frame(record), record.origin));
        return this.#encoded('MetricsRequest', { resourceMetrics: metrics });
      }
      case 'traces':
        return this.#spans(records);
    }
  }

  /**
   * Requests that came as OTLP protobuf go out as they came: put one behind the other, such messages are one message.
   */
  #spans(records: readonly QueueRecord[]): Buffer {
    if (this.#options.encoding === 'json') {
      return this.#encodedSpans(records);
    }
    const parts: Uint8Array[] = [];
    let waiting: QueueRecord[] = [];
    const flush = (): void => {
      if (waiting.length > 0) {
        parts.push(this.#encodedSpans(waiting));
        waiting = [];
      }
    };
    for (const record of records) {
      if (record.format === 'otlp-traces' && !hasEdits(record.edits)) {
        flush();
        parts.push(record.payload);
      } else {
        waiting.push(record);
      }
    }
    flush();
    return Buffer.concat(parts);
  }

  #encodedSpans(records: readonly QueueRecord[]): Buffer {
    const { decode, shared } = this.#options;
    const spans = records.flatMap((record) => decode.spans(record));
    return this.#encoded('TraceRequest', { resourceSpans: resourceSpans(spans, this.#idOf, shared) });
  }

  #encoded(type: Parameters<typeof encodeRequest>[0], request: object): Buffer {
    return this.#options.encoding === 'protobuf' ? encodeRequest(type, request) : Buffer.from(JSON.stringify(request));
  }
}
