import type { RumQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import type { PointPage } from './point-page.ts';
import { PointQuery, textsOf } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';
import { visitPages } from './visit.ts';

/** Groups that are held; errors that would begin another are counted together. */
const mostGroups = 5_000;
const mostSessions = 10_000;
const mostMessageChars = 500;
const mostStackChars = 8_000;

interface Group {
  readonly message: string;
  readonly type: string;
  readonly source: string;
  count: number;
  readonly sessions: Set<string>;
  firstMs: number;
  lastMs: number;
  /** Of the last one. */
  view: string;
  session: string;
  traceId: string;
  stack: string;
}

/** Errors of one message, type and source, the most frequent first. */
export async function errorGroups(
  partitions: readonly RumPartition[],
  { query, limit }: { readonly query: RumQuery; readonly limit: number },
  slice: Slice,
): Promise<{ readonly errors: readonly object[]; readonly total: number; readonly others: number }> {
  const ofErrors = new PointQuery(query, ['error']);
  const groups = new Map<string, Group>();
  const counts = { total: 0, others: 0 };
  await visitPages(partitions, ofErrors, slice, (page) => {
    const take = taker(page, groups);
    for (const at of ofErrors.pointsIn(page)) {
      counts.total += 1;
      counts.others += take(at) ? 0 : 1;
    }
  });
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count || b.lastMs - a.lastMs);
  return { errors: sorted.slice(0, limit).map(groupJson), ...counts };
}

/** The result is false where the error is of no group. */
function taker(page: PointPage, groups: Map<string, Group>): (at: number) => boolean {
  const [message, type, source, session, traceId, stack] = (
    ['error_message', 'error_type', 'error_source', 'session_id', 'trace_id', 'error_stack'] as const
  ).map((key) => page.column(key));
  const view = textsOf(page, 'view');
  return (at) => {
    const ms = page.ms[at] ?? 0;
    const text = (message?.text(at) ?? '').slice(0, mostMessageChars);
    const named = { message: text, type: type?.text(at) ?? '', source: source?.text(at) ?? '' };
    const group = groupOf(groups, named, ms);
    if (group === undefined) {
      return false;
    }
    group.count += 1;
    if (group.sessions.size < mostSessions) {
      group.sessions.add(session?.text(at) ?? '');
    }
    group.firstMs = Math.min(group.firstMs, ms);
    if (ms >= group.lastMs) {
      group.lastMs = ms;
      group.view = view(at);
      group.session = session?.text(at) ?? '';
      group.traceId = traceId?.text(at) ?? '';
      group.stack = (stack?.text(at) ?? '').slice(0, mostStackChars);
    }
    return true;
  };
}

function groupOf(
  groups: Map<string, Group>,
  named: Pick<Group, 'message' | 'type' | 'source'>,
  ms: number,
): Group | undefined {
  const key = `${named.source}\n${named.type}\n${named.message}`;
  const known = groups.get(key);
  if (known !== undefined || groups.size >= mostGroups) {
    return known;
  }
  const texts = { view: '', session: '', traceId: '', stack: '' };
  const group: Group = { ...named, count: 0, sessions: new Set(), firstMs: ms, lastMs: ms, ...texts };
  groups.set(key, group);
  return group;
}

function groupJson({ sessions, session, traceId, stack, ...group }: Group): object {
  return {
    ...group,
    sessions: sessions.size,
    ...(session !== '' && { sessionId: session }),
    ...(traceId !== '' && { traceId }),
    ...(stack !== '' && { stack }),
  };
}
