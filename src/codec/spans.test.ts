import { expect, test } from '@jest/globals';
import type { TagEdits } from '../model/batch.ts';
import { decodeSpans } from './spans.ts';

const v2 = Buffer.from('[{"traceId":"a","id":"b","tags":{"env":"prod","zone":"x"}},{"traceId":"a","id":"c"}]');

function tags(edits?: TagEdits): unknown[] {
  const record = { format: 'zipkin-json-v2', payload: v2, ...(edits === undefined ? {} : { edits }) } as const;
  return decodeSpans(record).map((span) => span.tags);
}

test.each([
  [undefined, [{ env: 'prod', zone: 'x' }, undefined]],
  [{}, [{ env: 'prod', zone: 'x' }, undefined]],
  [{ drop: ['zone', 'absent'] }, [{ env: 'prod' }, undefined]],
  [{ drop: ['zone', 'env'] }, [undefined, undefined]],
  [
    { add: { env: 'test', team: 'a' } },
    [
      { env: 'prod', zone: 'x', team: 'a' },
      { env: 'test', team: 'a' },
    ],
  ],
  [{ add: { env: 'test' }, drop: ['env'] }, [{ env: 'test', zone: 'x' }, { env: 'test' }]],
])('edits %j are applied to each span', (edits, expected) => {
  expect(tags(edits)).toEqual(expected);
});

test('spans are read in the format of their record', () => {
  const v1 = Buffer.from('[{"traceId":"a","id":"b","binaryAnnotations":[{"key":"k","value":"v"}]}]');
  expect(decodeSpans({ format: 'zipkin-json-v1', payload: v1 })).toEqual([
    { traceId: '000000000000000a', id: '000000000000000b', tags: { k: 'v' } },
  ]);
  const proto = Buffer.from('0a060a010a1a010b', 'hex');
  expect(decodeSpans({ format: 'zipkin-proto3', payload: proto })).toEqual([
    { traceId: '000000000000000a', id: '000000000000000b' },
  ]);
  expect(() => decodeSpans({ format: 'rum-points', payload: v2 })).toThrow(
    expect.objectContaining({ code: 'BRIDGE_DECODE', message: expect.stringContaining('rum-points') }),
  );
});
