import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { Failure } from './failure.tsx';
import { clockText } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { type LogLine, linesAround } from './logs-api.ts';

const fewLines = 5;
const mostLines = 1_000;
const againMs = 4_000;

/** A line between those that its container wrote before and after it. */
export function LogContext({ line }: { readonly line: LogLine }): VNode {
  const say = useSay();
  const [count, setCount] = useState(fewLines);
  const around = usePolled((signal) => linesAround(line, count, signal), {
    everyMs: againMs,
    key: `${line.id} ${count}`,
    paused: true,
  });
  const { before = [], after = [] } = around.value ?? {};
  const isAll = around.value !== undefined && before.length < count && after.length < count;
  return (
    <div class="log-context">
      <Failure error={around.error} />
      <ol class="mono">
        {before.map((each) => (
          <Neighbour key={each.id} line={each} />
        ))}
        <Neighbour line={line} isThis />
        {after.map((each) => (
          <Neighbour key={each.id} line={each} />
        ))}
      </ol>
      {isAll && before.length + after.length === 0 && <p class="muted">{say('noNeighbours')}</p>}
      {!isAll && count < mostLines && (
        <button type="button" class="quiet" onClick={() => setCount(Math.min(mostLines, count * 4))}>
          {say('moreNeighbours')}
        </button>
      )}
    </div>
  );
}

function Neighbour({ line, isThis }: { readonly line: LogLine; readonly isThis?: true }): VNode {
  return (
    <li data-neighbour={line.id} aria-current={isThis === true ? 'true' : undefined}>
      <time class="muted">{clockText(line.timeMs)}</time> <span class={`level ${line.level}`}>{line.message}</span>
    </li>
  );
}
