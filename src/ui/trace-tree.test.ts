import { expect, test } from '@jest/globals';
import { readSpan, type SpanView } from './api.ts';
import { rootOf, traceTree, visibleRows } from './trace-tree.ts';

const span = (fields: object): SpanView => readSpan({ traceId: 'a1', ...fields });

function shown(spans: readonly SpanView[], collapsed: ReadonlySet<string> = new Set()): string[] {
  return visibleRows(traceTree(spans), collapsed).map(
    ({ node, depth }) => `${'  '.repeat(depth)}${node.service} ${node.span.kind ?? '-'} ${node.span.id}`,
  );
}

const local = (serviceName: string): object => ({ localEndpoint: { serviceName } });

test('children stand under their parents in the order of time', () => {
  const spans = [
    span({ id: '3', parentId: '1', timestamp: 30, duration: 5, ...local('c') }),
    span({ id: '2', parentId: '1', timestamp: 20, duration: 5, ...local('b') }),
    span({ id: '1', timestamp: 10, duration: 50, ...local('a') }),
  ];
  expect(shown(spans)).toEqual(['a - 1', '  b - 2', '  c - 3']);
  const tree = traceTree(spans);
  expect([tree.startMicros, tree.durationMicros, tree.spanCount, tree.depth]).toEqual([10, 50, 3, 2]);
});

test('the server half of a shared span stands under the client half, and its children under the server half', () => {
  const spans = [
    span({ id: '3', parentId: '2', kind: 'CLIENT', timestamp: 14, ...local('reviews') }),
    span({ id: '2', parentId: '1', kind: 'SERVER', timestamp: 12, shared: true, ...local('reviews') }),
    span({ id: '2', parentId: '1', kind: 'CLIENT', timestamp: 11, ...local('productpage') }),
    span({ id: '1', kind: 'SERVER', timestamp: 10, ...local('productpage') }),
  ];
  expect(shown(spans)).toEqual([
    'productpage SERVER 1',
    '  productpage CLIENT 2',
    '    reviews SERVER 2',
    '      reviews CLIENT 3',
  ]);
});

test('halves whose sender lost the mark of sharing are told apart by their kinds', () => {
  const spans = [
    span({ id: '2', kind: 'SERVER', timestamp: 12, ...local('b') }),
    span({ id: '2', kind: 'CLIENT', timestamp: 11, ...local('a') }),
  ];
  expect(shown(spans)).toEqual(['a CLIENT 2', '  b SERVER 2']);
});

test('two reports of one span are one node with all tags and annotations', () => {
  const tree = traceTree([
    span({ id: '1', timestamp: 10, tags: { a: '1' }, annotations: [{ timestamp: 2, value: 'late' }], ...local('s') }),
    span({ id: '1', tags: { b: '2' }, annotations: [{ timestamp: 1, value: 'early' }], ...local('s') }),
  ]);
  expect(tree.spanCount).toBe(1);
  expect(tree.roots[0]?.span.tags).toEqual({ a: '1', b: '2' });
  expect(tree.roots[0]?.span.annotations.map((a) => a.value)).toEqual(['early', 'late']);
});

test('a span whose parent is missing is a root that says so, and does not name the trace', () => {
  const tree = traceTree([
    span({ id: '9', parentId: '8', timestamp: 5, ...local('lost') }),
    span({ id: '1', timestamp: 10, ...local('front') }),
  ]);
  expect(tree.roots.map((root) => [root.service, root.orphan])).toEqual([
    ['lost', true],
    ['front', false],
  ]);
  expect(rootOf(tree)?.service).toBe('front');
});

test('a circle of parents is cut open and nothing is lost', () => {
  const spans = [
    span({ id: '1', parentId: '3', timestamp: 1 }),
    span({ id: '2', parentId: '1', timestamp: 2 }),
    span({ id: '3', parentId: '2', timestamp: 3 }),
    span({ id: '4', parentId: '4', timestamp: 4 }),
  ];
  expect(visibleRows(traceTree(spans), new Set()).length).toBe(4);
});

test('what is below a collapsed row is left out', () => {
  const spans = [span({ id: '1', timestamp: 1 }), span({ id: '2', parentId: '1' }), span({ id: '3', parentId: '2' })];
  const key = traceTree(spans).roots[0]?.children[0]?.key ?? '';
  expect(shown(spans, new Set([key])).length).toBe(2);
});

test('spans without times, names and services are counted and shown', () => {
  const tree = traceTree([span({ id: '1' }), span({ id: '2', duration: 7 })]);
  expect([tree.startMicros, tree.durationMicros, tree.services]).toEqual([undefined, 7, [['', 2]]]);
});

test('errors and services are counted', () => {
  const tree = traceTree([
    span({ id: '1', timestamp: 1, tags: { error: '' }, ...local('a') }),
    span({ id: '2', timestamp: 2, ...local('b') }),
    span({ id: '3', timestamp: 3, ...local('b') }),
  ]);
  expect(tree.errorCount).toBe(1);
  expect(tree.services).toEqual([
    ['b', 2],
    ['a', 1],
  ]);
});

test('ten thousand spans in a chain do not overflow the stack', () => {
  const chain = Array.from({ length: 10_000 }, (_, i) =>
    span({ id: `${i}`, parentId: i === 0 ? undefined : `${i - 1}`, timestamp: i }),
  );
  const tree = traceTree(chain);
  expect(tree.depth).toBe(10_000);
  expect(visibleRows(tree, new Set()).length).toBe(10_000);
});
