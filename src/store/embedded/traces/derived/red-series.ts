import { labelTest } from '../../../../lib/label-matcher.ts';
import { executionError } from '../../../../promql/errors.ts';
import { type Labels, metricName } from '../../../../promql/labels.ts';
import type { Matcher, Samples } from '../../../../promql/source.ts';
import { maxSamples } from '../../metrics/store-source.ts';
import type { VirtualFamily, VirtualRange, VirtualSeries } from '../../metrics/virtual-series.ts';
import type { Slice } from '../../slice.ts';
import type { DerivedRows } from './derived-rows.ts';
import { Durations, shownBounds } from './durations.ts';
import { minuteMs } from './minute.ts';
import type { LinkEntry, OperationEntry } from './minute-row.ts';

const calls = 'traces_spanmetrics_calls_total';
const latency = 'traces_spanmetrics_latency';
const requests = 'traces_service_graph_request_total';
const failed = 'traces_service_graph_request_failed_total';
const serverSeconds = 'traces_service_graph_request_server_seconds';
const clientSeconds = 'traces_service_graph_request_client_seconds';

const families: readonly VirtualFamily[] = [
  { name: calls, type: 'counter', help: 'Spans that are kept, by service, name, kind and status.' },
  { name: latency, type: 'histogram', help: 'How long they took, in seconds.' },
  { name: requests, type: 'counter', help: 'Calls between services, as the traces that are kept show them.' },
  { name: failed, type: 'counter', help: 'Those that failed.' },
  { name: serverSeconds, type: 'histogram', help: 'How long they took, as the server measured it.' },
  { name: clientSeconds, type: 'histogram', help: 'How long they took, as the client measured it.' },
];
const connectionTypes = { direct: '', messages: 'messaging_system', unseen: 'virtual_node' } as const;
/** Names and labels are listed from so much of a range, its end. */
const listedMs = 6 * 3_600_000;

type LabelMap = Readonly<Record<string, string>>;

/** What is counted of one set of labels, minute by minute. */
interface Counted {
  readonly labels: LabelMap;
  readonly minutes: Map<number, Cell>;
}

interface Cell {
  calls: number;
  errors: number;
  readonly first: Durations;
  readonly second: Durations;
}

/** One name of a family: its value of a cell, and what its labels have besides. */
interface Column {
  readonly name: string;
  readonly le?: string;
  value(cell: Cell): number;
}

/**
 * RED metrics and service graph under the names that Tempo's dashboards know (spec of its metrics-generator), as counters with one
 * sample at the end of each minute. They count from the beginning of what a query reads: rates and increases mean
 * something, the bare numbers do not.
 */
export class RedSeries implements VirtualSeries {
  readonly families = families;
  readonly #rows: DerivedRows;

  constructor(rows: DerivedRows) {
    this.#rows = rows;
  }

  async select(matchers: readonly Matcher[], range: VirtualRange, slice: Slice): Promise<readonly Samples[]> {
    // The minute that ends with the first sample, and the one that ends with the last.
    const from = Math.ceil(range.startMs / minuteMs) - 1;
    const to = Math.floor(range.endMs / minuteMs) - 1;
    const found: Samples[] = [];
    let samples = 0;
    for (const { counted, column } of await this.#matching(matchers, { from, to }, slice)) {
      samples += to - from + 1;
      if (samples > maxSamples) {
        throw executionError(`the query would read more than ${maxSamples} samples; ask for less at once`);
      }
      found.push({ labels: labelsOf(counted.labels, column), ...samplesOf(counted, column, { from, to }) });
      if (slice.over) {
        await slice.yield();
      }
    }
    return found;
  }

  async list(matchers: readonly Matcher[], { startMs, endMs }: VirtualRange, slice: Slice): Promise<readonly Labels[]> {
    const end = Math.min(endMs, this.#rows.nowMs);
    const from = Math.floor(Math.max(startMs, end - listedMs) / minuteMs);
    const matching = await this.#matching(matchers, { from, to: Math.floor(end / minuteMs) }, slice);
    return matching.map(({ counted, column }) => labelsOf(counted.labels, column));
  }

  async #matching(
    matchers: readonly Matcher[],
    reach: { readonly from: number; readonly to: number },
    slice: Slice,
  ): Promise<{ counted: Counted; column: Column }[]> {
    const ofNames = matchers.filter(({ name }) => name === metricName).map(labelTest);
    const isWanted = ({ name }: Column): boolean => ofNames.every((test) => test(name));
    const spanColumns = spanMetrics.filter(isWanted);
    const edgeColumns = edgeMetrics.filter(isWanted);
    if (reach.to < reach.from) {
      return [];
    }
    const spans = spanColumns.length === 0 ? [] : await this.#spans(reach, slice);
    const edges = edgeColumns.length === 0 ? [] : await this.#edges(reach, slice);
    const rest = matchers.filter(({ name }) => name !== metricName).map((each) => ({ ...each, test: labelTest(each) }));
    const test = (counted: Counted, column: Column): boolean =>
      rest.every((matcher) => matcher.test(labelOf(counted.labels, column, matcher.name)));
    return [
      ...spans.flatMap((counted) => spanColumns.map((column) => ({ counted, column }))),
      ...edges.flatMap((counted) => edgeColumns.map((column) => ({ counted, column }))),
    ].filter(({ counted, column }) => test(counted, column));
  }

