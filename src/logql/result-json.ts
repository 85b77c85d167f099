import type { Entry, Instant } from './log-query.ts';
import { type Grid, labelsKey, type Row, sortedLabels, type Value } from './rows.ts';
import type { Control, Values } from './source.ts';

/**
 * How labels of lines are shown. `merged`: all of them make the stream. `categorized`: the stream has its own, each line
 * says what is its structured metadata and what was parsed (Loki's flag `categorize-labels`).
 */
export type LabelEncoding = 'merged' | 'categorized';

/** A value in Loki's JSON: a decimal without exponent, `NaN`, `+Inf`, `-Inf`. */
export function valueText(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  }
  const text = String(value);
  const [, sign = '', whole = '', rest = '', power] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (power === undefined) {
    return text;
  }
  const digits = whole + rest;
  const point = whole.length + Number(power);
  if (point <= 0) {
    return `${sign}0.${'0'.repeat(-point)}${digits}`;
  }
  return `${sign}${digits.padEnd(point, '0')}`;
}

export function nanosText({ seconds, nanos }: Instant): string {
  return `${seconds}${String(nanos).padStart(9, '0')}`.replace(/^0+(?=\d)/, '');
}

/** A list of `{stream, values}`, the streams in the order of their first entries. */
export async function streamsJson(
  entries: readonly Entry[],
  encoding: LabelEncoding,
  control: Control,
): Promise<string> {
  const streams = new Map<string, { labels: string; values: string[] }>();
  for (const entry of entries) {
    const labels = sortedLabels(streamOf(entry, encoding));
    const key = labelsKey(labels);
    const stream = streams.get(key) ?? { labels: key, values: [] };
    streams.set(key, stream);
    stream.values.push(entryJson(entry, encoding));
    if (control.over) {
      await control.yield();
    }
  }
  return `[${[...streams.values()].map(({ labels, values }) => `{"stream":${labels},"values":[${values.join(',')}]}`).join(',')}]`;
}

function streamOf({ parts }: Entry, encoding: LabelEncoding): Values {
  return encoding === 'categorized' ? parts.stream : { ...parts.stream, ...parts.metadata, ...parts.parsed };
}

function entryJson(entry: Entry, encoding: LabelEncoding): string {
  const pair = `"${nanosText(entry)}",${JSON.stringify(entry.line)}`;
  if (encoding === 'merged') {
    return `[${pair}]`;
  }
  const { parts, derived } = entry;
  const metadata = sortedLabels({ ...derived, ...parts.metadata });
  const parsed = sortedLabels(parts.parsed);
  const categories = {
    ...(Object.keys(metadata).length > 0 ? { structuredMetadata: metadata } : {}),
    ...(Object.keys(parsed).length > 0 ? { parsed } : {}),
  };
  return `[${pair},${JSON.stringify(categories)}]`;
}

export interface ResultJson {
  readonly resultType: 'streams' | 'matrix' | 'vector' | 'scalar';
  /** JSON. */
  readonly result: string;
  readonly count: number;
}

function pairAt({ startMs, stepMs }: Grid, at: number, value: number): string {
  return `[${(startMs + at * stepMs) / 1000},"${valueText(value)}"]`;
}

/** At one time. Rows without a value are left out. */
export function vectorJson(value: Value, grid: Grid): ResultJson {
  if (value.type === 'scalar') {
    return { resultType: 'scalar', result: pairAt(grid, 0, value.value), count: 1 };
  }
  const rows = value.rows.filter(({ present }) => present[0] === 1);
  const texts = rows.map(({ labels, values }) => {
    return `{"metric":${labelsKey(labels)},"value":${pairAt(grid, 0, values[0] ?? 0)}}`;
  });
  return { resultType: 'vector', result: `[${texts.join(',')}]`, count: rows.length };
}

/** Over all times, series in the order of their labels. */
export async function matrixJson(rows: readonly Row[], grid: Grid, control: Control): Promise<ResultJson> {
  const shown = rows.filter(({ present }) => present.includes(1));
  const keyed = shown.map((row) => ({ key: labelsKey(row.labels), row }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const texts: string[] = [];
  for (const { key, row } of keyed) {
    const pairs: string[] = [];
    for (let at = 0; at < grid.count; at++) {
      if (row.present[at] === 1) {
        pairs.push(pairAt(grid, at, row.values[at] ?? 0));
      }
    }
    texts.push(`{"metric":${key},"values":[${pairs.join(',')}]}`);
    if (control.over) {
      await control.yield();
    }
  }
  return { resultType: 'matrix', result: `[${texts.join(',')}]`, count: shown.length };
}
