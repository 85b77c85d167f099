import type { VNode } from 'preact';
import { loadNames } from './api.ts';
import { microsOf, momentText } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { anySearch, limits, type Range, ranges, type TraceSearch } from './route.ts';
import type { TextKey } from './texts.ts';

interface TraceFilterProps {
  readonly search: TraceSearch;
  readonly services: readonly string[];
  readonly onSearch: (search: TraceSearch) => void;
}

const rangeTexts: Readonly<Record<Range, TextKey>> = {
  '15m': 'range15m',
  '1h': 'range1h',
  '6h': 'range6h',
  '1d': 'range1d',
  '7d': 'range7d',
};

/** Everything that narrows the list; each change goes into the URL. */
export function TraceFilter({ search, services, onSearch }: TraceFilterProps): VNode {
  const say = useSay();
  const set = (change: Partial<TraceSearch>): void => onSearch({ ...search, ...change });
  const { until, ...unbounded } = search;
  const badMin = search.min !== '' && microsOf(search.min) === undefined;
  return (
    <form class="filter" onSubmit={(event) => event.preventDefault()}>
      <Choice
        label={say('service')}
        value={search.service}
        any={say('anyService')}
        names={services}
        onChoice={(service) => set({ service, span: '' })}
      />
      {search.service !== '' && <SpanNames search={search} onSpan={(span) => set({ span })} />}
      <label class="wide">
        {say('tagQuery')}
        <input
          type="text"
          class="mono"
          spellcheck={false}
          value={search.query}
          placeholder={say('tagQueryHint')}
          onChange={(event) => set({ query: event.currentTarget.value })}
        />
      </label>
      <label>
        {say('minDuration')}
        <input
          type="text"
          class="short"
          value={search.min}
          placeholder="10ms"
          aria-invalid={badMin}
          title={badMin ? say('badDuration') : ''}
          onChange={(event) => set({ min: event.currentTarget.value.trim() })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={search.errors}
          onChange={(event) => set({ errors: event.currentTarget.checked })}
        />
        {say('onlyErrors')}
      </label>
      <label>
        {say('range')}
        <select value={search.range} onChange={(event) => set({ range: rangeNamed(event.currentTarget.value) })}>
          {Object.entries(rangeTexts).map(([range, text]) => (
            <option key={range} value={range}>
              {say(text)}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="quiet until"
        title={say(until === undefined ? 'freeze' : 'unfreeze')}
        onClick={() => onSearch(until === undefined ? { ...search, until: Date.now() } : unbounded)}
      >
        {until === undefined ? say('untilNow') : say('until', { moment: momentText(until).slice(0, -4) })}
      </button>
      <label>
        {say('limit')}
        <select value={search.limit} onChange={(event) => set({ limit: Number(event.currentTarget.value) })}>
          {limits.map((limit) => (
            <option key={limit} value={limit}>
              {limit}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="quiet"
        onClick={() => set({ order: search.order === 'newest' ? 'longest' : 'newest' })}
      >
        {say(search.order)}
      </button>
      <button type="button" class="quiet" onClick={() => onSearch(anySearch)}>
        {say('clear')}
      </button>
    </form>
  );
}

function SpanNames({
  search,
  onSpan,
}: {
  readonly search: TraceSearch;
  readonly onSpan: (span: string) => void;
}): VNode {
  const say = useSay();
  const url = `/api/v2/spans?serviceName=${encodeURIComponent(search.service)}`;
  const names = usePolled((signal) => loadNames(url, signal), { everyMs: 30_000, key: url });
  return (
    <Choice
      label={say('spanName')}
      value={search.span}
      any={say('anySpan')}
      names={names.value ?? []}
      onChoice={onSpan}
    />
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly any: string;
  readonly names: readonly string[];
  readonly onChoice: (name: string) => void;
}

function Choice({ label, value, any, names, onChoice }: ChoiceProps): VNode {
  const offered = value === '' || names.includes(value) ? names : [value, ...names];
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChoice(event.currentTarget.value)}>
        <option value="">{any}</option>
        {offered.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function rangeNamed(name: string): Range {
  return name in ranges ? (name as Range) : anySearch.range;
}
