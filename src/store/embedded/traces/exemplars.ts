import { BridgeError } from '../../../contract/errors.ts';
import type { Answer, TimeRange } from '../../../contract/store.ts';
import { labelTest } from '../../../lib/label-matcher.ts';
import type { Span } from '../../../model/span.ts';
import type { Expr } from '../../../promql/ast.ts';
import { PromqlError } from '../../../promql/errors.ts';
import { metricName } from '../../../promql/labels.ts';
import { parse } from '../../../promql/parse.ts';
import type { Matcher } from '../../../promql/source.ts';
import type { Slice } from '../slice.ts';
import { graphLabels, istioLabels, mayBeUntold, redLabels } from './exemplar-labels.ts';
import type { Partition } from './partition.ts';
import type { TraceSource } from './trace-reader.ts';

/** Blocks that one question reads, evenly spread over those of the range. */
const mostBlocks = 240;
/** Of each series one exemplar of so many equal parts of the range is given. */
const parts = 60;
const mostSeries = 200;

interface Family {
  readonly names: readonly string[];
  /** The labels that a span tells of the series it counts in; undefined values are not told. */
  labels(span: Span): Readonly<Record<string, string | undefined>>;
  isOf(span: Span): boolean;
  /** Of a duration in µs. */
  value(micros: number): number;
}

function withEndings(name: string, endings: readonly string[]): string[] {
  return endings.map((ending) => name + ending);
}

const histogram = ['_bucket', '_count', '_sum', ''];
/** Envoy's own leg to the application that it stands beside is counted by nobody. */
function isIstioRequest({ kind, tags }: Span): boolean {
  const isOwnLeg = kind === 'CLIENT' && tags?.['upstream_cluster']?.startsWith('inbound|') === true;
  return (kind === 'SERVER' || kind === 'CLIENT') && tags?.['component'] === 'proxy' && !isOwnLeg;
}

const families: readonly Family[] = [
  {
    names: [...withEndings('istio_request_duration_milliseconds', histogram), 'istio_requests_total'],
    labels: istioLabels,
    isOf: isIstioRequest,
    value: (micros) => micros / 1000,
  },
  {
    names: ['traces_spanmetrics_calls_total', ...withEndings('traces_spanmetrics_latency', histogram)],
    labels: redLabels,
    isOf: () => true,
    value: (micros) => micros / 1e6,
  },
  {
    names: [
      'traces_service_graph_request_total',
      'traces_service_graph_request_failed_total',
      ...withEndings('traces_service_graph_request_server_seconds', histogram),
    ],
    labels: graphLabels,
    isOf: ({ kind }) => kind === 'SERVER',
    value: (micros) => micros / 1e6,
  },
  {
    names: withEndings('traces_service_graph_request_client_seconds', histogram),
    labels: graphLabels,
    isOf: ({ kind }) => kind === 'CLIENT',
    value: (micros) => micros / 1e6,
  },
];

/** A selector of the query, for one metric that it matches. */
interface Wanted {
  readonly name: string;
  readonly family: Family;
  readonly tests: readonly { readonly label: string; readonly test: (value: string) => boolean }[];
}

interface Exemplar {
  readonly micros: number;
  readonly json: object;
}

interface Series {
  readonly seriesLabels: object;
  /** The slowest of each part of the range. */
  readonly byPart: Map<number, Exemplar>;
}

/**
 * What stands under `data` of Prometheus' `query_exemplars`: spans, as exemplars of the metrics that counted them. They are looked
 * up when somebody asks, for Envoy sends none with its metrics. Throws BRIDGE_DECODE at what is no PromQL.
 */
export async function answerExemplars(
  source: TraceSource,
  { query, range }: { readonly query: string; readonly range: TimeRange },
  slice: Slice,
): Promise<Answer> {
  const wanted = wantedBy(query);
  const found = new Map<string, Series>();
  const places = wanted.length === 0 ? [] : blocksWithin(source, range);
  for (const { partition, block } of places) {
    const view = partition.view(block);
    for (let index = 0; index < (view?.spans ?? 0); index++) {
      const atMs = (view?.timestamp[index] ?? Number.NaN) / 1000;
      const span = atMs >= range.startMs && atMs <= range.endMs ? view?.span(index) : undefined;
      if (span !== undefined) {
        collect(found, wanted, { span, part: partOf(atMs, range) });
      }
    }
    if (slice.over) {
      await slice.yield();
    }
  }
  const data = [...found.values()].map(({ seriesLabels, byPart }) => ({
    seriesLabels,
    exemplars: [...byPart].sort(([a], [b]) => a - b).map(([, { json }]) => json),
  }));
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(data)), count: data.length };
}

