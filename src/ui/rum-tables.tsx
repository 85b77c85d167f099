import type { VNode } from 'preact';
import { Failure } from './failure.tsx';
import { bytesText, clockText, countText, momentText, spanText } from './format.ts';
import { type Polled, usePolled, useSay } from './hooks.ts';
import { hashOf } from './route.ts';
import {
  type ErrorGroup,
  loadErrors,
  loadResources,
  loadSessions,
  loadViews,
  type Resource,
  type Session,
  type ViewRow,
} from './rum-api.ts';
import { msText, ratingOf, vitalText } from './rum-rating.ts';
import { mostBars, type RumSearch } from './rum-search.ts';
import type { TextKey } from './texts.ts';
import { type Bounds, boundsOf, isMoving, stepMsOf } from './time-span.ts';

export interface TableProps {
  readonly search: RumSearch;
  readonly live: boolean;
  readonly onView: (name: string) => void;
  readonly onSession: (id: string) => void;
}

const vitalsShown = ['lcp', 'inp', 'cls'] as const;

type Load<T> = (search: RumSearch, bounds: Bounds, signal: AbortSignal) => Promise<readonly T[]>;

/** Asks again now and then while the time moves. */
function useRows<T>(load: Load<T>, { search, live }: TableProps): Polled<readonly T[]> {
  const stepMs = stepMsOf(boundsOf(search, Date.now()), mostBars);
  return usePolled((signal) => load(search, boundsOf(search, Date.now()), signal), {
    everyMs: Math.max(5_000, stepMs / 2),
    key: JSON.stringify([search.table, search.match, search.range, search.from, search.until]),
    paused: !live || !isMoving(search),
  });
}

interface GridProps<T> {
  readonly rows: Polled<readonly T[]>;
  readonly heads: readonly TextKey[];
  readonly row: (item: T) => VNode;
}

