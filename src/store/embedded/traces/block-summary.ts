import { BridgeError } from '../../../contract/errors.ts';
import { maxHeaderBytes } from '../../../record/frame.ts';
import type { BlockFormat } from '../blocks/block-format.ts';
import { blockHead, recordKinds } from '../blocks/block-records.ts';
import type { LanePlace } from '../blocks/lane-place.ts';
import type { ServiceNames } from './block-names.ts';

/** What is known of a block without inflating it; the header of its record. */
export interface BlockSummary {
  readonly spans: number;
  /** Its spans are those of the lane from `first` to `last`, both included. */
  readonly first: LanePlace;
  readonly last: LanePlace;
  /** The minute (since 1970) in which its spans came; undefined in blocks of earlier versions. */
  readonly arrivalMinute: number | undefined;
  /** Bounds of the spans' timestamps in µs; a span without one counts with the time it arrived. */
  readonly minMicros: number;
  readonly maxMicros: number;
  /** The longest duration in µs; -1 where no span has one. */
  readonly maxDurationMicros: number;
  /** A span has the tag `error`. */
  readonly hasError: boolean;
  readonly services: readonly ServiceNames[];
  /** False where names were too long to be listed. */
  readonly namesComplete: boolean;
  /** High and low word of the key of every trace in the block (`traceKeyOf`), without repeats. */
  readonly traceKeys: Uint32Array;
  /** Knows every tag key, every `key=value` and every annotation value. */
  readonly bloom: Uint8Array;
}

/**
 * After kind, version and nonce (`blocks/block-records.ts`): u32 length of the JSON part, u32 number of trace keys; then the keys
 * (8 bytes each), the JSON part, and the bloom filter to the end.
 */
const fixedBytes = 16;
/** The keys and the bloom of a block stay far below what this leaves free. */
const maxNamesBytes = maxHeaderBytes / 2;

export function encodeSummary(summary: BlockSummary, nonce: number): Buffer {
  const whole = Buffer.from(JSON.stringify(jsonPart(summary)));
  const json = whole.length <= maxNamesBytes ? whole : Buffer.from(JSON.stringify(jsonPart(withoutNames(summary))));
  const keyBytes = Buffer.from(summary.traceKeys.buffer, summary.traceKeys.byteOffset, summary.traceKeys.byteLength);
  const head = blockHead(nonce, fixedBytes);
  head.writeUInt32LE(json.length, 8);
  head.writeUInt32LE(summary.traceKeys.length / 2, 12);
  return Buffer.concat([head, keyBytes, json, summary.bloom]);
}

interface HeaderParts {
  readonly traceKeys: Uint32Array;
  readonly json: Buffer;
  /** A view of the header. */
  readonly bloom: Buffer;
}

function partsOf(header: Buffer): HeaderParts {
  if (header.length < fixedBytes || header[0] !== recordKinds.block) {
    throw new BridgeError('BRIDGE_CORRUPT', 'not the header of a block of spans');
  }
  const jsonAt = fixedBytes + header.readUInt32LE(12) * 8;
  const bloomAt = jsonAt + header.readUInt32LE(8);
  if (bloomAt > header.length) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the header of a block of spans is too short');
  }
  const traceKeys = new Uint32Array((jsonAt - fixedBytes) / 4);
  header.copy(new Uint8Array(traceKeys.buffer), 0, fixedBytes, jsonAt);
  return { traceKeys, json: header.subarray(jsonAt, bloomAt), bloom: header.subarray(bloomAt) };
}

/** What evaluators want of a block's header besides the tables. Throws BRIDGE_CORRUPT. */
export function keysAndBloom(header: Buffer): Pick<BlockSummary, 'traceKeys' | 'bloom'> {
  const { traceKeys, bloom } = partsOf(header);
  return { traceKeys, bloom };
}

/** Throws BRIDGE_CORRUPT. `bloom` is a view of `header`. */
export function decodeSummary(header: Buffer): BlockSummary {
  const { traceKeys, json, bloom } = partsOf(header);
  const part: JsonPart = JSON.parse(json.toString());
  return {
    spans: part.n,
    first: { seq: part.lane[0], index: part.lane[1] },
    last: { seq: part.lane[2], index: part.lane[3] },
    arrivalMinute: part.came,
    minMicros: part.time[0],
    maxMicros: part.time[1],
    maxDurationMicros: part.dur,
    hasError: part.err,
    services: part.names.map(([service, spans, remotes]) => ({ service, spans, remotes })),
    namesComplete: part.all,
    traceKeys,
    bloom,
  };
}

interface JsonPart {
  readonly n: number;
  readonly lane: readonly [number, number, number, number];
  readonly came?: number | undefined;
  readonly time: readonly [number, number];
  readonly dur: number;
  readonly err: boolean;
  readonly all: boolean;
  readonly names: readonly (readonly [string, readonly string[], readonly string[]])[];
}

function jsonPart(summary: BlockSummary): JsonPart {
  return {
    n: summary.spans,
    lane: [summary.first.seq, summary.first.index, summary.last.seq, summary.last.index],
    came: summary.arrivalMinute,
    time: [summary.minMicros, summary.maxMicros],
    dur: summary.maxDurationMicros,
    err: summary.hasError,
    all: summary.namesComplete,
    names: summary.services.map((names) => [names.service, names.spans, names.remotes]),
  };
}

function withoutNames(summary: BlockSummary): BlockSummary {
  return { ...summary, services: [], namesComplete: false };
}

export const spanBlocks: BlockFormat<BlockSummary> = {
  noun: 'spans',
  itemsOf: ({ spans }) => spans,
  encode: encodeSummary,
  decode: decodeSummary,
};
