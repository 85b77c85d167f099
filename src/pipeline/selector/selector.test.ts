import { describe, expect, test } from '@jest/globals';
import { frameRecord } from '../../../test/fakes/frames.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { spanRecord } from '../../../test/fakes/requests.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { encodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import { parseSelector, type Selector } from '../../lib/selector.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Series } from '../../model/metric.ts';
import { ItemSelector } from './item-selector.ts';
import { matchesOrigin } from './record-labels.ts';

const timeMs = Date.UTC(2026, 10, 21, 12);
const origin = { namespace: 'prod', pod: 'reviews-1', podUid: 'u1', container: 'app' };

function selector(text: string): Selector {
  const { selector: parsed, fault } = parseSelector(text);
  if (parsed === undefined) {
    throw new Error(fault.message);
  }
  return parsed;
}

function meant(text: string, record: QueueRecord): readonly number[] {
  const { count, isMeant } = new ItemSelector(selector(text), new RecordDecoders()).meant(record);
  return Array.from({ length: count }, (_, i) => i).filter((index) => isMeant(index));
}

function series(name: string, labels: Readonly<Record<string, string>>): Series {
  return { name, labels: Object.entries(labels), type: 'gauge', measurement: 'istio', field: name };
}

const scrape: QueueRecord = {
  ...frameRecord(
    [series('up', {}), series('requests', { path: '/a' }), series('requests', { path: '/b', namespace: 'own' })],
    [1, 2, 3],
    { seq: 1, timestampMs: timeMs, edits: { add: { zone: 'z1' } } },
  ),
  origin,
};
const lines: QueueRecord = logRecord(
  [
    { message: 'one', timeNanos: 1n, level: 'error', attributes: { code: 500, namespace: 'other' } },
    { message: 'two', timeNanos: 2n, stream: 'stderr' },
  ],
  { seq: 1, origin, edits: { add: { zone: 'z1' }, drop: ['container'] } },
);

describe('a record', () => {
  test('is judged by where it came from and what is added, without a look into it', () => {
    const unread = { ...lines, payload: Buffer.from('not a block') };
    expect(matchesOrigin(selector('{namespace="prod", pod=~"reviews-.*"}'), unread)).toBe('yes');
    expect(matchesOrigin(selector('{namespace="prod", zone!="z1"}'), unread)).toBe('no');
    expect(matchesOrigin(selector('{pod_uid="u1", signal="logs"}'), unread)).toBe('yes');
    expect(matchesOrigin(selector('{namespace="prod", code="500"}'), unread)).toBe('unknown');
  });

  test('has nothing known of a label that is dropped of it', () => {
    expect(matchesOrigin(selector('{container="app"}'), lines)).toBe('unknown');
  });
});

describe('an item', () => {
  test('of metrics is found by its labels, its name, its split, and where it came from', () => {
    expect(meant('{path="/a"}', scrape)).toEqual([1]);
    expect(meant('{__name__=~"req.*", measurement="istio"}', scrape)).toEqual([1, 2]);
    expect(meant('{namespace="prod"}', scrape)).toEqual([0, 1]);
    expect(meant('{zone="z1", path!~".+"}', scrape)).toEqual([0]);
    expect(meant('{field="up", signal="metrics"}', scrape)).toEqual([0]);
  });

  test('of metrics is judged anew where the same series came from elsewhere', () => {
    const items = new ItemSelector(selector('{namespace="prod"}'), new RecordDecoders());
    const count = (record: QueueRecord): number => {
      const found = items.meant(record);
      return Array.from({ length: found.count }, (_, i) => i).filter(found.isMeant).length;
    };
    expect(count(scrape)).toBe(2);
    expect(count({ ...scrape, seq: 2, origin: { ...origin, namespace: 'dev' } })).toBe(0);
    expect(count({ ...scrape, seq: 3 })).toBe(2);
  });

  test('of traces is found by its tags, and by the services of either side', () => {
    const record = spanRecord(
      [
        {
          traceId: '000000000000000a',
          id: '000000000000000b',
          name: 'get /',
          kind: 'CLIENT',
          localEndpoint: { serviceName: 'reviews' },
          remoteEndpoint: { serviceName: 'ratings' },
          tags: { 'http.status_code': '500', constructor: 'x' },
        },
        { traceId: '000000000000000a', id: '000000000000000c', localEndpoint: { serviceName: 'details' } },
      ],
      { seq: 1 },
    );
    expect(meant('{service="ratings"}', record)).toEqual([0]);
    expect(meant('{service!="ratings"}', record)).toEqual([1]);
    expect(meant('{http.status_code=~"5.."}', record)).toEqual([0]);
    expect(meant('{kind="CLIENT", name="get /", trace_id="000000000000000a"}', record)).toEqual([0]);
    expect(meant('{constructor!=""}', record)).toEqual([0]);
  });

  test('of traces is found by the place that its tags tell, since a report holds spans of many', () => {
    const ids = (id: string) => ({ traceId: '000000000000000a', id: id.padStart(16, '0') });
    const istio = { 'istio.namespace': 'prod', 'istio.canonical_service': 'reviews', 'istio.canonical_revision': 'v2' };
    const record = spanRecord(
      [
        { ...ids('1'), localEndpoint: { serviceName: 'reviews.prod' }, tags: istio },
        {
          ...ids('2'),
          localEndpoint: { serviceName: 'cart' },
          tags: { 'k8s.namespace.name': 'prod', 'k8s.pod.name': 'cart-1', 'k8s.deployment.name': 'cart' },
        },
        { ...ids('3'), localEndpoint: { serviceName: 'cart' }, tags: { namespace: 'own', 'istio.namespace': 'prod' } },
        { ...ids('4') },
      ],
      { seq: 1 },
    );
    expect(meant('{namespace="prod"}', record)).toEqual([0, 1]);
    expect(meant('{namespace!="prod"}', record)).toEqual([2, 3]);
    expect(meant('{app="reviews", version="v2"}', record)).toEqual([0]);
    expect(meant('{app="cart"}', record)).toEqual([1, 2]);
    expect(meant('{pod="cart-1", workload="cart"}', record)).toEqual([1]);
    expect(meant('{constructor=""}', record)).toEqual([0, 1, 2, 3]);
  });

  test('of logs is found by its stream, level and attributes, behind where it came from', () => {
    expect(meant('{level="error"}', lines)).toEqual([0]);
    expect(meant('{stream="stderr"}', lines)).toEqual([1]);
    expect(meant('{code="500"}', lines)).toEqual([0]);
    expect(meant('{namespace="prod", zone="z1"}', lines)).toEqual([0, 1]);
    expect(meant('{namespace="other"}', lines)).toEqual([]);
  });

  test('of RUM is found by its tags, fields and measurement', () => {
    const point = { measurement: 'view', tags: { app_id: 'shop' }, fields: { loading_time: 12 }, timeNanos: 1n };
    const payload = encodeRumPoints([point, { ...point, measurement: 'error', fields: {} }]);
    const record: QueueRecord = { ...lines, signal: 'rum', format: 'rum-points', items: 2, payload };
    expect(meant('{app_id="shop", measurement="error"}', record)).toEqual([1]);
    expect(meant('{loading_time="12"}', record)).toEqual([0]);
  });

  test('is there when one of many is meant', () => {
    const items = new ItemSelector(selector('{path="/b"}'), new RecordDecoders());
    expect(items.matchesAny(scrape)).toBe(true);
    expect(items.matchesAny(lines)).toBe(false);
  });
});
