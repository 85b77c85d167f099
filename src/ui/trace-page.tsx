import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { loadTrace } from './api.ts';
import { countText, durationText, momentText } from './format.ts';
import { useKeys, usePolled, useSay } from './hooks.ts';
import { Minimap, type Window, whole } from './minimap.tsx';
import { anySearch, type Route } from './route.ts';
import { rootOf, type TraceTree, traceTree, visibleRows } from './trace-tree.ts';
import { Waterfall } from './waterfall.tsx';

interface TracePageProps {
  readonly id: string;
  readonly span: string | undefined;
  readonly go: (route: Route, how?: 'push' | 'replace') => void;
}

/** One trace, looked at again for a while because its last spans may still be under way. */
export function TracePage({ id, span, go }: TracePageProps): VNode {
  const say = useSay();
  const trace = usePolled((signal) => loadTrace(id, signal), { everyMs: 2_000, key: id });
  const spans = trace.value;
  const text = useMemo(() => JSON.stringify(spans), [spans]);
  // Equal spans keep their tree: a poll that brings nothing new does not draw again.
  const tree = useMemo(() => (spans === undefined ? undefined : traceTree(spans)), [text]);
  useKeys((event) => {
    if (event.key !== 'Escape' || span !== undefined) {
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
  return <Trace tree={tree} span={span} go={go} id={id} />;
}

interface TraceProps extends TracePageProps {
  readonly tree: TraceTree;
}

function Trace({ tree, id, span, go }: TraceProps): VNode {
  const say = useSay();
  const [window, setWindow] = useState<Window>(whole);
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => visibleRows(tree, collapsed), [tree, collapsed]);
  const folded = collapsed.size > 0;
  const foldAll = (): void =>
    setCollapsed(
      folded ? new Set() : new Set(tree.roots.flatMap((root) => [root, ...root.children].map((node) => node.key))),
    );
  return (
    <article class="trace">
      <Head tree={tree} id={id} go={go} />
      <Minimap tree={tree} window={window} onWindow={setWindow} />
      <Waterfall
        tree={tree}
        rows={rows}
        window={window}
        collapsed={collapsed}
        onCollapsed={setCollapsed}
        open={span}
        onOpen={(key) => go({ page: 'trace', id, ...(key === undefined ? {} : { span: key }) }, 'replace')}
      />
      <p class="muted hint">
        <button type="button" class="quiet" onClick={foldAll}>
          {say(folded ? 'expandAll' : 'collapseAll')}
        </button>{' '}
        {say('keys')}
      </p>
    </article>
  );
}

function Head({
  tree,
  id,
  go,
}: {
  readonly tree: TraceTree;
  readonly id: string;
  readonly go: TracePageProps['go'];
}): VNode {
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

function back(go: TracePageProps['go']): void {
  if (history.length > 1 && document.referrer === '') {
    history.back();
  } else {
    go({ page: 'traces', search: anySearch });
  }
}
