import type { SegmentIndex } from './segment-index.ts';
import type { Place } from './skips.ts';

/** Where records lie in the segments of a lane, oldest first, as far as their indexes know; for the moment in which it is asked. */
export class SegmentPlaces {
  readonly #segments: readonly SegmentIndex[];
  readonly #durableSeq: number;

  constructor(segments: readonly SegmentIndex[], durableSeq: number) {
    this.#segments = segments;
    this.#durableSeq = durableSeq;
  }

  /** About how many bytes lie behind that record. */
  bytesBehind(seq: number): number {
    const at = this.#segmentOf(seq + 1);
    const inside = this.#segments[at]?.near(seq + 1)?.offset ?? 0;
    return this.#bytesFrom(at) - inside;
  }

  /** About when the record behind that one was received. */
  receivedBehind(seq: number): number | undefined {
    return this.#segments[this.#segmentOf(seq + 1)]?.near(seq + 1)?.receivedAtMs;
  }

  /** As `bytesBehind`, but never more than there are, but for 64 KiB: a segment of an earlier life does not count where it begins before that. */
  leastBytesBehind(seq: number): number {
    if (seq >= this.#durableSeq) {
      return 0;
    }
    const at = this.#segmentOf(seq + 1);
    const segment = this.#segments[at];
    const before =
      segment === undefined || segment.firstSeq > seq ? 0 : (segment.near(seq + 1)?.offset ?? segment.bytes);
    return this.#bytesFrom(at) - before;
  }

  /** The first known place behind `seq`, of durable records, behind which lie at most `bytes`, or the last there is; undefined if there is none or none is needed. */
  boundaryFor(seq: number, bytes: number): Place | undefined {
    if (this.leastBytesBehind(seq) <= bytes) {
      return undefined;
    }
    const first = this.#segmentOf(seq + 1);
    let rest = this.#bytesFrom(first);
    let boundary: Place | undefined;
    for (const segment of this.#segments.slice(first)) {
      const start = { seq: segment.firstSeq - 1, cumItems: segment.startCumItems };
      if (start.seq > this.#durableSeq) {
        break;
      }
      boundary = start.seq > seq ? start : boundary;
      if (boundary !== undefined && rest <= bytes) {
        break;
      }
      const mark = segment.behind(seq + 1, rest - bytes);
      if (mark !== undefined && mark.seq - 1 <= this.#durableSeq) {
        return { seq: mark.seq - 1, cumItems: mark.cumItems };
      }
      rest -= segment.bytes;
    }
    return boundary;
  }

  #bytesFrom(at: number): number {
    return this.#segments.slice(at).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #segmentOf(seq: number): number {
    return Math.max(
      0,
      this.#segments.findLastIndex(({ firstSeq }) => firstSeq <= seq),
    );
  }
}
