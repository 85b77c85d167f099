import type { Signal } from '../../model/batch.ts';
import type { Place, TableParts } from './statements.ts';
import { tableOf } from './statements.ts';

const labels = 'Map(LowCardinality(String), String)';

/** Lets questions about single labels skip most of what is stored. */
function labelIndexes(column: string, name: string): string {
  return `  INDEX idx_${name}_key mapKeys(${column}) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_${name}_value mapValues(${column}) TYPE bloom_filter(0.01) GRANULARITY 1`;
}

const byDay = (time: string): Pick<TableParts, 'partitionBy' | 'time'> => ({
  partitionBy: `toDate(${time})`,
  time: `toDateTime(${time})`,
});

/** Columns of the OpenTelemetry Collector's `otel_traces`. */
export const spansTable: TableParts = {
  name: 'otel_traces',
  ...byDay('Timestamp'),
  orderBy: 'ServiceName, SpanName, toDateTime(Timestamp)',
  columns: `  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  TraceId String CODEC(ZSTD(1)),
  SpanId String CODEC(ZSTD(1)),
  ParentSpanId String CODEC(ZSTD(1)),
  TraceState String CODEC(ZSTD(1)),
  SpanName LowCardinality(String) CODEC(ZSTD(1)),
  SpanKind LowCardinality(String) CODEC(ZSTD(1)),
  ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes ${labels} CODEC(ZSTD(1)),
  ScopeName String CODEC(ZSTD(1)),
  ScopeVersion String CODEC(ZSTD(1)),
  SpanAttributes ${labels} CODEC(ZSTD(1)),
  Duration UInt64 CODEC(ZSTD(1)),
  StatusCode LowCardinality(String) CODEC(ZSTD(1)),
  StatusMessage String CODEC(ZSTD(1)),
  Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes ${labels}) CODEC(ZSTD(1)),
  Links Nested (TraceId String, SpanId String, TraceState String, Attributes ${labels}) CODEC(ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
${labelIndexes('SpanAttributes', 'span_attr')},
  INDEX idx_duration Duration TYPE minmax GRANULARITY 1`,
};

/** When a trace was, by its id: Grafana looks here first and then reads little of `otel_traces`. */
export const traceTimesTable: TableParts = {
  name: 'otel_traces_trace_id_ts',
  ...byDay('Start'),
  orderBy: 'TraceId, Start',
  columns: `  TraceId String CODEC(ZSTD(1)),
  Start DateTime CODEC(Delta(4), ZSTD(1)),
  End DateTime CODEC(Delta(4), ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1`,
};

/** Columns of the Collector's `otel_logs`. */
export const linesTable: TableParts = {
  name: 'otel_logs',
  partitionBy: 'toDate(TimestampTime)',
  time: 'TimestampTime',
  orderBy: 'ServiceName, TimestampTime, Timestamp',
  columns: `  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  TimestampTime DateTime DEFAULT toDateTime(Timestamp) CODEC(Delta(4), ZSTD(1)),
  TraceId String CODEC(ZSTD(1)),
  SpanId String CODEC(ZSTD(1)),
  TraceFlags UInt8,
  SeverityText LowCardinality(String) CODEC(ZSTD(1)),
  SeverityNumber UInt8,
  ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  Body String CODEC(ZSTD(1)),
  ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes ${labels} CODEC(ZSTD(1)),
  ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
  ScopeName String CODEC(ZSTD(1)),
  ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
  ScopeAttributes ${labels} CODEC(ZSTD(1)),
  LogAttributes ${labels} CODEC(ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
${labelIndexes('ResourceAttributes', 'res_attr')},
${labelIndexes('LogAttributes', 'log_attr')},
  INDEX idx_body Body TYPE tokenbf_v1(10240, 3, 0) GRANULARITY 1`,
};

