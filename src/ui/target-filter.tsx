import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { countText } from './format.ts';
import { useSay } from './hooks.ts';
import { type EntryState, type Grouping, groupings, type TargetSearch, targetStates } from './target-search.ts';
import type { TextKey } from './texts.ts';

export const stateTexts: Readonly<Record<EntryState, TextKey>> = {
  down: 'targetDown',
  waiting: 'targetWaiting',
  up: 'targetUp',
  skipped: 'targetSkipped',
};
const groupTexts: Readonly<Record<Grouping, TextKey>> = {
  namespace: 'byNamespace',
  workload: 'byWorkload',
  rule: 'byRule',
  none: 'byNothing',
};

interface TargetFilterProps {
  readonly search: TargetSearch;
  readonly counts: Readonly<Record<EntryState, number>>;
  readonly onSearch: (search: TargetSearch) => void;
}

/** Which states, which words, and how they are grouped; each change goes into the URL. */
export function TargetFilter({ search, counts, onSearch }: TargetFilterProps): VNode {
  const say = useSay();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (field.current !== null && field.current !== document.activeElement) {
      field.current.value = search.find;
    }
  }, [search.find]);
  return (
    <form class="filter target-filter" onSubmit={(event) => event.preventDefault()}>
      <States search={search} counts={counts} onSearch={onSearch} />
      <input
        ref={field}
        class="wide"
        type="text"
        data-find
        spellcheck={false}
        autocomplete="off"
        defaultValue={search.find}
        placeholder={say('findTarget')}
        aria-label={say('findTarget')}
        onInput={(event) => onSearch({ ...search, find: event.currentTarget.value })}
        onKeyDown={(event) => ['Escape', 'Enter'].includes(event.key) && event.currentTarget.blur()}
      />
      <select
        aria-label={say('group')}
        title={say('group')}
        value={search.by}
        onChange={(event) =>
          onSearch({ ...search, by: groupings.find((by) => by === event.currentTarget.value) ?? 'namespace' })
        }
      >
        {groupings.map((by) => (
          <option key={by} value={by}>
            {say(groupTexts[by])}
          </option>
        ))}
      </select>
    </form>
  );
}

function States({ search, counts, onSearch }: TargetFilterProps): VNode {
  const say = useSay();
  const all = targetStates.reduce((sum, state) => sum + counts[state], 0);
  const states: readonly (readonly [EntryState | '', TextKey, number])[] = [
    ['', 'targetAll', all],
    ...targetStates.map((state) => [state, stateTexts[state], counts[state]] as const),
  ];
  return (
    <fieldset class="states" aria-label={say('state')}>
      {states.map(([state, text, count]) => (
        <button
          key={text}
          type="button"
          class={`state-${state === '' ? 'all' : state}`}
          data-state={state === '' ? 'all' : state}
          aria-pressed={search.state === state}
          onClick={() => onSearch({ ...search, state })}
        >
          <b>{countText(count)}</b> {say(text)}
        </button>
      ))}
    </fieldset>
  );
}
