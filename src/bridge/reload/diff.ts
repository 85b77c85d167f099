import { isDeepStrictEqual } from 'node:util';

/** What becomes of running components when another configuration is taken. */
export interface Diff<Running, Wanted> {
  /** Those that stay as they are, with what is wanted of them. */
  readonly kept: ReadonlyMap<Wanted, Running>;
  /** Those that are replaced, by what. */
  readonly changed: ReadonlyMap<Wanted, Running>;
  readonly added: readonly Wanted[];
  readonly removed: readonly Running[];
}

export interface Comparison<Running, Wanted> {
  /** Only components of one kind can follow each other. */
  readonly kindOf: (one: Wanted) => string;
  readonly wantedOf: (running: Running) => Wanted;
  /** All that its behaviour depends on. */
  readonly settingsOf: (one: Wanted) => unknown;
}

/**
 * Finds those that are equal wherever they stand, so that a table that moves touches nobody; of the rest the first of a kind
 * follows the first, and so on.
 */
export function diffOf<Running, Wanted>(
  running: readonly Running[],
  wanted: readonly Wanted[],
  { kindOf, wantedOf, settingsOf }: Comparison<Running, Wanted>,
): Diff<Running, Wanted> {
  const left = new Set(running);
  const taken = (fits: (one: Running) => boolean): Running | undefined => {
    const found = [...left].find(fits);
    if (found !== undefined) {
      left.delete(found);
    }
    return found;
  };
  const pairs = (ones: readonly Wanted[], fits: (one: Wanted, before: Wanted) => boolean): Map<Wanted, Running> =>
    new Map(
      ones.flatMap((one) => {
        const found = taken((candidate) => {
          const before = wantedOf(candidate);
          return kindOf(before) === kindOf(one) && fits(one, before);
        });
        return found === undefined ? [] : [[one, found] as const];
      }),
    );
  const kept = pairs(wanted, (one, before) => isDeepStrictEqual(settingsOf(one), settingsOf(before)));
  const others = wanted.filter((one) => !kept.has(one));
  const changed = pairs(others, () => true);
  return { kept, changed, added: others.filter((one) => !changed.has(one)), removed: [...left] };
}
