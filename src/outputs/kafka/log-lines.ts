import type { LogAttributes, LogBlock } from '../../model/log.ts';

/** The lines `[from, to)` of a block, as a block: views of the same memory, but for the offsets. */
export function linesBetween(block: LogBlock, from: number, to: number): LogBlock {
  if (from === 0 && to === block.count) {
    return block;
  }
  return {
    count: to - from,
    seconds: block.seconds.subarray(from, to),
    nanos: block.nanos.subarray(from, to),
    flags: block.flags.subarray(from, to),
    levels: block.levels.subarray(from, to),
    ...textBetween(block, from, to),
    ...(block.attributes !== undefined && { attributes: textBetween(block.attributes, from, to) }),
  };
}

function textBetween({ offsets, bytes }: LogAttributes, from: number, to: number): LogAttributes {
  const start = offsets[from] ?? 0;
  return {
    offsets: offsets.subarray(from, to + 1).map((offset) => offset - start),
    bytes: bytes.subarray(start, offsets[to]),
  };
}
