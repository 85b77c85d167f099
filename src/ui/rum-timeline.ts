import type { SessionEvent, SessionView, Timeline } from './rum-api.ts';

/** A view with what happened in it; `view` is undefined for events of no view that is kept. */
export interface Stage {
  readonly view: SessionView | undefined;
  readonly events: readonly SessionEvent[];
  /** What the bars are drawn against. */
  readonly startMs: number;
  readonly endMs: number;
}

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
  const starts = [...events.map(({ startMs }) => startMs), ...(view === undefined ? [] : [view.startMs])];
  const startMs = Math.min(...starts);
  // A page may be left open for hours after its last event: that is not drawn.
  const ends = events.map((event) => event.startMs + (event.durationMs ?? 0));
  const endMs = Math.max(startMs + 1, ...(ends.length === 0 ? [startMs + (view?.timeSpentMs ?? 0)] : ends));
  return { view, events, startMs, endMs };
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

/** Where the bar of an event stands, as shares of the stage. */
export function barOf(
  event: SessionEvent,
  { startMs, endMs }: Stage,
): { readonly left: number; readonly width: number } {
  const whole = endMs - startMs;
  const left = Math.min(0.997, (event.startMs - startMs) / whole);
  return { left, width: Math.max(0.003, Math.min(1 - left, (event.durationMs ?? 0) / whole)) };
}
