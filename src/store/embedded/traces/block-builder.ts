import type { Span } from '../../../model/span.ts';
import type { LanePlace } from '../blocks/lane-place.ts';
import { type BlockContent, layBlock } from './block-lay.ts';
import { spanFlags, spanKinds } from './block-layout.ts';
import { NameNotes } from './block-names.ts';
import type { BlockSummary } from './block-summary.ts';
import { EndpointTable, StringTable, TagTable } from './block-tables.ts';
import { buildBloom } from './bloom.ts';
import { minuteOf } from './derived/minute.ts';
import { GrowingFloats, GrowingWords } from './growing.ts';
import { hashText, traceKeyOf } from './hash.ts';

/** A block is given out at this many spans, or this much text. */
const blockSpans = 256;
const blockTextLength = 512 * 1024;

export interface BuiltBlock {
  /** As `block-layout.ts` says, not compressed. */
  readonly columns: Buffer;
  readonly summary: BlockSummary;
}

/** Takes spans one by one and gives them out as one block. */
export class BlockBuilder {
  readonly #strings = new StringTable();
  readonly #tags = new TagTable(this.#strings);
  readonly #endpoints = new EndpointTable(this.#strings);
  readonly #names = new NameNotes(this.#strings.list);
  readonly #content: BlockContent = {
    strings: this.#strings.list,
    traceIds: [],
    spanIds: [],
    parentIds: [],
    flags: new GrowingWords(),
    endpointPort: this.#endpoints.ports,
    floats: { timestamp: new GrowingFloats(), duration: new GrowingFloats(), annotationTime: new GrowingFloats() },
    refs: {
      traceOf: new GrowingWords(),
      name: new GrowingWords(),
      rawName: new GrowingWords(),
      local: new GrowingWords(),
      remote: new GrowingWords(),
      tagCount: new GrowingWords(),
      annotationCount: new GrowingWords(),
      tagPair: new GrowingWords(),
      annotationValue: new GrowingWords(),
      pairKey: this.#tags.keyRefs,
      pairValue: this.#tags.valueRefs,
      endpointService: this.#endpoints.serviceRefs,
      endpointIpv4: this.#endpoints.ipv4Refs,
      endpointIpv6: this.#endpoints.ipv6Refs,
    },
  };
  readonly #traceRefs = new Map<string, number>();
  readonly #annotationRefs = new Set<number>();
  #minMicros = Number.POSITIVE_INFINITY;
  #maxMicros = Number.NEGATIVE_INFINITY;
  #maxDurationMicros = -1;
  #first: LanePlace | undefined;
  #last: LanePlace = { seq: 0, index: 0 };
  #arrivalMinute: number | undefined;

  get spans(): number {
    return this.#content.spanIds.length;
  }

  /** Is it time to give the block out? */
  get full(): boolean {
    return this.spans >= blockSpans || this.#strings.textLength >= blockTextLength;
  }

  /** Are those that wait of another minute? Spans of one block come in one. */
  endsBefore(arrivedMicros: number): boolean {
    return this.#arrivalMinute !== undefined && this.#arrivalMinute !== minuteOf(arrivedMicros);
  }

  /** `arrivedMicros` stands for the time of a span that has none. */
  add(span: Span, place: LanePlace, arrivedMicros: number): void {
    this.#arrivalMinute ??= minuteOf(arrivedMicros);
    const { floats, refs, spanIds, parentIds, flags } = this.#content;
    this.#first ??= place;
    this.#last = place;
    spanIds.push(span.id);
    parentIds.push(span.parentId ?? '0000000000000000');
    flags.push(flagsOf(span));
    refs.traceOf.push(this.#traceRef(span.traceId));
    floats.timestamp.push(span.timestamp ?? Number.NaN);
    floats.duration.push(span.duration ?? Number.NaN);
    this.#noteTimes(span, arrivedMicros);
    this.#addNames(span);
    this.#addTags(span);
    this.#addAnnotations(span);
  }

  /** Everything added since the last call, as one block. There must be a span. */
  finish(): BuiltBlock {
    const summary = this.#summary();
    const columns = layBlock(this.#content);
    this.#clear();
    return { columns, summary };
  }

  #traceRef(traceId: string): number {
    const known = this.#traceRefs.get(traceId);
    if (known !== undefined) {
      return known;
    }
    const ref = this.#content.traceIds.push(traceId) - 1;
    this.#traceRefs.set(traceId, ref);
    return ref;
  }

  #noteTimes(span: Span, arrivedMicros: number): void {
    const at = span.timestamp ?? arrivedMicros;
    this.#minMicros = Math.min(this.#minMicros, at);
    this.#maxMicros = Math.max(this.#maxMicros, at);
    this.#maxDurationMicros = Math.max(this.#maxDurationMicros, span.duration ?? -1);
  }

  #addNames(span: Span): void {
    const { refs } = this.#content;
    const name = this.#optional(span.name);
    const local = span.localEndpoint === undefined ? 0 : this.#endpoints.ref(span.localEndpoint) + 1;
    const remote = span.remoteEndpoint === undefined ? 0 : this.#endpoints.ref(span.remoteEndpoint) + 1;
    refs.name.push(name);
    refs.rawName.push(this.#optional(span.rawName));
    refs.local.push(local);
    refs.remote.push(remote);
    this.#names.note(this.#endpoints.serviceOf(local), name, this.#endpoints.serviceOf(remote));
  }

  #addTags({ tags }: Span): void {
    const { refs } = this.#content;
    const before = refs.tagPair.length;
    for (const key in tags) {
      const value = tags[key];
      if (value !== undefined) {
        refs.tagPair.push(this.#tags.pair(key, value));
      }
    }
    refs.tagCount.push(refs.tagPair.length - before);
  }

  #addAnnotations({ annotations }: Span): void {
    const { refs, floats } = this.#content;
    refs.annotationCount.push(annotations?.length ?? 0);
    for (const { timestamp, value } of annotations ?? []) {
      const ref = this.#strings.ref(value);
      floats.annotationTime.push(timestamp);
      refs.annotationValue.push(ref);
      this.#annotationRefs.add(ref);
    }
  }

  #optional(text: string | undefined): number {
    return text === undefined ? 0 : this.#strings.ref(text) + 1;
  }

  #summary(): BlockSummary {
    const names = this.#names.get();
    const annotationHashes = [...this.#annotationRefs].map((ref) => hashText(this.#strings.list[ref] ?? ''));
    return {
      spans: this.spans,
      first: this.#first ?? this.#last,
      last: this.#last,
      arrivalMinute: this.#arrivalMinute,
      minMicros: this.#minMicros,
      maxMicros: this.#maxMicros,
      maxDurationMicros: this.#maxDurationMicros,
      hasError: this.#tags.hasKey('error'),
      services: names.services,
      namesComplete: names.complete,
      traceKeys: traceKeysOf(this.#content.traceIds),
      bloom: buildBloom([...this.#tags.bloomEntries, ...annotationHashes]),
    };
  }

  #clear(): void {
    const { floats, refs, flags, traceIds, spanIds, parentIds } = this.#content;
    for (const column of [...Object.values(floats), ...Object.values(refs), flags]) {
      column.clear();
    }
    for (const ids of [traceIds, spanIds, parentIds]) {
      ids.length = 0;
    }
    for (const table of [this.#strings, this.#tags, this.#endpoints, this.#names]) {
      table.clear();
    }
    this.#traceRefs.clear();
    this.#annotationRefs.clear();
    this.#minMicros = Number.POSITIVE_INFINITY;
    this.#maxMicros = Number.NEGATIVE_INFINITY;
    this.#maxDurationMicros = -1;
    this.#first = undefined;
    this.#arrivalMinute = undefined;
  }
}

function flagsOf(span: Span): number {
  const kind = span.kind === undefined ? 0 : spanKinds.indexOf(span.kind) + 1;
  const debug = span.debug === true ? spanFlags.debug : 0;
  const shared = span.shared === true ? spanFlags.shared : 0;
  const parent = span.parentId === undefined ? 0 : spanFlags.parent;
  return kind | debug | shared | parent;
}

/** High and low words, a trace that came with both widths once. */
function traceKeysOf(traceIds: readonly string[]): Uint32Array {
  const bytes = Buffer.from(traceIds.map((id) => id.slice(-16)).join(''), 'hex');
  const seen = new Set<number>();
  const words = new Uint32Array(traceIds.length * 2);
  let count = 0;
  for (let at = 0; at < bytes.length; at += 8) {
    const { high, low } = traceKeyOf(bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4));
    // 53 of 64 bits; should two traces agree in them, both are kept by the comparison below.
    const near = high * 2 ** 21 + (low >>> 11);
    if (seen.has(near) && has(words, count, high, low)) {
      continue;
    }
    seen.add(near);
    words[count++] = high;
    words[count++] = low;
  }
  return words.subarray(0, count);
}

function has(words: Uint32Array, count: number, high: number, low: number): boolean {
  for (let at = 0; at < count; at += 2) {
    if (words[at] === high && words[at + 1] === low) {
      return true;
    }
  }
  return false;
}
