/** By which a sidecar tells the next one who it is. */
export const peerHeader = 'x-envoy-peer-metadata-id';

export type Reporter = 'source' | 'destination';

interface Ends {
  readonly reporter: Reporter;
  readonly responseFlags: string;
  /** `outbound|9080||reviews.default.svc.cluster.local`, or `-` where no route was found. */
  readonly upstreamCluster: string;
  /** `ip:port`, or `-`. */
  readonly upstreamHost: string;
  /** The name in the certificate of the other end; undefined where the connection had none. */
  readonly peerPrincipal: string | undefined;
}

/** One request as an Envoy reports it to the agent of its pod. */
export interface RequestReport extends Ends {
  readonly kind: 'request';
  readonly method: string;
  readonly path: string;
  readonly userAgent: string;
  readonly responseCode: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Node id of the sidecar that sent it; `-` where the sender is not of the mesh. */
  readonly peerNode: string;
  /** Undefined for what is not gRPC. */
  readonly grpc: { readonly status: string; readonly sent: number; readonly received: number } | undefined;
}

/** A connection of no HTTP: when it opens, every 15 s, and when it closes. */
export interface ConnectionReport extends Ends {
  readonly kind: 'connection';
  readonly phase: 'opened' | 'open' | 'closed';
  /** Differs between the connections of one Envoy. */
  readonly id: string;
  /** Since it opened, from the one who asks and to it. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export type Report = RequestReport | ConnectionReport;

const requestMark = 'request-report';
const connectionMark = 'connection-report';
const peerPrincipal = { source: '%UPSTREAM_PEER_URI_SAN%', destination: '%DOWNSTREAM_PEER_URI_SAN%' } as const;
const ends = ['%RESPONSE_FLAGS%', '%UPSTREAM_CLUSTER%', '%UPSTREAM_HOST%'];
const requestFields = [
  '%REQ(:METHOD)%',
  '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  '%REQ(USER-AGENT)%',
  '%RESPONSE_CODE%',
  '%DURATION%',
  '%REQUEST_HEADERS_BYTES%',
  '%BYTES_RECEIVED%',
  '%RESPONSE_HEADERS_BYTES%',
  '%BYTES_SENT%',
  `%REQ(${peerHeader})%`,
  '%REQ(CONTENT-TYPE)%',
  '%GRPC_STATUS_NUMBER%',
  '%FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%',
];
const connectionFields = ['%ACCESS_LOG_TYPE%', '%CONNECTION_ID%', '%BYTES_RECEIVED%', '%BYTES_SENT%'];

/** Goes to stderr, beside Envoy's own words, since stdout is the access log. */
export function reportFormat(kind: Report['kind'], reporter: Reporter): string {
  const [mark, fields] = kind === 'request' ? [requestMark, requestFields] : [connectionMark, connectionFields];
  return `${[mark, reporter, ...ends, peerPrincipal[reporter], ...fields].join('\t')}\n`;
}

/** Undefined for any other line. */
export function parseReport(line: string): Report | undefined {
  const [mark, reporter, responseFlags = '', upstreamCluster = '-', upstreamHost = '-', name = '-', ...fields] =
    line.split('\t');
  const both: Ends = {
    reporter: reporter === 'source' ? 'source' : 'destination',
    responseFlags,
    upstreamCluster,
    upstreamHost,
    peerPrincipal: name === '-' ? undefined : name,
  };
  if (mark === requestMark && fields.length === requestFields.length) {
    return request(both, fields);
  }
  return mark === connectionMark && fields.length === connectionFields.length ? connection(both, fields) : undefined;
}

function request(both: Ends, fields: readonly string[]): RequestReport {
  const [method = '-', path = '-', userAgent = '-', responseCode = '0'] = fields;
  const [durationMs = 0, requestHead = 0, requestBody = 0, responseHead = 0, responseBody = 0] = fields
    .slice(4, 9)
    .map(number);
  const [peerNode = '-', contentType = '-', status = '-', messages = '-'] = fields.slice(9);
  const [sent = 0, received = 0] = messages.split(',').map(number);
  return {
    kind: 'request',
    ...both,
    method,
    path,
    userAgent,
    responseCode,
    durationMs,
    requestBytes: requestHead + requestBody,
    responseBytes: responseHead + responseBody,
    peerNode,
    grpc: contentType.startsWith('application/grpc') ? { status, sent, received } : undefined,
  };
}

const phases: Readonly<Record<string, ConnectionReport['phase']>> = {
  TcpUpstreamConnected: 'opened',
  TcpPeriodic: 'open',
  TcpConnectionEnd: 'closed',
};

function connection(both: Ends, [type = '', id = '', received = '', sent = '']: readonly string[]): Report | undefined {
  const phase = phases[type];
  return phase === undefined
    ? undefined
    : { kind: 'connection', ...both, phase, id, receivedBytes: number(received), sentBytes: number(sent) };
}

function number(text: string): number {
  return text === '-' || text === '' ? 0 : Number(text);
}
