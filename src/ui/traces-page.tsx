import type { VNode } from 'preact';
import { loadNames, loadTraces, type StatusView } from './api.ts';
import { Failure } from './failure.tsx';
import { countText } from './format.ts';
import { signalWord, usePolled, useSay } from './hooks.ts';
import { NoTracesYet } from './last-traces.tsx';
import { PinnedList } from './pins.tsx';
import type { Go } from './route.ts';
import { TraceDoctor } from './trace-doctor.tsx';
import { TraceFilter } from './trace-filter.tsx';
import { TraceList } from './trace-list.tsx';
import { type TraceSearch, tracesUrl } from './trace-search.ts';
import { sorted, summaryOf } from './trace-summary.ts';
import { TraceTabs, timeOf } from './trace-tabs.tsx';

interface TracesPageProps {
  readonly search: TraceSearch;
  readonly go: Go;
  readonly status: StatusView | undefined;
  readonly live: boolean;
}

export function TracesPage({ search, go, status, live }: TracesPageProps): VNode {
  const say = useSay();
  const url = tracesUrl(search);
  const traces = usePolled((signal) => loadTraces(url, signal), {
    everyMs: 2_000,
    key: url,
    paused: !live || search.until !== undefined,
  });
  const services = usePolled((signal) => loadNames('/api/v2/services', signal), {
    everyMs: 10_000,
    key: 'services',
    paused: !live,
  });
  const found = traces.value === undefined ? undefined : sorted(traces.value.map(summaryOf), search.order);
  return (
    <>
      <TraceTabs current="traces" time={timeOf(search)} />
      <TraceDoctor live={live} />
      <TraceFilter
        search={search}
        services={services.value ?? []}
        onSearch={(next) => go({ page: 'traces', search: next })}
      />
      {found === undefined && <p class="empty">{traces.error === undefined ? say('loading') : ''}</p>}
      <Failure error={traces.error} />
      {found !== undefined && found.length === 0 && (
        <Nothing filtered={!isUsual(search) || (services.value?.length ?? 0) > 0} status={status} />
      )}
      {found !== undefined && found.length > 0 && (
        <section class="found">
          <TraceList key={`${url} ${search.order}`} traces={found} go={go} />
          <p class="muted hint">
            {countText(found.length)} {signalWord(say, 'traces')} · {say('listKeys')}
          </p>
        </section>
      )}
      <PinnedList live={live} />
    </>
  );
}

function Nothing({ filtered, status }: { readonly filtered: boolean; readonly status: StatusView | undefined }): VNode {
  const say = useSay();
  return filtered ? (
    <p class="empty">
      <b>{say('noTraces')}</b> {say('noTracesWiden')}
    </p>
  ) : (
    <NoTracesYet status={status} />
  );
}

function isUsual(search: TraceSearch): boolean {
  const { service, span, query, min, max, errors, until } = search;
  return [service, span, query, min, max].every((part) => part === '') && !errors && until === undefined;
}
