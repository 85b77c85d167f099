import type { CursorStatus } from '../contract/status.ts';
import type { CursorBooks } from './lane-state.ts';
import { remaining } from './skips.ts';

/** What became of the records up to `seq`. */
export interface CursorStep {
  readonly seq: number;
  /**
   * The lane's `cumItems` at `seq`. What it grew by beyond the counts below was lost on disk. Without it nothing is
   * taken for lost.
   */
  readonly cumItems?: number;
  readonly delivered?: number;
  readonly dropped?: Readonly<Record<string, number>>;
  readonly routedAway?: number;
}

export type OnFull = CursorStatus['onFull'];
export type CursorActivity = Pick<
  CursorStatus,
  'state' | 'circuit' | 'retries' | 'retriesByCause' | 'lastError' | 'lastCause' | 'nextAttemptMs'
>;

/** The books of an output that was never there: all before `seq` was routed past it. */
export function newBooks(output: string, seq: number, cumItems: number): CursorBooks {
  return { output, seq, cumItems, delivered: 0, dropped: {}, routedAway: cumItems, lost: 0 };
}

/** Throws RangeError on a step that goes back. Where more is told than there was, the books follow what was told. */
export function advanced(books: CursorBooks, step: CursorStep): CursorBooks {
  const { delivered = 0, dropped = {}, routedAway = 0 } = step;
  const told = delivered + routedAway + sum(dropped);
  const lost = Math.max(0, (step.cumItems ?? 0) - books.cumItems - told);
  if (step.seq < books.seq) {
    throw new RangeError(`cursor ${books.output} at ${books.seq} cannot go back to ${step.seq}`);
  }
  return remaining({
    ...books,
    seq: step.seq,
    cumItems: books.cumItems + told + lost,
    delivered: books.delivered + delivered,
    dropped: added(books.dropped, dropped),
    routedAway: books.routedAway + routedAway,
    lost: books.lost + lost,
  });
}

/** The books of an output that itself says how far it is, and that took everything up to there. */
export function moved(books: CursorBooks, seq: number, cumItems: number): CursorBooks {
  const delta = cumItems - books.cumItems;
  if (delta >= 0) {
    return { ...books, seq, cumItems, delivered: books.delivered + delta };
  }
  const takenBack = Math.min(books.delivered, -delta);
  const others = -delta - takenBack;
  const fromRouted = Math.min(books.routedAway, others);
  const fromLost = Math.min(books.lost, others - fromRouted);
  return {
    ...books,
    seq,
    cumItems: books.cumItems - takenBack - fromRouted - fromLost,
    delivered: books.delivered - takenBack,
    routedAway: books.routedAway - fromRouted,
    lost: books.lost - fromLost,
  };
}

function added(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const result = { ...a };
  for (const [reason, count] of Object.entries(b)) {
    if (count > 0) {
      result[reason] = (result[reason] ?? 0) + count;
    }
  }
  return result;
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
