import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { loadTrace } from './api.ts';
import { countText, durationText, momentText } from './format.ts';
import { useKeys, usePolled, useSay } from './hooks.ts';
import { Lazy } from './lazy.tsx';
import { anyLines } from './log-search.ts';
import { Minimap, type Window, whole } from './minimap.tsx';
import { PinButton } from './pins.tsx';
import { type Go, hashOf, type Route, type TraceRoute } from './route.ts';
import { foundSpans } from './span-find.ts';
import { between } from './time-span.ts';
import { anySearch } from './trace-search.ts';
import { rootOf, type TraceTree, traceTree, visibleRows } from './trace-tree.ts';
import { TypedField } from './typed-field.tsx';
import { Waterfall, type WaterfallProps } from './waterfall.tsx';

interface TracePageProps {
  readonly route: TraceRoute;
  readonly go: Go;
}

const flameGraph = () => import('./flame-graph.tsx').then((module) => module.FlameGraph);
/** Lines may be written a little before a span begins, and after it ended. */
const aroundMs = 60_000;

/** One trace, looked at again for a while because its last spans may still be under way. */
export function TracePage({ route, go }: TracePageProps): VNode {
  const say = useSay();
  const { id } = route;
  const trace = usePolled((signal) => loadTrace(id, signal), { everyMs: 2_000, key: id });
  const spans = trace.value;
  const text = useMemo(() => JSON.stringify(spans), [spans]);
  // Equal spans keep their tree: a poll that brings nothing new does not draw again.
  const tree = useMemo(() => (spans === undefined ? undefined : traceTree(spans)), [text]);
  useKeys((event) => {
    if (event.key !== 'Escape' || route.span !== undefined) {
      return false;
    }
    back(go);
    return true;
  });
  if (tree === undefined) {
    const answered = trace.atMs !== undefined;
    return (
      <div class="empty">
        <p>
          <b>
            {answered ? say('traceGone', { id }) : trace.error instanceof Error ? trace.error.message : say('loading')}
          </b>{' '}
          {answered ? say('traceGoneTodo') : ''}
        </p>
        <button type="button" onClick={() => back(go)}>
          {say('back')}
        </button>
      </div>
    );
  }
  return <Trace tree={tree} route={route} go={go} />;
}

interface TraceProps extends TracePageProps {
  readonly tree: TraceTree;
}

function Trace({ tree, route, go }: TraceProps): VNode {
  const [window, setWindow] = useState<Window>(whole);
  const found = useMemo(() => foundSpans(tree, route.find ?? ''), [tree, route.find]);
  const { span: _span, ...closed } = route;
  const shared = {
    tree,
    window,
    found,
    open: route.span,
    onOpen: (key: string | undefined) => go(key === undefined ? closed : { ...route, span: key }, 'replace'),
  };
  useKeys((event) => {
    const targets: Readonly<Record<string, Route>> = { f: turned(route), l: logsOf(tree) };
    const target = targets[event.key];
    if (target !== undefined) {
      go(target, event.key === 'f' ? 'replace' : 'push');
    }
    return target !== undefined;
  });
  return (
    <article class="trace">
      <Head tree={tree} id={route.id} go={go} />
      <ViewBar tree={tree} route={route} go={go} found={found} />
      <Minimap tree={tree} window={window} onWindow={setWindow} />
      {route.view === 'flame' ? (
        <Lazy load={flameGraph} props={{ ...shared, onWindow: setWindow }} />
      ) : (
        <Timeline {...shared} />
      )}
    </article>
  );
}

