import type { Annotation, Endpoint, Span, SpanKind } from '../../model/span.ts';
import { sortedAnnotations } from '../zipkin-json/span.ts';
import type { V1Identity } from './v1-span.ts';

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** One of the v2 spans that a v1 span falls apart into: what one service said. */
export class Half {
  localEndpoint: Endpoint | undefined;
  remoteEndpoint: Endpoint | undefined;
  kind: SpanKind | undefined;
  timestamp: number | undefined;
  duration: number | undefined;
  shared = false;
  readonly annotations: Annotation[] = [];
  readonly tags = new Map<string, string>();

  constructor(localEndpoint?: Endpoint) {
    this.localEndpoint = localEndpoint;
  }

  note(annotation: Annotation): void {
    this.annotations.push({ timestamp: annotation.timestamp, value: annotation.value });
  }

  toSpan(identity: V1Identity): Span {
    const span: Draft<Span> = { ...identity };
    this.#setCall(span);
    if (this.localEndpoint !== undefined) {
      span.localEndpoint = this.localEndpoint;
    }
    if (this.remoteEndpoint !== undefined) {
      span.remoteEndpoint = this.remoteEndpoint;
    }
    if (this.annotations.length > 0) {
      span.annotations = sortedAnnotations(this.annotations);
    }
    if (this.tags.size > 0) {
      span.tags = Object.fromEntries(this.tags);
    }
    return span;
  }

  #setCall(span: Draft<Span>): void {
    if (this.kind !== undefined) {
      span.kind = this.kind;
    }
    if (this.timestamp !== undefined && this.timestamp > 0) {
      span.timestamp = this.timestamp;
    }
    if (this.duration !== undefined && this.duration > 0) {
      span.duration = this.duration;
    }
    if (this.shared && this.kind !== 'CLIENT') {
      span.shared = true;
    }
  }
}

/** v1 tells services apart by name alone, so that two addresses of one service are one side. */
export function isSameService(left: Endpoint | undefined, right: Endpoint | undefined): boolean {
  return left?.serviceName === right?.serviceName;
}

export function isSameEndpoint(left: Endpoint | undefined, right: Endpoint | undefined): boolean {
  return (
    isSameService(left, right) && left?.ipv4 === right?.ipv4 && left?.ipv6 === right?.ipv6 && left?.port === right?.port
  );
}

/** The halves of one v1 span, found by the service that speaks. */
export class Halves {
  readonly #all: Half[] = [new Half()];

  get first(): Half {
    const [first] = this.#all;
    if (first === undefined) {
      throw new Error('a span has at least one half');
    }
    return first;
  }

  /** The half of that service; without an endpoint, or while nobody has spoken, the first one. */
  of(endpoint: Endpoint | undefined): Half {
    if (endpoint === undefined) {
      return this.first;
    }
    if (this.first.localEndpoint === undefined) {
      this.first.localEndpoint = endpoint;
      return this.first;
    }
    return this.#all.find((half) => isSameService(half.localEndpoint, endpoint)) ?? this.add(endpoint);
  }

  add(endpoint: Endpoint | undefined): Half {
    const half = new Half(endpoint);
    this.#all.push(half);
    return half;
  }

  [Symbol.iterator](): Iterator<Half> {
    return this.#all.values();
  }
}
