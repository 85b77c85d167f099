import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { momentText, numberText } from './format.ts';
import type { ChartData } from './series.ts';
import { colours, useThemeChanges } from './theme.ts';

const height = 260;

interface ChartProps {
  readonly data: ChartData;
  /** Of each series. */
  readonly strokes: readonly string[];
  /** Indices of series that are not drawn. */
  readonly hidden: ReadonlySet<number>;
  /** The series that stands out. */
  readonly lit: number | undefined;
  readonly label: string;
  /** Index of the time under the pointer, undefined when it left. */
  readonly onCursor: (index: number | undefined) => void;
  /** Two moments in ms, after somebody dragged. */
  readonly onSelect: (startMs: number, endMs: number) => void;
}

/** Lines against time. Dragging chooses a time. */
export function Chart(props: ChartProps): VNode {
  const { data, strokes, hidden, lit, label } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const theme = useThemeChanges();
  const shape = `${theme} ${strokes.join()}`;
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return;
    }
    const made = new uPlot(optionsOf(latest, element.clientWidth), alignedData(latest.current.data), element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(alignedData(data));
  }, [data, shape]);
  useEffect(() => {
    const made = plot.current;
    made?.batch(() => {
      for (const [i] of strokes.entries()) {
        made.setSeries(i + 1, { show: !hidden.has(i) });
      }
      made.setSeries(lit === undefined || hidden.has(lit) ? null : lit + 1, { focus: true });
    });
  }, [hidden, lit, shape, data]);
  return <div ref={place} class="chart" role="img" aria-label={label} />;
}

function alignedData({ times, series }: ChartData): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => values.map((v) => (v === null || Number.isFinite(v) ? v : null)))];
}

function optionsOf(latest: { readonly current: ChartProps }, width: number): uPlot.Options {
  const paint = colours('muted', 'line', 'accent');
  const axis = {
    stroke: paint.muted,
    grid: { stroke: paint.line, width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width,
    height,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    focus: { alpha: 0.25 },
    cursor: { points: { size: 6 }, drag: { x: true, y: false, setScale: false }, focus: { prox: -1 } },
    scales: { y: { range: (_plot, low, high) => yRange(low, high) } },
    axes: [
      { ...axis, values: timeTexts, size: 28 },
      { ...axis, size: 58, values: (_plot, splits) => splits.map((value) => numberText(value)) },
    ],
    series: [{}, ...latest.current.strokes.map((stroke) => ({ stroke, width: 1.4, points: { size: 4 } }))],
    hooks: {
      setCursor: [(plot) => latest.current.onCursor(plot.cursor.idx ?? undefined)],
      setSelect: [
        (plot) => {
          if (plot.select.width > 4) {
            const at = (px: number): number => plot.posToVal(px, 'x') * 1_000;
            latest.current.onSelect(at(plot.select.left), at(plot.select.left + plot.select.width));
          }
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** Numbers that are all positive are seen from 0 on, unless they hardly differ. */
function yRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) {
    return [0, 1];
  }
  const flat = high === low;
  const room = flat ? Math.abs(high) * 0.1 || 1 : (high - low) * 0.08;
  return [low >= 0 && (low < high * 0.6 || flat) ? 0 : low - room, high <= 0 && low < 0 ? 0 : high + room];
}

/** `14:03`, with the date where a day begins and seconds where the steps are that small. */
function timeTexts(_plot: uPlot, splits: readonly number[]): string[] {
  const step = (splits[1] ?? 0) - (splits[0] ?? 0);
  return splits.map((seconds) => {
    const moment = momentText(seconds * 1_000);
    const clock = moment.slice(11, 16);
    if (clock === '00:00' && step >= 600) {
      return moment.slice(5, 10);
    }
    return step < 60 ? moment.slice(11, 19) : clock;
  });
}