function partOf(atMs: number, { startMs, endMs }: TimeRange): number {
  return Math.floor(((atMs - startMs) / Math.max(1, endMs - startMs)) * parts);
}

function collect(
  found: Map<string, Series>,
  wanted: readonly Wanted[],
  { span, part }: { readonly span: Span; readonly part: number },
): void {
  const micros = span.duration ?? 0;
  for (const { name, family, tests } of wanted) {
    const labels = family.isOf(span) ? family.labels(span) : undefined;
    if (labels === undefined || !tests.every(({ label, test }) => holds(labels[label], label, test))) {
      continue;
    }
    const seriesLabels = { [metricName]: name, ...labels };
    const key = JSON.stringify(seriesLabels);
    const series = found.get(key) ?? { seriesLabels, byPart: new Map<number, Exemplar>() };
    if (found.size < mostSeries) {
      found.set(key, series);
    }
    if (micros >= (series.byPart.get(part)?.micros ?? 0)) {
      series.byPart.set(part, { micros, json: exemplarJson(span, family.value(micros)) });
    }
  }
}

function holds(value: string | undefined, label: string, test: (value: string) => boolean): boolean {
  return value === undefined ? mayBeUntold(label) : test(value);
}

/** As in OpenMetrics: labels, a value, and the time in seconds at which it was seen: the span's end. */
function exemplarJson({ traceId, id, timestamp = 0, duration = 0 }: Span, value: number): object {
  return {
    labels: { trace_id: traceId, span_id: id },
    value: String(value),
    timestamp: Math.round((timestamp + duration) / 1000) / 1000,
  };
}

function wantedBy(query: string): Wanted[] {
  return selectorsOf(parsed(query)).flatMap((matchers) => {
    const ofName = matchers.filter(({ name }) => name === metricName).map(labelTest);
    const rest = matchers.filter(({ name }) => name !== metricName && name !== 'le');
    const tests = rest.map((matcher) => ({ label: matcher.name, test: labelTest(matcher) }));
    return families.flatMap((family) =>
      family.names.filter((name) => ofName.every((test) => test(name))).map((name) => ({ name, family, tests })),
    );
  });
}

function parsed(query: string): Expr {
  try {
    return parse(query);
  } catch (error) {
    if (error instanceof PromqlError) {
      throw new BridgeError('BRIDGE_DECODE', error.message, { cause: error });
    }
    throw error;
  }
}

function selectorsOf(expr: Expr): (readonly Matcher[])[] {
  switch (expr.kind) {
    case 'selector':
      return [expr.matchers];
    case 'number':
    case 'string':
      return [];
    case 'call':
      return expr.args.flatMap(selectorsOf);
    case 'binary':
      return [...selectorsOf(expr.left), ...selectorsOf(expr.right)];
    case 'aggregate':
      return [...(expr.param === undefined ? [] : selectorsOf(expr.param)), ...selectorsOf(expr.inner)];
    default:
      return selectorsOf(expr.inner);
  }
}

function blocksWithin(
  { partitions }: TraceSource,
  { startMs, endMs }: TimeRange,
): { readonly partition: Partition; readonly block: number }[] {
  const [from, to] = [startMs * 1000, endMs * 1000];
  const all = partitions
    .filter(({ gone, minMicros, maxMicros }) => !gone && maxMicros >= from && minMicros <= to)
    .flatMap((partition) => {
      const table = partition.table();
      const blocks = Array.from({ length: table.length }, (_, block) => block);
      return blocks
        .filter((block) => table.maxMicros(block) >= from && table.minMicros(block) <= to)
        .map((block) => ({ partition, block }));
    });
  const step = Math.max(1, all.length / mostBlocks);
  return Array.from({ length: Math.min(all.length, mostBlocks) }, (_, i) => all[Math.floor(i * step)]).filter(
    (place) => place !== undefined,
  );
}
