import type { VNode } from 'preact';
import { loadNames } from './api.ts';
import { Choice } from './choice.tsx';
import { microsOf } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { TimePicker } from './time-picker.tsx';
import { anySearch, limits, type TraceSearch } from './trace-search.ts';

interface TraceFilterProps {
  readonly search: TraceSearch;
  readonly services: readonly string[];
  readonly onSearch: (search: TraceSearch) => void;
}

/** Everything that narrows the list; each change goes into the URL. */
export function TraceFilter({ search, services, onSearch }: TraceFilterProps): VNode {
  const say = useSay();
  const set = (change: Partial<TraceSearch>): void => onSearch({ ...search, ...change });
  const { from: _from, until: _until, ...timeless } = search;
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
      <DurationField label={say('minDuration')} value={search.min} onValue={(min) => set({ min })} />
      <DurationField label={say('maxDuration')} value={search.max} onValue={(max) => set({ max })} />
      <label class="check">
        <input
          type="checkbox"
          checked={search.errors}
          onChange={(event) => set({ errors: event.currentTarget.checked })}
        />
        {say('onlyErrors')}
      </label>
      <TimePicker span={search} onSpan={(span) => onSearch({ ...timeless, ...span })} />
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

interface DurationFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
}

function DurationField({ label, value, onValue }: DurationFieldProps): VNode {
  const say = useSay();
  const isBad = value !== '' && microsOf(value) === undefined;
  return (
    <label>
      {label}
      <input
        type="text"
        class="short"
        value={value}
        placeholder="10ms"
        aria-invalid={isBad}
        title={isBad ? say('badDuration') : ''}
        onChange={(event) => onValue(event.currentTarget.value.trim())}
      />
    </label>
  );
}