function Grid<T>({ rows, heads, row }: GridProps<T>): VNode {
  const say = useSay();
  if (rows.error instanceof Error) {
    return <Failure error={rows.error} />;
  }
  if (rows.value === undefined || rows.value.length === 0) {
    return <p class="muted pad">{say(rows.value === undefined ? 'loading' : 'rumNothing')}</p>;
  }
  return (
    <div class="scroll-x">
      <table class="rum-table">
        <thead>
          <tr class="muted">
            {heads.map((head, i) => (
              <th key={head} class={i === 0 ? '' : 'number'}>
                {isVital(head) ? <abbr title={say(head)}>{head.toUpperCase()}</abbr> : say(head)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rows.value.map(row)}</tbody>
      </table>
    </div>
  );
}

function isVital(head: TextKey): boolean {
  return vitalsShown.some((name) => name === head);
}

export function ViewTable(props: TableProps): VNode {
  const say = useSay();
  const rows = useRows(loadViews, props);
  const heads: readonly TextKey[] = [
    'rumView',
    'pageViews',
    'sessions',
    'rumErrors',
    'timeOnPage',
    'loading75',
    ...vitalsShown,
  ];
  return <Grid rows={rows} heads={heads} row={viewRow} />;

  function viewRow({ name, counts, vitals }: ViewRow): VNode {
    return (
      <tr key={name} data-view={name}>
        <td class="what">
          <button type="button" class="quiet" onClick={() => props.onView(name)}>
            {name === '' ? say('unnamedView') : name}
          </button>
        </td>
        <td class="number">{countText(counts['views'] ?? 0)}</td>
        <td class="number">{countText(counts['sessions'] ?? 0)}</td>
        <td class={`number ${(counts['errors'] ?? 0) > 0 ? 'bad' : 'muted'}`}>{countText(counts['errors'] ?? 0)}</td>
        <td class="number">{msText(counts['timeSpentMs'])}</td>
        <td class="number">{msText(counts['loadingP75Ms'])}</td>
        {vitalsShown.map((vital) => {
          const { p75 } = vitals[vital];
          return (
            <td key={vital} class={`number ${p75 === undefined ? 'muted' : ratingOf(vital, p75)}`}>
              {vitalText(vital, p75)}
            </td>
          );
        })}
      </tr>
    );
  }
}

export function ResourceTable(props: TableProps): VNode {
  const say = useSay();
  const rows = useRows(loadResources, props);
  const heads: readonly TextKey[] = ['resource', 'kindOf', 'count', 'p75', 'p95', 'failedCount', 'sizeAverage'];
  return <Grid rows={rows} heads={heads} row={resourceRow} />;

  function resourceRow({ host, path, type, method, numbers, traceId }: Resource): VNode {
    const failed = numbers['errors'] ?? 0;
    return (
      <tr key={`${host} ${path} ${type} ${method}`} data-resource={path}>
        <td class="what" title={`${host}${path}`}>
          <span class="muted">{method}</span> {path} <span class="muted">{host}</span>{' '}
          {traceId !== undefined && (
            <a href={hashOf({ page: 'trace', id: traceId })} title={say('openSlowest')}>
              {say('traceOf')}
            </a>
          )}
        </td>
        <td class="number muted">{type}</td>
        <td class="number">{countText(numbers['count'] ?? 0)}</td>
        <td class="number">{msText(numbers['p75Ms'])}</td>
        <td class="number">{msText(numbers['p95Ms'])}</td>
        <td class={`number ${failed > 0 ? 'bad' : 'muted'}`}>{countText(failed)}</td>
        <td class="number">{(numbers['averageBytes'] ?? 0) > 0 ? bytesText(numbers['averageBytes'] ?? 0) : '–'}</td>
      </tr>
    );
  }
}

export function ErrorTable(props: TableProps): VNode {
  const say = useSay();
  const rows = useRows(loadErrors, props);
  return <Grid rows={rows} heads={['errorMessage', 'rumView', 'count', 'sessions', 'lastSeen']} row={errorRow} />;

  function errorRow({ message, type, source, view, count, sessions, lastMs, ...more }: ErrorGroup): VNode {
    return (
      <tr key={`${source} ${type} ${message}`} data-error={message}>
        <td class="what">
          <span class="bad">{type === '' ? source : type}</span> {message}{' '}
          {more.sessionId !== undefined && (
            <button type="button" class="quiet" onClick={() => props.onSession(more.sessionId ?? '')}>
              {say('sessionOf')}
            </button>
          )}
          {more.traceId !== undefined && <a href={hashOf({ page: 'trace', id: more.traceId })}>{say('traceOf')}</a>}
          {more.stack !== undefined && (
            <details>
              <summary class="muted">{say('stack')}</summary>
              <pre class="snippet">{more.stack}</pre>
            </details>
          )}
        </td>
        <td class="number muted">{view}</td>
        <td class="number">{countText(count)}</td>
        <td class="number">{countText(sessions)}</td>
        <td class="number" title={momentText(lastMs)}>
          {clockText(lastMs).slice(0, 8)}
        </td>
      </tr>
    );
  }
}

export function SessionTable(props: TableProps): VNode {
  const rows = useRows(loadSessions, props);
  return <Grid rows={rows} heads={['began', 'who', 'way', 'rumViews', 'rumErrors', 'lasted']} row={sessionRow} />;

  function sessionRow({ id, tags, startMs, endMs, numbers, firstView, lastView }: Session): VNode {
    const { userid = '', user_name: userName, browser = '', os = '', country = '' } = tags;
    const where = [browser, os, country].filter((part) => part !== '' && part !== 'unknown').join(' · ');
    const errors = numbers['errors'] ?? 0;
    return (
      <tr key={id} data-session={id}>
        <td>
          <button type="button" class="quiet" title={momentText(startMs)} onClick={() => props.onSession(id)}>
            {momentText(startMs).slice(5, 19)}
          </button>
        </td>
        <td class="number">
          {userName ?? userid.slice(0, 8)} <span class="muted">{where}</span>
        </td>
        <td class="number">{firstView === lastView ? firstView : `${firstView} – ${lastView}`}</td>
        <td class="number">{countText(numbers['views'] ?? 0)}</td>
        <td class={`number ${errors > 0 ? 'bad' : 'muted'}`}>{countText(errors)}</td>
        <td class="number">{spanText(endMs - startMs)}</td>
      </tr>
    );
  }
}
