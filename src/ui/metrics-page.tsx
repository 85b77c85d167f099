import type { VNode } from 'preact';
import type { StatusView } from './api.ts';
import { Failure } from './failure.tsx';
import { usePolled, useSay } from './hooks.ts';
import { HowTo } from './how-to.tsx';
import { MetricChart, mostPoints } from './metric-chart.tsx';
import { MetricForm } from './metric-form.tsx';
import { MetricList } from './metric-list.tsx';
import { type MetricInfo, type MetricSearch, rateWindow } from './metric-search.ts';
import { startsOf } from './metric-starts.ts';
import './metrics.css';
import { loadFamilies } from './metrics-api.ts';
import { type Go, hashOf } from './route.ts';
import { TimePicker } from './time-picker.tsx';
import { boundsOf, stepMsOf } from './time-span.ts';

interface MetricsPageProps {
  readonly search: MetricSearch;
  readonly go: Go;
  readonly status: StatusView | undefined;
  readonly live: boolean;
}

/** Every metric of the store: find one, narrow it, see it against time. */
export function MetricsPage({ search, go, status, live }: MetricsPageProps): VNode {
  const { range, from, until } = search;
  const families = usePolled((signal) => loadFamilies(boundsOf(search, Date.now()), signal), {
    everyMs: 30_000,
    key: `families ${range} ${from} ${until}`,
    paused: !live || until !== undefined,
  });
  const onSearch = (next: MetricSearch): void => go({ page: 'metrics', search: next });
  const { from: _from, until: _until, ...timeless } = search;
  return (
    <div class="metrics">
      <MetricList
        families={families.value}
        search={search}
        onSearch={(next) => go({ page: 'metrics', search: next }, 'replace')}
        onMetric={(metric) => go({ page: 'metrics', search: chosen(search, metric) })}
      />
      <div class="metric-view">
        <Failure error={families.error} />
        <div class="filter">
          <TimePicker span={search} onSpan={(span) => onSearch({ ...timeless, ...span })} />
          <MetricForm search={search} info={infoOf(families.value, search)} onSearch={onSearch} />
        </div>
        <MetricChart search={search} info={infoOf(families.value, search)} onSearch={onSearch} live={live}>
          <Nothing families={families.value} status={status} search={search} />
        </MetricChart>
      </div>
    </div>
  );
}

function Nothing({
  families,
  status,
  search,
}: {
  readonly families: readonly MetricInfo[] | undefined;
  readonly status: StatusView | undefined;
  readonly search: MetricSearch;
}): VNode | null {
  const say = useSay();
  if (families === undefined) {
    return null;
  }
  if (families.length > 0) {
    return <Starts families={families} search={search} />;
  }
  return (
    <div class="panel pad">
      <p>
        <b>{say('noMetrics')}</b> {say('noMetricsWiden')}
      </p>
      {status !== undefined && <HowTo signal="metrics" status={status} />}
    </div>
  );
}

/** Questions that can be answered here, a click each. */
function Starts({
  families,
  search,
}: {
  readonly families: readonly MetricInfo[];
  readonly search: MetricSearch;
}): VNode {
  const say = useSay();
  const starts = startsOf(families, rateWindow(stepMsOf(boundsOf(search, Date.now()), mostPoints)));
  return (
    <section class="starts">
      <p class="muted">{say('chooseMetric')}</p>
      {starts.length > 0 && (
        <>
          <h2>{say('starts')}</h2>
          <ul>
            {starts.map(({ text, query }) => (
              <li key={text} data-start={text}>
                <a href={hashOf({ page: 'metrics', search: { ...search, query } })}>{say(text)}</a>
                <code class="muted">{query}</code>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function infoOf(families: readonly MetricInfo[] | undefined, search: MetricSearch): MetricInfo | undefined {
  return families?.find(({ name }) => name === search.metric);
}

/** Another metric has other labels: what was asked of the old one goes. */
function chosen(search: MetricSearch, metric: string): MetricSearch {
  return { ...search, metric, match: [], as: 'auto', sum: 'none', by: [], query: '' };
}
