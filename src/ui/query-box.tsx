import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useSay } from './hooks.ts';

interface QueryBoxProps {
  readonly query: string;
  readonly byHand: boolean;
  /** Whether there is a form to go back to. */
  readonly hasForm: boolean;
  /** What the API says of this query. */
  readonly error: string | undefined;
  readonly onQuery: (query: string) => void;
}

/** The PromQL that stands behind the chart: to read, to copy, to write another. */
export function QueryBox({ query, byHand, hasForm, error, onQuery }: QueryBoxProps): VNode {
  const say = useSay();
  const field = useRef<HTMLTextAreaElement>(null);
  const [copied, setCopied] = useState(false);
  useEffect(() => setCopied(false), [query]);
  const run = (): void => {
    const written = field.current?.value.trim() ?? '';
    if (written !== query) {
      onQuery(written);
    }
  };
  const copy = async (): Promise<void> => {
    await navigator.clipboard?.writeText(query).then(
      () => setCopied(true),
      () => field.current?.select(),
    );
  };
  return (
    <div class="query">
      <label>
        <span class="muted">PromQL</span>
        <textarea
          ref={field}
          class="mono"
          rows={Math.min(5, Math.max(1, Math.ceil(query.length / 110)))}
          spellcheck={false}
          aria-invalid={error !== undefined}
          value={query}
          placeholder={say('queryHint')}
          onChange={run}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              run();
            } else if (event.key === 'Escape') {
              event.currentTarget.blur();
            }
          }}
        />
      </label>
      {query !== '' && (
        <button type="button" class="quiet" onClick={copy}>
          {say(copied ? 'copied' : 'copy')}
        </button>
      )}
      {byHand && hasForm && (
        <button type="button" class="quiet" onClick={() => onQuery('')}>
          {say('backToForm')}
        </button>
      )}
      {error !== undefined && (
        <p class="notice bad" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
