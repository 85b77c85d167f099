import type { Workload } from './topology.ts';
import { workloadOfNode } from './topology.ts';

/** The 24 keys of Istio's JSON access log, and the trace id, which Istio leaves to its users to add. */
export const accessLogFields = {
  start_time: '%START_TIME%',
  route_name: '%ROUTE_NAME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  trace_id: '%TRACE_ID%',
} as const;

/** By which a sidecar tells the next one who it is. */
export const peerHeader = 'x-envoy-peer-metadata-id';

/** One request as an Envoy reports it to the agent of its pod. */
export interface RequestReport {
  readonly reporter: 'source' | 'destination';
  readonly responseCode: string;
  readonly responseFlags: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** `outbound|9080||reviews.default.svc.cluster.local`, or `-` where no route was found. */
  readonly upstreamCluster: string;
  /** `ip:port`, or `-`. */
  readonly upstreamHost: string;
  /** Who sent it, where the sender is of the mesh. */
  readonly peer: Workload | undefined;
  /** The name in the certificate of the other end; undefined where the connection had none. */
  readonly peerPrincipal: string | undefined;
}

const mark = 'request-report';
const peerPrincipal = { source: '%UPSTREAM_PEER_URI_SAN%', destination: '%DOWNSTREAM_PEER_URI_SAN%' } as const;
const reported = [
  '%RESPONSE_CODE%',
  '%RESPONSE_FLAGS%',
  '%DURATION%',
  '%REQUEST_HEADERS_BYTES%',
  '%BYTES_RECEIVED%',
  '%RESPONSE_HEADERS_BYTES%',
  '%BYTES_SENT%',
  '%UPSTREAM_CLUSTER%',
  '%UPSTREAM_HOST%',
  `%REQ(${peerHeader})%`,
];

/** Goes to stderr, beside Envoy's own words, since stdout is the access log. */
export function reportFormat(reporter: RequestReport['reporter']): string {
  return `${[mark, reporter, ...reported, peerPrincipal[reporter]].join('\t')}\n`;
}

/** Undefined for any other line. */
export function parseReport(line: string): RequestReport | undefined {
  const fields = line.split('\t');
  if (fields[0] !== mark || fields.length !== reported.length + 3) {
    return undefined;
  }
  const [, reporter = '', code = '', flags = '', ...rest] = fields;
  const [durationMs = 0, requestHead = 0, requestBody = 0, responseHead = 0, responseBody = 0] = rest
    .slice(0, 5)
    .map((text) => (text === '-' ? 0 : Number(text)));
  const [upstreamCluster = '-', upstreamHost = '-', peer = '-', name = '-'] = rest.slice(5);
  return {
    reporter: reporter === 'source' ? 'source' : 'destination',
    responseCode: code,
    responseFlags: flags,
    durationMs,
    requestBytes: requestHead + requestBody,
    responseBytes: responseHead + responseBody,
    upstreamCluster,
    upstreamHost,
    peer: workloadOfNode(peer),
    peerPrincipal: name === '-' ? undefined : name,
  };
}
