import { expect, test } from '@jest/globals';
import { seededBits } from '../bench/zipkin/random.ts';
import { groupsOf, recordedGroups, SpanRequest } from '../bench/zipkin/requests.ts';

interface Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly timestamp: number;
}

const groups = recordedGroups();

/** The spans of a body that is sent as one chunk. */
function spansOf(request: SpanRequest): Span[] {
  const [head = '', rest = '', last] = request.bytes.toString().split('\r\n\r\n');
  expect(head.endsWith('\r\ntransfer-encoding: chunked')).toBe(true);
  const [size = '', body = '', end] = rest.split('\r\n');
  expect(Number.parseInt(size, 16)).toBe(body.length);
  expect([end, last]).toEqual(['0', '']);
  return JSON.parse(body);
}

test('a request has as many spans as it says, each with ids and a time of its own', () => {
  const request = new SpanRequest(groupsOf(groups, 3, 100), '/api/v2/spans');
  const bits = seededBits(7);
  const seen = new Set<string>();
  for (let round = 0; round < 3; round++) {
    request.refresh(bits, 1_795_000_000_000_000 + round);
    const spans = spansOf(request);
    expect(spans).toHaveLength(100);
    for (const { traceId, id, timestamp } of spans) {
      seen.add(`${traceId} ${id}`);
      expect(timestamp).toBe(1_795_000_000_000_000 + round);
    }
  }
  expect(seen.size).toBe(300);
});

test('the spans of a trace stay together', () => {
  const gateway = groups.findIndex((group) =>
    group.some(({ parentId }) => parentId !== undefined && group.some(({ id }) => id === parentId)),
  );
  const request = new SpanRequest(groupsOf(groups, gateway, 5), '/api/v2/spans');
  request.refresh(seededBits(1), 1_795_000_000_000_000);
  const spans = spansOf(request);
  const linked = (list: readonly Span[]) =>
    list.map(({ parentId, traceId }) => list.findIndex((other) => other.id === parentId && other.traceId === traceId));
  expect(linked(spans)).toEqual(linked(groups[gateway]?.slice(0, 5) ?? []));
  expect(linked(spans)).toContainEqual(expect.any(Number));
  const roots = spans.filter(({ parentId }) => parentId === undefined);
  expect(roots.every(({ id, traceId }) => traceId.endsWith(id))).toBe(true);
});

test('the same seed gives the same bytes', () => {
  const [one, two] = [5, 5].map((seed) => {
    const request = new SpanRequest(groupsOf(groups, 0, 3), '/api/v2/spans');
    request.refresh(seededBits(seed), 1_795_000_000_000_000);
    return request.bytes.toString();
  });
  expect(one).toBe(two);
});
