import type { Damage } from '../../contract/store.ts';

/** More places than this are counted, not listed. */
const listedPlaces = 1000;

/** Each place that could not be read, once. */
export class DamageBook {
  readonly #places = new Map<string, Damage>();

  note(damage: Damage): void {
    const place = `${damage.file}:${damage.offset}`;
    if (this.#places.size < listedPlaces && !this.#places.has(place)) {
      this.#places.set(place, damage);
    }
  }

  /** The files of that directory are gone. */
  forget(dir: string): void {
    for (const [place, { file }] of this.#places) {
      if (file.startsWith(dir)) {
        this.#places.delete(place);
      }
    }
  }

  list(): readonly Damage[] {
    return [...this.#places.values()];
  }
}
