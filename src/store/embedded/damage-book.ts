import { sep } from 'node:path';
import { hasCode } from '../../contract/errors.ts';
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

  /** Names an index file that fails its checks; any other error is thrown on. */
  noteBadIndex(error: unknown, file: string, bytes: number): void {
    if (!hasCode(error, 'BRIDGE_CORRUPT')) {
      throw error;
    }
    this.note({ file, offset: 0, bytes, reason: `${error.message}; rebuilt from the data` });
  }

  /** The files of that directory are gone. */
  forget(dir: string): void {
    for (const [place, { file }] of this.#places) {
      if (file.startsWith(dir + sep)) {
        this.#places.delete(place);
      }
    }
  }

  list(): readonly Damage[] {
    return [...this.#places.values()];
  }
}
