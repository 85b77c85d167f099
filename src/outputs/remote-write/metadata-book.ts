import type { FamilyMetadata } from '../../codec/remote-write/remote-write.ts';

const mostFamilies = 10_000;

/** Which families the far side was told of, and when. */
export class MetadataBook {
  readonly #intervalMs: number;
  readonly #sentMs = new Map<string, number>();

  /** Each family is told again after `intervalMs`; with 0 none is told. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Those of them that are to be told now, each once: the ones not told yet, and those whose time has come. */
  due(families: Iterable<FamilyMetadata>, nowMs: number): readonly FamilyMetadata[] {
    const due = new Map<string, FamilyMetadata>();
    if (this.#intervalMs > 0) {
      for (const one of families) {
        const sentMs = this.#sentMs.get(one.family);
        if (!due.has(one.family) && (sentMs === undefined || nowMs - sentMs >= this.#intervalMs || sentMs > nowMs)) {
          due.set(one.family, one);
        }
      }
    }
    return [...due.values()];
  }

  /** They arrived. */
  sent(families: readonly FamilyMetadata[], nowMs: number): void {
    for (const { family } of families) {
      this.#sentMs.delete(family);
      this.#sentMs.set(family, nowMs);
    }
    for (const [oldest] of this.#sentMs) {
      if (this.#sentMs.size <= mostFamilies) {
        return;
      }
      this.#sentMs.delete(oldest);
    }
  }
}
