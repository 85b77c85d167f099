import type { SessionEvent, SessionView, Timeline } from './rum-api.ts';

/** What happened without a longer pause; its bars have one scale. */
export interface Burst {
  readonly events: readonly SessionEvent[];
  readonly startMs: number;
  readonly endMs: number;
}

/** A view with what happened in it; `view` is undefined for events of no view that is kept. */
export interface Stage {
  readonly view: SessionView | undefined;
  readonly startMs: number;
  readonly bursts: readonly Burst[];
}

/** A page that is left open for an hour must not press the bars of its first second together. */
const pauseMs = 3_000;

/** The stages of a session in the order of time. */
export function stagesOf({ views, events }: Timeline): readonly Stage[] {
  const known = new Set(views.map(({ id }) => id));
  const stages = views.map((view) =>
    stageOf(
      view,
      events.filter(({ viewId }) => viewId === view.id),
    ),
  );
  const others = events.filter(({ viewId }) => !known.has(viewId));
  const all = others.length === 0 ? stages : [...stages, stageOf(undefined, others)];
  return all.toSorted((a, b) => a.startMs - b.startMs);
}

function stageOf(view: SessionView | undefined, events: readonly SessionEvent[]): Stage {
  const bursts: Burst[] = [];
  for (const event of events.toSorted((a, b) => a.startMs - b.startMs)) {
    const last = bursts.at(-1);
    const startMs = last?.startMs ?? view?.startMs ?? event.startMs;
    const endMs = Math.max(event.startMs + (event.durationMs ?? 0), startMs + 1);
    if (last === undefined) {
      // What the page loads is seen against the begin of its view.
      const isSoon = event.startMs - startMs >= 0 && event.startMs - startMs <= pauseMs;
      bursts.push({ events: [event], startMs: isSoon ? startMs : event.startMs, endMs });
    } else if (event.startMs - last.endMs > pauseMs) {
      bursts.push({ events: [event], startMs: event.startMs, endMs: Math.max(endMs, event.startMs + 1) });
    } else {
      bursts[bursts.length - 1] = { ...last, events: [...last.events, event], endMs: Math.max(last.endMs, endMs) };
    }
  }
  const startMs = Math.min(...bursts.map((burst) => burst.startMs), view?.startMs ?? Number.POSITIVE_INFINITY);
  return { view, startMs, bursts };
}

/** What is behind a resource, an error, an action in one line. */
export function eventName({ kind, attributes }: SessionEvent): string {
  switch (kind) {
    case 'resource':
      return [
        attributes['resource_method'],
        attributes['resource_url_path'] ?? attributes['resource_url_path_group'] ?? attributes['resource_url'],
      ]
        .filter((part) => part !== undefined && part !== '')
        .join(' ');
    case 'error':
      return [attributes['error_type'], attributes['error_message']].filter((part) => part !== undefined).join(': ');
    case 'action':
      return attributes['action_name'] ?? attributes['action_type'] ?? '';
    case 'telemetry':
      return attributes['message'] ?? '';
    default:
      return '';
  }
}

/** Where the bar of an event stands, as shares of its burst. */
export function barOf(
  event: SessionEvent,
  { startMs, endMs }: Burst,
): { readonly left: number; readonly width: number } {
  const whole = endMs - startMs;
  const left = Math.min(0.997, (event.startMs - startMs) / whole);
  return { left, width: Math.max(0.003, Math.min(1 - left, (event.durationMs ?? 0) / whole)) };
}
