import type { Annotation, Endpoint, Span, SpanKind } from '../../../model/span.ts';
import type { BlockCounts, Refs } from './block-layout.ts';
import { readCounts, sectionsOf, spanFlags, spanKinds } from './block-layout.ts';

/** Where the entries of each span begin in a column that has several a span; the last entry is their number. */
function beginsOf(counts: Refs): Uint32Array {
  const begins = new Uint32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) {
    begins[i + 1] = (begins[i] ?? 0) + (counts[i] ?? 0);
  }
  return begins;
}

/** Reads one block in place. Indexes are of spans (0 to `spans` - 1), refs as in `block-layout.ts`. */
export class BlockView {
  /** Of the columns. */
  readonly bytes: number;
  readonly spans: number;
  readonly traces: number;
  readonly pairs: number;
  /** NaN where the span has none. */
  readonly timestamp: Float64Array;
  readonly duration: Float64Array;
  readonly annotationTime: Float64Array;
  readonly traceOf: Refs;
  /** One larger, 0 is absent: refs of strings and endpoints. */
  readonly name: Refs;
  readonly local: Refs;
  readonly remote: Refs;
  readonly tagPair: Refs;
  readonly tagBegin: Uint32Array;
  readonly annotationValue: Refs;
  readonly annotationBegin: Uint32Array;
  readonly pairKey: Refs;
  readonly pairValue: Refs;
  readonly flags: Uint8Array;
  readonly #rawName: Refs;
  readonly #endpointService: Refs;
  readonly #endpointIpv4: Refs;
  readonly #endpointIpv6: Refs;
  readonly #endpointPort: Uint16Array;
  readonly #traceWide: Uint8Array;
  readonly #traceIds: string;
  readonly #spanIds: string;
  readonly #parentIds: string;
  readonly #strings: readonly string[];
  readonly #endpoints: (Endpoint | undefined)[] = [];

  /** Throws BRIDGE_CORRUPT when `columns` is no block. */
  constructor(columns: Buffer) {
    const counts = readCounts(columns);
    const sections = sectionsOf(counts);
    const memory = alignedMemory(columns);
    const floats = (at: number, length: number): Float64Array =>
      new Float64Array(memory.buffer, memory.begin + at, length);
    const refs = (at: number, length: number): Refs =>
      counts.wide
        ? new Uint32Array(memory.buffer, memory.begin + at, length)
        : new Uint16Array(memory.buffer, memory.begin + at, length);
    const bytes = (at: number, length: number): Buffer => columns.subarray(at, at + length);
    const at = sections.refs;
    this.bytes = columns.length;
    this.spans = counts.spans;
    this.traces = counts.traces;
    this.pairs = counts.pairs;
    this.timestamp = floats(sections.floats.timestamp, counts.spans);
    this.duration = floats(sections.floats.duration, counts.spans);
    this.annotationTime = floats(sections.floats.annotationTime, counts.annotations);
    this.traceOf = refs(at.traceOf, counts.spans);
    this.name = refs(at.name, counts.spans);
    this.local = refs(at.local, counts.spans);
    this.remote = refs(at.remote, counts.spans);
    this.tagPair = refs(at.tagPair, counts.tags);
    this.tagBegin = beginsOf(refs(at.tagCount, counts.spans));
    this.annotationValue = refs(at.annotationValue, counts.annotations);
    this.annotationBegin = beginsOf(refs(at.annotationCount, counts.spans));
    this.pairKey = refs(at.pairKey, counts.pairs);
    this.pairValue = refs(at.pairValue, counts.pairs);
    this.flags = bytes(sections.bytes.flags, counts.spans);
    this.#rawName = refs(at.rawName, counts.spans);
    this.#endpointService = refs(at.endpointService, counts.endpoints);
    this.#endpointIpv4 = refs(at.endpointIpv4, counts.endpoints);
    this.#endpointIpv6 = refs(at.endpointIpv6, counts.endpoints);
    const portsAt = memory.begin + sections.bytes.endpointPort;
    this.#endpointPort = new Uint16Array(memory.buffer, portsAt, counts.endpoints);
    this.#traceWide = bytes(sections.bytes.traceWide, counts.traces);
    this.#traceIds = bytes(sections.bytes.traceId, counts.traces * 16).toString('hex');
    this.#spanIds = bytes(sections.bytes.spanId, counts.spans * 8).toString('hex');
    this.#parentIds = bytes(sections.bytes.parentId, counts.spans * 8).toString('hex');
    const lengthsAt = memory.begin + sections.bytes.stringBytes;
    const lengths = new Uint32Array(memory.buffer, lengthsAt, counts.strings);
    this.#strings = readStrings(bytes(sections.bytes.text, counts.textBytes), lengths, counts);
  }

  /** All 32 digits. */
  paddedTraceId(trace: number): string {
    return this.#traceIds.slice(trace * 32, trace * 32 + 32);
  }

  /** As it was sent: 16 or 32 digits. */
  traceId(trace: number): string {
    const begin = this.#traceWide[trace] === 1 ? 0 : 16;
    return this.#traceIds.slice(trace * 32 + begin, trace * 32 + 32);
  }

