import type { RumQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import type { PointPage } from './point-page.ts';
import { PointQuery, textsOf } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';
import { brief, SampledMap } from './sampled-map.ts';
import { visitPages } from './visit.ts';

/** Sessions that are held at once; past it every second one, and so on. */
const mostSessions = 50_000;
const mostViewsOfSession = 1_000;

const told = [
  'app_id',
  'userid',
  'user_name',
  'browser',
  'os',
  'device',
  'country',
  'env',
  'service',
  'version',
] as const;

interface Session {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  startMs: number;
  endMs: number;
  readonly views: Set<string>;
  firstView: string;
  lastView: string;
  lastViewMs: number;
  errors: number;
  actions: number;
  resources: number;
  longTasks: number;
}

/** Sessions that have points in the range, the newest first. */
export async function sessionList(
  partitions: readonly RumPartition[],
  { query, limit }: { readonly query: RumQuery; readonly limit: number },
  slice: Slice,
): Promise<{ readonly sessions: readonly object[]; readonly total: number; readonly exact: boolean }> {
  const all = new PointQuery(query);
  const sessions = new SampledMap<Session>(mostSessions);
  await visitPages(partitions, all, slice, (page) => takePage(page, all, sessions));
  const newest = [...sessions.values()].sort((a, b) => b.startMs - a.startMs).slice(0, limit);
  return { sessions: newest.map(sessionJson), total: sessions.count, exact: sessions.scale === 1 };
}

function takePage(page: PointPage, query: PointQuery, sessions: SampledMap<Session>): void {
  const ids = page.column('session_id');
  const viewIds = page.column('view_id');
  const tags = told.map((key) => [key, page.column(key)] as const);
  const view = textsOf(page, 'view');
  for (const at of query.pointsIn(page)) {
    const id = ids.text(at);
    if (id === '' || !sessions.wants(id)) {
      continue;
    }
    const ms = page.ms[at] ?? 0;
    let session = sessions.get(id);
    if (session === undefined) {
      const texts = tags
        .map(([key, column]) => [key, brief(column.text(at))] as const)
        .filter(([, text]) => text !== '');
      session = newSession(id, Object.fromEntries(texts), ms);
      sessions.set(id, session);
    }
    count(session, page.kind.text(at), viewIds.text(at));
    noteView(session, brief(view(at)), ms);
  }
}

function newSession(id: string, tags: Session['tags'], ms: number): Session {
  const counts = { errors: 0, actions: 0, resources: 0, longTasks: 0 };
  const views = { views: new Set<string>(), firstView: '', lastView: '', lastViewMs: Number.NEGATIVE_INFINITY };
  return { id, tags, startMs: ms, endMs: ms, ...views, ...counts };
}

function count(session: Session, kind: string, viewId: string): void {
  switch (kind) {
    case 'view':
      if (session.views.size < mostViewsOfSession) {
        session.views.add(brief(viewId));
      }
      break;
    case 'error':
      session.errors += 1;
      break;
    case 'action':
      session.actions += 1;
      break;
    case 'resource':
      session.resources += 1;
      break;
    case 'long_task':
      session.longTasks += 1;
      break;
    default:
  }
}

function noteView(session: Session, view: string, ms: number): void {
  if (view !== '' && (session.firstView === '' || ms < session.startMs)) {
    session.firstView = view;
  }
  if (view !== '' && ms >= session.lastViewMs) {
    session.lastView = view;
    session.lastViewMs = ms;
  }
  session.startMs = Math.min(session.startMs, ms);
  session.endMs = Math.max(session.endMs, ms);
}

function sessionJson({ views, lastViewMs: _, ...session }: Session): object {
  return { ...session, views: views.size };
}
