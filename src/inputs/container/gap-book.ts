import type { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import { appendGap, type Gap } from './gap.ts';

/** What a log has lost: until a record on disk says so, and until somebody has been told. */
export class GapBook {
  #waiting: Gap[] = [];
  #untold: Gap[] = [];
  /** How many records of the batch that is under way are of gaps; they come first. */
  appended = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(gap: Gap): void {
    this.#untold.push(gap);
    if (gap.bytes !== 0) {
      this.#waiting.push(gap);
    }
  }

  /** Each is told once. */
  tell(): readonly Gap[] {
    return this.#untold.splice(0);
  }

  appendTo(builder: LogBlockBuilder): void {
    for (const gap of this.#waiting) {
      appendGap(gap, builder);
    }
    this.appended = this.#waiting.length;
  }

  /** What was appended is on disk. */
  commit(): void {
    this.#waiting.splice(0, this.appended);
    this.appended = 0;
  }
}
