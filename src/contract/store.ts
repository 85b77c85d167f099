import type { Signal } from '../model/batch.ts';
import type { WriteRequest } from './output.ts';
import type { Health } from './runtime.ts';

/** Where delivery must go on: the last record of the lane that the store holds. */
export interface StorePosition {
  readonly queueId: string;
  readonly seq: number;
}

/** Zipkin's search (GET /api/v2/traces), parsed and checked. Durations are µs, times ms. */
export interface TraceQuery {
  readonly serviceName?: string;
  readonly remoteServiceName?: string;
  readonly spanName?: string;
  /** Every condition must hold. Without a value: a tag key or an annotation's value. */
  readonly annotations: readonly { readonly key: string; readonly value?: string }[];
  readonly minDurationMicros?: number;
  readonly maxDurationMicros?: number;
  readonly endTsMs: number;
  readonly lookbackMs: number;
  readonly limit: number;
}

/** Bounds are inclusive, ms since 1970. */
export interface TimeRange {
  readonly startMs: number;
  readonly endMs: number;
}

/** `=~` and `!~` match whole values, in RE2's syntax. A label that a series or stream lacks has the value ''. */
export interface LabelMatcher {
  readonly name: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** All conditions must hold. The labels of a stream are the fields of its origin and `stream` (stdout, stderr). */
export interface LogQuery extends TimeRange {
  readonly matchers: readonly LabelMatcher[];
  /** Each must stand in the line; letters of either case. */
  readonly texts: readonly string[];
  /** Empty: all. Names of `logLevels`. */
  readonly levels: readonly string[];
  /** A log query of LogQL, which the line passes too. What it would change of the line is not shown. */
  readonly logql?: string;
}

/**
 * Points of browsers; a view counts where it began. `kind` is the kind of point, `view` the name of its view as the tables have
 * it, every other name a tag or a field.
 */
export interface RumQuery extends TimeRange {
  readonly matchers: readonly LabelMatcher[];
}

/** What each of the questions about label names, values and series looks at; no selectors: every series. */
export interface SeriesQuery extends TimeRange {
  /** PromQL series selectors; a series that one of them matches is meant. */
  readonly selectors: readonly string[];
  /** At most so many entries; 0: all. */
  readonly limit: number;
}

/**
 * `ui`: the JSON list that stands under `data` in the HTTP API of Jaeger's query service. `chunks`: SpansResponseChunk
 * messages of its gRPC API, each behind its length as 4 bytes, big-endian. `otlp`: a JSON list of OTLP's ResourceSpans.
 * `summary`: a JSON list of what its API v3 says of traces in a few numbers.
 */
export type JaegerEncoding = 'ui' | 'chunks' | 'otlp' | 'summary';

/** Small objects in, finished response bytes out: nothing is copied field by field between threads. */
export type Question =
  | { readonly kind: 'zipkin.services' }
  | { readonly kind: 'zipkin.spans'; readonly serviceName: string }
  | { readonly kind: 'zipkin.remoteServices'; readonly serviceName: string }
  | { readonly kind: 'zipkin.traces'; readonly query: TraceQuery }
  /** `traceId` is 1 to 32 hex digits; matches on the padded form. */
  | { readonly kind: 'zipkin.trace'; readonly traceId: string }
  | { readonly kind: 'zipkin.traceMany'; readonly traceIds: readonly string[] }
  | { readonly kind: 'zipkin.dependencies'; readonly endTsMs: number; readonly lookbackMs: number }
  /** Traces as Jaeger's model has them, newest first. `chunks`: see `JaegerEncoding`. */
  | { readonly kind: 'jaeger.traces'; readonly query: TraceQuery; readonly encoding: JaegerEncoding }
  | { readonly kind: 'jaeger.trace'; readonly traceId: string; readonly encoding: JaegerEncoding }
  /**
   * What is derived of the spans that are kept, of the whole minutes that the range touches, as JSON: docs/api.md, "Traces".
   * `traces.workloads`: how traces begin and go on, by workload.
   */
  | { readonly kind: 'traces.red'; readonly range: TimeRange; readonly service?: string }
  | { readonly kind: 'traces.graph'; readonly range: TimeRange }
  | { readonly kind: 'traces.workloads'; readonly range: TimeRange }
  /** Spans that metrics which the query selects have counted, as Prometheus' `query_exemplars` gives exemplars. */
  | { readonly kind: 'traces.exemplars'; readonly query: string; readonly range: TimeRange }
  /**
   * Keeps a copy of the trace, as it is now, that no retention touches, and lets go of it again. The count is 0 where there is no
   * such trace, or pin; without room for it `traces.pin` rejects with BRIDGE_TOO_LARGE.
   */
  | { readonly kind: 'traces.pin'; readonly traceId: string }
  | { readonly kind: 'traces.unpin'; readonly traceId: string }
  /** JSON `{maxBytes, bytes, traces: [...]}`, the latest pin first. */
  | { readonly kind: 'traces.pins' }
  | { readonly kind: 'zipkin.autocompleteKeys' }
  | { readonly kind: 'zipkin.autocompleteValues'; readonly key: string }
  /**
   * `prom.*` answer with what stands under `data` in Prometheus' HTTP API. A query that is wrong rejects with BRIDGE_DECODE,
   * one that is right but not evaluated by this version with BRIDGE_UNSUPPORTED.
   */
  | { readonly kind: 'prom.query'; readonly query: string; readonly timeMs: number }
  | { readonly kind: 'prom.queryRange'; readonly query: string; readonly range: TimeRange; readonly stepMs: number }
  | { readonly kind: 'prom.labels'; readonly query: SeriesQuery }
  | { readonly kind: 'prom.labelValues'; readonly name: string; readonly query: SeriesQuery }
  | { readonly kind: 'prom.series'; readonly query: SeriesQuery }
  | { readonly kind: 'prom.metadata'; readonly metric?: string; readonly limit: number }
  /** A JSON list of `{name, measurement, field, type, help?, unit?, series}` by name: what the metrics explorer lists. */
  | { readonly kind: 'metrics.catalogue'; readonly range: TimeRange }
  /**
   * JSON `{lines: [{id, time, timeMs, message, level, stream, labels, attributes?, fields?, traceId?}], next?}`, newest first.
   * `time` is RFC 3339 with ns, `id` tells lines of equal content apart, `fields` are those of an access log. `before` goes on where an earlier answer's `next` says.
   */
  | { readonly kind: 'logs.search'; readonly query: LogQuery; readonly limit: number; readonly before?: string }
  /**
   * The same, in the order of arrival, of what arrived after `after`; without it, nothing but `next`. `next` is always
   * there. Only the matchers, texts and levels of the query count.
   */
  | { readonly kind: 'logs.tail'; readonly query: LogQuery; readonly limit: number; readonly after?: string }
  /** JSON `{startMs, stepMs, total, levels: {<level>: [count, ...]}}`: bucket i begins at startMs + i × stepMs. */
  | { readonly kind: 'logs.counts'; readonly query: LogQuery; readonly stepMs: number }
  /** JSON lists of names and of values, sorted. */
  | { readonly kind: 'logs.labels'; readonly range: TimeRange }
  | { readonly kind: 'logs.labelValues'; readonly name: string; readonly range: TimeRange }
  /** JSON `{lines, before, after}`: a line by its id and time, and what its container wrote around it, oldest first. */
  | {
      readonly kind: 'logs.context';
      readonly id: string;
      readonly timeMs: number;
      readonly before: number;
      readonly after: number;
    }
  /**
   * `loki.*` answer with what stands under `data` in Loki's HTTP API. A query that is wrong rejects with BRIDGE_DECODE, one
   * that is right but not evaluated by this version with BRIDGE_UNSUPPORTED. Times are ns since 1970.
   */
  | { readonly kind: 'loki.query'; readonly query: string; readonly timeNanos: bigint }
  | { readonly kind: 'loki.queryRange'; readonly query: LokiRangeQuery }
  /**
   * The message that Loki's `tail` sends, behind a line of its own with the `after` that goes on from it. Without `after`: the
   * newest lines from `startNanos` on.
   */
  | {
      readonly kind: 'loki.tail';
      readonly query: string;
      readonly startNanos: bigint;
      readonly limit: number;
      readonly encoding: LokiEncoding;
      readonly after?: string;
    }
  /** `query` is a selector, or ''. */
  | { readonly kind: 'loki.labels'; readonly query: string; readonly range: TimeRange }
  | { readonly kind: 'loki.labelValues'; readonly name: string; readonly query: string; readonly range: TimeRange }
  | { readonly kind: 'loki.series'; readonly selectors: readonly string[]; readonly range: TimeRange }
  /** These three are whole bodies, as Loki answers them without `data`. */
  | { readonly kind: 'loki.stats'; readonly query: string; readonly range: TimeRange }
  | { readonly kind: 'loki.detectedLabels'; readonly query: string; readonly range: TimeRange }
  | {
      readonly kind: 'loki.detectedFields';
      readonly query: string;
      readonly range: TimeRange;
      readonly lineLimit: number;
      readonly limit: number;
      /** Only the values of this one. */
      readonly field?: string;
    }
  | { readonly kind: 'loki.volume'; readonly query: LokiVolumeQuery }
  /** JSON of docs/api.md: totals, series over time, Web Vitals, and how views divide. */
  | { readonly kind: 'rum.overview'; readonly query: RumQuery; readonly stepMs: number }
  /** Views by name, errors by message, resources by path, and sessions; each JSON of docs/api.md with at most `limit` rows. */
  | { readonly kind: 'rum.views'; readonly query: RumQuery; readonly limit: number }
  | { readonly kind: 'rum.errors'; readonly query: RumQuery; readonly limit: number }
  | { readonly kind: 'rum.resources'; readonly query: RumQuery; readonly limit: number }
  | { readonly kind: 'rum.sessions'; readonly query: RumQuery; readonly limit: number }
  /** All of one session; `limit` events. */
  | { readonly kind: 'rum.session'; readonly sessionId: string; readonly range: TimeRange; readonly limit: number }
  /** Points as they came, newest first. `before` goes on where an earlier answer's `next` says. */
  | { readonly kind: 'rum.points'; readonly query: RumQuery; readonly limit: number; readonly before?: string }
  /** A JSON list of the values of a name (see `RumQuery`), the most frequent first. */
  | { readonly kind: 'rum.values'; readonly name: string; readonly query: RumQuery; readonly limit: number }
  | { readonly kind: 'store.status' };

/** How labels of lines are shown: `merged`: all of them make the stream; `categorized`: Loki's flag `categorize-labels`. */
export type LokiEncoding = 'merged' | 'categorized';

export interface LokiRangeQuery {
  readonly query: string;
  /** Inclusive; of lines, the end is not included. */
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly stepMs: number;
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  readonly encoding: LokiEncoding;
}

/** Bytes by labels: at the end of the range, or in every step of it. */
export interface LokiVolumeQuery extends TimeRange {
  readonly query: string;
  /** Empty: the labels that the query names. */
  readonly targetLabels: readonly string[];
  readonly limit: number;
  readonly stepMs?: number;
}

export interface Answer {
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Rows, traces or names in the body; 0 lets a route answer 404. */
  readonly count: number;
}

/** What the api sees of a store. */
export interface StoreReader {
  /** Rejects with the signal's reason when it is aborted; a question that the store does not know rejects with BRIDGE_NOT_FOUND. */
  ask(question: Question, signal?: AbortSignal): Promise<Answer>;
}

export interface PartitionStatus {
  readonly signal: Signal;
  readonly startMs: number;
  readonly sealed: boolean;
  readonly bytes: number;
  readonly items: number;
}

/** Bytes or blocks that could not be read, by place. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
}

/** What was deleted since the process began: whole partitions, the oldest first. */
export interface Eviction {
  readonly signal: Signal;
  /** `age`: past the retention. `bytes`: there was no more room. */
  readonly reason: 'age' | 'bytes';
  readonly partitions: number;
  readonly items: number;
  readonly bytes: number;
}

export interface StoreStatus {
  readonly evictions?: readonly Eviction[];
  readonly partitions: readonly PartitionStatus[];
  readonly damage: readonly Damage[];
  readonly bytes: number;
}

/** One writer, one thread. */
export interface Store extends StoreReader {
  open(): Promise<void>;
  /**
   * All or nothing; resolves when a read finds it and it is durable. A request that begins at or before `position` of the
   * same queue id is stored from the first new record on, so that a repeat leaves one copy.
   */
  commit(request: WriteRequest): Promise<void>;
  position(signal: Signal): Promise<StorePosition | undefined>;
  /** Unlinks what is past age or size; resolves with the bytes freed. */
  expire(): Promise<number>;
  status(): Promise<StoreStatus>;
  check(): Promise<Health>;
  close(): Promise<void>;
}
