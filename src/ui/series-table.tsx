import type { VNode } from 'preact';
import { seriesHue } from './colour.ts';
import { clockText, numberText } from './format.ts';
import { useSay } from './hooks.ts';
import { allLabels, type ChartData, type SeriesView, seriesName, tellingLabels } from './series.ts';

interface SeriesTableProps {
  readonly data: ChartData;
  readonly hidden: ReadonlySet<number>;
  /** Index of the time that the first number is of; undefined: the last there is. */
  readonly cursor: number | undefined;
  readonly onLit: (index: number | undefined) => void;
  readonly onSolo: (index: number) => void;
}

/** The legend of the chart with its numbers. A click leaves one line alone on the chart. */
export function SeriesTable({ data, hidden, cursor, onLit, onSolo }: SeriesTableProps): VNode {
  const say = useSay();
  const telling = tellingLabels(data.series);
  const time = cursor === undefined ? undefined : data.times[cursor];
  return (
    <div class="scroll-x">
      <table class="series">
        <thead>
          <tr>
            <th>{telling.length === 0 ? say('series') : telling.join(' · ')}</th>
            <th class="number">{time === undefined ? say('last') : clockText(time * 1_000).slice(0, 8)}</th>
            <th class="number">{say('min')}</th>
            <th class="number">{say('mean')}</th>
            <th class="number">{say('max')}</th>
          </tr>
        </thead>
        <tbody onMouseLeave={() => onLit(undefined)}>
          {data.series.map((series, i) => (
            <tr
              key={JSON.stringify(series.labels)}
              class={hidden.has(i) ? 'hidden' : ''}
              data-series={JSON.stringify(series.labels)}
              onMouseEnter={() => onLit(i)}
            >
              <th scope="row">
                <button
                  type="button"
                  aria-pressed={!hidden.has(i)}
                  title={`${allLabels(series.labels)}\n\n${say('solo')}`}
                  onClick={() => onSolo(i)}
                >
                  <i class="swatch" style={{ '--hue': seriesHue(i) }} aria-hidden="true" />
                  {seriesName(series.labels, telling)}
                </button>
              </th>
              <Numbers series={series} cursor={cursor} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Numbers({ series, cursor }: { readonly series: SeriesView; readonly cursor: number | undefined }): VNode {
  const now = cursor === undefined ? series.last : (series.values[cursor] ?? undefined);
  return (
    <>
      <Cell field="last" value={now} />
      <Cell field="min" value={series.min} />
      <Cell field="mean" value={series.mean} />
      <Cell field="max" value={series.max} />
    </>
  );
}

function Cell({ field, value }: { readonly field: string; readonly value: number | undefined }): VNode {
  return (
    <td class="number" data-field={field} data-value={value} title={value === undefined ? '' : String(value)}>
      {numberText(value)}
    </td>
  );
}
