export type SpanKind = 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER';

export interface Endpoint {
  /** Lower case. */
  readonly serviceName?: string;
  readonly ipv4?: string;
  /** RFC 5952 text. */
  readonly ipv6?: string;
  readonly port?: number;
}

export interface Annotation {
  /** µs since 1970. */
  readonly timestamp: number;
  readonly value: string;
}

/**
 * One span as Zipkin v2 has it (zipkin-api, zipkin2-api.yaml). Ids keep the width they were sent in (16 or 32 lower-case
 * hex digits); compare trace ids with `sameTraceId`. Times are µs; a value at or past 2^63 saturates to 2^63.
 */
export interface Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: SpanKind;
  /** Lower case, as the Zipkin API answers it. */
  readonly name?: string;
  /** As sent, where it differs from `name`. */
  readonly rawName?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly localEndpoint?: Endpoint;
  readonly remoteEndpoint?: Endpoint;
  readonly annotations?: readonly Annotation[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly debug?: boolean;
  readonly shared?: boolean;
}

/** The form that trace ids are compared in: 32 digits, padded with zeros on the left. */
export function paddedTraceId(traceId: string): string {
  return traceId.length === 32 ? traceId : traceId.padStart(32, '0');
}
