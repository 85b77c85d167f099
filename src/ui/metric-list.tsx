import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { countText } from './format.ts';
import { useKeys, useSay } from './hooks.ts';
import { foundIn, type MetricInfo, type MetricSearch } from './metric-search.ts';

/** More rows than this nobody reads; typing narrows them. */
const mostRows = 400;

interface MetricListProps {
  readonly families: readonly MetricInfo[] | undefined;
  readonly search: MetricSearch;
  readonly onSearch: (search: MetricSearch) => void;
  readonly onMetric: (name: string) => void;
}

/** Metrics under their measurements. */
export function MetricList({ families, search, onSearch, onMetric }: MetricListProps): VNode {
  const say = useSay();
  const found = useMemo(() => byMeasurement(foundIn(families ?? [], search.find)), [families, search.find]);
  const shown = found.slice(0, mostRows);
  const [at, setAt] = useState<string>();
  const chosen = at ?? search.metric;
  const step = (by: number): true => {
    const index = shown.findIndex(({ name }) => name === chosen);
    setAt(shown[Math.max(0, Math.min(shown.length - 1, index + by))]?.name);
    return true;
  };
  useKeys((event) => {
    const keys: Readonly<Record<string, () => boolean>> = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      Enter: () => {
        const isOther = at !== undefined && at !== search.metric && !(event.target instanceof HTMLButtonElement);
        if (isOther) {
          onMetric(at);
        }
        return isOther;
      },
    };
    return keys[event.key]?.() ?? false;
  });
  return (
    <section class="metric-list panel" aria-label={say('metrics')}>
      <input
        type="text"
        data-find
        spellcheck={false}
        autocomplete="off"
        value={search.find}
        placeholder={say('findMetric')}
        aria-label={say('findMetric')}
        onInput={(event) => onSearch({ ...search, find: event.currentTarget.value })}
        onKeyDown={(event) => leave(event, () => onMetric(shown[0]?.name ?? ''))}
      />
      <div class="rows">
        {families === undefined && <p class="muted pad">{say('loading')}</p>}
        {shown.map((info, i) => (
          <Row
            key={info.name}
            info={info}
            heads={shown[i - 1]?.measurement !== info.measurement}
            current={info.name === search.metric}
            chosen={info.name === chosen}
            onMetric={onMetric}
          />
        ))}
        {families !== undefined && families.length > 0 && shown.length === 0 && (
          <p class="muted pad">{say('noMetricFound')}</p>
        )}
        {found.length > shown.length && (
          <p class="muted pad">{say('moreMetrics', { count: countText(found.length - shown.length) })}</p>
        )}
      </div>
    </section>
  );
}

interface RowProps {
  readonly info: MetricInfo;
  /** The first of its measurement. */
  readonly heads: boolean;
  readonly current: boolean;
  readonly chosen: boolean;
  readonly onMetric: (name: string) => void;
}

function Row({ info, heads, current, chosen, onMetric }: RowProps): VNode {
  const row = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (chosen) {
      row.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [chosen]);
  return (
    <>
      {heads && <h3>{info.measurement}</h3>}
      <button
        ref={row}
        type="button"
        class={chosen ? 'chosen' : ''}
        aria-current={current ? 'true' : undefined}
        data-metric={info.name}
        title={`${info.name}\n${info.help}`}
        onClick={() => onMetric(info.name)}
      >
        <span class="metric-name">{info.name}</span>
        <span class="muted kind">{info.type}</span>
        <span class="muted series-count">{countText(info.series)}</span>
      </button>
    </>
  );
}

/** What proxies say of requests comes before what they say of themselves. */
function meshFirst(name: string): string {
  return name.startsWith('istio') ? ` ${name}` : name;
}

function byMeasurement(found: readonly MetricInfo[]): readonly MetricInfo[] {
  return found.toSorted(
    (a, b) =>
      compare(meshFirst(a.measurement), meshFirst(b.measurement)) || compare(meshFirst(a.name), meshFirst(b.name)),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function leave(event: KeyboardEvent & { readonly currentTarget: HTMLInputElement }, first: () => void): void {
  if (event.key === 'Escape' || event.key === 'Enter') {
    event.currentTarget.blur();
  }
  if (event.key === 'Enter') {
    first();
  }
}
