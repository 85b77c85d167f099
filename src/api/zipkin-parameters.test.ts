import { expect, test } from '@jest/globals';
import { normalTraceId, traceIds, traceQuery } from './zipkin-parameters.ts';

const asked = (text: string) => traceQuery(new URLSearchParams(text), 1_000);

test('a search without parameters looks back a day from now for ten traces', () => {
  expect(asked('')).toEqual({ annotations: [], endTsMs: 1_000, lookbackMs: 86_400_000, limit: 10 });
});

test('names are lower case, and empty names or the span name "all" mean any', () => {
  expect(asked('serviceName=ALL&spanName=all&remoteServiceName=')).toMatchObject({ serviceName: 'all' });
  expect(asked('serviceName=ALL&spanName=all&remoteServiceName=')).not.toHaveProperty('spanName');
  expect(asked('spanName=GET')).toMatchObject({ spanName: 'get' });
});

test('an annotation query is split at " and " into tags and words', () => {
  expect(asked('annotationQuery=http.method%3DGET and error and a%3Db%3Dc').annotations).toEqual([
    { key: 'http.method', value: 'GET' },
    { key: 'error' },
    { key: 'a', value: 'b=c' },
  ]);
});

test.each([
  ['limit=0', 'limit <= 0'],
  ['lookback=-1', 'lookback <= 0'],
  ['endTs=0', 'endTs <= 0'],
  ['minDuration=0', 'minDuration <= 0'],
  ['limit=abc', 'For input string: "abc"'],
  ['limit=', 'For input string: ""'],
  ['maxDuration=5', 'maxDuration is only valid with minDuration'],
  ['minDuration=9&maxDuration=5', 'maxDuration < minDuration'],
])('%s is refused with: %s', (query, message) => {
  expect(() => asked(query)).toThrow(message);
});

test.each([
  ['a', '000000000000000a'],
  ['463ac35c9f6413ad48485a3953bb6124', '463ac35c9f6413ad48485a3953bb6124'],
  ['000000000000000048485a3953bb6124', '48485a3953bb6124'],
  [' 48485a3953bb6124 ', '48485a3953bb6124'],
])('the trace id "%s" means %s', (value, id) => {
  expect(normalTraceId(value)).toBe(id);
});

test.each([
  ['48485A3953BB6124', 'should be lower-hex encoded with no prefix'],
  ['0', 'traceId is all zeros'],
  ['', 'traceId is empty'],
  ['1'.repeat(33), 'traceId.length > 32'],
])('the trace id "%s" is refused: %s', (value, message) => {
  expect(() => normalTraceId(value)).toThrow(message);
});

test('several traces are asked for by different ids', () => {
  expect(traceIds('1,2')).toEqual(['0000000000000001', '0000000000000002']);
  expect(() => traceIds('')).toThrow('traceIds parameter is empty');
  expect(() => traceIds('1')).toThrow('Use /api/v2/trace/{traceId} endpoint to retrieve a single trace');
  expect(() => traceIds('1,0a,01')).toThrow('redundant traceId: 01');
});

test('a condition that ends with "=" asks for the key alone', () => {
  expect(asked('annotationQuery=component%3D and error').annotations).toEqual([{ key: 'component' }, { key: 'error' }]);
});
