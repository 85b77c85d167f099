import type { PackedBlock } from '../blocks/block-format.ts';
import { type BlockSummary, bloomOf } from './block-summary.ts';
import { msOf, PageBuilder, type PlacedPoint } from './point-page.ts';

/** Points of a full block: some 100 KiB when it is packed, and read within a few ms. */
const fullPoints = 1024;
/** Long stacks and lists of scripts fill a block sooner. */
const fullChars = 8 * 1024 * 1024;

/** Makes blocks of points that stand one behind the other in the lane. */
export class BlockPacker {
  #points: PlacedPoint[] = [];
  #chars = 0;
  #blocks: PackedBlock<BlockSummary>[] = [];
  #packedBytes = 0;
  #packedPoints = 0;

  get points(): number {
    return this.#packedPoints + this.#points.length;
  }

  /** Of what is packed already, and about that of the rest. */
  get bytes(): number {
    return this.#packedBytes + this.#chars;
  }

  add(placed: PlacedPoint): void {
    this.#points.push(placed);
    this.#chars += charsOf(placed.point.fields) + charsOf(placed.point.tags);
    if (this.#points.length >= fullPoints || this.#chars >= fullChars) {
      this.pack();
    }
  }

  /** Ends the block: the next point does not stand behind the last one. */
  pack(): void {
    const [first] = this.#points;
    const last = this.#points.at(-1);
    if (first === undefined || last === undefined) {
      return;
    }
    const builder = new PageBuilder();
    let minMs = Number.POSITIVE_INFINITY;
    let maxMs = Number.NEGATIVE_INFINITY;
    for (const placed of this.#points) {
      builder.add(placed);
      const ms = msOf(placed.point.timeNanos);
      minMs = Math.min(minMs, ms);
      maxMs = Math.max(maxMs, ms);
    }
    const payload = builder.finish();
    const points = this.#points.map(({ point }) => point);
    const summary: BlockSummary = {
      points: points.length,
      first: { seq: first.seq, index: first.index },
      last: { seq: last.seq, index: last.index },
      minMs,
      maxMs,
      kinds: [...new Set(points.map(({ measurement }) => measurement))],
      bloom: bloomOf(points),
    };
    this.#blocks.push({ summary, payload });
    this.#packedBytes += payload.length;
    this.#packedPoints += points.length;
    this.#points = [];
    this.#chars = 0;
  }

  finish(): readonly PackedBlock<BlockSummary>[] {
    this.pack();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#packedBytes = 0;
    this.#packedPoints = 0;
    return blocks;
  }
}

function charsOf(values: Readonly<Record<string, unknown>>): number {
  let chars = 0;
  for (const [key, value] of Object.entries(values)) {
    chars += key.length + (typeof value === 'string' ? value.length : 8);
  }
  return chars;
}
