import { describe, expect, test } from '@jest/globals';
import { parseReport, type Report, reportFormat } from './reports.ts';
import { nodeId, principal, Topology } from './topology.ts';

const productpage = new Topology().workload('productpage-v1');

const values: Readonly<Record<string, string>> = {
  '%REQ(:METHOD)%': 'GET',
  '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%': '/details/0',
  '%REQ(USER-AGENT)%': 'somebody',
  '%RESPONSE_CODE%': '503',
  '%RESPONSE_FLAGS%': 'UF,URX',
  '%DURATION%': '12',
  '%REQUEST_HEADERS_BYTES%': '300',
  '%BYTES_RECEIVED%': '7',
  '%RESPONSE_HEADERS_BYTES%': '150',
  '%BYTES_SENT%': '91',
  '%UPSTREAM_CLUSTER%': 'inbound|9080||',
  '%UPSTREAM_HOST%': '127.95.29.14:9080',
  '%DOWNSTREAM_PEER_URI_SAN%': principal(productpage),
  '%REQ(x-envoy-peer-metadata-id)%': nodeId(productpage, '127.95.29.12'),
};

/** What Envoy writes: each command of the format replaced by its value. */
function written(replaced: Readonly<Record<string, string>>, kind: Report['kind'] = 'request'): string {
  return reportFormat(kind, 'destination')
    .replaceAll(/%[^%]+%/g, (command) => replaced[command] ?? '-')
    .trimEnd();
}

describe('the report of a request', () => {
  test('is read back, with head and body of each direction added up', () => {
    expect(parseReport(written(values))).toEqual({
      kind: 'request',
      reporter: 'destination',
      method: 'GET',
      path: '/details/0',
      userAgent: 'somebody',
      responseCode: '503',
      responseFlags: 'UF,URX',
      durationMs: 12,
      requestBytes: 307,
      responseBytes: 241,
      upstreamCluster: 'inbound|9080||',
      upstreamHost: '127.95.29.14:9080',
      peerNode: nodeId(productpage, '127.95.29.12'),
      peerPrincipal: principal(productpage),
      grpc: undefined,
    });
  });

  test('has gRPC’s status and messages where it is of gRPC', () => {
    const grpc = {
      ...values,
      '%REQ(CONTENT-TYPE)%': 'application/grpc+proto',
      '%GRPC_STATUS_NUMBER%': '14',
      '%FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%': '3,2',
    };
    expect(parseReport(written(grpc))).toMatchObject({ grpc: { status: '14', sent: 3, received: 2 } });
  });

  test('leaves unknown what Envoy does not know', () => {
    expect(parseReport(written({}))).toMatchObject({
      durationMs: 0,
      requestBytes: 0,
      upstreamHost: '-',
      peerNode: '-',
      peerPrincipal: undefined,
    });
  });
});

describe('the report of a connection', () => {
  const counted = { ...values, '%CONNECTION_ID%': '7', '%BYTES_RECEIVED%': '1619', '%BYTES_SENT%': '1737' };

  test.each([
    { type: 'TcpUpstreamConnected', phase: 'opened' },
    { type: 'TcpPeriodic', phase: 'open' },
    { type: 'TcpConnectionEnd', phase: 'closed' },
  ])('says that it is $phase', ({ type, phase }) => {
    expect(parseReport(written({ ...counted, '%ACCESS_LOG_TYPE%': type }, 'connection'))).toMatchObject({
      kind: 'connection',
      phase,
      id: '7',
      receivedBytes: 1619,
      sentBytes: 1737,
    });
  });

  test('is none where its phase is unknown', () => {
    expect(parseReport(written({ ...counted, '%ACCESS_LOG_TYPE%': 'Other' }, 'connection'))).toBeUndefined();
  });
});

test('Envoy’s own words are no report', () => {
  expect(parseReport('2026-11-21T16:02:46Z\twarning\tenvoy main\tno limit\tthread=1')).toBeUndefined();
  expect(parseReport(`${written(values)}\tmore`)).toBeUndefined();
});
