import { message, optional, packed, readBody, repeated, type ValueOf } from './fields.ts';
import {
  anyText,
  attributes,
  choice,
  count,
  count64,
  double,
  flag,
  hex,
  jsonAttributes,
  nanos,
  signed,
  signed64,
  text,
} from './kinds.ts';

/** OTLP over HTTP has two, over gRPC the first. */
export type Encoding = 'protobuf' | 'json';

const resource = message({ attributes: [1, attributes] });
const scope = message({ name: [1, text], version: [2, text] });

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) =>
  ['', '2', '3', '4'].map((nth) => `SEVERITY_NUMBER_${name}${nth}`),
);

/** opentelemetry.proto.logs.v1.LogRecord. */
const logRecord = message({
  timeUnixNano: [1, nanos],
  severityNumber: [2, choice(['SEVERITY_NUMBER_UNSPECIFIED', ...severities])],
  severityText: [3, text],
  body: [5, anyText],
  attributes: [6, jsonAttributes],
  droppedAttributesCount: [7, count],
  traceId: [9, hex],
  spanId: [10, hex],
  observedTimeUnixNano: [11, nanos],
  eventName: [12, text],
});
const logsRequest = message({
  resourceLogs: [
    1,
    repeated(
      message({
        resource: [1, message({ attributes: [1, jsonAttributes] })],
        scopeLogs: [2, repeated(message({ scope: [1, scope], logRecords: [2, repeated(logRecord)] }))],
      }),
    ),
  ],
});

const temporality = choice([
  'AGGREGATION_TEMPORALITY_UNSPECIFIED',
  'AGGREGATION_TEMPORALITY_DELTA',
  'AGGREGATION_TEMPORALITY_CUMULATIVE',
]);
const exemplar = message({
  filteredAttributes: [7, attributes],
  timeUnixNano: [2, nanos],
  asDouble: [3, optional(double)],
  asInt: [6, optional(signed64)],
  spanId: [4, hex],
  traceId: [5, hex],
});
const numberPoint = message({
  attributes: [7, attributes],
  timeUnixNano: [3, nanos],
  asDouble: [4, optional(double)],
  asInt: [6, optional(signed64)],
  exemplars: [5, repeated(exemplar)],
  flags: [8, count],
});
const histogramPoint = message({
  attributes: [9, attributes],
  timeUnixNano: [3, nanos],
  count: [4, count64],
  sum: [5, optional(double)],
  bucketCounts: [6, packed(count64)],
  explicitBounds: [7, packed(double)],
  exemplars: [8, repeated(exemplar)],
  flags: [10, count],
});
const exponentialBuckets = message({ offset: [1, signed], bucketCounts: [2, packed(count)] });
const exponentialPoint = message({
  attributes: [1, attributes],
  timeUnixNano: [3, nanos],
  count: [4, count64],
  sum: [5, optional(double)],
  scale: [6, signed],
  zeroCount: [7, count64],
  positive: [8, exponentialBuckets],
  negative: [9, exponentialBuckets],
  flags: [10, count],
  exemplars: [11, repeated(exemplar)],
  zeroThreshold: [14, double],
});
const summaryPoint = message({
  attributes: [7, attributes],
  timeUnixNano: [3, nanos],
  count: [4, count64],
  sum: [5, double],
  quantileValues: [6, repeated(message({ quantile: [1, double], value: [2, double] }))],
  flags: [8, count],
});
/** opentelemetry.proto.metrics.v1.Metric. */
const metric = message({
  name: [1, text],
  description: [2, text],
  unit: [3, text],
  gauge: [5, optional(message({ dataPoints: [1, repeated(numberPoint)] }))],
  sum: [
    7,
    optional(
      message({
        dataPoints: [1, repeated(numberPoint)],
        aggregationTemporality: [2, temporality],
        isMonotonic: [3, flag],
      }),
    ),
  ],
  histogram: [
    9,
    optional(message({ dataPoints: [1, repeated(histogramPoint)], aggregationTemporality: [2, temporality] })),
  ],
  exponentialHistogram: [
    10,
    optional(message({ dataPoints: [1, repeated(exponentialPoint)], aggregationTemporality: [2, temporality] })),
  ],
  summary: [11, optional(message({ dataPoints: [1, repeated(summaryPoint)] }))],
});
const metricsRequest = message({
  resourceMetrics: [
    1,
    repeated(
      message({
        resource: [1, resource],
        scopeMetrics: [2, repeated(message({ scope: [1, scope], metrics: [2, repeated(metric)] }))],
      }),
    ),
  ],
});

export type LogsRequest = ValueOf<typeof logsRequest>;
export type LogRecord = ValueOf<typeof logRecord>;
export type Scope = ValueOf<typeof scope>;
export type MetricsRequest = ValueOf<typeof metricsRequest>;
export type Metric = ValueOf<typeof metric>;
export type OtlpExemplar = ValueOf<typeof exemplar>;
export type NumberPoint = ValueOf<typeof numberPoint>;
export type HistogramPoint = ValueOf<typeof histogramPoint>;
export type ExponentialPoint = ValueOf<typeof exponentialPoint>;
export type SummaryPoint = ValueOf<typeof summaryPoint>;

/** ExportLogsServiceRequest. Throws BRIDGE_DECODE. */
export function readLogsRequest(bytes: Uint8Array, encoding: Encoding): LogsRequest {
  return readBody(logsRequest, bytes, encoding);
}

/** ExportMetricsServiceRequest. Throws BRIDGE_DECODE. */
export function readMetricsRequest(bytes: Uint8Array, encoding: Encoding): MetricsRequest {
  return readBody(metricsRequest, bytes, encoding);
}
