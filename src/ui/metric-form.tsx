import type { VNode } from 'preact';
import { Choice } from './choice.tsx';
import { usePolled, useSay } from './hooks.ts';
import { LabelFilter, MatchChips } from './label-filter.tsx';
import {
  labelledName,
  type MetricInfo,
  type MetricSearch,
  type Shape,
  type Sum,
  shapeOf,
  shapesOf,
  sums,
} from './metric-search.ts';
import { loadLabels, loadLabelValues } from './metrics-api.ts';
import type { TextKey } from './texts.ts';
import { boundsOf } from './time-span.ts';

const shapeTexts: Readonly<Record<Exclude<Shape, 'auto'>, TextKey>> = {
  rate: 'shapeRate',
  increase: 'shapeIncrease',
  value: 'shapeValue',
  average: 'shapeAverage',
  p50: 'shapeP50',
  p90: 'shapeP90',
  p99: 'shapeP99',
};
const sumTexts: Readonly<Record<Sum, TextKey>> = {
  none: 'sumNone',
  sum: 'sumSum',
  avg: 'sumAvg',
  max: 'sumMax',
  min: 'sumMin',
};

interface MetricFormProps {
  readonly search: MetricSearch;
  readonly info: MetricInfo | undefined;
  readonly onSearch: (search: MetricSearch) => void;
}

/** What is asked of the chosen metric. It rests while somebody writes the query by hand. */
export function MetricForm({ search, info, onSearch }: MetricFormProps): VNode | null {
  const say = useSay();
  const { metric } = search;
  const selector = labelledName(metric, info);
  const labels = usePolled(
    (signal) => (metric === '' ? Promise.resolve([]) : loadLabels(selector, boundsOf(search, Date.now()), signal)),
    { everyMs: 30_000, key: `labels ${selector} ${search.range} ${search.until}` },
  );
  if (metric === '' || search.query !== '') {
    return null;
  }
  const isPercentile = shapeOf(search, info).startsWith('p');
  const set = (change: Partial<MetricSearch>): void => onSearch({ ...search, ...change });
  return (
    <>
      <label>
        {say('shownAs')}
        <select
          value={shapeOf(search, info)}
          onChange={(event) => set({ as: named(shapesOf(info), event.currentTarget.value) ?? 'auto' })}
        >
          {shapesOf(info).map((shape) => (
            <option key={shape} value={shape}>
              {say(shapeTexts[shape])}
            </option>
          ))}
        </select>
      </label>
      {!isPercentile && (
        <label>
          {say('summed')}
          <select
            value={search.sum}
            onChange={(event) => set({ sum: named(sums, event.currentTarget.value) ?? 'none' })}
          >
            {sums.map((sum) => (
              <option key={sum} value={sum}>
                {say(sumTexts[sum])}
              </option>
            ))}
          </select>
        </label>
      )}
      {(search.sum !== 'none' || isPercentile) && (
        <Choice
          label={say('by')}
          value=""
          any={say('addLabel')}
          names={(labels.value ?? []).filter((label) => !search.by.includes(label) && label !== 'le')}
          onChoice={(label) => set({ by: [...search.by, label] })}
        />
      )}
      <LabelFilter
        matches={search.match}
        onMatches={(match) => set({ match })}
        names={labels.value ?? []}
        loadValues={(name, signal) => loadLabelValues(name, { selector, bounds: boundsOf(search, Date.now()) }, signal)}
        scope={`${selector} ${search.range} ${search.until}`}
      />
      <p class="chips">
        <MatchChips matches={search.match} onMatches={(match) => set({ match })} />
        {search.by.map((label) => (
          <span key={label} class="chip">
            <span class="muted">{say('by')}</span> <b>{label}</b>
            <button
              type="button"
              class="away"
              aria-label={say('remove', { what: label })}
              onClick={() => set({ by: search.by.filter((other) => other !== label) })}
            >
              ×
            </button>
          </span>
        ))}
      </p>
    </>
  );
}

function named<T extends string>(known: readonly T[], name: string): T | undefined {
  return known.find((one) => one === name);
}
