/** The four kinds of telemetry. Each has its own lane, so that one cannot push out another. */
export type Signal = 'metrics' | 'traces' | 'logs' | 'rum';
export const signals: readonly Signal[] = ['metrics', 'traces', 'logs', 'rum'];

/** How the payload of a batch or record is encoded. A new format is a new name; an old name never changes its meaning. */
export type Format =
  | 'metric-frame' // codec/metric-frame: one scrape of one target
  | 'zipkin-json-v2' // the sender's bytes: a JSON list of Zipkin v2 spans
  | 'zipkin-json-v1'
  | 'zipkin-proto3' // the sender's bytes: zipkin.proto3.ListOfSpans
  | 'zipkin-thrift' // the sender's bytes: a TBinary list of zipkinCore.Span
  | 'otlp-traces' // the sender's bytes: ExportTraceServiceRequest
  | 'otlp-traces-json' // the same in OTLP's JSON encoding
  | 'log-block' // codec/log-block: consecutive lines of one stream
  | 'log-block-2' // codec/log-block: the same, of which lines have attributes
  | 'rum-points'; // codec/rum-points

/** What stands in a format. */
export const signalOf: Readonly<Record<Format, Signal>> = {
  'metric-frame': 'metrics',
  'zipkin-json-v2': 'traces',
  'zipkin-json-v1': 'traces',
  'zipkin-proto3': 'traces',
  'zipkin-thrift': 'traces',
  'otlp-traces': 'traces',
  'otlp-traces-json': 'traces',
  'log-block': 'logs',
  'log-block-2': 'logs',
  'rum-points': 'rum',
};

export function isFormat(name: string): name is Format {
  return Object.hasOwn(signalOf, name);
}

/**
 * Where telemetry came from, so that signals can be joined. Every field is optional and never empty.
 * `workload` is the owner's name (Deployment, StatefulSet, ...); `app` and `version` are the pod's labels.
 */
export interface Origin {
  readonly node?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly podUid?: string;
  readonly container?: string;
  readonly workload?: string;
  readonly app?: string;
  readonly version?: string;
  /** The source of the input, such as `source` of `[[inputs.prom]]` or the service name of a log stream. */
  readonly source?: string;
}

/** What header steps of the pipeline ask for; the decoder applies it when the payload is read. `drop` goes first. */
export interface TagEdits {
  /** Added where the item lacks the key. */
  readonly add?: Readonly<Record<string, string>>;
  /** Keys removed from each item. */
  readonly drop?: readonly string[];
  /** Fields that an item is written without where it becomes a point, as DataKit knows them; it loses nothing elsewhere. */
  readonly dropFields?: readonly string[];
}

/**
 * What an input hands over: encoded bytes and the facts about them that nobody should have to decode.
 * `emit` copies `payload` and `dictionary` before it returns, so the caller may use its buffers again.
 */
export interface Batch {
  readonly signal: Signal;
  readonly format: Format;
  /** One buffer, or parts that are written one behind the other. */
  readonly payload: Uint8Array | readonly Uint8Array[];
  /** Samples, spans, log records or RUM points in the payload. */
  readonly items: number;
  readonly origin: Origin;
  /** It is of the cluster as a whole: nothing of the node that happened to collect it belongs to it. */
  readonly scope?: 'cluster';
  readonly edits?: TagEdits;
  /** It is for the output of that name alone, as one that it refused before and is to be asked again. */
  readonly only?: string;
  /**
   * Bytes that many batches share, such as the shape of a scraped page. Written once a segment, found again by `id`
   * (a content hash: equal ids mean equal bytes).
   */
  readonly dictionary?: { readonly id: string; readonly bytes: Uint8Array };
}

/** How far a source has been read. It becomes durable in the very record that carries its data. `key` names the source. */
export interface Position {
  readonly key: string;
  readonly value: string;
}

/** A batch as it stands in a lane. */
export interface QueueRecord {
  /** Counts the records of a lane; grows, and is never used twice within one queue id. */
  readonly seq: number;
  readonly signal: Signal;
  readonly format: Format;
  /** When the lane took it, ms since 1970. Never runs backwards within a lane. */
  readonly receivedAtMs: number;
  readonly items: number;
  /** Items of this lane since its birth, this record's included. */
  readonly cumItems: number;
  readonly origin: Origin;
  readonly edits?: TagEdits;
  /** It is for the output of that name alone. */
  readonly only?: string;
  readonly payload: Uint8Array;
  readonly dictionary?: { readonly id: string; readonly bytes: Uint8Array };
  readonly position?: Position;
}
