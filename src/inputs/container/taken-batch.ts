import { logBlockFormat, logBlockParts } from '../../codec/log-block/log-block.ts';
import type { Batch, Position } from '../../model/batch.ts';
import type { LogBlock } from '../../model/log.ts';
import { encodePosition, type LogPosition } from './position.ts';

/** A batch that is to be emitted; no further `step` until `commit` or `rollback`. */
export interface TakenBatch {
  readonly batch: Batch;
  readonly position: Position;
  /** Records that were read and left out, by what of the container's limit was reached. */
  readonly leftOut?: { readonly lines: number; readonly reason: 'lines' | 'bytes' };
}

/** The block as a batch; once it is on disk, the log has been read to `place`. */
export function takenBatch(
  block: LogBlock,
  from: Pick<Batch, 'origin' | 'edits'>,
  { key, place }: { readonly key: string; readonly place: LogPosition },
): TakenBatch {
  const items = block.count;
  const payload = items === 0 ? new Uint8Array(0) : logBlockParts(block);
  return {
    batch: { signal: 'logs', format: logBlockFormat(block), payload, items, ...from },
    position: { key, value: encodePosition(place) },
  };
}
