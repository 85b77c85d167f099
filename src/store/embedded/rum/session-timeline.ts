import type { TimeRange } from '../../../contract/store.ts';
import type { FieldValue, RumPoint } from '../../../model/rum.ts';
import type { Slice } from '../slice.ts';
import { msOf, type PointPage } from './point-page.ts';
import { PointQuery, textsOf } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';
import { visitPages } from './visit.ts';
import { rounded, vitalNames, vitalReader } from './vitals.ts';

/** What is the same over a session, or told of its views: not repeated at every event. */
const ofSession =
  /^(?:app_id|sdk_.*|env|service|version|source|userid|user_.*|session_.*|is_signin|is_login|os|os_.*|browser|browser_.*|screen_size|network_type|time_zone|device|ip|country|province|city|isp|view_.*|drift|display|page_states|custom_keys)$/;
const nanosPerMs = 1e6;

interface TimelineView {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly startMs: number;
  readonly timeSpentMs: number;
  readonly loadingMs?: number;
  readonly vitals: Readonly<Record<string, number>>;
}

interface TimelineEvent {
  readonly kind: string;
  readonly startMs: number;
  readonly durationMs?: number;
  readonly viewId: string;
  readonly attributes: Readonly<Record<string, FieldValue>>;
}

/** All of one session in the order of time: its views, each in its last version, and what happened in them. */
export async function sessionTimeline(
  partitions: readonly RumPartition[],
  question: { readonly sessionId: string; readonly range: TimeRange; readonly limit: number },
  slice: Slice,
): Promise<{ readonly timeline: object; readonly count: number }> {
  const { sessionId, range, limit } = question;
  const matchers = [{ name: 'session_id', op: '=', value: sessionId } as const];
  const query = new PointQuery({ ...range, matchers });
  const views = new Map<string, TimelineView>();
  const events: TimelineEvent[] = [];
  let tags: RumPoint['tags'] = {};
  await visitPages(partitions, query, slice, (page) => {
    const viewAt = viewReader(page);
    for (const at of query.pointsIn(page)) {
      if (page.kind.text(at) === 'view') {
        const view = viewAt(at);
        views.set(view.id, view);
        tags = { ...tags, ...sessionTags(page.point(at)) };
      } else {
        const point = page.point(at);
        events.push(eventOf(point));
        tags = Object.keys(tags).length === 0 ? sessionTags(point) : tags;
      }
    }
  });
  const inOrder = events.sort((a, b) => a.startMs - b.startMs);
  const timeline = {
    id: sessionId,
    tags,
    views: [...views.values()].sort((a, b) => a.startMs - b.startMs),
    events: inOrder.slice(0, limit),
    /** Events beyond the limit. */
    more: Math.max(0, inOrder.length - limit),
  };
  return { timeline, count: views.size + events.length };
}

function viewReader(page: PointPage): (at: number) => TimelineView {
  const id = page.column('view_id');
  const name = textsOf(page, 'view');
  const url = page.column('view_url');
  const timeSpent = page.column('time_spent');
  const loading = page.column('loading_time');
  const vitalsAt = vitalReader(page);
  return (at) => {
    const loadingNanos = loading.number(at);
    const values = vitalsAt(at);
    const named = vitalNames.map((vital, i) => [vital, values[i] ?? Number.NaN] as const);
    return {
      id: id.text(at),
      name: name(at),
      url: url.text(at),
      startMs: page.ms[at] ?? 0,
      timeSpentMs: rounded((timeSpent.number(at) ?? 0) / nanosPerMs),
      ...(loadingNanos !== undefined && { loadingMs: rounded(loadingNanos / nanosPerMs) }),
      vitals: Object.fromEntries(
        named.filter(([, value]) => !Number.isNaN(value)).map(([vital, value]) => [vital, rounded(value)]),
      ),
    };
  };
}

function sessionTags({ tags }: RumPoint): RumPoint['tags'] {
  const kept = Object.entries(tags).filter(([key]) => ofSession.test(key) && !key.startsWith('view_'));
  return Object.fromEntries(kept);
}

function eventOf({ measurement, tags, fields, timeNanos }: RumPoint): TimelineEvent {
  const duration = Number(fields['duration'] ?? Number.NaN);
  const attributes = Object.entries({ ...fields, ...tags }).filter(
    ([key]) => !ofSession.test(key) && key !== 'duration',
  );
  return {
    kind: measurement,
    startMs: msOf(timeNanos),
    ...(Number.isFinite(duration) && { durationMs: rounded(duration / nanosPerMs) }),
    viewId: String(tags['view_id'] ?? fields['view_id'] ?? ''),
    attributes: Object.fromEntries(attributes),
  };
}
