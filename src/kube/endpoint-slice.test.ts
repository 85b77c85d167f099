import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { endpointSliceOf } from './endpoint-slice.ts';
import { leaseOf, microTime, replacedLease } from './lease.ts';
import { serviceOf } from './service.ts';

const metadata = { uid: 'u', name: 'istiod-abc', namespace: 'istio-system' };

describe('an EndpointSlice', () => {
  test('is read from what Kubernetes writes, nulls and absent parts included', () => {
    expect(endpointSliceOf({ metadata, addressType: 'IPv4', ports: null, endpoints: null })).toMatchObject({
      uid: 'u',
      family: 'IPv4',
      ports: [],
      endpoints: [],
    });
    const bare = { addresses: ['10.0.0.1'], conditions: null, targetRef: null, nodeName: null, hostname: null };
    const [endpoint] = endpointSliceOf({ metadata, addressType: 'IPv4', endpoints: [bare] })?.endpoints ?? [];
    expect(endpoint).toEqual({ addresses: ['10.0.0.1'], terminating: false });
  });

  test('has its ports by name, and of each endpoint the pod, the node and whether it ends', () => {
    const slice = endpointSliceOf({
      metadata,
      addressType: 'IPv6',
      ports: [{ name: 'http', port: 80 }, { port: 81 }, { name: 'any', port: null }],
      endpoints: [
        {
          addresses: ['fd00::1'],
          conditions: { ready: false, terminating: true },
          nodeName: 'node-1',
          hostname: 'web-0',
          targetRef: { kind: 'Pod', name: 'web-0', namespace: 'prod', uid: 'p' },
        },
        { addresses: ['fd00::2'], targetRef: { kind: 'Node', name: 'node-1' } },
        { addresses: ['fd00::3'], targetRef: { kind: 'Pod', name: 'web-1' } },
      ],
    });
    expect(slice?.ports).toEqual([
      { name: 'http', number: 80 },
      { name: '', number: 81 },
    ]);
    expect(slice?.endpoints[0]).toMatchObject({
      hostname: 'web-0',
      node: 'node-1',
      terminating: true,
      pod: { namespace: 'prod', name: 'web-0', uid: 'p' },
    });
    expect(slice?.endpoints[1]).not.toHaveProperty('pod');
    expect(slice?.endpoints[2]?.pod).toEqual({ namespace: 'istio-system', name: 'web-1', uid: '' });
  });

  test('of names instead of addresses is none', () => {
    expect(endpointSliceOf({ metadata, addressType: 'FQDN', endpoints: [] })).toBeUndefined();
  });
});

test('a Service without a selector selects nothing, and ports lead to their own number unless they say another', () => {
  const ports = [
    { name: 'a', port: 80, targetPort: 8080 },
    { name: 'b', port: 81, targetPort: 'metrics' },
    { port: 82 },
  ];
  const service = serviceOf({ metadata, spec: { selector: {}, ports, ipFamilies: ['IPv6'] } });
  expect(service).not.toHaveProperty('selector');
  expect(service?.ports.map(({ name, number, target }) => [name, number, target])).toEqual([
    ['a', 80, 8080],
    ['b', 81, 'metrics'],
    ['', 82, 82],
  ]);
  expect(service?.families).toEqual(['IPv6']);
});

test("a Lease without a spec is nobody's, and writing it keeps what is not known here", () => {
  const lease = leaseOf({ metadata: { resourceVersion: '7', labels: { a: 'b' } } });
  expect(lease).toMatchObject({ resourceVersion: '7', holder: '', durationMs: 0, transitions: 0 });
  const time = microTime(Date.UTC(2026, 10, 21, 12, 0, 0, 5));
  expect(time).toBe('2026-11-21T12:00:00.005000Z');
  const spec = {
    holderIdentity: 'me',
    leaseDurationSeconds: 10,
    acquireTime: time,
    renewTime: time,
    leaseTransitions: 1,
  };
  expect(replacedLease(lease, spec)).toEqual({ metadata: { resourceVersion: '7', labels: { a: 'b' } }, spec });
});

test('nothing that a server may answer makes them throw, or is taken for what it is not', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(endpointSliceOf(value)).toBeUndefined();
      expect(serviceOf(value)).toBeUndefined();
      endpointSliceOf({ metadata, addressType: 'IPv4', ports: value, endpoints: value });
      endpointSliceOf({ metadata, addressType: 'IPv4', endpoints: [value] });
      serviceOf({ metadata, spec: value });
    }),
    { numRuns: 500 },
  );
});
