import type { Annotation, Endpoint, Span, SpanKind } from '../../model/span.ts';
import { endpointOf } from '../zipkin-json/endpoint.ts';
import { readParentId, readSpanId, readTraceId } from '../zipkin-json/ids.ts';
import { ipv6Address } from '../zipkin-json/ip.ts';
import { SpanFault } from '../zipkin-json/json-value.ts';
import { setName, sortedAnnotations } from '../zipkin-json/span.ts';
import { type WireReader, wireTypes } from './wire.ts';

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** Field numbers of zipkin.proto3 (zipkin-api, zipkin.proto). */
const spanFields = {
  traceId: 1,
  parentId: 2,
  id: 3,
  kind: 4,
  name: 5,
  timestamp: 6,
  duration: 7,
  localEndpoint: 8,
  remoteEndpoint: 9,
  annotation: 10,
  tag: 11,
  debug: 12,
  shared: 13,
} as const;
const endpointFields = { serviceName: 1, ipv4: 2, ipv6: 3, port: 4 } as const;
const annotationFields = { timestamp: 1, value: 2 } as const;
const entryFields = { key: 1, value: 2 } as const;
const kinds: readonly (SpanKind | undefined)[] = [undefined, 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'];
const maxPort = 65_535;

/** `make`: strings are read. `check`: they are only stepped over, which is what most of the time goes into. */
export type Texts = 'make' | 'check';

interface Parts {
  traceId: string | undefined;
  parentId: string | undefined;
  id: string | undefined;
  shared: boolean;
  annotations: Annotation[];
  tags: Record<string, string> | undefined;
}

/** Reads spans of zipkin.proto3 with the tolerances of the reference server (spec/tracing.md §1.6). */
export class SpanReader {
  readonly #wire: WireReader;
  readonly #texts: Texts;

  constructor(wire: WireReader, texts: Texts) {
    this.#wire = wire;
    this.#texts = texts;
  }

  /** The span that stands here. Throws SpanFault. */
  span(): Span {
    const parts: Parts = {
      traceId: undefined,
      parentId: undefined,
      id: undefined,
      shared: false,
      annotations: [],
      tags: undefined,
    };
    // Ids come first in the object that is made; they are put in when all of the message has been seen.
    const span: Draft<Span> = { traceId: '', id: '' };
    this.#wire.message(() => {
      if (this.#wire.wireType === wireTypes.bytes) {
        this.#blockField(span, parts);
      } else {
        this.#numberField(span, parts);
      }
    });
    return finished(span, parts);
  }

  #blockField(span: Draft<Span>, parts: Parts): void {
    switch (this.#wire.field) {
      case spanFields.traceId:
        parts.traceId = this.#hex();
        break;
      case spanFields.parentId:
        parts.parentId = this.#hex();
        break;
      case spanFields.id:
        parts.id = this.#hex();
        break;
      case spanFields.name:
        setName(span, this.#text());
        break;
      case spanFields.localEndpoint:
        setEndpoint(span, 'localEndpoint', this.#endpoint('.localEndpoint'));
        break;
      case spanFields.remoteEndpoint:
        setEndpoint(span, 'remoteEndpoint', this.#endpoint('.remoteEndpoint'));
        break;
      case spanFields.annotation:
        this.#annotation(parts);
        break;
      case spanFields.tag:
        this.#tag(parts);
        break;
      default:
        this.#wire.skip();
    }
  }

  #numberField(span: Draft<Span>, parts: Parts): void {
    const wire = this.#wire;
    if (wire.is(spanFields.timestamp, wireTypes.fixed64)) {
      setPositive(span, 'timestamp', wire.positiveFixed64());
    } else if (wire.is(spanFields.duration, wireTypes.varint)) {
      setPositive(span, 'duration', wire.positiveVarint());
    } else if (wire.is(spanFields.kind, wireTypes.varint)) {
      const kind = kinds[wire.varint()];
      if (kind !== undefined) {
        span.kind = kind;
      }
    } else if (wire.is(spanFields.debug, wireTypes.varint)) {
      if (wire.varint() !== 0) {
        span.debug = true;
      }
    } else if (wire.is(spanFields.shared, wireTypes.varint)) {
      parts.shared = wire.varint() !== 0;
    } else {
      wire.skip();
    }
  }

  #endpoint(path: string): Endpoint | undefined {
    const wire = this.#wire;
    let serviceName: string | undefined;
    let ipv4: string | undefined;
    let ipv6: string | undefined;
    let port = 0;
    wire.message(() => {
      if (wire.is(endpointFields.serviceName, wireTypes.bytes)) {
        serviceName = this.#text();
      } else if (wire.is(endpointFields.ipv4, wireTypes.bytes)) {
        ipv4 = this.#ipv4() ?? ipv4;
      } else if (wire.is(endpointFields.ipv6, wireTypes.bytes)) {
        const address = this.#ipv6();
        ipv4 = address.ipv4 ?? ipv4;
        ipv6 = address.ipv6 ?? ipv6;
      } else if (wire.is(endpointFields.port, wireTypes.varint)) {
        port = wire.positiveVarint();
      } else {
        wire.skip();
      }
    });
    if (port > maxPort) {
      throw new SpanFault(`${path}.port`, `is ${port}; expected a port up to ${maxPort}`);
    }
    return endpointOf({ serviceName, ipv4, ipv6, port: port === 0 ? undefined : port });
  }

  /** An address of another length is no address. */
  #ipv4(): string | undefined {
    const { bytes } = this.#wire;
    const start = this.#wire.block();
    return this.#wire.at - start === 4
      ? `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`
      : undefined;
  }

  #ipv6(): { readonly ipv4?: string; readonly ipv6?: string } {
    const { bytes } = this.#wire;
    const start = this.#wire.block();
    return this.#wire.at - start === 16
      ? ipv6Address([0, 2, 4, 6, 8, 10, 12, 14].map((offset) => bytes.readUInt16BE(start + offset)))
      : {};
  }

  /** One that lacks its time or its value is dropped. */
  #annotation(parts: Parts): void {
    const wire = this.#wire;
    let timestamp = 0;
    let value: string | undefined;
    wire.message(() => {
      if (wire.is(annotationFields.timestamp, wireTypes.fixed64)) {
        timestamp = wire.positiveFixed64();
      } else if (wire.is(annotationFields.value, wireTypes.bytes)) {
        value = this.#text();
      } else {
        wire.skip();
      }
    });
    if (timestamp !== 0 && value !== undefined) {
      parts.annotations.push({ timestamp, value });
    }
  }

  #tag(parts: Parts): void {
    const wire = this.#wire;
    let key = '';
    let value = '';
    wire.message(() => {
      if (wire.is(entryFields.key, wireTypes.bytes)) {
        key = this.#text();
      } else if (wire.is(entryFields.value, wireTypes.bytes)) {
        value = this.#text();
      } else {
        wire.skip();
      }
    });
    parts.tags ??= {};
    if (key === '__proto__') {
      Object.defineProperty(parts.tags, key, { value, enumerable: true, configurable: true, writable: true });
    } else {
      parts.tags[key] = value;
    }
  }

  #text(): string {
    const start = this.#wire.block();
    return this.#texts === 'make' ? this.#wire.bytes.toString('utf8', start, this.#wire.at) : '';
  }

  #hex(): string | undefined {
    const start = this.#wire.block();
    // proto3 does not tell an empty value from a missing one.
    return this.#wire.at === start ? undefined : this.#wire.bytes.toString('hex', start, this.#wire.at);
  }
}

function setPositive(span: Draft<Span>, key: 'timestamp' | 'duration', value: number): void {
  if (value > 0) {
    span[key] = value;
  }
}

function setEndpoint(span: Draft<Span>, key: 'localEndpoint' | 'remoteEndpoint', endpoint: Endpoint | undefined): void {
  if (endpoint !== undefined) {
    span[key] = endpoint;
  }
}

function finished(span: Draft<Span>, parts: Parts): Span {
  span.traceId = readTraceId(parts.traceId, '.traceId');
  span.id = readSpanId(parts.id, '.id');
  const parentId = readParentId(parts.parentId, '.parentId', span.id);
  if (parentId !== undefined) {
    span.parentId = parentId;
  }
  if (parts.annotations.length > 0) {
    span.annotations = sortedAnnotations(parts.annotations);
  }
  if (parts.tags !== undefined) {
    span.tags = parts.tags;
  }
  if (parts.shared && span.kind !== 'CLIENT') {
    span.shared = true;
  }
  return span;
}
