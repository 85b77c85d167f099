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
}

function trace(...spans: readonly Given[]): object[] {
  return spans.map(({ service, agoMs, tookMs, ...rest }) => ({
    traceId: 't',
    ...rest,
    timestamp: (nowMs - agoMs) * 1000,
    duration: tookMs * 1000,
    localEndpoint: { serviceName: service },
  }));
}

function facts(...traces: readonly object[][]) {
  return traceFacts(tracesSchema.parse(traces), window);
}

test('spans are counted, and their services named', () => {
  const one = trace(
    { id: '1', kind: 'SERVER', service: 'edge', agoMs: 500, tookMs: 100 },
    { id: '2', parentId: '1', kind: 'SERVER', service: 'a', agoMs: 450, tookMs: 10 },
  );
  expect(facts(one)).toMatchObject({ spans: 2, withinMs: 300_000, services: ['a', 'edge'] });
});

test('many traces tell of the time since the oldest of them, few of all the time that was looked at', () => {
  const span = (agoMs: number) => trace({ id: '1', kind: 'SERVER', service: 'a', agoMs, tookMs: 1 });
  const many = (length: number) => Array.from({ length }, (_, i) => span((i + 1) * 1_000));
  expect(facts(...many(40))).toMatchObject({ withinMs: 40_000 });
  expect(facts(...many(10))).toMatchObject({ withinMs: 300_000 });
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
  expect(facts()).toMatchObject({ spans: 0, services: [] });
});
