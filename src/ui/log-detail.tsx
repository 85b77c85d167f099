import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useSay } from './hooks.ts';
import { LogContext } from './log-context.tsx';
import { prettyText } from './log-digest.ts';
import type { LogLine } from './logs-api.ts';
import { hashOf } from './route.ts';

interface LogDetailProps {
  readonly line: LogLine;
  readonly top: number;
  readonly onHeight: (pixels: number) => void;
  readonly onMatch: (name: string, op: '=' | '!=', value: string) => void;
  readonly onAround: (line: LogLine) => void;
}

/** All of a line: its text, its labels, and where it leads. */
export function LogDetail({ line, top, onHeight, onMatch, onAround }: LogDetailProps): VNode {
  const say = useSay();
  const place = useRef<HTMLLIElement>(null);
  const [copied, setCopied] = useState(false);
  const [isInContext, setInContext] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return;
    }
    const watch = new ResizeObserver(() => onHeight(element.offsetHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, [line.id]);
  const copy = (): void => {
    navigator.clipboard?.writeText(line.message).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <li ref={place} class="log-detail" style={{ top: `${top}px` }}>
      <p class="actions">
        {line.traceId !== undefined && (
          <a href={hashOf({ page: 'trace', id: line.traceId })}>{say('openTrace', { id: line.traceId })}</a>
        )}
        <button type="button" class="quiet" aria-pressed={isInContext} onClick={() => setInContext(!isInContext)}>
          {say('neighbours')}
        </button>
        <button type="button" class="quiet" onClick={() => onAround(line)}>
          {say('around')}
        </button>
        <button type="button" class="quiet" onClick={copy}>
          {say(copied ? 'copied' : 'copy')}
        </button>
      </p>
      {isInContext ? <LogContext line={line} /> : <pre class="mono">{prettyText(line.message)}</pre>}
      <dl>
        <div>
          <dt>{say('time')}</dt>
          <dd class="mono">{line.time}</dd>
        </div>
        {Object.entries(line.labels).map(([name, value]) => (
          <div key={name} data-label={name}>
            <dt>{name}</dt>
            <dd class="mono">
              {value}{' '}
              <button
                type="button"
                title={say('onlyThis')}
                aria-label={say('onlyThis')}
                onClick={() => onMatch(name, '=', value)}
              >
                +
              </button>
              <button
                type="button"
                title={say('notThis')}
                aria-label={say('notThis')}
                onClick={() => onMatch(name, '!=', value)}
              >
                −
              </button>
            </dd>
          </div>
        ))}
      </dl>
      <Facts title={say('attributes')} facts={line.attributes} />
      <Facts title={say('fields')} facts={line.fields} />
    </li>
  );
}

/** What is known of a line by name; nothing where there is none. */
function Facts({
  title,
  facts,
}: {
  readonly title: string;
  readonly facts: Readonly<Record<string, string>>;
}): VNode | null {
  const names = Object.keys(facts);
  if (names.length === 0) {
    return null;
  }
  return (
    <>
      <h4>{title}</h4>
      <dl>
        {names.map((name) => (
          <div key={name} data-fact={name}>
            <dt>{name}</dt>
            <dd class="mono">{facts[name]}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
