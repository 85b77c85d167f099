import type { Labels } from './labels.ts';
import type { QueryResult } from './promql.ts';
import type { Control } from './query.ts';
import type { PlainSeries } from './select.ts';
import { valueText } from './value-text.ts';

/** What stands under `data` in Prometheus' answers to `query` and `query_range`. */
export function resultJson(result: QueryResult): string {
  return Array.from(parts(result)).join('');
}

/** The same as UTF-8, made bit by bit: lets others work in between. Rejects when the asker has gone. */
export async function resultBytes(result: QueryResult, control: Pick<Control, 'over' | 'yield'>): Promise<Buffer> {
  const made: Buffer[] = [];
  for (const part of parts(result)) {
    made.push(Buffer.from(part));
    if (control.over) {
      await control.yield();
    }
  }
  return Buffer.concat(made);
}

function* parts(result: QueryResult): Generator<string, void, undefined> {
  yield `{"resultType":"${result.type}","result":`;
  switch (result.type) {
    case 'scalar':
      yield `[${seconds(result.timeMs)},"${valueText(result.value)}"]`;
      break;
    case 'string':
      yield `[${seconds(result.timeMs)},${JSON.stringify(result.value)}]`;
      break;
    case 'vector':
      yield* list(result.samples, ({ labels, value }) => {
        const point = `[${seconds(result.timeMs)},"${valueText(value)}"]`;
        return `{"metric":${metric(labels)},"value":${point}}`;
      });
      break;
    case 'matrix':
      yield* matrix(result.series);
      break;
    default:
      result satisfies never;
  }
  yield '}';
}

/** Elements go out together, some thousand characters at a time. */
const partLength = 65_536;

function* list<T>(elements: Iterable<T>, text: (element: T) => string): Generator<string, void, undefined> {
  let part = '[';
  let isFirst = true;
  for (const element of elements) {
    part += isFirst ? text(element) : `,${text(element)}`;
    isFirst = false;
    if (part.length >= partLength) {
      yield part;
      part = '';
    }
  }
  yield `${part}]`;
}

function* matrix(series: readonly PlainSeries[]): Generator<string, void, undefined> {
  // Series without gaps have the very same times: their texts are made once.
  let times: Float64Array | undefined;
  let before: readonly string[] = [];
  yield* list(series, ({ labels, timesMs, values }) => {
    if (timesMs !== times) {
      times = timesMs;
      before = Array.from(timesMs, (timeMs) => `[${seconds(timeMs)},"`);
    }
    const points = new Array<string>(values.length);
    for (let at = 0; at < values.length; at += 1) {
      points[at] = `${before[at]}${valueText(values[at] ?? Number.NaN)}"]`;
    }
    return `{"metric":${metric(labels)},"values":[${points.join(',')}]}`;
  });
}

/** ms → seconds as a JSON number without rounding. */
function seconds(timeMs: number): string {
  return String(timeMs / 1_000);
}

function metric(labels: Labels): string {
  return JSON.stringify(Object.fromEntries(labels));
}
