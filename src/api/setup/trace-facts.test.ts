import { expect, test } from '@jest/globals';
import { traceFacts, tracesSchema } from './trace-facts.ts';

const nowMs = 1_700_000_000_000;
const window = { nowMs, lookbackMs: 300_000 };

interface Given {
  readonly id: string;
  readonly parentId?: string;
  readonly kind: 'CLIENT' | 'SERVER';
  readonly service: string;
  /** ms before now */
  readonly agoMs: number;
  readonly tookMs: number;
  readonly nodeId?: string;
}

function trace(...spans: readonly Given[]): object[] {
  return spans.map(({ service, agoMs, tookMs, nodeId, ...rest }) => ({
    traceId: 't',
    ...rest,
    timestamp: (nowMs - agoMs) * 1000,
    duration: tookMs * 1000,
    localEndpoint: { serviceName: service },
    ...(nodeId !== undefined && { tags: { node_id: nodeId } }),
  }));
}

function facts(...traces: readonly object[][]) {
  return traceFacts(tracesSchema.parse(traces), window);
}

test('requests that sidecars took are counted, and those that a gateway took are not', () => {
  const one = trace(
    { id: '1', kind: 'SERVER', service: 'edge', agoMs: 500, tookMs: 100, nodeId: 'router~10.0.0.1~edge~x' },
    { id: '2', parentId: '1', kind: 'SERVER', service: 'a', agoMs: 450, tookMs: 10, nodeId: 'sidecar~10.0.0.2~a~x' },
    { id: '3', parentId: '1', kind: 'SERVER', service: 'istio-ingressgateway', agoMs: 450, tookMs: 10 },
  );
  expect(facts(one)).toMatchObject({
    spans: 3,
    servers: 1,
    serversWithinMs: 300_000,
    services: ['a', 'edge', 'istio-ingressgateway'],
  });
});

test('many traces tell of the time since the oldest of them, few of all the time that was looked at', () => {
  const span = (agoMs: number) => trace({ id: '1', kind: 'SERVER', service: 'a', agoMs, tookMs: 1 });
  const many = (length: number) => Array.from({ length }, (_, i) => span((i + 1) * 1_000));
  expect(facts(...many(40))).toMatchObject({ servers: 40, serversWithinMs: 40_000 });
  expect(facts(...many(10))).toMatchObject({ servers: 10, serversWithinMs: 300_000 });
});

test('a call without a parent, of a service that is called itself, has lost its trace', () => {
  const whole = trace(
    { id: '1', kind: 'SERVER', service: 'a', agoMs: 100, tookMs: 50 },
    { id: '2', parentId: '1', kind: 'CLIENT', service: 'a', agoMs: 90, tookMs: 10 },
  );
  const lost = trace({ id: '3', kind: 'CLIENT', service: 'a', agoMs: 90, tookMs: 10 });
  const job = trace({ id: '4', kind: 'CLIENT', service: 'cron', agoMs: 90, tookMs: 10 });
  expect(facts(whole, lost, job).calls).toEqual([{ service: 'a', calls: 2, lost: 1 }]);
});

test('a server whose half lies outside of its client has another clock', () => {
  const pair = (serverAgoMs: number, id = '2') =>
    trace(
      { id: '2', kind: 'CLIENT', service: 'a', agoMs: 1_000, tookMs: 20 },
      { id, parentId: '2', kind: 'SERVER', service: 'b', agoMs: serverAgoMs, tookMs: 10 },
    );
  expect(facts(pair(995)).pairs).toEqual([{ client: 'a', server: 'b', aheadMs: 0 }]);
  // It should have begun 5 ms behind the client.
  expect(facts(pair(3_995), pair(3_995, '3'), pair(995)).pairs).toEqual([
    { client: 'a', server: 'b', aheadMs: -3_000 },
  ]);
});

test('a span of the future is told, with how far it is ahead', () => {
  const ahead = trace({ id: '1', kind: 'SERVER', service: 'a', agoMs: -7_000, tookMs: 10 });
  expect(facts(ahead).ahead).toEqual({ service: 'a', byMs: 7_000 });
  expect(facts(trace({ id: '1', kind: 'SERVER', service: 'a', agoMs: 1, tookMs: 1 })).ahead).toBeUndefined();
});

test('spans that lack times or names are no trouble', () => {
  expect(
    facts([
      { traceId: 't', id: '1' },
      { traceId: 't', id: '2', kind: 'CLIENT' },
    ]),
  ).toMatchObject({
    spans: 2,
    services: [],
    pairs: [],
  });
  expect(facts()).toMatchObject({ spans: 0, servers: 0 });
});
