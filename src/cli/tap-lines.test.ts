import { describe, expect, test } from '@jest/globals';
import { coloured, plain } from './paint.ts';
import { TapLines } from './tap-lines.ts';

function lines(...items: readonly object[]): readonly (string | undefined)[] {
  const printed = new TapLines(plain);
  return items.map((item) => printed.of(item));
}

const timestamp = Date.UTC(2026, 10, 21, 12, 30, 1, 5);

describe('an item on one line', () => {
  test('of metrics has its labels and value, and says where a series ends', () => {
    const labels = { namespace: 'prod', pod: 'reviews-1', path: '/a' };
    const metric = { signal: 'metrics', name: 'requests', labels, timestamp, value: 12 };
    expect(
      lines(metric, { ...metric, value: undefined, stale: true }, { ...metric, labels: {}, value: '+Inf' }),
    ).toEqual([
      '12:30:01.005  metrics  prod/reviews-1  requests{path="/a"}  12',
      '12:30:01.005  metrics  prod/reviews-1  requests{path="/a"}  ends',
      '12:30:01.005  metrics                  requests  +Inf',
    ]);
  });

  test('of traces has both sides, the time it took, and what came of it', () => {
    const span = {
      signal: 'traces',
      traceId: 'a1',
      name: 'get /',
      kind: 'CLIENT',
      timestamp: timestamp * 1_000,
      duration: 12_345,
      localEndpoint: { serviceName: 'reviews' },
      remoteEndpoint: { serviceName: 'ratings' },
      tags: { 'http.status_code': '503' },
    };
    expect(lines(span, { signal: 'traces', traceId: 'b1', tags: { error: 'true' }, duration: 12 })).toEqual([
      '12:30:01.005  traces   reviews → ratings  client  get /  12 ms  503  a1',
      '              traces                      12 µs  error  b1',
    ]);
    expect(new TapLines(coloured).of(span)).toContain('\u001b[31m503');
  });

  test('of logs has its level and text, and steers no terminal', () => {
    const line = {
      signal: 'logs',
      timestamp: '2026-11-21T12:30:01.005000001Z',
      namespace: 'prod',
      pod: 'p',
      container: 'c',
    };
    expect(lines({ ...line, level: 'warn', message: 'a\u001b[2Jb\nc' }, { ...line, message: 'd' })).toEqual([
      '12:30:01.005  logs     prod/p/c  warn   a [2Jb c',
      '12:30:01.005  logs     prod/p/c         d',
    ]);
  });

  test('of RUM has its measurement and tags', () => {
    const point = { signal: 'rum', measurement: 'view', tags: { app_id: 'shop', a: 'b' }, time: `${timestamp}000000` };
    expect(lines(point)).toEqual(['12:30:01.005  rum      shop  view  app_id=shop a=b']);
  });

  test('is nothing where there is none', () => {
    expect(lines({ tap: 'alive' }, { signal: 'spans' })).toEqual([undefined, undefined]);
    expect(new TapLines(plain).of(null)).toBeUndefined();
  });
});
