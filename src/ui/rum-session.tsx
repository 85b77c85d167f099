import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { Failure } from './failure.tsx';
import { clockText, countText, momentText } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { hashOf } from './route.ts';
import { loadTimeline, type SessionEvent, type Timeline, vitalNames } from './rum-api.ts';
import { msText, ratingOf, vitalText } from './rum-rating.ts';
import { type Burst, barOf, eventName, type Stage, stagesOf } from './rum-timeline.ts';

interface RumSessionProps {
  readonly id: string;
  readonly live: boolean;
  readonly onClose: () => void;
}

/** One session in the order of time: its views, and what each loaded, did and failed at. */
export function RumSession({ id, live, onClose }: RumSessionProps): VNode {
  const say = useSay();
  const timeline = usePolled((signal) => loadTimeline(id, signal).then((value) => ({ value })), {
    everyMs: 5_000,
    key: `session ${id}`,
    paused: !live,
  });
  const found = timeline.value?.value;
  return (
    <section class="rum-session">
      <p>
        <button type="button" onClick={onClose}>
          ← {say('backToAll')}
        </button>
      </p>
      <Failure error={timeline.error} />
      {timeline.value === undefined && timeline.error === undefined && <p class="empty">{say('loading')}</p>}
      {timeline.value !== undefined && found === undefined && <p class="empty">{say('sessionGone', { id })}</p>}
      {found !== undefined && <Story id={id} timeline={found} />}
    </section>
  );
}

const headTags = [
  'app_id',
  'userid',
  'user_name',
  'browser',
  'os',
  'device',
  'ip',
  'country',
  'env',
  'service',
  'version',
];

function Story({ id, timeline }: { readonly id: string; readonly timeline: Timeline }): VNode {
  const say = useSay();
  const told = headTags.filter((key) => timeline.tags[key] !== undefined && timeline.tags[key] !== 'unknown');
  return (
    <>
      <div class="panel pad">
        <h2>
          {say('sessionTitle')} <span class="mono muted">{id}</span>
        </h2>
        <p class="facts">
          {told.map((key) => (
            <span key={key}>
              <span class="muted">{key}</span> {timeline.tags[key]}
            </span>
          ))}
        </p>
      </div>
      {stagesOf(timeline).map((stage) => (
        <StagePanel key={stage.view?.id ?? ''} stage={stage} />
      ))}
      {timeline.more > 0 && <p class="muted">{say('moreEvents', { count: countText(timeline.more) })}</p>}
    </>
  );
}

function StagePanel({ stage }: { readonly stage: Stage }): VNode {
  const say = useSay();
  const { view, bursts } = stage;
  const count = bursts.reduce((sum, { events }) => sum + events.length, 0);
  return (
    <div class="panel rum-stage" data-view={view?.name ?? ''}>
      <h2 class="caption" title={view?.url}>
        <span>{view === undefined ? say('withoutView') : view.name === '' ? say('unnamedView') : view.name}</span>
        <time class="muted" title={momentText(stage.startMs)}>
          {clockText(stage.startMs)}
        </time>
        {view !== undefined && <span class="muted">{msText(view.timeSpentMs)}</span>}
        {vitalNames.map((name) => {
          const value = view?.vitals[name];
          return (
            value !== undefined && (
              <span key={name} class={ratingOf(name, value)}>
                {name.toUpperCase()} {vitalText(name, value)}
              </span>
            )
          );
        })}
        <span class="muted">{say('eventCount', { count: countText(count) })}</span>
      </h2>
      {bursts.map((burst) => (
        <ol key={burst.startMs}>
          {burst.startMs - stage.startMs > 0 && (
            <li class="rum-pause muted">+ {msText(burst.startMs - stage.startMs)}</li>
          )}
          {burst.events.map((event, i) => (
            <EventRow key={`${event.startMs} ${i}`} event={event} burst={burst} />
          ))}
        </ol>
      ))}
    </div>
  );
}

function EventRow({ event, burst }: { readonly event: SessionEvent; readonly burst: Burst }): VNode {
  const say = useSay();
  const [open, setOpen] = useState(false);
  const { left, width } = barOf(event, burst);
  const traceId = event.attributes['trace_id'];
  const failed = event.kind === 'error' || Number(event.attributes['resource_status'] ?? 0) >= 400;
  return (
    <li class={`rum-event ${event.kind}`} data-kind={event.kind}>
      <div>
        <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          <span class={failed ? 'bad' : 'muted'}>{event.kind === 'long_task' ? say('longTask') : event.kind}</span>{' '}
          <span class="event-name">{eventName(event)}</span>
        </button>
        {traceId !== undefined && traceId !== '' && (
          <a href={hashOf({ page: 'trace', id: traceId })}>{say('traceOf')}</a>
        )}
        <span class="track" title={clockText(event.startMs)}>
          <i class={failed ? 'bad' : ''} style={{ left: `${left * 100}%`, width: `${width * 100}%` }} />
        </span>
        <span class="number">{event.durationMs === undefined ? '' : msText(event.durationMs)}</span>
      </div>
      {open && (
        <dl class="mono">
          {Object.entries(event.attributes).map(([key, value]) => (
            <div key={key}>
              <dt class="muted">{key}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}
