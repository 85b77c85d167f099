import { describe, expect, test } from '@jest/globals';
import { propagationOf, samplingOf, settledRange, type Workload } from './doctor.ts';

const gateway: Workload = {
  service: 'istio-ingressgateway.istio-system',
  workload: 'istio-ingressgateway',
  namespace: 'istio-system',
  proxy: 'router',
  servers: 20,
  serverRoots: 20,
  clients: 20,
  clientRoots: 0,
};
const front: Workload = {
  service: 'productpage.bookinfo',
  workload: 'productpage-v1',
  namespace: 'bookinfo',
  proxy: 'sidecar',
  servers: 20,
  serverRoots: 0,
  clients: 40,
  clientRoots: 0,
};
const passedOn = { workload: 'istio-ingressgateway', namespace: 'istio-system', requests: 2000 };

describe('the sampling rate', () => {
  test('is the traces that begin at the gateway over the requests that it counts', () => {
    expect(samplingOf({ workloads: [gateway, front], requests: [passedOn], applied: [] })).toMatchObject({
      rate: 0.01,
      roots: 20,
      requests: 2000,
      entries: [{ workload: 'istio-ingressgateway', gateway: true, roots: 20, requests: 2000, rate: 0.01 }],
    });
  });

  test('counts a workload that is called from outside of the mesh as an entry of its own', () => {
    const entry = { ...front, serverRoots: 20 };
    const requests = [passedOn, { workload: 'productpage-v1', namespace: 'bookinfo', requests: 40 }];
    expect(samplingOf({ workloads: [gateway, entry], requests, applied: [] })).toMatchObject({
      rate: 40 / 2040,
      entries: [{ rate: 0.01 }, { workload: 'productpage-v1', gateway: false, rate: 0.5 }],
    });
  });

  test("takes a gateway's calls for the beginning where it sends no span of its own taking", () => {
    const old = { ...gateway, servers: 0, serverRoots: 0, clientRoots: 20 };
    expect(samplingOf({ workloads: [old], requests: [passedOn], applied: [] })).toMatchObject({ rate: 0.01 });
  });

  test('is not told where it cannot be, and why', () => {
    const unknown = (workloads: readonly Workload[], requests?: readonly (typeof passedOn)[]) => {
      const { rate, unknown: why } = samplingOf({ workloads, requests, applied: [] });
      expect(rate).toBeUndefined();
      return why;
    };
    expect(unknown([], [passedOn])).toBe('noSpans');
    expect(unknown([gateway])).toBe('noMetrics');
    expect(unknown([gateway], [{ ...passedOn, requests: 0 }])).toBe('noRequests');
    expect(unknown([gateway], [{ ...passedOn, requests: 12 }])).toBe('apart');
    expect(unknown([{ ...gateway, serverRoots: 3 }], [{ ...passedOn, requests: 5 }])).toBe('few');
  });

  test('is never more than all', () => {
    expect(samplingOf({ workloads: [gateway], requests: [{ ...passedOn, requests: 19 }], applied: [] }).rate).toBe(1);
  });

  test('of 1 % with no root in sight is none, not unknown', () => {
    const quiet = { ...gateway, servers: 0, serverRoots: 0 };
    expect(samplingOf({ workloads: [quiet, front], requests: [passedOn], applied: [] })).toMatchObject({ rate: 0 });
  });
});

describe('headers', () => {
  test('are lost by a workload whose calls begin traces, although it is called in traces', () => {
    const losing = { ...front, workload: 'details-v1', clientRoots: 39 };
    expect(propagationOf([gateway, front, losing])).toMatchObject([
      { workload: 'productpage-v1', calls: 40, lost: 0, verdict: 'forwards' },
      { workload: 'details-v1', calls: 40, lost: 39, verdict: 'loses' },
    ]);
  });

  test('are not judged by few calls, nor by those of a workload that nobody calls', () => {
    expect(propagationOf([{ ...front, clients: 3, clientRoots: 3 }])).toMatchObject([{ verdict: 'few' }]);
    expect(propagationOf([{ ...front, servers: 0 }])).toEqual([]);
  });
});

test('the last whole minutes are looked at whose spans have had time to come', () => {
  const at = Date.UTC(2026, 10, 21, 12);
  expect(settledRange(at + 14_000)).toEqual({ startMs: at - 360_000, endMs: at - 60_001 });
  expect(settledRange(at + 15_000)).toEqual({ startMs: at - 300_000, endMs: at - 1 });
});
