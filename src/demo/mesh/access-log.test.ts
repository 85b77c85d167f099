import { expect, test } from '@jest/globals';
import { accessLogFields, parseReport, reportFormat } from './access-log.ts';
import { nodeId, principal, productpage } from './topology.ts';

const values: Readonly<Record<string, string>> = {
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
function written(replaced: Readonly<Record<string, string>>): string {
  return reportFormat('destination')
    .replaceAll(/%[^%]+%/g, (command) => replaced[command] ?? '-')
    .trimEnd();
}

test('the access log has the 24 keys of Istio, and the trace id', () => {
  expect(Object.keys(accessLogFields)).toHaveLength(25);
  expect(accessLogFields).toMatchObject({ trace_id: '%TRACE_ID%', response_flags: '%RESPONSE_FLAGS%' });
});

test('a report of Envoy is read back, with head and body of each direction added up', () => {
  expect(parseReport(written(values))).toEqual({
    reporter: 'destination',
    responseCode: '503',
    responseFlags: 'UF,URX',
    durationMs: 12,
    requestBytes: 307,
    responseBytes: 241,
    upstreamCluster: 'inbound|9080||',
    upstreamHost: '127.95.29.14:9080',
    peer: productpage,
    peerPrincipal: principal(productpage),
  });
});

test('what Envoy does not know stays unknown', () => {
  expect(parseReport(written({}))).toMatchObject({
    durationMs: 0,
    requestBytes: 0,
    upstreamHost: '-',
    peer: undefined,
  });
  const stranger = { ...values, '%REQ(x-envoy-peer-metadata-id)%': 'sidecar~10.0.0.1~other.default~x' };
  expect(parseReport(written(stranger))?.peer).toBeUndefined();
});

test('Envoy’s own words are no report', () => {
  expect(parseReport('2026-11-21T16:02:46Z\twarning\tenvoy main\tno limit\tthread=1')).toBeUndefined();
  expect(parseReport(`${written(values)}\tmore`)).toBeUndefined();
});
