import { BridgeError } from '../../../contract/errors.ts';
import { logLevels } from '../../../model/log.ts';
import type { BlockFormat } from '../blocks/block-format.ts';
import { blockHead, blockHeadBytes, recordKinds } from '../blocks/block-records.ts';
import type { Arrival } from './arrival.ts';
import { compressed, inflated } from './block-payload.ts';
import type { StreamLabels } from './stream-labels.ts';

/** What is known of a block of lines without inflating it. */
export interface BlockFacts {
  readonly lines: number;
  readonly textBytes: number;
  /** Letters of its longest word. */
  readonly longestWord: number;
  /** Bounds of the lines' times, ms since 1970, each rounded down. */
  readonly minMs: number;
  readonly maxMs: number;
  readonly first: Arrival;
  readonly last: Arrival;
  readonly stderrLines: number;
  /** Lines of each level, in the order of `logLevels`. */
  readonly levels: readonly number[];
}

/** The header of its record. */
export interface BlockSummary extends BlockFacts {
  /** Of the layout of its payload (`block-records.ts`). */
  readonly version: number;
  readonly streams: readonly StreamLabels[];
  /** Over the words of its lines (`words.ts`); empty when they were too many. */
  readonly bloom: Uint8Array;
}

/**
 * After kind, version and nonce: f64 minMs, maxMs, arrival (ms, seq) of first and last, u32 index of first and last, lines,
 * textBytes, longestWord, stderrLines, u32 for each level; u32 bytes of the streams (JSON) and of the same compressed; the streams
 * compressed; the filter to the end.
 */
const factWords = 6 + logLevels.length;
export const factBytes = 6 * 8 + factWords * 4;
const streamsAt = blockHeadBytes + factBytes + 8;

export function writeFacts(target: Buffer, at: number, facts: BlockFacts): void {
  const { minMs, maxMs, first, last, lines, textBytes, longestWord, stderrLines, levels } = facts;
  for (const [i, value] of [minMs, maxMs, first.ms, first.seq, last.ms, last.seq].entries()) {
    target.writeDoubleLE(value, at + i * 8);
  }
  const words = [first.index, last.index, lines, textBytes, longestWord, stderrLines, ...levels];
  for (const [i, value] of words.entries()) {
    target.writeUInt32LE(value, at + 48 + i * 4);
  }
}

export function readFacts(source: Buffer, at: number): BlockFacts {
  const word = (i: number): number => source.readUInt32LE(at + 48 + i * 4);
  const double = (i: number): number => source.readDoubleLE(at + i * 8);
  return {
    minMs: double(0),
    maxMs: double(1),
    first: { ms: double(2), seq: double(3), index: word(0) },
    last: { ms: double(4), seq: double(5), index: word(1) },
    lines: word(2),
    textBytes: word(3),
    longestWord: word(4),
    stderrLines: word(5),
    levels: logLevels.map((_, i) => word(6 + i)),
  };
}

export function encodeSummary(summary: BlockSummary, nonce: number): Buffer {
  const head = blockHead(nonce, streamsAt, summary.version);
  writeFacts(head, blockHeadBytes, summary);
  const json = Buffer.from(JSON.stringify(summary.streams));
  const streams = compressed(json);
  head.writeUInt32LE(json.length, streamsAt - 8);
  head.writeUInt32LE(streams.length, streamsAt - 4);
  return Buffer.concat([head, streams, summary.bloom]);
}

/** Throws BRIDGE_CORRUPT. */
export function decodeSummary(header: Buffer): BlockSummary {
  if (header.length < streamsAt || header[0] !== recordKinds.block) {
    throw new BridgeError('BRIDGE_CORRUPT', 'not the header of a block of lines');
  }
  const bloomAt = streamsAt + header.readUInt32LE(streamsAt - 4);
  if (bloomAt > header.length) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the header of a block of lines is too short');
  }
  const json = inflated(header.subarray(streamsAt, bloomAt), header.readUInt32LE(streamsAt - 8));
  return {
    ...readFacts(header, blockHeadBytes),
    version: header[1] ?? 0,
    streams: JSON.parse(json.toString()),
    bloom: header.subarray(bloomAt),
  };
}

/** The filter alone. Throws BRIDGE_CORRUPT. */
export function bloomOf(header: Buffer): Uint8Array {
  const bloomAt = header.length < streamsAt ? Number.NaN : streamsAt + header.readUInt32LE(streamsAt - 4);
  if (!(bloomAt <= header.length)) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the header of a block of lines is too short');
  }
  return header.subarray(bloomAt);
}

export const lineBlocks: BlockFormat<BlockSummary> = {
  noun: 'lines',
  itemsOf: ({ lines }) => lines,
  encode: encodeSummary,
  decode: decodeSummary,
};