  spanId(index: number): string {
    return this.#spanIds.slice(index * 16, index * 16 + 16);
  }

  parentId(index: number): string | undefined {
    const has = ((this.flags[index] ?? 0) & spanFlags.parent) !== 0;
    return has ? this.#parentIds.slice(index * 16, index * 16 + 16) : undefined;
  }

  /** Ref of the string with this text, not one larger; -1 where no string of the block is equal. */
  findString(text: string): number {
    return this.#strings.indexOf(text);
  }

  string(ref: number): string {
    return this.#strings[ref] ?? '';
  }

  /** Of a ref that is one larger. */
  optionalString(ref: number | undefined): string | undefined {
    return ref === undefined || ref === 0 ? undefined : this.#strings[ref - 1];
  }

  /** Of an endpoint ref that is one larger. */
  endpoint(ref: number | undefined): Endpoint | undefined {
    if (ref === undefined || ref === 0) {
      return undefined;
    }
    const known = this.#endpoints[ref];
    if (known !== undefined) {
      return known;
    }
    const serviceName = this.optionalString(this.#endpointService[ref - 1]);
    const ipv4 = this.optionalString(this.#endpointIpv4[ref - 1]);
    const ipv6 = this.optionalString(this.#endpointIpv6[ref - 1]);
    const port = this.#endpointPort[ref - 1] ?? 0;
    const endpoint: Endpoint = {
      ...(serviceName === undefined ? {} : { serviceName }),
      ...(ipv4 === undefined ? {} : { ipv4 }),
      ...(ipv6 === undefined ? {} : { ipv6 }),
      ...(port === 0 ? {} : { port }),
    };
    this.#endpoints[ref] = endpoint;
    return endpoint;
  }

  serviceName(index: number): string | undefined {
    return this.endpoint(this.local[index])?.serviceName;
  }

  remoteServiceName(index: number): string | undefined {
    return this.endpoint(this.remote[index])?.serviceName;
  }

  kind(index: number): SpanKind | undefined {
    return spanKinds[((this.flags[index] ?? 0) & spanFlags.kindMask) - 1];
  }

  shared(index: number): boolean {
    return ((this.flags[index] ?? 0) & spanFlags.shared) !== 0;
  }

  span(index: number): Span {
    const flags = this.flags[index] ?? 0;
    return {
      traceId: this.traceId(this.traceOf[index] ?? 0),
      id: this.spanId(index),
      ...given('parentId', this.parentId(index)),
      ...given('kind', this.kind(index)),
      ...given('name', this.optionalString(this.name[index])),
      ...given('rawName', this.optionalString(this.#rawName[index])),
      ...given('timestamp', numberOf(this.timestamp[index])),
      ...given('duration', numberOf(this.duration[index])),
      ...given('localEndpoint', this.endpoint(this.local[index])),
      ...given('remoteEndpoint', this.endpoint(this.remote[index])),
      ...given('annotations', this.#annotations(index)),
      ...given('tags', this.#tags(index)),
      ...given('debug', (flags & spanFlags.debug) === 0 ? undefined : true),
      ...given('shared', (flags & spanFlags.shared) === 0 ? undefined : true),
    };
  }

  #annotations(index: number): readonly Annotation[] | undefined {
    const annotations: Annotation[] = [];
    for (let at = this.annotationBegin[index] ?? 0; at < (this.annotationBegin[index + 1] ?? 0); at++) {
      annotations.push({
        timestamp: this.annotationTime[at] ?? 0,
        value: this.string(this.annotationValue[at] ?? 0),
      });
    }
    return annotations.length === 0 ? undefined : annotations;
  }

  #tags(index: number): Readonly<Record<string, string>> | undefined {
    const tags: [string, string][] = [];
    for (let at = this.tagBegin[index] ?? 0; at < (this.tagBegin[index + 1] ?? 0); at++) {
      const pair = this.tagPair[at] ?? 0;
      tags.push([this.string(this.pairKey[pair] ?? 0), this.string(this.pairValue[pair] ?? 0)]);
    }
    return tags.length === 0 ? undefined : Object.fromEntries(tags);
  }
}

/** The member, or nothing where it is absent. */
function given<K extends keyof Span>(key: K, value: Span[K] | undefined): Partial<Pick<Span, K>> {
  if (value === undefined) {
    return {};
  }
  const member: Partial<Pick<Span, K>> = {};
  member[key] = value;
  return member;
}

function numberOf(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value;
}

/** Views need the begin of a section on a multiple of its width; memory of a pool may begin anywhere. */
function alignedMemory(columns: Buffer): { readonly buffer: ArrayBufferLike; readonly begin: number } {
  if (columns.byteOffset % 8 === 0) {
    return { buffer: columns.buffer, begin: columns.byteOffset };
  }
  return { buffer: new Uint8Array(columns).buffer, begin: 0 };
}

function readStrings(text: Buffer, lengths: Uint32Array, counts: BlockCounts): readonly string[] {
  const strings: string[] = [];
  const whole = counts.ascii ? text.toString('latin1') : '';
  let at = 0;
  for (const length of lengths) {
    strings.push(counts.ascii ? whole.slice(at, at + length) : text.toString('utf8', at, at + length));
    at += length;
  }
  return strings;
}
