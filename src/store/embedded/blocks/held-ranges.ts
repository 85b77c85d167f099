import type { LanePlace, LaneRange } from './lane-place.ts';

/**
 * Items that are on disk although the store's position lies before them: intact blocks of a commit of which another part is
 * bitten. The lane gives that commit's records again, and these items of them are not taken twice.
 */
export class HeldRanges {
  readonly queueId: string | undefined;
  #ranges: readonly LaneRange[];

  constructor(queueId: string | undefined, ranges: readonly LaneRange[]) {
    this.queueId = queueId;
    this.#ranges = ranges.map(({ first, last }) => ({ first, last }));
  }

  get empty(): boolean {
    return this.#ranges.length === 0;
  }

  has(queueId: string, place: LanePlace): boolean {
    return (
      this.#ranges.length > 0 &&
      queueId === this.queueId &&
      this.#ranges.some(({ first, last }) => !isBefore(place, first) && !isBefore(last, place))
    );
  }

  /** Everything up to that record has been given again. */
  pass(seq: number): void {
    if (this.#ranges.length > 0) {
      this.#ranges = this.#ranges.filter(({ last }) => last.seq > seq);
    }
  }
}

function isBefore(a: LanePlace, b: LanePlace): boolean {
  return a.seq < b.seq || (a.seq === b.seq && a.index < b.index);
}
