import protobuf from 'protobufjs';

/** What is sent of opentelemetry.proto: field numbers and types from its definitions. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message TraceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
  message Scope { string name = 1; string version = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
    repeated Event events = 11; Status status = 15;
  }
  message Event { fixed64 time_unix_nano = 1; string name = 2; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
  message LogsRequest { repeated ResourceLogs resource_logs = 1; }
  message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
  message ScopeLogs { Scope scope = 1; repeated LogRecord log_records = 2; }
  message LogRecord {
    fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; AnyValue body = 5;
    repeated KeyValue attributes = 6; bytes trace_id = 9; bytes span_id = 10; fixed64 observed_time_unix_nano = 11;
    string event_name = 12;
  }
  message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message Metric {
    string name = 1; string description = 2; string unit = 3; Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9;
    Summary summary = 11; repeated KeyValue metadata = 12;
  }
  message Gauge { repeated NumberDataPoint data_points = 1; }
  message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
  message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
  message Summary { repeated SummaryDataPoint data_points = 1; }
  message NumberDataPoint {
    fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; optional double as_double = 4;
    repeated Exemplar exemplars = 5; repeated KeyValue attributes = 7; uint32 flags = 8;
  }
  message HistogramDataPoint {
    fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5;
    repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7; repeated Exemplar exemplars = 8;
    repeated KeyValue attributes = 9; uint32 flags = 10;
  }
  message SummaryDataPoint {
    fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5;
    repeated Quantile quantile_values = 6; repeated KeyValue attributes = 7; uint32 flags = 8;
  }
  message Quantile { double quantile = 1; double value = 2; }
  message Exemplar {
    fixed64 time_unix_nano = 2; optional double as_double = 3; bytes span_id = 4; bytes trace_id = 5;
    repeated KeyValue filtered_attributes = 7;
  }
  message Response { PartialSuccess partial_success = 1; }
  message PartialSuccess { int64 rejected = 1; string error_message = 2; }
`);

export type RequestType = 'TraceRequest' | 'LogsRequest' | 'MetricsRequest';

/** The bytes of a request given as its JSON, with ids as bytes. */
export function encodeRequest(type: RequestType, request: object): Buffer {
  const message = root.lookupType(type);
  const bytes = message.encode(message.fromObject(request)).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `partial_success` of an answer: the requests of all signals have it under the same numbers. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

/** Undefined where nothing was rejected, and where the answer is none. */
export function partialSuccessOf(answer: Uint8Array): PartialSuccess | undefined {
  const message = root.lookupType('Response');
  try {
    const { partialSuccess } = message.toObject(message.decode(answer), { longs: Number, defaults: true }) as {
      readonly partialSuccess: { readonly rejected: number; readonly errorMessage: string } | null;
    };
    const rejected = partialSuccess?.rejected ?? 0;
    return rejected > 0 ? { rejected, message: partialSuccess?.errorMessage ?? '' } : undefined;
  } catch {
    return undefined;
  }
}
