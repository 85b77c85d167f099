import type { Signal } from '../model/batch.ts';
import { LaneTail } from '../record/tail.ts';
import type { SegmentIndex } from './segment-index.ts';

const readBytes = 4 * 1024 * 1024;

/** The lane's `cumItems` behind that record, read from the segment that holds it. */
export async function cumItemsAt(
  lane: { readonly dir: string; readonly signal: Signal; readonly segments: readonly SegmentIndex[] },
  seq: number,
): Promise<number> {
  const segment = lane.segments.findLast(({ firstSeq }) => firstSeq <= seq);
  if (segment === undefined) {
    return lane.segments[0]?.startCumItems ?? 0;
  }
  const { dir, signal } = lane;
  const afterSeq = segment.firstSeq - 1;
  const tail = new LaneTail({ dir, signal, afterSeq, afterCumItems: segment.startCumItems });
  try {
    const limits = { throughSeq: seq, maxItems: Number.POSITIVE_INFINITY, maxBytes: readBytes };
    let cumItems = segment.startCumItems;
    for (let before = -1; tail.seq < seq && tail.seq !== before; ) {
      before = tail.seq;
      cumItems = (await tail.read(limits)).cumItems ?? cumItems;
    }
    return cumItems;
  } finally {
    await tail.close();
  }
}
