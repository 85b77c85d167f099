import type { Endpoint, Span } from '../../model/span.ts';

/** A tag of Jaeger's model (jaeger-idl, model.proto, KeyValue). */
export type KeyValue =
  | { readonly key: string; readonly type: 'string'; readonly value: string }
  | { readonly key: string; readonly type: 'bool'; readonly value: boolean }
  | { readonly key: string; readonly type: 'int64'; readonly value: number };

export interface JaegerLog {
  /** µs since 1970. */
  readonly timestamp: number;
  readonly fields: readonly KeyValue[];
}

export interface JaegerProcess {
  readonly serviceName: string;
  readonly tags: readonly KeyValue[];
}

export interface JaegerSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly operationName: string;
  readonly isDebug: boolean;
  /** µs since 1970, and µs. */
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly KeyValue[];
  readonly logs: readonly JaegerLog[];
  readonly process: JaegerProcess;
  readonly warnings: readonly string[];
}

const noTime = 'the span came without a start time; that of its trace is shown';
const noDuration = 'the span came without a duration';

/**
 * Spans of one trace as Jaeger's model has them: exact repeats once, by start time, and the server's half of a shared span
 * with an id of its own, since ids are unique in Jaeger.
 */
export function jaegerTrace(spans: readonly Span[]): readonly JaegerSpan[] {
  const unique = [...new Map(spans.map((span) => [JSON.stringify(span), span])).values()];
  const starts = unique.flatMap(({ timestamp }) => (timestamp === undefined ? [] : [timestamp]));
  const traceStart = starts.reduce((least, start) => Math.min(least, start), starts[0] ?? 0);
  const processes = new Map<string, JaegerProcess>();
  return withOwnIds(unique)
    .map((span) => jaegerSpan(span, traceStart, processes))
    .sort((a, b) => a.startTime - b.startTime);
}

/** The server's half gets a new id below the client's, and what the server called hangs on it. */
function withOwnIds(spans: readonly Span[]): readonly Span[] {
  const clients = new Set(spans.filter(({ shared }) => shared !== true).map(({ id }) => id));
  const halves = spans.filter(({ id, shared }) => shared === true && clients.has(id));
  if (halves.length === 0) {
    return spans;
  }
  const taken = new Set(spans.map(({ id }) => id));
  const serverIds = new Map<string, string>();
  for (const { id } of halves) {
    if (!serverIds.has(id)) {
      serverIds.set(id, freeId(id, taken));
    }
  }
  return spans.map((span) => {
    const own = span.shared === true ? serverIds.get(span.id) : undefined;
    if (own !== undefined) {
      return { ...span, id: own, parentId: span.id };
    }
    const parentId = span.parentId === undefined ? undefined : serverIds.get(span.parentId);
    return parentId === undefined ? span : { ...span, parentId };
  });
}

/** The next id upwards that nobody has. */
function freeId(id: string, taken: Set<string>): string {
  let next = BigInt(`0x${id}`);
  let text = id;
  while (taken.has(text)) {
    next = BigInt.asUintN(64, next + 1n);
    text = next === 0n ? id : next.toString(16).padStart(16, '0');
  }
  taken.add(text);
  return text;
}

function jaegerSpan(span: Span, traceStart: number, processes: Map<string, JaegerProcess>): JaegerSpan {
  const { timestamp, duration, annotations = [] } = span;
  const warnings = [...(timestamp === undefined ? [noTime] : []), ...(duration === undefined ? [noDuration] : [])];
  return {
    traceId: span.traceId,
    spanId: span.id,
    parentId: span.parentId,
    operationName: span.rawName ?? span.name ?? '',
    isDebug: span.debug === true,
    startTime: timestamp ?? traceStart,
    duration: duration ?? 0,
    tags: tagsOf(span),
    logs: annotations.map((one) => ({ timestamp: one.timestamp, fields: [text('event', one.value)] })),
    process: processOf(span.localEndpoint, processes),
    warnings,
  };
}

function tagsOf({ kind, tags = {}, remoteEndpoint: remote }: Span): readonly KeyValue[] {
  const own = Object.entries(tags).flatMap(([key, value]) => (key === 'error' ? errorTags(value) : [text(key, value)]));
  const has = (key: string): boolean => Object.hasOwn(tags, key);
  const peer = remote === undefined ? [] : endpointTags(remote, 'peer.').filter(({ key }) => !has(key));
  return [
    ...(kind === undefined || has('span.kind') ? [] : [text('span.kind', kind.toLowerCase())]),
    ...own,
    ...(remote?.serviceName === undefined || has('peer.service') ? [] : [text('peer.service', remote.serviceName)]),
    ...peer,
  ];
}

/** In Zipkin the mere tag is the error, and its value says which; in Jaeger it is true or false. */
function errorTags(value: string): readonly KeyValue[] {
  const says = value !== '' && value !== 'true' && value !== 'false';
  return [{ key: 'error', type: 'bool', value: value !== 'false' }, ...(says ? [text('error.message', value)] : [])];
}

function endpointTags({ ipv4, ipv6, port }: Endpoint, prefix: string): readonly KeyValue[] {
  return [
    ...(ipv4 === undefined ? [] : [text(prefix === '' ? 'ip' : `${prefix}ipv4`, ipv4)]),
    ...(ipv6 === undefined ? [] : [text(prefix === '' ? 'ip' : `${prefix}ipv6`, ipv6)]),
    ...(port === undefined ? [] : [{ key: `${prefix}port`, type: 'int64', value: port } as const]),
  ];
}

/** Spans of one process share the object, so that it is told apart by identity. */
function processOf(endpoint: Endpoint | undefined, processes: Map<string, JaegerProcess>): JaegerProcess {
  const key = JSON.stringify(endpoint ?? {});
  const known = processes.get(key);
  if (known !== undefined) {
    return known;
  }
  const tags = endpoint === undefined ? [] : endpointTags(endpoint, '');
  const made = { serviceName: endpoint?.serviceName ?? '', tags };
  processes.set(key, made);
  return made;
}

function text(key: string, value: string): KeyValue {
  return { key, type: 'string', value };
}
