import type { LaneLoss } from '../contract/status.ts';

/** Where bytes are not what was written. */
export interface DamagedPlace {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
}

/** Names losses: to the item where something readable bounds them, else in bytes. */
export class LossBook {
  #told: LaneLoss[] = [];
  #open: DamagedPlace[] = [];

  /** Are there places that nothing has told the items of? */
  get isOpen(): boolean {
    return this.#open.length > 0;
  }

  /** A place whose items a later record may tell. */
  unknown(place: DamagedPlace): void {
    this.#open.push(place);
  }

  /** A place whose items its own intact header tells. */
  known(place: DamagedPlace, items: number): void {
    this.#told.push({ ...place, items });
  }

  /** A readable record says that `items` are missing before it; `at` is its own place. */
  bound(items: number, at: { segment: string; offset: number }): void {
    const [first, ...others] = this.#open;
    if (first !== undefined) {
      this.#told.push({ ...first, items }, ...others);
    } else if (items > 0) {
      this.#told.push({ ...at, bytes: 0, items, reason: 'records before this place are missing' });
    }
    this.#open = [];
  }

  /** The open places turned out to lie where nobody looks any more. */
  forgetOpen(): void {
    this.#open = [];
  }

  /** What has been told since the last call. */
  take(): readonly LaneLoss[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  /** As `take`, with the places that nothing bounds. */
  takeAll(): readonly LaneLoss[] {
    const all = [...this.#told, ...this.#open];
    this.#told = [];
    this.#open = [];
    return all;
  }
}
