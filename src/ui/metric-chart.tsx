import type { ComponentChildren, VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { Chart } from './chart.tsx';
import { seriesHue } from './colour.ts';
import { countText } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { isAway } from './http.ts';
import { type MetricInfo, type MetricSearch, queryOf, rateWindow, unitOf } from './metric-search.ts';
import { loadChart } from './metrics-api.ts';
import { QueryBox } from './query-box.tsx';
import { type ChartData, sharedLabels } from './series.ts';
import { SeriesTable } from './series-table.tsx';
import { colours, useThemeChanges } from './theme.ts';
import { aligned, between, boundsOf, stepMsOf } from './time-span.ts';

/** More lines than this can't be told apart. */
const mostSeries = 50;
export const mostPoints = 240;

interface MetricChartProps {
  readonly search: MetricSearch;
  readonly info: MetricInfo | undefined;
  readonly onSearch: (search: MetricSearch) => void;
  readonly live: boolean;
  /** What stands there while nothing is asked. */
  readonly children: ComponentChildren;
}

/** The query, its chart, and a row for each line. */
export function MetricChart({ search, info, onSearch, live, children }: MetricChartProps): VNode {
  const say = useSay();
  const stepMs = stepMsOf(boundsOf(search, Date.now()), mostPoints);
  const query = queryOf(search, info, rateWindow(stepMs));
  const { range, from, until } = search;
  const chart = usePolled(
    (signal) => {
      const bounds = aligned(boundsOf(search, Date.now()), stepMs);
      return query === '' ? Promise.resolve(undefined) : loadChart(query, { bounds, stepMs }, signal);
    },
    {
      everyMs: Math.max(5_000, stepMs),
      key: `chart ${query} ${range} ${from} ${until}`,
      paused: !live || until !== undefined || query === '',
    },
  );
  const failed = chart.error instanceof Error && !isAway(chart.error);
  return (
    <>
      <QueryBox
        query={query}
        byHand={search.query !== ''}
        hasForm={search.metric !== ''}
        error={failed ? chart.error.message : undefined}
        onQuery={(next) => onSearch({ ...search, query: next })}
      />
      {query === '' && children}
      {query !== '' && chart.value === undefined && <p class="empty">{failed ? say('noChart') : say('loading')}</p>}
      {chart.value !== undefined && (
        <Drawn
          key={`${query} ${range}`}
          data={chart.value}
          help={search.query === '' ? info?.help : undefined}
          unit={unitOf(search, info)}
          onSelect={(startMs, endMs) => onSearch({ ...search, ...between(search, startMs, endMs) })}
        />
      )}
    </>
  );
}

interface DrawnProps {
  readonly data: ChartData;
  readonly help: string | undefined;
  readonly unit: string;
  readonly onSelect: (startMs: number, endMs: number) => void;
}

const none: ReadonlySet<number> = new Set();

function Drawn({ data, help, unit, onSelect }: DrawnProps): VNode {
  const say = useSay();
  const theme = useThemeChanges();
  const [hidden, setHidden] = useState(none);
  const [lit, setLit] = useState<number>();
  const [cursor, setCursor] = useState<number>();
  const total = data.series.length;
  const shown = useMemo(() => ({ ...data, series: data.series.slice(0, mostSeries) }), [data]);
  const count = shown.series.length;
  const strokes = useMemo(() => {
    const light = colours('service-light')['service-light'];
    return Array.from({ length: count }, (_, i) => `oklch(${light} ${seriesHue(i)})`);
  }, [count, theme]);
  if (total === 0) {
    return <p class="empty">{say('noSeries')}</p>;
  }
  const solo = (index: number): void => {
    const others = shown.series.map((_, i) => i).filter((i) => i !== index);
    const isSolo = hidden.size === count - 1 && !hidden.has(index);
    setHidden(isSolo || count === 1 ? none : new Set(others));
  };
  return (
    <section class="panel">
      <p class="caption shared">
        {help !== undefined && <span>{help}</span>}
        {unit !== '' && <span data-field="unit">{say('unitOf', { unit })}</span>}
        {sharedLabels(shown.series).map(([name, value]) => (
          <span key={name} class="mono">
            <span class="muted">{name}=</span>
            {value}
          </span>
        ))}
      </p>
      <Chart
        data={shown}
        strokes={strokes}
        hidden={hidden}
        lit={lit}
        label={say('chartLabel', { count: countText(count) })}
        onCursor={setCursor}
        onSelect={onSelect}
      />
      {total > count && (
        <p class="muted pad">{say('tooManySeries', { shown: countText(count), total: countText(total) })}</p>
      )}
      <SeriesTable data={shown} hidden={hidden} cursor={cursor} onLit={setLit} onSolo={solo} />
    </section>
  );
}
