import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { StatusView } from './api.ts';
import { useKeys, useSay } from './hooks.ts';
import { anyLines } from './log-search.ts';
import { anyMetric } from './metric-search.ts';
import { chosenTime, type Go, hashOf, hasTime, type Route } from './route.ts';
import { anyVisit } from './rum-search.ts';
import { anyTarget } from './target-search.ts';
import type { TextKey } from './texts.ts';
import { type Theme, themes } from './theme.ts';
import type { TimeSpan } from './time-span.ts';
import { anySearch, traceIdIn } from './trace-search.ts';

interface TopBarProps {
  readonly route: Route;
  readonly go: Go;
  readonly status: StatusView | undefined;
  /** The daemon does not answer. */
  readonly silent: boolean;
  readonly live: boolean;
  readonly onLive: (live: boolean) => void;
  readonly theme: Theme;
  readonly onTheme: (theme: Theme) => void;
  readonly onLanguage: () => void;
}

export function TopBar(props: TopBarProps): VNode {
  const { route, go, status, silent, live, onLive, theme, onTheme, onLanguage } = props;
  const say = useSay();
  return (
    <header class="top">
      <a class="mark" href="#/">
        <svg viewBox="0 0 32 24" aria-hidden="true">
          <path d="M3 19c0-9 6-14 13-14s13 5 13 14M3 19h26M11 8v11M21 8v11" />
        </svg>
        <span>meshbridge</span>
      </a>
      <Tabs route={route} go={go} hasDemo={status?.hasDemo === true} />
      <TraceFinder go={go} hasKey={!['metrics', 'logs', 'targets'].includes(route.page)} />
      <span class="where">{status === undefined || status.node === '' ? '' : `${say('on')} ${status.node}`}</span>
      <button
        type="button"
        class={`live${live ? '' : ' off'}${silent ? ' silent' : ''}`}
        aria-pressed={live}
        title={say(live ? 'pause' : 'resume')}
        onClick={() => onLive(!live)}
      >
        <i aria-hidden="true" />
        {say(live ? 'live' : 'paused')}
      </button>
      <ThemeSwitch theme={theme} onTheme={onTheme} />
      <button type="button" class="quiet" title={say('otherLanguageHint')} onClick={onLanguage}>
        {say('otherLanguage')}
      </button>
    </header>
  );
}

/** The views, each with the time that was chosen in the one before. */
function Tabs({ route, go, hasDemo }: Pick<TopBarProps, 'route' | 'go'> & { readonly hasDemo: boolean }): VNode {
  const say = useSay();
  // A view without a time of its own, such as a trace, does not make it forgotten.
  const kept = useRef<Partial<TimeSpan>>({});
  if (hasTime(route)) {
    kept.current = chosenTime(route);
  }
  const time = kept.current;
  const tabs: readonly (readonly [TextKey, Route])[] = [
    ['flow', { page: 'flow' }],
    ['metrics', { page: 'metrics', search: { ...anyMetric, ...time } }],
    ['traces', { page: 'traces', search: { ...anySearch, ...time } }],
    ['logs', { page: 'logs', search: { ...anyLines, ...time } }],
    ['rum', { page: 'rum', search: { ...anyVisit, ...time } }],
    ['targets', { page: 'targets', search: anyTarget }],
    ['setup', { page: 'setup' }],
    ...(hasDemo ? ([['demo', { page: 'demo' }]] as const) : []),
  ];
  const current = route.page === 'trace' || route.page === 'services' ? 'traces' : route.page;
  useKeys((event) => {
    const tab = tabs[Number(event.key) - 1];
    if (tab === undefined) {
      return false;
    }
    go(tab[1]);
    return true;
  });
  return (
    <nav>
      {tabs.map(([text, tab]) => (
        <a key={text} href={hashOf(tab)} aria-current={tab.page === current ? 'page' : undefined}>
          {say(text)}
        </a>
      ))}
    </nav>
  );
}

const themeTexts: Readonly<Record<Theme, TextKey>> = { system: 'themeSystem', light: 'themeLight', dark: 'themeDark' };
const themeSigns: Readonly<Record<Theme, string>> = { system: '◐', light: '○', dark: '●' };

function ThemeSwitch({ theme, onTheme }: Pick<TopBarProps, 'theme' | 'onTheme'>): VNode {
  const say = useSay();
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
  return (
    <button
      type="button"
      class="quiet theme"
      data-choice={theme}
      aria-label={say(themeTexts[theme])}
      title={say(themeTexts[theme])}
      onClick={() => onTheme(next)}
    >
      {themeSigns[theme]}
    </button>
  );
}

function TraceFinder({ go, hasKey }: { readonly go: Go; readonly hasKey: boolean }): VNode {
  const say = useSay();
  const field = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState(false);
  useKeys((event) => {
    if (event.key !== '/') {
      return false;
    }
    // A view that has something to find in comes first.
    const place = document.querySelector<HTMLInputElement>('main [data-find]') ?? field.current;
    place?.focus();
    place?.select();
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
      {hasKey && <kbd>/</kbd>}
      {wrong && <span class="tip">{say('notATraceId')}</span>}
    </form>
  );
}
