import { durationMs } from '../../src/lib/prometheus-duration.ts';
import { evaluateInstant, evaluateRange, type QueryResult } from '../../src/promql/promql.ts';
import type { SampleSource, Samples } from '../../src/promql/source.ts';
import { labelled, type Point, points, sampleSource, series } from '../fakes/sample-source.ts';

/** What became of one `eval` of a file in Prometheus' test language. */
export interface Outcome {
  readonly line: number;
  readonly eval: string;
  /** Absent: it passed. */
  readonly failure?: string;
  /** Why it was not run, where it was not. */
  readonly skipped?: string;
}

interface Eval {
  readonly line: number;
  readonly text: string;
  readonly failing: boolean;
  readonly instant: boolean;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly query: string;
  readonly body: readonly string[];
}

/** Series loaded so far, and the names of native histograms, which are not kept. */
interface Loaded {
  samples: Samples[];
  histograms: Samples[];
}

const control = { over: false, yield: () => Promise.resolve(), maxSamples: 10_000_000 };

class NativeHistogram extends Error {}

/** Runs the loads and evals of a file one after the other (prometheus: promql/promqltest). Annotations are not looked at. */
export async function runPromqltest(text: string): Promise<Outcome[]> {
  const loaded: Loaded = { samples: [], histograms: [] };
  const outcomes: Outcome[] = [];
  for (const { line, head, body } of blocks(text)) {
    if (head === 'clear') {
      loaded.samples = [];
      loaded.histograms = [];
    } else if (head.startsWith('load')) {
      load(loaded, head, body);
    } else {
      outcomes.push(await run(loaded, evalOf(line, head, body)));
    }
  }
  return outcomes;
}

function blocks(text: string): { line: number; head: string; body: string[] }[] {
  const found: { line: number; head: string; body: string[] }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.trim().startsWith('#')) {
      continue;
    }
    if (/^\s/.test(line)) {
      found.at(-1)?.body.push(line.trim());
    } else {
      found.push({ line: index + 1, head: line.trim(), body: [] });
    }
  }
  return found;
}

function ms(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const bare = text.replace(/^-/, '');
  return sign * (durationMs(bare) ?? Number(bare) * 1_000);
}

function load(loaded: Loaded, head: string, body: readonly string[]): void {
  const [command = '', step = ''] = head.split(/\s+/);
  for (const line of body) {
    if (line.includes('{{')) {
      loaded.histograms.push(series(`${line.slice(0, line.indexOf('{{')).trim()} 0x1000`, 1_000_000));
      continue;
    }
    const one = series(line, ms(step));
    const before = loaded.samples.findIndex(({ labels }) => JSON.stringify(labels) === JSON.stringify(one.labels));
    if (before >= 0) {
      loaded.samples[before] = one;
    } else {
      loaded.samples.push(one);
    }
    if (command === 'load_with_nhcb' && line.includes('_bucket')) {
      loaded.histograms.push(series(line.replace('_bucket', ''), ms(step)));
    }
  }
}

function evalOf(line: number, head: string, body: readonly string[]): Eval {
  const failing = head.startsWith('eval_fail') || body.some((one) => /^expect\s+fail/.test(one));
  const instant = /^eval\w*\s+instant\s+at\s+(\S+)\s+(.*)$/s.exec(head);
  const range = /^eval\w*\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.*)$/s.exec(head);
  const [, start = '0', end = start, step = '1m', query = ''] = range ?? [];
  const common = { line, text: head, failing, body };
  return instant === null
    ? { ...common, instant: false, startMs: ms(start), endMs: ms(end), stepMs: ms(step), query }
    : {
        ...common,
        instant: true,
        startMs: ms(instant[1] ?? '0'),
        endMs: ms(instant[1] ?? '0'),
        stepMs: 1,
        query: instant[2] ?? '',
      };
}

/** Says so when a query meets a native histogram. */
function watched({ samples, histograms }: Loaded): SampleSource {
  const floats = sampleSource(samples);
  const others = sampleSource(histograms);
  return {
    async select(matchers, startMs, endMs) {
      if ((await others.select(matchers, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)).length > 0) {
        throw new NativeHistogram();
      }
      return floats.select(matchers, startMs, endMs);
    },
  };
}

