import { createContext } from 'preact';
import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { passes } from './http.ts';
import { hashOf, type Route, routeOf } from './route.ts';
import { type Language, say, type TextKey, type TextValues } from './texts.ts';

export const LanguageContext = createContext<Language>('en');

export type Say = (key: TextKey, values?: TextValues) => string;

/** Sentences in the language of the page. */
export function useSay(): Say {
  const language = useContext(LanguageContext);
  return (key, values) => say(language, key, values);
}

const inSentence: Readonly<Record<string, TextKey>> = {
  metrics: 'inMetrics',
  traces: 'inTraces',
  logs: 'inLogs',
  rum: 'inRum',
};

/** What flows, as a word within a sentence. */
export function signalWord(say: Say, signal: string): string {
  const key = inSentence[signal];
  return key === undefined ? signal : say(key);
}

/** The view that the URL names, and how to go to another. */
export function useRoute(): readonly [Route, (route: Route, how?: 'push' | 'replace') => void] {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  // At once: a change of the URL between the first paint and a later effect would be missed.
  useLayoutEffect(() => {
    const follow = (): void => setRoute(routeOf(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const go = (next: Route, how: 'push' | 'replace' = 'push'): void => {
    if (how === 'push') {
      location.hash = hashOf(next);
    } else {
      history.replaceState(null, '', hashOf(next));
      setRoute(next);
    }
  };
  return [route, go];
}

export interface Polled<T> {
  /** The last good answer; stays when later ones fail. */
  readonly value?: T;
  /** When it came, ms since 1970. */
  readonly atMs?: number;
  readonly error?: unknown;
}

export interface PollOptions {
  readonly everyMs: number;
  /** The question: another key forgets the answer and asks at once. */
  readonly key: string;
  readonly paused?: boolean;
}

/** Asks again and again, one question at a time, and rests while nobody looks at the page. */
export function usePolled<T>(load: (signal: AbortSignal) => Promise<T>, options: PollOptions): Polled<T> {
  const { everyMs, key, paused = false } = options;
  const [state, setState] = useState<Polled<T> & { readonly key: string }>({ key });
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const stop = new AbortController();
    const loop = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        await visible(stop.signal);
        const next = await answerOf(latest.current, stop.signal);
        if (stop.signal.aborted) {
          return;
        }
        setState((before) => ({ ...(before.key === key ? before : {}), error: undefined, ...next, key }));
        // One answer is due even while nothing is to be followed.
        if (paused && !passes(next.error)) {
          return;
        }
        await pause(everyMs, stop.signal);
      }
    };
    loop().catch((error: unknown) => setState((before) => ({ ...before, error })));
    return () => stop.abort();
  }, [key, everyMs, paused]);
  return state.key === key ? state : {};
}

async function answerOf<T>(load: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<Polled<T>> {
  try {
    return { value: await load(signal), atMs: Date.now() };
  } catch (error) {
    return { error };
  }
}

/** Ends early when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      window.clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}

function visible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (!document.hidden || signal.aborted) {
      resolve();
      return;
    }
    const look = (): void => {
      if (!document.hidden || signal.aborted) {
        document.removeEventListener('visibilitychange', look);
        signal.removeEventListener('abort', look);
        resolve();
      }
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

/** Calls `onKey` for keys that are not typed into a field. It returns true for the keys it took. */
export function useKeys(onKey: (event: KeyboardEvent) => boolean): void {
  const latest = useRef(onKey);
  latest.current = onKey;
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
      if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && latest.current(event)) {
        event.preventDefault();
      }
    };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
}

/** A choice that this browser remembers, where it may. */
export function useRemembered<T extends string>(name: string, usual: T): readonly [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => {
    try {
      return (localStorage.getItem(name) as T | null) ?? usual;
    } catch {
      return usual;
    }
  });
  const remember = (next: T): void => {
    setValue(next);
    try {
      localStorage.setItem(name, next);
    } catch {
      // A browser that keeps nothing shows the choice until the page is closed.
    }
  };
  return [value, remember];
}
