import { endianness } from 'node:os';
import { BridgeError } from '../../../contract/errors.ts';

/**
 * A block of spans before compression: columns, so that a question touches few bytes and zstd sees like beside like.
 * Little endian throughout. 16 u32 of counts come first, then the sections below, each begun on a multiple of 8.
 *
 * `refs` are indexes into `strings`, `endpoints` or `pairs`, two bytes each unless one does not fit (`wide`: four).
 * Where a ref may be absent it is one larger and 0 says absent.
 */
export interface BlockCounts {
  readonly spans: number;
  readonly traces: number;
  readonly strings: number;
  readonly pairs: number;
  readonly endpoints: number;
  readonly annotations: number;
  readonly tags: number;
  readonly textBytes: number;
  readonly wide: boolean;
  /** Every string is ASCII: bytes are characters. */
  readonly ascii: boolean;
}

/** Column names with the count that gives their length and how wide an entry is. */
export const refColumns = [
  ['traceOf', 'spans'],
  ['name', 'spans'],
  ['rawName', 'spans'],
  ['local', 'spans'],
  ['remote', 'spans'],
  ['tagCount', 'spans'],
  ['annotationCount', 'spans'],
  ['tagPair', 'tags'],
  ['annotationValue', 'annotations'],
  ['pairKey', 'pairs'],
  ['pairValue', 'pairs'],
  ['endpointService', 'endpoints'],
  ['endpointIpv4', 'endpoints'],
  ['endpointIpv6', 'endpoints'],
] as const;
export type RefColumn = (typeof refColumns)[number][0];

export const floatColumns = [
  ['timestamp', 'spans'],
  ['duration', 'spans'],
  ['annotationTime', 'annotations'],
] as const;
export type FloatColumn = (typeof floatColumns)[number][0];

/** Sections of plain bytes: 16 a trace (padded id), 8 a span, 8 a span (zeros: none), and so on. */
export const byteColumns = [
  ['traceId', 'traces', 16],
  ['spanId', 'spans', 8],
  ['parentId', 'spans', 8],
  ['traceWide', 'traces', 1],
  ['flags', 'spans', 1],
  ['endpointPort', 'endpoints', 2],
  ['stringBytes', 'strings', 4],
  ['text', 'textBytes', 1],
] as const;
export type ByteColumn = (typeof byteColumns)[number][0];

export type Refs = Uint16Array | Uint32Array;

export interface Sections {
  readonly refs: Readonly<Record<RefColumn, number>>;
  readonly floats: Readonly<Record<FloatColumn, number>>;
  readonly bytes: Readonly<Record<ByteColumn, number>>;
  readonly totalBytes: number;
}

/** Bits of the `flags` column; the lowest three are the kind (0 none, then as in `spanKinds`). */
export const spanFlags = { kindMask: 7, debug: 8, shared: 16, parent: 32 } as const;
export const spanKinds = ['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'] as const;

export const countsBytes = 64;
const version = 1;

if (endianness() !== 'LE') {
  throw new BridgeError('BRIDGE_START', 'the embedded store needs a little-endian machine');
}

/** Where each section begins. */
export function sectionsOf(counts: BlockCounts): Sections {
  let at = countsBytes;
  const place = (bytes: number): number => {
    const begin = at;
    at = Math.ceil((at + bytes) / 8) * 8;
    return begin;
  };
  const floats: Record<FloatColumn, number> = { timestamp: 0, duration: 0, annotationTime: 0 };
  for (const [name, count] of floatColumns) {
    floats[name] = place(counts[count] * 8);
  }
  const refs = noRefs();
  for (const [name, count] of refColumns) {
    refs[name] = place(counts[count] * (counts.wide ? 4 : 2));
  }
  const bytes = noBytes();
  for (const [name, count, each] of byteColumns) {
    bytes[name] = place(counts[count] * each);
  }
  return { floats, refs, bytes, totalBytes: at };
}

function noRefs(): Record<RefColumn, number> {
  return {
    traceOf: 0,
    name: 0,
    rawName: 0,
    local: 0,
    remote: 0,
    tagCount: 0,
    annotationCount: 0,
    tagPair: 0,
    annotationValue: 0,
    pairKey: 0,
    pairValue: 0,
    endpointService: 0,
    endpointIpv4: 0,
    endpointIpv6: 0,
  };
}

function noBytes(): Record<ByteColumn, number> {
  return { traceId: 0, spanId: 0, parentId: 0, traceWide: 0, flags: 0, endpointPort: 0, stringBytes: 0, text: 0 };
}

export function writeCounts(target: Buffer, counts: BlockCounts): void {
  const words = [
    version,
    counts.spans,
    counts.traces,
    counts.strings,
    counts.pairs,
    counts.endpoints,
    counts.annotations,
    counts.tags,
    counts.textBytes,
    (counts.wide ? 1 : 0) | (counts.ascii ? 2 : 0),
  ];
  for (const [index, word] of words.entries()) {
    target.writeUInt32LE(word, index * 4);
  }
}

/** Throws BRIDGE_CORRUPT when the bytes are no block of a version that this program reads. */
export function readCounts(bytes: Buffer): BlockCounts {
  if (bytes.length < countsBytes || bytes.readUInt32LE(0) !== version) {
    throw new BridgeError('BRIDGE_CORRUPT', 'not a block of spans');
  }
  const word = (index: number): number => bytes.readUInt32LE(index * 4);
  const flags = word(9);
  const counts: BlockCounts = {
    spans: word(1),
    traces: word(2),
    strings: word(3),
    pairs: word(4),
    endpoints: word(5),
    annotations: word(6),
    tags: word(7),
    textBytes: word(8),
    wide: (flags & 1) !== 0,
    ascii: (flags & 2) !== 0,
  };
  if (sectionsOf(counts).totalBytes !== bytes.length) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a block of spans of another length');
  }
  return counts;
}