async function run(loaded: Loaded, asked: Eval): Promise<Outcome> {
  const outcome = { line: asked.line, eval: asked.text };
  if (asked.body.some((line) => line.includes('{{'))) {
    return { ...outcome, skipped: 'native histograms' };
  }
  try {
    const source = watched(loaded);
    const result = asked.instant
      ? await evaluateInstant(asked.query, asked.startMs, source, control)
      : await evaluateRange(asked.query, asked, source, control);
    const failure = asked.failing ? 'it should fail' : difference(asked, result);
    return { ...outcome, ...(failure === undefined ? {} : { failure }) };
  } catch (error) {
    if (error instanceof NativeHistogram) {
      return { ...outcome, skipped: 'native histograms' };
    }
    const { fault, message } = error as { fault?: string; message: string };
    if (fault === 'unsupported') {
      return { ...outcome, skipped: message };
    }
    const wanted = asked.body.map((line) => /^expect\s+fail\s+msg:\s*(.*)$/.exec(line)?.[1]).find((one) => one);
    const failure = asked.failing && message.includes(wanted ?? '') ? undefined : message;
    return { ...outcome, ...(failure === undefined ? {} : { failure }) };
  }
}

interface Row {
  readonly labels: string;
  readonly points: readonly Point[];
}

function difference(asked: Eval, result: QueryResult): string | undefined {
  const string = asked.body.map((line) => /^expect\s+string\s+(.*)$/.exec(line)?.[1]).find((one) => one !== undefined);
  if (string !== undefined) {
    const text = string.slice(1, -1);
    return result.type === 'string' && result.value === text ? undefined : `got ${JSON.stringify(result)}`;
  }
  const grid = gridOf(asked);
  const wanted = asked.body
    .filter((line) => !line.startsWith('expect'))
    .map((line) => {
      const { labels, rest } = /^[-+]?[\d.]|^[-+]?(?:Inf|NaN)$/i.test(line)
        ? { labels: [], rest: line }
        : labelled(line);
      const values = points(rest);
      return { labels: JSON.stringify(labels), points: grid.map((_, index) => values[index]) };
    });
  const got = rowsOf(result, grid);
  const ordered = asked.body.some((line) => /^expect\s+ordered/.test(line));
  const order = (rows: Row[]): Row[] => (ordered ? rows : rows.toSorted((a, b) => (a.labels < b.labels ? -1 : 1)));
  const [one, two] = [order(wanted), order(got)];
  const same =
    one.length === two.length &&
    one.every((row, index) => row.labels === two[index]?.labels && samePoints(row.points, two[index].points));
  return same ? undefined : `wanted ${text(one)}\n  got    ${text(two)}`;
}

function text(rows: readonly Row[]): string {
  return rows.map((row) => `${row.labels} ${row.points.map((point) => String(point ?? '_')).join(' ')}`).join(' | ');
}

function gridOf(asked: Eval): number[] {
  const vector = asked.body
    .map((line) => /^expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)/.exec(line))
    .find((one) => one !== null);
  const [startMs, endMs, stepMs] =
    vector === undefined
      ? [asked.startMs, asked.endMs, asked.stepMs]
      : [ms(vector[1] ?? ''), ms(vector[2] ?? ''), ms(vector[3] ?? '')];
  return Array.from({ length: Math.floor((endMs - startMs) / stepMs) + 1 }, (_, index) => startMs + index * stepMs);
}

function rowsOf(result: QueryResult, grid: readonly number[]): Row[] {
  switch (result.type) {
    case 'vector':
      return result.samples.map(({ labels, value }) => ({ labels: JSON.stringify(labels), points: [value] }));
    case 'matrix':
      return result.series.map(({ labels, timesMs, values }) => ({
        labels: JSON.stringify(labels),
        points: grid.map((time) => values[timesMs.indexOf(time)]),
      }));
    case 'scalar':
      return [{ labels: '[]', points: [result.value] }];
    default:
      return [];
  }
}

function samePoints(a: readonly Point[], b: readonly Point[]): boolean {
  return a.length === b.length && a.every((point, index) => samePoint(point, b[index]));
}

function samePoint(a: Point, b: Point): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') {
    return a === b;
  }
  const close = Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b));
  return Object.is(a, b) || a === b || close;
}
