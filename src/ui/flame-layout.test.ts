import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readSpan } from './api.ts';
import { boxAt, type FlameBox, flameLayout, neighbour, selfByService, selfMicros } from './flame-layout.ts';
import { type TraceTree, traceTree } from './trace-tree.ts';

const tree = (...spans: readonly [id: string, parentId: string, service: string, at: number, duration: number][]) =>
  traceTree(
    spans.map(([id, parentId, serviceName, at, duration]) =>
      readSpan({
        traceId: 'a1',
        id,
        ...(parentId === '' ? {} : { parentId }),
        name: id,
        timestamp: 1_000 + at,
        duration,
        localEndpoint: { serviceName },
      }),
    ),
  );
const id = (box: FlameBox | undefined): string | undefined => box?.node.span.id;
const places = (of: TraceTree): string[] =>
  flameLayout(of).boxes.map((box) => `${id(box)} ${box.row} ${box.from}-${box.to}`);

const page = tree(
  ['a', '', 'web', 0, 100],
  ['b', 'a', 'web', 10, 20],
  ['c', 'a', 'reviews', 20, 60],
  ['d', 'c', 'ratings', 30, 25],
  ['e', 'a', 'web', 90, 10],
);

describe('a flame graph', () => {
  test('puts children under their parents, and what runs at the same time below its neighbour', () => {
    expect(places(page)).toEqual(['a 0 0-1', 'b 1 0.1-0.3', 'c 2 0.2-0.8', 'd 3 0.3-0.55', 'e 1 0.9-1']);
  });

  test('draws spans without a time at the place of their parents', () => {
    const untimed = traceTree([
      readSpan({ traceId: 'a1', id: 'a', timestamp: 1_000, duration: 100 }),
      readSpan({ traceId: 'a1', id: 'b', parentId: 'a', duration: 50 }),
    ]);
    expect(places(untimed)).toEqual(['a 0 0-1', 'b 1 0-0.5']);
  });

  test('never draws one box over another, and children always lower than their parents', () => {
    const spans = fc.array(fc.tuple(fc.nat(30), fc.integer({ min: -20, max: 100 }), fc.nat(60)), { maxLength: 40 });
    fc.assert(
      fc.property(spans, (made) => {
        const { boxes, rows } = flameLayout(
          tree(
            ...made
              .map(([parent, at, duration], i) => [`${i}`, `${parent}`, 's', at, duration] as const)
              .map((s) => [...s] as [string, string, string, number, number]),
          ),
        );
        for (const box of boxes) {
          expect(box.row).toBeLessThan(rows);
          expect(box.row).toBeGreaterThan(box.parent?.row ?? -1);
          const over = boxes.filter((o) => o !== box && o.row === box.row && o.from < box.to && box.from < o.to);
          expect(over.map(id)).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('knows the box under the pointer, with some room for the thin ones', () => {
    const layout = flameLayout(page);
    expect(id(boxAt(layout, { row: 2, share: 0.5, slack: 0 }))).toBe('c');
    expect(boxAt(layout, { row: 1, share: 0.5, slack: 0.01 })).toBeUndefined();
    expect(id(boxAt(layout, { row: 1, share: 0.305, slack: 0.01 }))).toBe('b');
  });

  test('lets arrow keys go to parents, children and siblings', () => {
    const layout = flameLayout(page);
    const box = (name: string): FlameBox => layout.boxes.find((candidate) => id(candidate) === name) as FlameBox;
    expect(id(neighbour(layout, box('c'), 'parent'))).toBe('a');
    expect(id(neighbour(layout, box('c'), 'child'))).toBe('d');
    expect(id(neighbour(layout, box('c'), 'before'))).toBe('b');
    expect(id(neighbour(layout, box('c'), 'after'))).toBe('e');
    expect(neighbour(layout, box('a'), 'parent')).toBeUndefined();
    expect(neighbour(layout, box('b'), 'before')).toBeUndefined();
  });
});

test('a span itself takes what none of its children covers', () => {
  // b and c together cover 10–80, e covers 90–100.
  expect(page.roots.map(selfMicros)).toEqual([20]);
  const late = tree(['a', '', 's', 0, 50], ['b', 'a', 's', 40, 100]);
  expect(late.roots.map(selfMicros)).toEqual([40]);
});

test('the time of a trace is shared out among its services', () => {
  expect(selfByService(flameLayout(page))).toEqual([
    { service: 'web', spans: 3, selfMicros: 50, share: 50 / 110 },
    { service: 'reviews', spans: 1, selfMicros: 35, share: 35 / 110 },
    { service: 'ratings', spans: 1, selfMicros: 25, share: 25 / 110 },
  ]);
});
