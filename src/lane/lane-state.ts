import { z } from 'zod';
import { BridgeError } from '../contract/errors.ts';

const count = z.number().int().min(0);

const skip = z.object({ afterSeq: count, afterCumItems: count, seq: count.optional(), cumItems: count.optional() });

/** `cumItems = delivered + dropped + routedAway + lost`: every item of the lane up to `seq` is in exactly one of them. */
const cursorBooks = z.object({
  output: z.string(),
  seq: count,
  cumItems: count,
  delivered: count,
  dropped: z.record(z.string(), count),
  /** Also the items that the lane had taken before this output was there. */
  routedAway: count,
  lost: count,
  /**
   * Records ahead that are not for this output (`skips.ts`), oldest first. A version that does not know them sends what is
   * still there and counts the rest as lost.
   */
  skips: z.array(skip).optional(),
});
export type CursorBooks = z.output<typeof cursorBooks>;

/** An earlier queue id of this lane, and the last of its records that survived. */
const ancestor = z.object({ queueId: z.string(), seq: count });
export type Ancestor = z.output<typeof ancestor>;

const snapshot = z.object({
  signal: z.string(),
  queueId: z.string(),
  ancestors: z.array(ancestor),
  positions: z.array(z.tuple([z.string(), z.string()])),
  cursors: z.array(cursorBooks),
});
/** All that the records before a segment said and that still holds. */
export type Snapshot = z.output<typeof snapshot>;

const detached = z.object({ output: z.string() });

export function encodeState(state: Snapshot | CursorBooks | { readonly output: string }): Buffer {
  return Buffer.from(JSON.stringify(state));
}

export const decodeSnapshot = (payload: Buffer): Snapshot => parse(snapshot, payload);
export const decodeCursor = (payload: Buffer): CursorBooks => parse(cursorBooks, payload);
export const decodeDetached = (payload: Buffer): { output: string } => parse(detached, payload);

function parse<T>(schema: z.ZodType<T>, payload: Buffer): T {
  try {
    return schema.parse(JSON.parse(payload.toString()));
  } catch (cause) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a state record of the lane is not what its kind says', { cause });
  }
}
