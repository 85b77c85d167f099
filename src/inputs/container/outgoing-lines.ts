import type { LogBlock } from '../../model/log.ts';
import type { RateLimit } from './rate-limit.ts';

/** What goes on of the records that were read. */
export interface OutgoingLines {
  readonly block: LogBlock;
  /** Left out by the container's limit. */
  readonly leftOut: number;
  readonly reason?: 'lines' | 'bytes';
}

/** Charges the limit with what was read, and leaves out what is over where that is wanted. */
export function withinLimit(block: LogBlock, limit: RateLimit | undefined, nowMs: number): OutgoingLines {
  const { kept, over: reason } = limit?.take(block.count, block.bytes.length, nowMs) ?? { kept: block.count };
  return reason === undefined
    ? { block, leftOut: 0 }
    : { block: evenly(block, kept), leftOut: block.count - kept, reason };
}

/** `kept` of the records, at even distances. */
function evenly(block: LogBlock, kept: number): LogBlock {
  const { count, seconds, nanos, flags, levels, offsets, bytes, attributes } = block;
  const chosen = Array.from({ length: kept }, (_, i) => Math.floor(((i + 0.5) * count) / kept));
  const text = gathered(offsets, bytes, chosen);
  return {
    count: kept,
    seconds: Uint32Array.from(chosen, (i) => seconds[i] ?? 0),
    nanos: Uint32Array.from(chosen, (i) => nanos[i] ?? 0),
    flags: Uint8Array.from(chosen, (i) => flags[i] ?? 0),
    levels: Uint8Array.from(chosen, (i) => levels[i] ?? 0),
    ...text,
    ...(attributes !== undefined && { attributes: gathered(attributes.offsets, attributes.bytes, chosen) }),
  };
}

function gathered(offsets: Uint32Array, bytes: Uint8Array, chosen: readonly number[]) {
  const parts = chosen.map((i) => bytes.subarray(offsets[i], offsets[i + 1]));
  const ends = new Uint32Array(chosen.length + 1);
  for (const [i, part] of parts.entries()) {
    ends[i + 1] = (ends[i] ?? 0) + part.length;
  }
  return { offsets: ends, bytes: Buffer.concat(parts) };
}

const nanosPerMicro = 1_000;

/** DataKit's times: that of the reading, each line a microsecond after the one before, so that their order stays. */
export class ReadTimes {
  #lastMicros = 0;

  stamp({ count, seconds, nanos }: LogBlock, nowMs: number): void {
    for (let i = 0; i < count; i++) {
      this.#lastMicros = Math.max(nowMs * 1_000, this.#lastMicros + 1);
      seconds[i] = Math.floor(this.#lastMicros / 1_000_000);
      nanos[i] = (this.#lastMicros % 1_000_000) * nanosPerMicro;
    }
  }
}
