import type { Labels } from './labels.ts';
import type { QueryResult } from './promql.ts';
import { valueText } from './value-text.ts';

/** What stands under `data` in Prometheus' answers to `query` and `query_range`. */
export function resultJson(result: QueryResult): string {
  return `{"resultType":"${result.type}","result":${resultOf(result)}}`;
}

function resultOf(result: QueryResult): string {
  switch (result.type) {
    case 'scalar':
      return point(result.timeMs, result.value);
    case 'string':
      return `[${seconds(result.timeMs)},${JSON.stringify(result.value)}]`;
    case 'vector': {
      const { samples, timeMs } = result;
      const rows = samples.map(({ labels, value }) => `{"metric":${metric(labels)},"value":${point(timeMs, value)}}`);
      return `[${rows.join(',')}]`;
    }
    case 'matrix': {
      const rows = result.series.map(({ labels, timesMs, values }) => {
        const points = Array.from(timesMs, (timeMs, index) => point(timeMs, values[index] ?? Number.NaN));
        return `{"metric":${metric(labels)},"values":[${points.join(',')}]}`;
      });
      return `[${rows.join(',')}]`;
    }
    default:
      return result satisfies never;
  }
}

function point(timeMs: number, value: number): string {
  return `[${seconds(timeMs)},"${valueText(value)}"]`;
}

/** ms → seconds as a JSON number without rounding. */
function seconds(timeMs: number): string {
  return String(timeMs / 1_000);
}

function metric(labels: Labels): string {
  return JSON.stringify(Object.fromEntries(labels));
}
