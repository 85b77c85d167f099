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
  message AnyValue { oneof value { string string_value = 1; int64 int_value = 3; } }
  message LogsRequest { repeated ResourceLogs resource_logs = 1; }
  message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
  message ScopeLogs { repeated LogRecord log_records = 2; }
  message LogRecord {
    fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; AnyValue body = 5;
    repeated KeyValue attributes = 6; fixed64 observed_time_unix_nano = 11;
  }
  message Response { PartialSuccess partial_success = 1; }
  message PartialSuccess { int64 rejected = 1; string error_message = 2; }
`);

export type RequestType = 'TraceRequest' | 'LogsRequest';

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
