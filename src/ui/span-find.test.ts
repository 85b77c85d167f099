import { expect, test } from '@jest/globals';
import { readSpan } from './api.ts';
import { foundSpans } from './span-find.ts';
import { traceTree } from './trace-tree.ts';

const tree = traceTree([
  readSpan({
    traceId: 'a1',
    id: '1',
    name: 'get /x',
    localEndpoint: { serviceName: 'Web' },
    tags: { 'http.status_code': '503' },
  }),
  readSpan({
    traceId: 'a1',
    id: '2',
    parentId: '1',
    localEndpoint: { serviceName: 'db' },
    annotations: [{ timestamp: 1, value: 'ws' }],
  }),
]);
const found = (typed: string): string[] | undefined => {
  const keys = foundSpans(tree, typed);
  return keys === undefined ? undefined : [...keys].map((key) => key.slice(0, 1));
};

test('spans are found by service, name, tag and annotation, every word of it', () => {
  expect(found('web 503')).toEqual(['1']);
  expect(found('http.status_code=503')).toEqual(['1']);
  expect(found('WS')).toEqual(['2']);
  expect(found('web db')).toEqual([]);
});

test('nothing to look for is not the same as nothing found', () => {
  expect(found('  ')).toBeUndefined();
});
