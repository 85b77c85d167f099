import type { Span } from '../../model/span.ts';
import { paddedTraceId } from '../../model/span.ts';

/** A message of OTLP as its JSON has it: 64-bit numbers as texts, enums as numbers; `Id` is hex or bytes. */
export interface OtlpAttribute {
  readonly key: string;
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly boolValue: boolean }
    | { readonly doubleValue: number };
}

/** How ids are written: hex in JSON, bytes in protobuf. */
export type IdOf = (hex: string) => string | Uint8Array;

const kinds = { SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 } as const;
const nanosPerMicro = 1000n;
const statusOk = 1;
const statusError = 2;
/** Tags that become something else than an attribute. */
const spent: ReadonlySet<string> = new Set([
  'error',
  'otel.status_code',
  'otel.status_description',
  'otel.scope.name',
  'otel.scope.version',
  'otel.library.name',
  'otel.library.version',
  'w3c.tracestate',
]);

/** Of a shared span both halves have one id; in OTLP ids are unique. `split`: the server's half gets its own, below the client's. */
export type SharedSpans = 'keep' | 'split';

/**
 * Spans as ResourceSpans: one resource for each service, one scope for each library (OpenTelemetry Collector's Zipkin
 * translation; spec/tracing.md §6.1). What Zipkin does not know is left out.
 */
export function resourceSpans(spans: readonly Span[], idOf: IdOf, shared: SharedSpans): object[] {
  const services = grouped(spans, (span) => span.localEndpoint?.serviceName ?? '');
  return services.map(([service, ofService]) => ({
    resource: { attributes: service === '' ? [] : [text('service.name', service)] },
    scopeSpans: grouped(ofService, scopeKey).map(([, ofScope]) => ({
      scope: scopeOf(ofScope[0]),
      spans: ofScope.map((span) => otlpSpan(span, idOf, shared)),
    })),
  }));
}

function grouped(spans: readonly Span[], keyOf: (span: Span) => string): (readonly [string, Span[]])[] {
  const groups = new Map<string, Span[]>();
  for (const span of spans) {
    const key = keyOf(span);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [span]);
    } else {
      group.push(span);
    }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

function scopeKey(span: Span): string {
  const { name, version } = scopeOf(span);
  return `${name}\n${version}`;
}

/** The library that made it, as tags of its own say. */
export function scopeOf(span: Span | undefined): { readonly name: string; readonly version: string } {
  const tags = span?.tags ?? {};
  return {
    name: tags['otel.scope.name'] ?? tags['otel.library.name'] ?? '',
    version: tags['otel.scope.version'] ?? tags['otel.library.version'] ?? '',
  };
}

function otlpSpan(span: Span, idOf: IdOf, shared: SharedSpans): object {
  const isHalf = shared === 'split' && span.shared === true;
  const parent = isHalf ? span.id : span.parentId;
  const { timestamp = 0, duration = 0, tags = {}, annotations = [] } = span;
  return {
    traceId: idOf(paddedTraceId(span.traceId)),
    spanId: idOf(isHalf ? otherId(span.id) : span.id),
    ...(parent !== undefined && { parentSpanId: idOf(parent) }),
    ...(tags['w3c.tracestate'] !== undefined && { traceState: tags['w3c.tracestate'] }),
    name: span.rawName ?? span.name ?? '',
    ...(span.kind !== undefined && { kind: kinds[span.kind] }),
    startTimeUnixNano: nanos(timestamp),
    endTimeUnixNano: nanos(timestamp + duration),
    attributes: spanAttributes(span),
    events: annotations.map(({ timestamp: at, value }) => ({ timeUnixNano: nanos(at), name: value })),
    ...statusOf(tags),
  };
}

/** Always the same for the same id, so that halves that go out in different requests agree. */
function otherId(id: string): string {
  return (BigInt(`0x${id}`) ^ 0x5a5a5a5a5a5a5a5an).toString(16).padStart(16, '0');
}

function nanos(micros: number): string {
  return String(BigInt(Math.trunc(micros)) * nanosPerMicro);
}

/** Tags, ends and what has no other place. Without what is its status, its scope or its state. */
export function spanAttributes({
  tags = {},
  localEndpoint: local,
  remoteEndpoint: remote,
  timestamp,
}: Span): OtlpAttribute[] {
  const attributes = new Map<string, OtlpAttribute>();
  for (const [key, value] of Object.entries(tags)) {
    if (!spent.has(key)) {
      attributes.set(key, text(key, value));
    }
  }
  const add = (attribute: OtlpAttribute): void => {
    if (!attributes.has(attribute.key)) {
      attributes.set(attribute.key, attribute);
    }
  };
  for (const [end, prefix] of [
    [local, 'network.local.'],
    [remote, 'network.peer.'],
  ] as const) {
    const address = end?.ipv4 ?? end?.ipv6;
    if (address !== undefined) {
      add(text(`${prefix}address`, address));
    }
    if (end?.port !== undefined) {
      add({ key: `${prefix}port`, value: { intValue: String(end.port) } });
    }
  }
  if (remote?.serviceName !== undefined) {
    add(text('peer.service', remote.serviceName));
  }
  if (timestamp === undefined) {
    add(text('otel.zipkin.absentField.startTime', 'true'));
  }
  return [...attributes.values()];
}

/** `code`: 1 ok, 2 error; without a status nobody said. */
export interface SpanStatus {
  readonly status?: { readonly code: number; readonly message?: string };
}

/** In Zipkin the mere tag `error` is the error; a text in it says which. */
export function statusOf(tags: Readonly<Record<string, string>>): SpanStatus {
  const { error, 'otel.status_code': code, 'otel.status_description': description } = tags;
  const failed = code === 'ERROR' || (error !== undefined && error !== 'false');
  if (failed) {
    const said = description ?? (error === 'true' ? '' : (error ?? ''));
    return { status: { code: statusError, ...(said !== '' && { message: said }) } };
  }
  return code === 'OK' ? { status: { code: statusOk } } : {};
}

function text(key: string, value: string): OtlpAttribute {
  return { key, value: { stringValue: value } };
}

/** The value as a text, whatever its type. */
export function attributeText({ value }: OtlpAttribute): string {
  return String(Object.values(value)[0] ?? '');
}
