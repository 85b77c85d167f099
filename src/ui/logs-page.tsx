import type { VNode } from 'preact';
import type { StatusView } from './api.ts';
import { Failure } from './failure.tsx';
import { countText } from './format.ts';
import { Histogram } from './histogram.tsx';
import { usePolled, useSay } from './hooks.ts';
import { HowTo } from './how-to.tsx';
import { LabelFilter, MatchChips } from './label-filter.tsx';
import { withMatch } from './label-match.ts';
import { type LogFeed, mostLines, useLogFeed } from './log-feed.ts';
import { LogList } from './log-list.tsx';
import { anyLines, type LogSearch, textsOf } from './log-search.ts';
import { countLines, type LogLine, loadLogLabels, loadLogValues } from './logs-api.ts';
import './logs.css';
import type { Go } from './route.ts';
import { TimePicker } from './time-picker.tsx';
import { aligned, between, boundsOf, isMoving, stepMsOf } from './time-span.ts';
import { TypedField } from './typed-field.tsx';

const mostBuckets = 90;
/** Before and after a line, where its neighbours are asked for. */
const aroundMs = 30_000;

interface LogsPageProps {
  readonly search: LogSearch;
  readonly go: Go;
  readonly status: StatusView | undefined;
  readonly live: boolean;
}

/** The lines of containers: how many when, which, and what is behind one. */
export function LogsPage({ search, go, status, live }: LogsPageProps): VNode {
  const say = useSay();
  const [feed, older] = useLogFeed(search, live);
  const counts = useCounts(search, live);
  // A choice can be taken back by one step back; each pause while typing is no step.
  const onSearch = (next: LogSearch): void =>
    go({ page: 'logs', search: next }, next.text === search.text ? 'push' : 'replace');
  const around = (line: LogLine): void => {
    const match = ['namespace', 'pod', 'container'].flatMap((name) =>
      line.labels[name] === undefined ? [] : [`${name}=${line.labels[name]}`],
    );
    go({
      page: 'logs',
      search: { ...anyLines, ...between(search, line.timeMs - aroundMs, line.timeMs + aroundMs), match },
    });
  };
  return (
    <div class="logs">
      <LogForm search={search} onSearch={onSearch} />
      <Failure error={feed.error} />
      {counts.value !== undefined && (
        <Histogram
          counts={counts.value}
          chosen={search.level}
          onLevels={(level) => onSearch({ ...search, level })}
          onSelect={(startMs, endMs) => go({ page: 'logs', search: { ...search, ...between(search, startMs, endMs) } })}
        />
      )}
      {feed.lines === undefined && feed.error === undefined && <p class="empty">{say('loading')}</p>}
      {feed.lines?.length === 0 && <Nothing search={search} status={status} onSearch={onSearch} />}
      {feed.lines !== undefined && feed.lines.length > 0 && (
        <section class="panel lines">
          <LogList
            key={JSON.stringify(search)}
            lines={feed.lines}
            words={textsOf(search.text)}
            onOlder={older}
            onMatch={(name, op, value) => onSearch({ ...search, match: withMatch(search.match, { name, op, value }) })}
            onAround={around}
          />
          <Foot feed={feed} following={live && isMoving(search)} />
        </section>
      )}
    </div>
  );
}

function useCounts(search: LogSearch, live: boolean) {
  const stepMs = stepMsOf(boundsOf(search, Date.now()), mostBuckets);
  return usePolled(
    (signal) =>
      countLines({ ...search, level: [] }, { bounds: aligned(boundsOf(search, Date.now()), stepMs), stepMs }, signal),
    {
      everyMs: Math.max(4_000, stepMs / 2),
      key: JSON.stringify({ ...search, level: [] }),
      paused: !live || !isMoving(search),
    },
  );
}

function LogForm({
  search,
  onSearch,
}: {
  readonly search: LogSearch;
  readonly onSearch: (search: LogSearch) => void;
}): VNode {
  const say = useSay();
  const { from: _from, until: _until, ...timeless } = search;
  const scope = `${search.range} ${search.from} ${search.until}`;
  const labels = usePolled((signal) => loadLogLabels(boundsOf(search, Date.now()), signal), {
    everyMs: 30_000,
    key: scope,
  });
  return (
    <form class="filter" onSubmit={(event) => event.preventDefault()}>
      <TimePicker span={search} onSpan={(span) => onSearch({ ...timeless, ...span })} />
      <TypedField
        label={say('logText')}
        value={search.text}
        placeholder={say('logTextHint')}
        hint={say('logTextHelp')}
        onValue={(text) => onSearch({ ...search, text })}
      />
      <LabelFilter
        matches={search.match}
        onMatches={(match) => onSearch({ ...search, match })}
        names={labels.value ?? []}
        loadValues={(name, signal) => loadLogValues(name, boundsOf(search, Date.now()), signal)}
        scope={scope}
      />
      <button type="button" class="quiet" onClick={() => onSearch({ ...anyLines, range: search.range })}>
        {say('clear')}
      </button>
      {search.match.length > 0 && (
        <p class="chips">
          <MatchChips matches={search.match} onMatches={(match) => onSearch({ ...search, match })} />
        </p>
      )}
    </form>
  );
}

function Foot({ feed, following }: { readonly feed: LogFeed; readonly following: boolean }): VNode {
  const say = useSay();
  return (
    <p class="muted hint pad">
      {following && (
        <span class="following">
          <i aria-hidden="true" /> {say('following')}
        </span>
      )}
      <span data-field="shown">{say('linesHere', { count: countText(feed.lines?.length ?? 0) })}</span>
      {feed.isLoadingOlder && <span>{say('loadingOlder')}</span>}
      {feed.isCut && <span>{say('linesCut', { count: countText(mostLines) })}</span>}
      {feed.next === undefined && !feed.isCut && <span>{say('noOlder')}</span>}
      <span>{say('logKeys')}</span>
    </p>
  );
}

function Nothing({
  search,
  status,
  onSearch,
}: {
  readonly search: LogSearch;
  readonly status: StatusView | undefined;
  readonly onSearch: (search: LogSearch) => void;
}): VNode {
  const say = useSay();
  const filtered = search.match.length + search.level.length > 0 || search.text !== '';
  const flows = status?.lanes.some(({ signal, cumItems }) => signal === 'logs' && cumItems > 0) === true;
  if (filtered || flows || status === undefined) {
    return (
      <div class="empty">
        <p>
          <b>{say('noLines')}</b> {say('noLinesWiden')}
        </p>
        {filtered && (
          <button type="button" onClick={() => onSearch({ ...anyLines, range: search.range })}>
            {say('clear')}
          </button>
        )}
      </div>
    );
  }
  return (
    <div class="panel pad">
      <HowTo signal="logs" status={status} />
    </div>
  );
}