/** Every sample of every series; histograms and summaries are the series that Prometheus has of them. */
export const samplesTable: TableParts = {
  name: 'meshbridge_samples',
  ...byDay('Timestamp'),
  orderBy: 'MetricName, ServiceName, SeriesId, Timestamp',
  columns: `  Timestamp DateTime64(3) CODEC(DoubleDelta, ZSTD(1)),
  MetricName LowCardinality(String) CODEC(ZSTD(1)),
  MetricType LowCardinality(String) CODEC(ZSTD(1)),
  MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
  Measurement LowCardinality(String) CODEC(ZSTD(1)),
  Field LowCardinality(String) CODEC(ZSTD(1)),
  ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  Attributes ${labels} CODEC(ZSTD(1)),
  SeriesId UInt64 MATERIALIZED cityHash64(MetricName, mapKeys(Attributes), mapValues(Attributes)) CODEC(ZSTD(1)),
  Value Float64 CODEC(Gorilla, ZSTD(1)),
  Flags UInt32 CODEC(ZSTD(1)),
  Exemplars Nested (TimeUnix DateTime64(9), Value Float64, TraceId String, SpanId String, FilteredAttributes ${labels}) CODEC(ZSTD(1)),
${labelIndexes('Attributes', 'attr')}`,
};

/** Points of browsers. */
export const browserTable: TableParts = {
  name: 'meshbridge_rum',
  ...byDay('Timestamp'),
  orderBy: 'AppId, Measurement, toDateTime(Timestamp)',
  columns: `  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  Measurement LowCardinality(String) CODEC(ZSTD(1)),
  Tags ${labels} CODEC(ZSTD(1)),
  Texts ${labels} CODEC(ZSTD(1)),
  Numbers Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
  AppId LowCardinality(String) DEFAULT Tags['app_id'] CODEC(ZSTD(1)),
  SessionId String DEFAULT Tags['session_id'] CODEC(ZSTD(1)),
  ViewName LowCardinality(String) DEFAULT Tags['view_name'] CODEC(ZSTD(1)),
  TraceId String DEFAULT Tags['trace_id'] CODEC(ZSTD(1)),
  INDEX idx_session_id SessionId TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1`,
};

export const tables: readonly TableParts[] = [spansTable, traceTimesTable, linesTable, samplesTable, browserTable];

const given: Readonly<Record<Signal, { readonly table: TableParts; readonly columns: readonly string[] }>> = {
  traces: {
    table: spansTable,
    columns: [
      'Timestamp',
      'TraceId',
      'SpanId',
      'ParentSpanId',
      'TraceState',
      'SpanName',
      'SpanKind',
      'ServiceName',
      'ResourceAttributes',
      'ScopeName',
      'ScopeVersion',
      'SpanAttributes',
      'Duration',
      'StatusCode',
      'StatusMessage',
      'Events.Timestamp',
      'Events.Name',
      'Events.Attributes',
    ],
  },
  logs: {
    table: linesTable,
    columns: [
      'Timestamp',
      'TraceId',
      'SpanId',
      'SeverityText',
      'SeverityNumber',
      'ServiceName',
      'Body',
      'ResourceAttributes',
      'ScopeName',
      'ScopeVersion',
      'LogAttributes',
    ],
  },
  metrics: {
    table: samplesTable,
    columns: [
      'Timestamp',
      'MetricName',
      'MetricType',
      'MetricUnit',
      'Measurement',
      'Field',
      'ServiceName',
      'Attributes',
      'Value',
      'Flags',
      'Exemplars.TimeUnix',
      'Exemplars.Value',
      'Exemplars.TraceId',
      'Exemplars.SpanId',
      'Exemplars.FilteredAttributes',
    ],
  },
  rum: { table: browserTable, columns: ['Timestamp', 'Measurement', 'Tags', 'Texts', 'Numbers'] },
};

/** Where the items of a signal go. */
export function tableNameOf(signal: Signal): string {
  return given[signal].table.name;
}

/** The columns are named, so that a table may have more of them. */
export function insertStatement(place: Pick<Place, 'database'>, signal: Signal): string {
  const { table, columns } = given[signal];
  return `INSERT INTO ${tableOf(place, table.name)} (${columns.map((name) => `\`${name}\``).join(', ')}) FORMAT JSONEachRow`;
}
