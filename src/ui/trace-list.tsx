import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { serviceHue } from './colour.ts';
import { clockText, countText, durationText, momentText, shortName } from './format.ts';
import { useKeys, useSay } from './hooks.ts';
import { hashOf, type Route } from './route.ts';
import type { TraceSummary } from './trace-summary.ts';

interface TraceListProps {
  readonly traces: readonly TraceSummary[];
  readonly go: (route: Route) => void;
}

/** Traces as rows; arrow keys choose one, Enter opens it. They stay where they are while somebody points at them. */
export function TraceList({ traces: newest, go }: TraceListProps): VNode {
  const [chosen, setChosen] = useState<string>();
  const [isPointed, setPointed] = useState(false);
  const shown = useRef(newest);
  if (!isPointed) {
    shown.current = newest;
  }
  const traces = shown.current;
  useKeys((event) => {
    const at = traces.findIndex((trace) => trace.traceId === chosen);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      setChosen(traces[Math.max(0, Math.min(traces.length - 1, at + step))]?.traceId);
      return true;
    }
    if (event.key === 'Enter' && at >= 0 && !(event.target instanceof HTMLAnchorElement)) {
      go({ page: 'trace', id: traces[at]?.traceId ?? '' });
      return true;
    }
    return false;
  });
  const longest = Math.max(1, ...traces.map((trace) => trace.durationMicros));
  return (
    <ol
      class="trace-list"
      onPointerEnter={({ pointerType }) => setPointed(pointerType === 'mouse')}
      onPointerLeave={() => setPointed(false)}
    >
      {traces.map((trace) => (
        <TraceLine key={trace.traceId} trace={trace} longest={longest} chosen={trace.traceId === chosen} />
      ))}
    </ol>
  );
}

interface TraceLineProps {
  readonly trace: TraceSummary;
  readonly longest: number;
  readonly chosen: boolean;
}

function TraceLine({ trace, longest, chosen }: TraceLineProps): VNode {
  const say = useSay();
  const line = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (chosen) {
      line.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [chosen]);
  const startMs = trace.startMicros === undefined ? undefined : trace.startMicros / 1_000;
  const others = trace.services.length - 1;
  return (
    <li ref={line} class={chosen ? 'chosen' : ''} data-trace={trace.traceId}>
      <a href={hashOf({ page: 'trace', id: trace.traceId })}>
        <time title={startMs === undefined ? '' : momentText(startMs)}>
          {startMs === undefined ? say('noTime') : clockText(startMs)}
        </time>
        <span class="what">
          <span class="service">
            <i class="swatch" style={{ '--hue': serviceHue(trace.service) }} aria-hidden="true" />
            {trace.service === '' ? say('unknownService') : trace.service}
          </span>
          <span class="span-name" title={trace.name}>
            {trace.name === '' ? say('unknownSpan') : shortName(trace.name)}
          </span>
        </span>
        <span class="length">
          <i
            class={trace.errorCount > 0 ? 'bad' : ''}
            style={{ width: `${(trace.durationMicros / longest) * 100}%` }}
          />
          <b>{durationText(trace.durationMicros)}</b>
        </span>
        <span class="counts">
          <span>
            {trace.spanCount === 1 ? say('oneSpan') : say('spanCount', { count: countText(trace.spanCount) })}
          </span>
          <span class="muted" title={trace.services.map(([name, count]) => `${name} ${count}`).join('\n')}>
            {others === 0 ? say('oneService') : say('serviceCount', { count: countText(trace.services.length) })}
          </span>
          {trace.errorCount > 0 && (
            <span class="badge bad">
              {trace.errorCount === 1 ? say('oneError') : say('errorCount', { count: countText(trace.errorCount) })}
            </span>
          )}
        </span>
      </a>
    </li>
  );
}
