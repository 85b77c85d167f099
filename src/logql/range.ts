import { type Accumulator, accumulatorFor } from './accumulators.ts';
import type { Grouping, Matcher, RangeExpr, Unwrap } from './ast.ts';
import { executionError } from './errors.ts';
import { type LabelTest, labelTest } from './label-filter.ts';
import type { LineLabels } from './line-labels.ts';
import { type LineState, Pipeline } from './pipeline.ts';
import { labelsKey, omitLabels, put, type Row, type Scope, sortedLabels } from './rows.ts';
import type { LineSource, LogLine, Values } from './source.ts';
import { byteCount, durationSeconds, floatOf } from './units.ts';

/** Evaluates `rate({…} … [5m])` and its like. `by` says which labels are wanted in the end, where that is known. */
export async function evaluateRange(
  expr: RangeExpr,
  source: LineSource,
  scope: Scope,
  by?: readonly string[],
): Promise<readonly Row[]> {
  const { startMs, stepMs, count } = scope.grid;
  const pipeline = new Pipeline(expr.log.stages);
  const series = new SeriesBook(expr, scope, pipeline.keepsLabels, by);
  const value = valueReader(expr);
  const endMs = startMs + stepMs * (count - 1) - expr.offsetMs;
  const range = { startMs: Math.floor(startMs - expr.offsetMs - expr.rangeMs), endMs: Math.ceil(endMs) };
  const { matchers } = expr.log;
  // Lines that count as they are need not be looked at.
  const isPlain = expr.log.stages.length === 0 && expr.unwrap === undefined;
  const isBytes = expr.op.startsWith('bytes');
  await source.scan(
    { matchers, texts: pipeline.texts, ...range, order: 'any' },
    {
      enough: () => false,
      visit: (line) => {
        const ms = line.seconds * 1000 + line.nanos / 1e6 + expr.offsetMs;
        // A line counts at the times from its own up to the range after it, that one not included.
        const first = Math.max(0, Math.ceil((ms - startMs) / stepMs));
        const last = Math.min(count - 1, Math.ceil((ms + expr.rangeMs - startMs) / stepMs) - 1);
        if (first > last) {
          return;
        }
        const known = isPlain ? series.known(line) : undefined;
        if (known !== undefined) {
          known.add(first, last, isBytes ? line.length : 1, ms);
          return;
        }
        const state = pipeline.run(line);
        const number = state === undefined ? undefined : value(state);
        if (state !== undefined && number !== undefined) {
          series.of(line, state).add(first, last, number, ms);
        }
      },
    },
  );
  const rows = await series.finish();
  return expr.op === 'absent_over_time' ? [absentRow(expr.log.matchers, rows, scope)] : rows;
}

/** 1 where no series has a line; its labels are those that the selector names. */
function absentRow(matchers: readonly Matcher[], rows: readonly Row[], scope: Scope): Row {
  const named = matchers.filter(
    ({ op, name }) => op === '=' && matchers.filter((each) => each.name === name).length < 2,
  );
  const row = scope.newRow(sortedLabels(Object.fromEntries(named.map(({ name, value }) => [name, value]))));
  for (let at = 0; at < row.values.length; at++) {
    if (!rows.some(({ present }) => present[at] === 1)) {
      put(row, at, 1);
    }
  }
  return row;
}

/** What a line counts; undefined where it is left out. */
function valueReader({ op, unwrap }: RangeExpr): (state: LineState) => number | undefined {
  if (unwrap !== undefined) {
    return unwrapped(unwrap);
  }
  return op.startsWith('bytes') ? ({ length }) => length : () => 1;
}

const conversions: Readonly<Record<Unwrap['convert'], (text: string) => number | undefined>> = {
  number: floatOf,
  duration: durationSeconds,
  duration_seconds: durationSeconds,
  bytes: byteCount,
};

function unwrapped({ name, convert, filters }: Unwrap): (state: LineState) => number | undefined {
  const tests: readonly LabelTest[] = filters.map(labelTest);
  const read = conversions[convert];
  return ({ labels }) => {
    const text = labels.get(name);
    if (text === '') {
      return undefined;
    }
    const value = read(text);
    if (value === undefined) {
      labels.fail('SampleExtractionErr', `${JSON.stringify(text)} is no ${convert}`);
    }
    return tests.every((test) => test(labels)) ? (value ?? 0) : undefined;
  };
}

