import type { VNode } from 'preact';
import { loadTraces, type StatusView } from './api.ts';
import { Copyable } from './copyable.tsx';
import { Failure } from './failure.tsx';
import { usePolled, useSay } from './hooks.ts';
import { curlSnippet, istioSnippet } from './how-to.tsx';
import { type Go, hashOf } from './route.ts';
import { TraceList } from './trace-list.tsx';
import { anySearch, tracesUrl } from './trace-search.ts';
import { sorted, summaryOf } from './trace-summary.ts';

interface LastTracesProps {
  readonly status: StatusView;
  readonly go: Go;
  readonly live: boolean;
}

const search = { ...anySearch, range: '7d', limit: 10 } as const;

/** The newest traces, where there is a store that has some. */
export function LastTraces(props: LastTracesProps): VNode | null {
  return props.status.storeOn ? <KeptTraces {...props} /> : null;
}

function KeptTraces({ status, go, live }: LastTracesProps): VNode {
  const say = useSay();
  const url = tracesUrl(search);
  const traces = usePolled((signal) => loadTraces(url, signal), { everyMs: 2_000, key: url, paused: !live });
  return (
    <section class="last-traces">
      <h2>
        {say('lastTraces')}
        <a href={hashOf({ page: 'traces', search: anySearch })}>{say('allTraces')}</a>
      </h2>
      {traces.value === undefined &&
        (traces.error === undefined ? <p class="muted">{say('loading')}</p> : <Failure error={traces.error} />)}
      {traces.value?.length === 0 && <NoTracesYet status={status} />}
      {traces.value !== undefined && traces.value.length > 0 && (
        <TraceList traces={sorted(traces.value.map(summaryOf), 'newest')} go={go} />
      )}
    </section>
  );
}

/** How to get the first trace. */
export function NoTracesYet({ status }: { readonly status: StatusView | undefined }): VNode {
  const say = useSay();
  return (
    <div class="how-to">
      <p>
        <b>{say('noTracesYet')}</b> {say('noTracesYetTodo')}
      </p>
      <Copyable text={istioSnippet(status)} />
      <p>{say('noTracesTry')}</p>
      <Copyable text={curlSnippet(status)} />
    </div>
  );
}
