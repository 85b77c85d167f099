import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { StatusView } from './api.ts';
import { Failure } from './failure.tsx';
import { countText } from './format.ts';
import { useKeys, usePolled, useSay } from './hooks.ts';
import { HowTo } from './how-to.tsx';
import type { Go } from './route.ts';
import { TargetEntry } from './target-entry.tsx';
import { stateTexts, TargetFilter } from './target-filter.tsx';
import {
  anyTarget,
  countsOf,
  type Entry,
  entriesOf,
  firstOf,
  foundEntries,
  type Grouping,
  grouped,
  type TargetSearch,
  targetStates,
} from './target-search.ts';
import { loadAllTargets, loadTargets, type TargetList, type WatchInfo } from './targets-api.ts';
import './targets.css';
import type { TextKey } from './texts.ts';

/** So many rows are drawn at once; a button brings as many again. */
const pageRows = 200;

interface TargetsPageProps {
  readonly search: TargetSearch;
  readonly go: Go;
  readonly status: StatusView | undefined;
  readonly live: boolean;
}

/** What is scraped, how the last scrapes went, and what is not scraped and why. */
export function TargetsPage({ search, go, status, live }: TargetsPageProps): VNode {
  const say = useSay();
  const isHub = status?.role === 'hub' && status.storeOn;
  const list = usePolled(isHub ? loadAllTargets : loadTargets, {
    everyMs: 3_000,
    key: isHub ? 'all targets' : 'targets',
    paused: !live,
  });
  const onSearch = (next: TargetSearch): void => go({ page: 'targets', search: next }, 'replace');
  if (list.value === undefined) {
    return list.error === undefined ? <p class="empty">{say('loading')}</p> : <Failure error={list.error} />;
  }
  const { targets, pods, watches } = list.value;
  return (
    <>
      {watches.map((watch) => (
        <Watch key={watch.input} watch={watch} />
      ))}
      {isHub && <p class="notice">{say('targetsOfHub')}</p>}
      {targets.length + pods.length === 0 ? (
        <Nothing status={status} looksForPods={watches.length > 0} />
      ) : (
        <Found list={list.value} search={search} onSearch={onSearch} />
      )}
    </>
  );
}

function Watch({ watch }: { readonly watch: WatchInfo }): VNode | null {
  const say = useSay();
  const { state, error = '', hint = '' } = watch;
  if (state !== 'forbidden' && state !== 'retrying') {
    return null;
  }
  return (
    <p class={state === 'forbidden' ? 'notice bad' : 'notice warn'} role="alert">
      {say(state === 'forbidden' ? 'podsForbidden' : 'podsAsLastSeen', { error })} {hint}
    </p>
  );
}

function Nothing({
  status,
  looksForPods,
}: {
  readonly status: StatusView | undefined;
  readonly looksForPods: boolean;
}): VNode {
  const say = useSay();
  if (looksForPods || status === undefined) {
    return <p class="empty">{say('noPodsYet')}</p>;
  }
  return (
    <div class="panel pad">
      <HowTo signal="metrics" status={status} />
    </div>
  );
}

interface FoundProps {
  readonly list: TargetList;
  readonly search: TargetSearch;
  readonly onSearch: (search: TargetSearch) => void;
}

function Found({ list, search, onSearch }: FoundProps): VNode {
  const say = useSay();
  const [rows, setRows] = useState(pageRows);
  const found = useMemo(() => foundEntries(entriesOf(list), search.find), [list, search.find]);
  const counts = countsOf(found);
  const wanted = search.state === '' ? found : found.filter(({ state }) => state === search.state);
  const groups = useMemo(() => grouped(wanted, search.by), [wanted, search.by]);
  const shown = firstOf(groups, rows);
  const flat = shown.flatMap(({ entries }) => entries);
  const toggle = (key: string): void => onSearch({ ...search, open: search.open === key ? '' : key });
  const chosen = useChosen(flat, search.open, toggle);
  const hidden = wanted.length - flat.length;
  return (
    <>
      <TargetFilter search={search} counts={counts} onSearch={onSearch} />
      <section class="panel targets" aria-label={say('targets')}>
        {shown.map(({ name, entries }) => (
          <div key={name} class="group">
            {search.by !== 'none' && <GroupHead name={name} entries={entries} by={search.by} />}
            <ul>
              {entries.map((entry) => (
                <TargetEntry
                  key={entry.key}
                  entry={entry}
                  nowMs={list.nowMs}
                  open={entry.key === search.open}
                  chosen={entry.key === chosen}
                  onToggle={() => toggle(entry.key)}
                />
              ))}
            </ul>
          </div>
        ))}
        {wanted.length === 0 && <NoneFound onClear={() => onSearch({ ...anyTarget, by: search.by })} />}
        {hidden > 0 && (
          <p class="pad">
            <button type="button" onClick={() => setRows(rows + pageRows)}>
              {say('moreTargets', { count: countText(Math.min(hidden, pageRows)), hidden: countText(hidden) })}
            </button>
          </p>
        )}
        <p class="muted hint pad">{say('targetKeys')}</p>
      </section>
    </>
  );
}

function NoneFound({ onClear }: { readonly onClear: () => void }): VNode {
  const say = useSay();
  return (
    <p class="empty">
      {say('noTargetFound')}{' '}
      <button type="button" onClick={onClear}>
        {say('clear')}
      </button>
    </p>
  );
}

/** The row that the arrow keys are at. */
function useChosen(entries: readonly Entry[], open: string, toggle: (key: string) => void): string {
  const [chosen, setChosen] = useState('');
  const at = entries.findIndex(({ key }) => key === chosen);
  useKeys((event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && entries.length > 0) {
      setChosen(entries[Math.max(0, Math.min(entries.length - 1, at + step))]?.key ?? '');
      return true;
    }
    if (
      event.key === 'Enter' &&
      at >= 0 &&
      !(event.target instanceof HTMLElement && event.target.matches('a, button'))
    ) {
      toggle(chosen);
      return true;
    }
    if (event.key === 'Escape' && open !== '') {
      toggle(open);
      return true;
    }
    return false;
  });
  return chosen;
}

interface GroupHeadProps {
  readonly name: string;
  readonly entries: readonly Entry[];
  readonly by: Grouping;
}

const otherTexts: Readonly<Record<Grouping, TextKey>> = {
  namespace: 'noNamespace',
  workload: 'noWorkload',
  rule: 'noRule',
  none: 'byNothing',
};

function GroupHead({ name, entries, by }: GroupHeadProps): VNode {
  const say = useSay();
  const counts = countsOf(entries);
  return (
    <h2 data-group={name}>
      {name === '' ? <span class="muted">{say(otherTexts[by])}</span> : name}
      {targetStates
        .filter((state) => counts[state] > 0)
        .map((state) => (
          <span key={state} class={`count ${state}`}>
            {countText(counts[state])} {say(stateTexts[state])}
          </span>
        ))}
    </h2>
  );
}