interface Series {
  readonly labels: Values;
  readonly accumulator: Accumulator;
}

/** The series of an aggregation by their labels. */
class SeriesBook {
  readonly #expr: RangeExpr;
  readonly #scope: Scope;
  readonly #isFixed: boolean;
  readonly #grouping: Grouping | undefined;
  readonly #series = new Map<string, Series>();
  /** Where labels depend on nothing but stream and level. */
  readonly #known = new WeakMap<Values, Map<string, Accumulator>>();

  constructor(expr: RangeExpr, scope: Scope, keepsLabels: boolean, by: readonly string[] | undefined) {
    this.#expr = expr;
    this.#scope = scope;
    this.#isFixed = keepsLabels && expr.unwrap === undefined;
    this.#grouping = expr.grouping ?? (by === undefined ? undefined : { without: false, names: by });
  }

  of(line: LogLine, state: LineState): Accumulator {
    if (!this.#isFixed || !this.#isOfStream(line)) {
      return this.#find(state.labels);
    }
    const known = this.#known.get(line.stream) ?? new Map<string, Accumulator>();
    this.#known.set(line.stream, known);
    const accumulator = known.get(line.level) ?? this.#find(state.labels);
    known.set(line.level, accumulator);
    return accumulator;
  }

  /** That of a line of which nothing but stream and level counts, where there was one before. */
  known(line: LogLine): Accumulator | undefined {
    const known = this.#known.get(line.stream)?.get(line.level);
    return known !== undefined && this.#isOfStream(line) ? known : undefined;
  }

  async finish(): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (const { labels, accumulator } of this.#series.values()) {
      rows.push(accumulator.finish(labels));
      await this.#scope.pause();
    }
    return rows;
  }

  /** Does the line itself add nothing to the labels that are asked for? */
  #isOfStream({ stream, hasMetadata }: LogLine): boolean {
    const grouping = this.#grouping;
    if (grouping === undefined || grouping.without) {
      return !hasMetadata;
    }
    return grouping.names.every((name) => name in stream || (levelNames.has(name) && !hasMetadata));
  }

  #find(labels: LineLabels): Accumulator {
    const grouping = this.#grouping;
    const isBy = grouping?.without === false && labels.error === '';
    const wanted = isBy ? undefined : this.#labels(labels);
    const key = wanted === undefined ? this.#valuesKey(labels) : labelsKey(wanted);
    return this.#series.get(key)?.accumulator ?? this.#begin(key, labels, wanted ?? this.#labels(labels));
  }

  /** Values of the labels that are grouped by: cheaper than labels where the series is known. */
  #valuesKey(labels: LineLabels): string {
    let key = '';
    for (const name of this.#grouping?.names ?? []) {
      const value = labels.get(name);
      key += `${value.length}:${value}`;
    }
    return key;
  }

  #begin(key: string, labels: LineLabels, wanted: Values): Accumulator {
    if (labels.error !== '') {
      throw pipelineError(labels.error, wanted);
    }
    if (this.#series.size >= this.#scope.control.maxSeries) {
      throw executionError(
        `maximum number of series (${this.#scope.control.maxSeries}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()`,
      );
    }
    const accumulator = accumulatorFor(this.#expr, this.#scope);
    this.#series.set(key, { labels: wanted, accumulator });
    return accumulator;
  }

  #labels(labels: LineLabels): Values {
    const grouping = this.#grouping;
    const { error } = labels;
    if (grouping !== undefined && !grouping.without && error === '') {
      return sortedLabels(Object.fromEntries(grouping.names.map((name) => [name, labels.get(name)])));
    }
    const { stream, metadata, parsed } = labels.parts();
    const left = [...(grouping?.names ?? []), ...(this.#expr.unwrap === undefined ? [] : [this.#expr.unwrap.name])];
    return omitLabels({ ...stream, ...metadata, ...parsed }, left);
  }
}

const levelNames: ReadonlySet<string> = new Set(['level', 'detected_level']);

function pipelineError(error: string, labels: Values): Error {
  const shown = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return executionError(
    `pipeline error: '${error}' for series: '{${shown.join(', ')}}'.\n` +
      `Use a label filter to intentionally skip this error. (e.g | __error__!="${error}").\n` +
      'To skip all potential errors you can match empty errors.(e.g __error__="")\n' +
      'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n',
  );
}
