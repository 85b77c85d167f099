import { createTable, onCluster, type Place, tableOf } from './statements.ts';
import { browserTable, linesTable, samplesTable, spansTable, traceTimesTable } from './tables.ts';

/**
 * A step of the schema. Several programs may take the same one at the same time, or a second time: each of its statements
 * changes nothing where that has been done. What has been released is never changed; a new step comes behind it.
 */
export interface Migration {
  readonly version: number;
  statements(place: Place): readonly string[];
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: (place) => [
      ...[spansTable, linesTable, samplesTable, browserTable].map((parts) => createTable(place, parts)),
    ],
  },
  { version: 2, statements: (place) => [createTable(place, traceTimesTable), traceTimesView(place)] },
  { version: 3, statements: (place) => [gaugeView(place), sumView(place)] },
];

/** Fills the table from every insert of spans. */
function traceTimesView(place: Place): string {
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${tableOf(place, 'otel_traces_trace_id_ts_mv')}${onCluster(place)}
TO ${tableOf(place, traceTimesTable.name)} AS
SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM ${tableOf(place, spansTable.name)} WHERE TraceId != '' GROUP BY TraceId`;
}

/** Samples under the Collector's names, for what was written for its tables. Without ends of series. */
function samplesView(place: Place, name: string, select: string): string {
  return `CREATE VIEW IF NOT EXISTS ${tableOf(place, name)}${onCluster(place)} AS
SELECT map('service.name', ServiceName) AS ResourceAttributes, '' AS ResourceSchemaUrl, '' AS ScopeName, '' AS ScopeVersion,
  ServiceName, MetricName, '' AS MetricDescription, MetricUnit, Attributes,
  toDateTime64(0, 9) AS StartTimeUnix, toDateTime64(Timestamp, 9) AS TimeUnix, Value, Flags,
  Exemplars.FilteredAttributes, Exemplars.TimeUnix, Exemplars.Value, Exemplars.SpanId, Exemplars.TraceId
  ${select}`;
}

/** Types of which a value only grows, but for the quantiles of a summary. */
const growing = `(MetricType IN ('counter', 'histogram') OR (MetricType = 'summary' AND NOT mapContains(Attributes, 'quantile')))`;

function gaugeView(place: Place): string {
  const from = `FROM ${tableOf(place, samplesTable.name)} WHERE Flags = 0 AND NOT ${growing}`;
  return samplesView(place, 'otel_metrics_gauge', from);
}

function sumView(place: Place): string {
  const from = `, toInt32(2) AS AggregationTemporality, true AS IsMonotonic
FROM ${tableOf(place, samplesTable.name)} WHERE Flags = 0 AND ${growing}`;
  return samplesView(place, 'otel_metrics_sum', from);
}