  async #spans(reach: { readonly from: number; readonly to: number }, slice: Slice): Promise<Counted[]> {
    const table = new Table();
    await this.#rows.eachMinute(reach, slice, ({ operations }) => {
      for (const one of operations) {
        if (one.minute >= reach.from && one.minute <= reach.to) {
          const cell = table.cell(one.minute, operationLabels(one));
          cell.calls += one.calls;
          cell.first.merge(one.durations);
        }
      }
    });
    return table.all();
  }

  async #edges({ from, to }: { readonly from: number; readonly to: number }, slice: Slice): Promise<Counted[]> {
    const table = new Table();
    const range = { minMicros: from * minuteMs * 1000, maxMicros: (to + 1) * minuteMs * 1000 - 1 };
    for (const link of await this.#rows.links(range, slice)) {
      const cell = table.cell(link.minute, linkLabels(link));
      cell.calls += link.calls;
      cell.errors += link.errors;
      cell.first.merge(link.server);
      cell.second.merge(link.client);
    }
    return table.all();
  }
}

class Table {
  readonly #counted = new Map<string, Counted>();

  cell(minute: number, labels: LabelMap): Cell {
    const key = JSON.stringify(Object.values(labels));
    const counted = this.#counted.get(key) ?? { labels, minutes: new Map<number, Cell>() };
    this.#counted.set(key, counted);
    const cell = counted.minutes.get(minute) ?? {
      ...{ calls: 0, errors: 0 },
      ...{ first: new Durations(), second: new Durations() },
    };
    counted.minutes.set(minute, cell);
    return cell;
  }

  all(): Counted[] {
    return [...this.#counted.values()];
  }
}

function operationLabels({ service, name, kind, failed: hasFailed }: OperationEntry): LabelMap {
  return {
    service,
    span_kind: `SPAN_KIND_${kind}`,
    span_name: name,
    status_code: hasFailed ? 'STATUS_CODE_ERROR' : 'STATUS_CODE_UNSET',
  };
}

function linkLabels({ parent, child, way }: LinkEntry): LabelMap {
  return { client: parent, connection_type: connectionTypes[way], server: child };
}

function histogram(name: string, durations: (cell: Cell) => Durations): Column[] {
  return [
    ...shownBounds.map(
      ({ seconds, bucket }): Column => ({
        name: `${name}_bucket`,
        le: String(seconds),
        value: (cell) => durations(cell).upTo(bucket),
      }),
    ),
    { name: `${name}_bucket`, le: '+Inf', value: (cell) => durations(cell).count },
    { name: `${name}_count`, value: (cell) => durations(cell).count },
    { name: `${name}_sum`, value: (cell) => durations(cell).sumMicros / 1e6 },
  ];
}

const spanMetrics: readonly Column[] = [
  { name: calls, value: (cell) => cell.calls },
  ...histogram(latency, ({ first }) => first),
];
const edgeMetrics: readonly Column[] = [
  { name: requests, value: (cell) => cell.calls },
  { name: failed, value: (cell) => cell.errors },
  ...histogram(serverSeconds, ({ first }) => first),
  ...histogram(clientSeconds, ({ second }) => second),
];

function labelOf(labels: LabelMap, { le }: Column, name: string): string {
  return name === 'le' ? (le ?? '') : (labels[name] ?? '');
}

/** Sorted by name. */
function labelsOf(labels: LabelMap, { name, le }: Column): Labels {
  const pairs = Object.entries({ ...labels, ...(le !== undefined && { le }) }).filter(([, value]) => value !== '');
  return [[metricName, name], ...pairs.sort(([a], [b]) => (a < b ? -1 : 1))];
}

/** A sample at the end of every minute, from nothing on: what happened in the first is counted as well. */
function samplesOf(
  { minutes }: Counted,
  column: Column,
  { from, to }: { readonly from: number; readonly to: number },
): Pick<Samples, 'timesMs' | 'values'> {
  const length = to - from + 1;
  const timesMs = new Float64Array(length);
  const values = new Float64Array(length);
  let sum = 0;
  for (let i = 0; i < length; i++) {
    const cell = minutes.get(from + i);
    sum += cell === undefined ? 0 : column.value(cell);
    timesMs[i] = (from + i + 1) * minuteMs;
    values[i] = sum;
  }
  return { timesMs, values };
}
