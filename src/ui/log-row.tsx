import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { serviceHue } from './colour.ts';
import { clockText, momentText } from './format.ts';
import { useSay } from './hooks.ts';
import { digestOf } from './log-digest.ts';
import { sourceOf } from './log-source.ts';
import type { LogLine } from './logs-api.ts';
import { Marked } from './marked.tsx';
import { hashOf } from './route.ts';

interface LogRowProps {
  readonly line: LogLine;
  readonly words: readonly string[];
  /** Pixels from the top of the list. */
  readonly top: number;
  readonly chosen: boolean;
  readonly open: boolean;
  readonly onToggle: () => void;
}

/** One line of a container, as one row. */
export function LogRow({ line, words, top, chosen, open, onToggle }: LogRowProps): VNode {
  const say = useSay();
  const digest = useMemo(() => digestOf(line.message), [line.message]);
  const source = sourceOf(line.labels);
  return (
    <li
      class={`log-row${chosen ? ' chosen' : ''}${open ? ' open' : ''}${line.gap === true ? ' gap' : ''}`}
      style={{ top: `${top}px` }}
      data-line={line.id}
      data-level={line.level}
      onClick={onToggle}
      onKeyDown={() => undefined}
    >
      <time title={momentText(line.timeMs)}>{clockText(line.timeMs)}</time>
      <span class={`level ${line.level}`}>{line.level === 'unknown' ? '' : line.level}</span>
      <span class="source" title={source}>
        <i class="swatch" style={{ '--hue': serviceHue(source) }} aria-hidden="true" />
        {source}
      </span>
      <span class="text mono">
        <Marked text={digest.head} words={words} />
        {digest.rest !== '' && (
          <span class="muted">
            {digest.head === '' ? '' : ' '}
            <Marked text={digest.rest} words={words} />
          </span>
        )}
      </span>
      {line.traceId !== undefined && (
        <a
          class="to-trace"
          href={hashOf({ page: 'trace', id: line.traceId })}
          title={say('openTrace', { id: line.traceId })}
          onClick={(event) => event.stopPropagation()}
        >
          {say('trace')}
        </a>
      )}
    </li>
  );
}
