import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, loadStatus, type StatusView } from './api.ts';
import { FlowPage } from './flow-page.tsx';
import { spanText } from './format.ts';
import { LanguageContext, type Polled, usePolled, useRemembered, useRoute, useSay } from './hooks.ts';
import { Login } from './login.tsx';
import { RateBook } from './rates.ts';
import type { Route } from './route.ts';
import type { Language } from './texts.ts';
import { TopBar } from './top-bar.tsx';
import { TracePage } from './trace-page.tsx';
import { TracesPage } from './traces-page.tsx';

const everyMs = 2_000;

export function App(): VNode {
  const spoken: Language = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  const [language, setLanguage] = useRemembered<Language>('meshbridge.language', spoken);
  const [route, go] = useRoute();
  const [live, setLive] = useState(true);
  const [logins, setLogins] = useState(0);
  const status = usePolled(loadStatus, { everyMs, key: `status ${logins}`, paused: !live });
  const book = useRef(new RateBook());
  if (status.value !== undefined) {
    book.current.add(status.value);
  }
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);

  const locked = status.error instanceof ApiError && status.error.status === 401;
  return (
    <LanguageContext.Provider value={language}>
      <TopBar
        route={route}
        go={go}
        status={status.value}
        live={live}
        onLive={setLive}
        onLanguage={() => setLanguage(language === 'zh' ? 'en' : 'zh')}
      />
      {locked ? (
        <Login onOpen={() => setLogins(logins + 1)} />
      ) : (
        <main>
          <Silence status={status} />
          <Page route={route} go={go} status={status.value} book={book.current} live={live} />
        </main>
      )}
    </LanguageContext.Provider>
  );
}

interface PageProps {
  readonly route: Route;
  readonly go: (route: Route, how?: 'push' | 'replace') => void;
  readonly status: StatusView | undefined;
  readonly book: RateBook;
  readonly live: boolean;
}

function Page({ route, go, status, book, live }: PageProps): VNode | null {
  const say = useSay();
  switch (route.page) {
    case 'flow':
      return status === undefined ? (
        <p class="empty">{say('loading')}</p>
      ) : (
        <FlowPage status={status} book={book} go={go} live={live} />
      );
    case 'traces':
      return <TracesPage search={route.search} go={go} status={status} live={live} />;
    case 'trace':
      return <TracePage key={route.id} id={route.id} span={route.span} go={go} />;
    default:
      return route satisfies never;
  }
}

/** Says so when the daemon stopped answering; old numbers must not pass for new ones. */
function Silence({ status }: { readonly status: Polled<StatusView> }): VNode | null {
  const say = useSay();
  if (status.error === undefined) {
    return null;
  }
  const reason = status.error instanceof Error ? status.error.message : String(status.error);
  const refused = status.error instanceof ApiError && status.error.status === 403;
  const age = status.atMs === undefined ? undefined : spanText(Date.now() - status.atMs);
  return (
    <p class="notice bad" role="alert">
      {refused ? `${say('forbidden')} ${reason}` : silence(age, reason)} {refused ? '' : say('retry')}
    </p>
  );

  function silence(since: string | undefined, why: string): string {
    return since === undefined ? say('neverAnswered', { reason: why }) : say('silent', { age: since, reason: why });
  }
}
