import type { ComponentType, VNode } from 'preact';
import type { StatusView } from './api.ts';
import { Failure } from './failure.tsx';
import { usePolled, useSay } from './hooks.ts';
import { LabelFilter, MatchChips } from './label-filter.tsx';
import { withMatch } from './label-match.ts';
import type { Go } from './route.ts';
import { loadOverview, loadRumValues } from './rum-api.ts';
import { RumHowTo } from './rum-how-to.tsx';
import { Times, Totals, VitalCards } from './rum-overview.tsx';
import { anyVisit, mostBars, type RumSearch, type RumTable, rumNames, rumTables } from './rum-search.ts';
import { RumSession } from './rum-session.tsx';
import { ErrorTable, ResourceTable, SessionTable, type TableProps, ViewTable } from './rum-tables.tsx';
import './rum.css';
import type { TextKey } from './texts.ts';
import { TimePicker } from './time-picker.tsx';
import { aligned, between, boundsOf, isMoving, stepMsOf } from './time-span.ts';

interface RumPageProps {
  readonly search: RumSearch;
  readonly go: Go;
  readonly status: StatusView | undefined;
  readonly live: boolean;
}

/** What browsers measured: who came, how quick it was for them, what failed. */
export function RumPage({ search, go, status, live }: RumPageProps): VNode {
  const onSearch = (next: RumSearch): void => go({ page: 'rum', search: next });
  if (search.session !== '') {
    return <RumSession id={search.session} live={live} onClose={() => onSearch({ ...search, session: '' })} />;
  }
  return (
    <div class="rum">
      <RumForm search={search} onSearch={onSearch} />
      <Found search={search} status={status} live={live} onSearch={onSearch} />
    </div>
  );
}

interface FoundProps extends Omit<RumPageProps, 'go'> {
  readonly onSearch: (search: RumSearch) => void;
}

function Found({ search, status, live, onSearch }: FoundProps): VNode {
  const say = useSay();
  const stepMs = stepMsOf(boundsOf(search, Date.now()), mostBars);
  const { table: _, session: __, ...question } = search;
  const overview = usePolled(
    (signal) => loadOverview(search, { bounds: aligned(boundsOf(search, Date.now()), stepMs), stepMs }, signal),
    { everyMs: Math.max(5_000, stepMs / 2), key: JSON.stringify(question), paused: !live || !isMoving(search) },
  );
  if (overview.value === undefined) {
    return overview.error instanceof Error ? <Failure error={overview.error} /> : <p class="empty">{say('loading')}</p>;
  }
  if ((overview.value.totals['points'] ?? 0) === 0) {
    return <Nothing search={search} status={status} onSearch={onSearch} />;
  }
  return (
    <>
      <Totals overview={overview.value} />
      <Times overview={overview.value} onSelect={(from, to) => onSearch({ ...search, ...between(search, from, to) })} />
      <VitalCards overview={overview.value} />
      <Tables
        search={search}
        live={live}
        onTable={(table) => onSearch({ ...search, table })}
        onView={(value) => onSearch({ ...search, match: withMatch(search.match, { name: 'view', op: '=', value }) })}
        onSession={(session) => onSearch({ ...search, session })}
      />
    </>
  );
}

const tables: Readonly<Record<RumTable, readonly [TextKey, ComponentType<TableProps>]>> = {
  views: ['rumViews', ViewTable],
  resources: ['rumResources', ResourceTable],
  errors: ['rumErrors', ErrorTable],
  sessions: ['rumSessions', SessionTable],
};

function Tables(props: TableProps & { readonly onTable: (table: RumTable) => void }): VNode {
  const say = useSay();
  const { search, onTable } = props;
  const [, Table] = tables[search.table];
  return (
    <section class="panel">
      <div class="rum-tabs" role="tablist">
        {rumTables.map((table) => (
          <button
            key={table}
            type="button"
            role="tab"
            aria-selected={table === search.table}
            data-table={table}
            onClick={() => onTable(table)}
          >
            {say(tables[table][0])}
          </button>
        ))}
      </div>
      <Table key={search.table} {...props} />
    </section>
  );
}

function RumForm({ search, onSearch }: Pick<FoundProps, 'search' | 'onSearch'>): VNode {
  const say = useSay();
  const { from: _from, until: _until, ...timeless } = search;
  return (
    <form class="filter" onSubmit={(event) => event.preventDefault()}>
      <TimePicker span={search} onSpan={(span) => onSearch({ ...timeless, ...span })} />
      <LabelFilter
        matches={search.match}
        onMatches={(match) => onSearch({ ...search, match })}
        names={rumNames}
        loadValues={(name, signal) => loadRumValues(name, boundsOf(search, Date.now()), signal)}
        scope={`${search.range} ${search.from} ${search.until}`}
      />
      <button type="button" class="quiet" onClick={() => onSearch({ ...anyVisit, range: search.range })}>
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

function Nothing({ search, status, onSearch }: Pick<FoundProps, 'search' | 'status' | 'onSearch'>): VNode {
  const say = useSay();
  const flows = status?.lanes.some(({ signal, cumItems }) => signal === 'rum' && cumItems > 0) === true;
  if (!flows && search.match.length === 0) {
    return <RumHowTo status={status} />;
  }
  return (
    <div class="empty">
      <p>
        <b>{say('noVisits')}</b> {say('noVisitsWiden')}
      </p>
      {search.match.length > 0 && (
        <button type="button" onClick={() => onSearch({ ...anyVisit, range: search.range })}>
          {say('clear')}
        </button>
      )}
    </div>
  );
}
