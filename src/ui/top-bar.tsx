import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { StatusView } from './api.ts';
import { useKeys, useSay } from './hooks.ts';
import { anySearch, hashOf, type Route, traceIdIn } from './route.ts';

interface TopBarProps {
  readonly route: Route;
  readonly go: (route: Route) => void;
  readonly status: StatusView | undefined;
  readonly live: boolean;
  readonly onLive: (live: boolean) => void;
  readonly onLanguage: () => void;
}

export function TopBar({ route, go, status, live, onLive, onLanguage }: TopBarProps): VNode {
  const say = useSay();
  return (
    <header class="top">
      <a class="mark" href="#/">
        <svg viewBox="0 0 32 24" aria-hidden="true">
          <path d="M3 19c0-9 6-14 13-14s13 5 13 14M3 19h26M11 8v11M21 8v11" />
        </svg>
        meshbridge
      </a>
      <nav>
        <a href="#/" aria-current={route.page === 'flow' ? 'page' : undefined}>
          {say('flow')}
        </a>
        <a
          href={hashOf({ page: 'traces', search: anySearch })}
          aria-current={route.page === 'flow' ? undefined : 'page'}
        >
          {say('traces')}
        </a>
      </nav>
      <TraceFinder go={go} />
      <span class="where">{status === undefined || status.node === '' ? '' : `${say('on')} ${status.node}`}</span>
      <button
        type="button"
        class={live ? 'live' : 'live off'}
        aria-pressed={live}
        title={say(live ? 'pause' : 'resume')}
        onClick={() => onLive(!live)}
      >
        <i aria-hidden="true" />
        {say(live ? 'live' : 'paused')}
      </button>
      <button type="button" class="quiet" title={say('otherLanguageHint')} onClick={onLanguage}>
        {say('otherLanguage')}
      </button>
    </header>
  );
}

function TraceFinder({ go }: { readonly go: (route: Route) => void }): VNode {
  const say = useSay();
  const field = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState(false);
  useKeys((event) => {
    if (event.key !== '/') {
      return false;
    }
    field.current?.focus();
    field.current?.select();
    return true;
  });
  const open = (event: SubmitEvent): void => {
    event.preventDefault();
    const id = traceIdIn(field.current?.value ?? '');
    setWrong(id === undefined);
    if (id !== undefined) {
      go({ page: 'trace', id });
      field.current?.blur();
    }
  };
  return (
    <form class="finder" onSubmit={open}>
      <input
        ref={field}
        type="text"
        spellcheck={false}
        autocomplete="off"
        placeholder={say('findTrace')}
        aria-label={say('findTrace')}
        aria-invalid={wrong}
        title={say(wrong ? 'notATraceId' : 'findTraceHint')}
        onInput={() => setWrong(false)}
        onKeyDown={(event) => event.key === 'Escape' && field.current?.blur()}
      />
      <kbd>/</kbd>
      {wrong && <span class="tip">{say('notATraceId')}</span>}
    </form>
  );
}
