import { useEffect, useRef, useState } from 'preact/hooks';
import { pause } from './hooks.ts';
import { passes } from './http.ts';
import type { LogSearch } from './log-search.ts';
import { type LinesView, type LogLine, searchLines, tailLines } from './logs-api.ts';
import { type Bounds, boundsOf, isMoving } from './time-span.ts';

/** More lines than this the page does not hold. */
export const mostLines = 20_000;
const partLines = 300;
const tailPart = 1_000;
const tailEveryMs = 2_000;

export interface LogFeed {
  /** Newest first; undefined until the first answer. */
  readonly lines?: readonly LogLine[];
  /** Where older ones begin; undefined when there are none, or no room for them. */
  readonly next?: string | undefined;
  readonly error?: unknown;
  readonly isLoadingOlder: boolean;
  /** Older lines were let go. */
  readonly isCut: boolean;
}

const nothing: LogFeed = { isLoadingOlder: false, isCut: false };

/** Where a search is. */
interface Place {
  /** The tail goes on behind this. */
  after: string | undefined;
  readonly bounds: Bounds;
  readonly stop: AbortController;
  /** The tail is being asked. */
  busy: boolean;
}

/** The lines that a search finds, those that arrive meanwhile, and older ones on demand. */
export function useLogFeed(search: LogSearch, live: boolean): readonly [LogFeed, () => void] {
  const key = JSON.stringify(search);
  const [state, setState] = useState<LogFeed & { readonly key: string }>({ ...nothing, key });
  const place = useRef<Place | undefined>(undefined);
  const change = (change: (feed: LogFeed) => Partial<LogFeed>): void =>
    setState((before) => (before.key === key ? { ...before, ...change(before) } : before));
  useEffect(() => {
    const stop = new AbortController();
    const bounds = boundsOf(search, Date.now());
    const begun: Place = { after: undefined, bounds, stop, busy: false };
    place.current = begun;
    setState({ ...nothing, key });
    const begin = async (): Promise<void> => {
      // The place to go on is asked first: what arrives between the two answers is seen twice, and shown once.
      const tail = isMoving(search) ? await tailLines(search, { after: undefined, limit: 1 }, stop.signal) : undefined;
      const found = await searchLines(search, { ...bounds, limit: partLines }, stop.signal);
      begun.after = tail?.next;
      setState({ ...nothing, key, ...found });
    };
    const fail = (error: unknown): void => setState((b) => (stop.signal.aborted ? b : { ...nothing, key, error }));
    untilDone(begin, fail, stop.signal).catch(fail);
    return () => stop.abort();
  }, [key]);

  const begun = state.key === key && state.lines !== undefined;
  useEffect(() => {
    const at = place.current;
    if (!begun || !live || !isMoving(search) || at === undefined) {
      return;
    }
    const timer = window.setInterval(() => {
      if (!document.hidden) {
        follow(search, at, (lines) => change((feed) => ({ error: undefined, ...withLines(feed, lines) }))).catch(
          (error: unknown) => !at.stop.signal.aborted && change(() => ({ error })),
        );
      }
    }, tailEveryMs);
    return () => window.clearInterval(timer);
  }, [key, live, begun]);

  const older = (): void => {
    const at = place.current;
    if (state.key !== key || state.next === undefined || state.isLoadingOlder || at === undefined) {
      return;
    }
    change(() => ({ isLoadingOlder: true }));
    searchLines(search, { ...at.bounds, limit: partLines, before: state.next }, at.stop.signal).then(
      (found) => change((feed) => ({ isLoadingOlder: false, ...withOlder(feed, found) })),
      (error: unknown) => change(() => ({ isLoadingOlder: false, error })),
    );
  };
  return [state.key === key ? state : nothing, older];
}

/** Hands over all that arrived since, one question at a time. */
async function follow(search: LogSearch, at: Place, take: (lines: readonly LogLine[]) => void): Promise<void> {
  if (at.busy) {
    return;
  }
  at.busy = true;
  try {
    for (let full = true; full; ) {
      const { lines, next = at.after } = await tailLines(search, { after: at.after, limit: tailPart }, at.stop.signal);
      full = lines.length === tailPart && next !== at.after;
      at.after = next;
      take(lines);
    }
  } finally {
    at.busy = false;
  }
}

/** Tries again and again while that may help; `onError` is told of each failure. */
async function untilDone(
  attempt: () => Promise<void>,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let again = true; again && !signal.aborted; ) {
    again = await attempt().then(
      () => false,
      (error: unknown) => {
        onError(error);
        return passes(error);
      },
    );
    if (again) {
      await pause(tailEveryMs, signal);
    }
  }
}

/** With lines that arrived, each once, newest first, and the oldest let go where there are too many. */
export function withLines(feed: LogFeed, fresh: readonly LogLine[]): Partial<LogFeed> {
  const known = new Set(feed.lines?.map(({ id }) => id));
  const added = fresh.filter(({ id }) => !known.has(id));
  if (added.length === 0) {
    return {};
  }
  const lines = [...added.toReversed(), ...(feed.lines ?? [])].sort(newestFirst);
  return lines.length > mostLines ? { lines: lines.slice(0, mostLines), next: undefined, isCut: true } : { lines };
}

function withOlder(feed: LogFeed, found: LinesView): Partial<LogFeed> {
  const known = new Set(feed.lines?.map(({ id }) => id));
  const lines = [...(feed.lines ?? []), ...found.lines.filter(({ id }) => !known.has(id))];
  const full = lines.length >= mostLines;
  return { lines, next: full ? undefined : found.next, isCut: feed.isCut || (full && found.next !== undefined) };
}

function newestFirst(a: LogLine, b: LogLine): number {
  return b.timeMs - a.timeMs || (a.time < b.time ? 1 : a.time > b.time ? -1 : 0);
}
