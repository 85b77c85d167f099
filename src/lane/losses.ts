import type { LaneLoss } from '../contract/status.ts';

const kept = 1000;

/** Damage by place: each place once, however many readers come by. */
export class Losses {
  readonly #byPlace = new Map<string, LaneLoss>();

  /** Returns those that were not known, or not to the item. */
  add(losses: readonly LaneLoss[]): readonly LaneLoss[] {
    const fresh = losses.filter((loss) => {
      const known = this.#byPlace.get(placeOf(loss));
      return known === undefined || (known.items === undefined && loss.items !== undefined);
    });
    for (const loss of fresh) {
      this.#byPlace.set(placeOf(loss), loss);
    }
    for (const place of this.#byPlace.keys()) {
      if (this.#byPlace.size <= kept) {
        break;
      }
      this.#byPlace.delete(place);
    }
    return fresh;
  }

  all(): readonly LaneLoss[] {
    return [...this.#byPlace.values()];
  }
}

function placeOf({ segment, offset }: LaneLoss): string {
  return `${segment}:${offset}`;
}