/** Between timeline and flame graph, what to highlight, and the way to the logs. */
function ViewBar({ tree, route, go, found }: TraceProps & { readonly found: ReadonlySet<string> | undefined }): VNode {
  const say = useSay();
  const isFlame = route.view === 'flame';
  const { find: _find, ...plain } = route;
  return (
    <div class="view-bar filter">
      <nav class="tabs" aria-label={say('view')}>
        <a href={hashOf(isFlame ? turned(route) : route)} aria-current={isFlame ? undefined : 'true'}>
          {say('timeline')}
        </a>
        <a href={hashOf(isFlame ? route : turned(route))} aria-current={isFlame ? 'true' : undefined}>
          {say('flameGraph')}
        </a>
      </nav>
      <TypedField
        label=""
        value={route.find ?? ''}
        placeholder={say('findSpan')}
        onValue={(find) => go(find === '' ? plain : { ...route, find }, 'replace')}
      />
      {found !== undefined && (
        <span class="muted" data-field="found">
          {say('foundSpans', { found: countText(found.size), count: countText(tree.spanCount) })}
        </span>
      )}
      <a class="to-logs" href={hashOf(logsOf(tree))}>
        {say('logsOfTrace')}
      </a>
    </div>
  );
}

type TimelineProps = Pick<WaterfallProps, 'tree' | 'window' | 'found' | 'open' | 'onOpen'>;

function Timeline(props: TimelineProps): VNode {
  const { tree } = props;
  const say = useSay();
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => visibleRows(tree, collapsed), [tree, collapsed]);
  const folded = collapsed.size > 0;
  const foldAll = (): void =>
    setCollapsed(
      folded ? new Set() : new Set(tree.roots.flatMap((root) => [root, ...root.children].map((node) => node.key))),
    );
  return (
    <>
      <Waterfall {...props} rows={rows} collapsed={collapsed} onCollapsed={setCollapsed} />
      <p class="muted hint pad">
        <button type="button" class="quiet" onClick={foldAll}>
          {say(folded ? 'expandAll' : 'collapseAll')}
        </button>{' '}
        {say('keys')}
      </p>
    </>
  );
}

/** The same trace in the other view. */
function turned(route: TraceRoute): TraceRoute {
  const { view, ...rest } = route;
  return view === 'flame' ? rest : { ...rest, view: 'flame' };
}

/** The lines that name this trace, around its time. */
function logsOf(tree: TraceTree): Route {
  const startMs = (tree.startMicros ?? 0) / 1_000;
  const time =
    tree.startMicros === undefined
      ? {}
      : between(anyLines, startMs - aroundMs, startMs + tree.durationMicros / 1_000 + aroundMs);
  return { page: 'logs', search: { ...anyLines, ...time, text: tree.traceId } };
}

function Head({ tree, id, go }: { readonly tree: TraceTree; readonly id: string; readonly go: Go }): VNode {
  const say = useSay();
  const root = rootOf(tree);
  const start = tree.startMicros === undefined ? say('noTime') : momentText(tree.startMicros / 1_000);
  return (
    <header class="trace-head">
      <button type="button" class="quiet back" title={say('back')} aria-label={say('back')} onClick={() => back(go)}>
        ←
      </button>
      <h1>
        <span class="service">{root === undefined || root.service === '' ? say('unknownService') : root.service}</span>{' '}
        <span class="span-name">{root?.span.name ?? say('unknownSpan')}</span>
      </h1>
      <p class="facts">
        <b data-field="duration">{durationText(tree.durationMicros)}</b>
        <span>{start}</span>
        <span data-field="spans">
          {tree.spanCount === 1 ? say('oneSpan') : say('spanCount', { count: countText(tree.spanCount) })}
        </span>
        <span>{say('depth', { count: countText(tree.depth) })}</span>
        {tree.errorCount > 0 && (
          <span class="badge bad">
            {tree.errorCount === 1 ? say('oneError') : say('errorCount', { count: countText(tree.errorCount) })}
          </span>
        )}
        <span class="mono id">{tree.traceId}</span>
        <a href={`/api/v2/trace/${id}`} target="_blank" rel="noreferrer">
          {say('json')}
        </a>
        <PinButton traceId={tree.traceId} />
      </p>
      <p class="legend">
        {tree.services.map(([name, count]) => (
          <span key={name}>
            <i class="swatch" style={{ '--hue': tree.hues.get(name) }} aria-hidden="true" />
            {name === '' ? say('unknownService') : name} <span class="muted">{countText(count)}</span>
          </span>
        ))}
      </p>
    </header>
  );
}

function back(go: Go): void {
  if (history.length > 1 && document.referrer === '') {
    history.back();
  } else {
    go({ page: 'traces', search: anySearch });
  }
}
