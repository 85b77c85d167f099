import type { CursorBooks } from './lane-state.ts';

/**
 * Records behind `afterSeq`, through `seq`, that an output is not to have; without `seq` all that come, until it is said
 * where that ends. `afterCumItems` and `cumItems` are the lane's at both ends. They are counted when the cursor passes.
 */
export type Skip = NonNullable<CursorBooks['skips']>[number];
export type ClosedSkip = Skip & { readonly seq: number; readonly cumItems: number };

/** Where a lane is: its last durable record. */
export interface Place {
  readonly seq: number;
  readonly cumItems: number;
}

export function isClosed(skip: Skip): skip is ClosedSkip {
  return skip.seq !== undefined && skip.cumItems !== undefined;
}

/** The one that goes on. */
export function openSkip({ skips = [] }: CursorBooks): Skip | undefined {
  const last = skips.at(-1);
  return last === undefined || isClosed(last) ? undefined : last;
}

/** From here on nothing more is for that output. */
export function begunAt(books: CursorBooks, { seq, cumItems }: Place): CursorBooks {
  const skips = books.skips ?? [];
  return { ...books, skips: [...skips, { afterSeq: Math.max(seq, books.seq), afterCumItems: cumItems }] };
}

/** What comes from here on is for that output again. */
export function endedAt(books: CursorBooks, { seq, cumItems }: Place): CursorBooks {
  const open = openSkip(books);
  if (open === undefined) {
    return books;
  }
  const closed = { ...open, seq: Math.max(seq, open.afterSeq), cumItems: Math.max(cumItems, open.afterCumItems) };
  return withSkips(books, [...(books.skips ?? []).slice(0, -1), closed]);
}

/** Without those that the cursor has passed. */
export function remaining(books: CursorBooks): CursorBooks {
  return books.skips === undefined
    ? books
    : withSkips(
        books,
        books.skips.filter(({ seq }) => seq === undefined || seq > books.seq),
      );
}

/** Items that are left out and not yet counted, where the lane stands there. */
export function itemsAhead({ skips = [] }: CursorBooks, { cumItems: now }: Place): number {
  let items = 0;
  for (const { afterCumItems, cumItems = now } of skips) {
    items += Math.max(0, cumItems - afterCumItems);
  }
  return items;
}

/** Is no record behind `afterSeq` through `seq` for that output any more? */
export function isDoneWith({ seq: cursorSeq, skips = [] }: CursorBooks, afterSeq: number, seq: number): boolean {
  const from = Math.max(afterSeq, cursorSeq);
  return from >= seq || skips.some((skip) => skip.afterSeq <= from && (skip.seq === undefined || skip.seq >= seq));
}

function withSkips({ skips: _skips, ...books }: CursorBooks, skips: readonly Skip[]): CursorBooks {
  return skips.length === 0 ? books : { ...books, skips: [...skips] };
}
