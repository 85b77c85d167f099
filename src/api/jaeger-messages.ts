import protobuf from 'protobufjs';
import { BridgeError } from '../contract/errors.ts';
import type { HttpResponse } from '../contract/http.ts';

/** The messages of jaeger.api_v2.QueryService that are read or written here (jaeger-idl, query.proto), without spans. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Time { int64 seconds = 1; int32 nanos = 2; }
  message GetTraceRequest { bytes trace_id = 1; }
  message ArchiveTraceRequest { bytes trace_id = 1; }
  message ArchiveTraceResponse {}
  message TraceQuery {
    string service_name = 1; string operation_name = 2; map<string, string> tags = 3;
    Time start_time_min = 4; Time start_time_max = 5; Time duration_min = 6; Time duration_max = 7;
    int32 search_depth = 8;
  }
  message FindTracesRequest { TraceQuery query = 1; }
  message GetServicesResponse { repeated string services = 1; }
  message GetOperationsRequest { string service = 1; string span_kind = 2; }
  message Operation { string name = 1; string span_kind = 2; }
  message GetOperationsResponse { repeated string operation_names = 1; repeated Operation operations = 2; }
  message GetDependenciesRequest { Time start_time = 1; Time end_time = 2; }
  message DependencyLink { string parent = 1; string child = 2; uint64 call_count = 3; string source = 4; }
  message GetDependenciesResponse { repeated DependencyLink dependencies = 1; }
`);

/** The message with all its fields; those that were not sent have their defaults. Throws BRIDGE_DECODE. */
export function read<T>(type: string, body: Uint8Array): T {
  const message = root.lookupType(type);
  try {
    return message.toObject(message.decode(body), { longs: Number, defaults: true, objects: true }) as T;
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', `the message is not a ${type}`, { cause });
  }
}

export function written(type: string, value: object): HttpResponse {
  const message = root.lookupType(type);
  return { status: 200, body: message.encode(message.fromObject(value)).finish() };
}
