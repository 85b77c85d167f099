import type { QueueRecord } from '../../model/batch.ts';

const mostKept = 100_000;

/** Ids of dictionaries that the hub has taken, as far as we know: it forgets them when it starts anew, and asks then. */
export class SentDictionaries {
  readonly #ids = new Set<string>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  took(records: readonly QueueRecord[]): void {
    for (const { dictionary } of records) {
      if (dictionary !== undefined) {
        this.#ids.add(dictionary.id);
      }
    }
    if (this.#ids.size > mostKept) {
      this.#ids.clear();
    }
  }
}
