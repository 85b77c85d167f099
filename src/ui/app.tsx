import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { loadStatus, type StatusView } from './api.ts';
import { spanText } from './format.ts';
import { Help } from './help.tsx';
import { LanguageContext, type Polled, type Say, usePolled, useRemembered, useRoute, useSay } from './hooks.ts';
import { ApiError, isAway } from './http.ts';
import { Lazy } from './lazy.tsx';
import { Login } from './login.tsx';
import { RateBook } from './rates.ts';
import type { Go, Route } from './route.ts';
import type { Language, TextKey } from './texts.ts';
import { useTheme } from './theme.ts';
import { TopBar } from './top-bar.tsx';

const everyMs = 2_000;

const flowPage = () => import('./flow-page.tsx').then((module) => module.FlowPage);
const metricsPage = () => import('./metrics-page.tsx').then((module) => module.MetricsPage);
const tracesPage = () => import('./traces-page.tsx').then((module) => module.TracesPage);
const servicesPage = () => import('./services-page.tsx').then((module) => module.ServicesPage);
const tracePage = () => import('./trace-page.tsx').then((module) => module.TracePage);
const logsPage = () => import('./logs-page.tsx').then((module) => module.LogsPage);
const rumPage = () => import('./rum-page.tsx').then((module) => module.RumPage);
const targetsPage = () => import('./targets-page.tsx').then((module) => module.TargetsPage);
const demoPage = () => import('./demo-page.tsx').then((module) => module.DemoPage);
const setupPage = () => import('./setup-page.tsx').then((module) => module.SetupPage);

export function App(): VNode {
  const spoken: Language = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  const [language, setLanguage] = useRemembered<Language>('meshbridge.language', spoken);
  const [theme, setTheme] = useTheme();
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
        silent={status.error !== undefined}
        live={live}
        onLive={setLive}
        theme={theme}
        onTheme={setTheme}
        onLanguage={() => setLanguage(language === 'zh' ? 'en' : 'zh')}
      />
      {locked ? (
        <Login onOpen={() => setLogins(logins + 1)} />
      ) : (
        <main>
          <Silence status={status} />
          <Part status={status.value} />
          <Page
            route={route}
            go={go}
            status={status.value}
            silent={status.error !== undefined}
            book={book.current}
            live={live}
          />
        </main>
      )}
      <Help route={route} />
    </LanguageContext.Provider>
  );
}

interface PageProps {
  readonly route: Route;
  readonly go: Go;
  readonly status: StatusView | undefined;
  /** What is shown is from before the daemon fell silent. */
  readonly silent: boolean;
  readonly book: RateBook;
  readonly live: boolean;
}

function Page({ route, go, status, silent, book, live }: PageProps): VNode | null {
  const say = useSay();
  const kept = keptBy(route);
  if (status?.storeOn === false && kept !== undefined) {
    return <p class="empty">{say(kept)}</p>;
  }
  switch (route.page) {
    case 'flow':
      return status === undefined ? (
        <p class="empty">{say('loading')}</p>
      ) : (
        <Lazy key="flow" load={flowPage} props={{ status, silent, book, go, live }} />
      );
    case 'metrics':
      return <Lazy key="metrics" load={metricsPage} props={{ search: route.search, go, status, live }} />;
    case 'traces':
      return <Lazy key="traces" load={tracesPage} props={{ search: route.search, go, status, live }} />;
    case 'services':
      return <Lazy key="services" load={servicesPage} props={{ search: route.search, go, live }} />;
    case 'trace':
      return <Lazy key={route.id} load={tracePage} props={{ route, go }} />;
    case 'logs':
      return <Lazy key="logs" load={logsPage} props={{ search: route.search, go, status, live }} />;
    case 'rum':
      return <Lazy key="rum" load={rumPage} props={{ search: route.search, go, status, live }} />;
    case 'targets':
      return <Lazy key="targets" load={targetsPage} props={{ search: route.search, go, status, live }} />;
    case 'setup':
      return <Lazy key="setup" load={setupPage} props={{ live }} />;
    case 'demo':
      return <Lazy key="demo" load={demoPage} props={{ live }} />;
    default:
      return route satisfies never;
  }
}

/** What to say in place of a view that only a store can fill. */
function keptBy({ page }: Route): TextKey | undefined {
  const views: Partial<Record<Route['page'], TextKey>> = {
    metrics: 'noStoreMetrics',
    traces: 'noStore',
    trace: 'noStore',
    services: 'noStore',
    logs: 'noStoreLogs',
    rum: 'noStoreRum',
  };
  return views[page];
}

/** For which part of the mesh this page speaks, where it is not for all of it. */
function Part({ status }: { readonly status: StatusView | undefined }): VNode | null {
  const say = useSay();
  if (status?.role === 'agent') {
    return (
      <p class="notice part" data-role="agent">
        {say('roleAgent', { node: status.node })}{' '}
        {status.hubPage !== undefined && <a href={status.hubPage}>{say('toHub')}</a>}
      </p>
    );
  }
  return status?.isAlone === true ? (
    <p class="notice part" data-role="alone">
      {say('roleAlone', { node: status.node })}
    </p>
  ) : null;
}

/** What the daemon said; of one that is away what to look at, since browsers say no more. */
function reasonOf(error: unknown, say: Say): string {
  return isAway(error) ? say('away') : error instanceof Error ? error.message : String(error);
}

/** Says so when the daemon stopped answering; old numbers must not pass for new ones. */
function Silence({ status }: { readonly status: Polled<StatusView> }): VNode | null {
  const say = useSay();
  if (status.error === undefined) {
    return null;
  }
  const reason = reasonOf(status.error, say);
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
