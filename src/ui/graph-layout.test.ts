import { expect, test } from '@jest/globals';
import { box, layoutOf } from './graph-layout.ts';

const call = (parent: string, child: string) => ({ parent, child });
const bookinfo = [
  call('gateway', 'productpage'),
  call('productpage', 'details'),
  call('productpage', 'reviews'),
  call('reviews', 'ratings'),
];

function placesOf(edges: readonly { readonly parent: string; readonly child: string }[]) {
  const layout = layoutOf([], edges);
  return { layout, at: new Map(layout.nodes.map((node) => [node.name, node])) };
}

test('a service stands right of those that call it', () => {
  const { at, layout } = placesOf(bookinfo);
  for (const { parent, child } of bookinfo) {
    expect(at.get(child)?.x).toBeGreaterThan((at.get(parent)?.x ?? 0) + box.width);
  }
  expect(layout.edges).toHaveLength(4);
});

test('no box lies on another, nor outside of the picture', () => {
  const wide = Array.from({ length: 12 }, (_, i) => call('front', `back-${i}`));
  const { layout } = placesOf([...bookinfo, ...wide, call('back-3', 'ratings')]);
  for (const [i, a] of layout.nodes.entries()) {
    expect(a.x - box.width / 2).toBeGreaterThanOrEqual(0);
    expect(a.x + box.width / 2).toBeLessThanOrEqual(layout.width);
    expect(a.y - box.height / 2).toBeGreaterThanOrEqual(0);
    expect(a.y + box.height / 2).toBeLessThanOrEqual(layout.height);
    for (const b of layout.nodes.slice(i + 1)) {
      expect(Math.abs(a.x - b.x) >= box.width || Math.abs(a.y - b.y) >= box.height).toBe(true);
    }
  }
});

test('calls in a ring, and of a service to itself, are drawn', () => {
  const { layout, at } = placesOf([call('a', 'b'), call('b', 'c'), call('c', 'a'), call('b', 'b')]);
  expect(layout.edges).toHaveLength(4);
  expect([...at.values()].toSorted((x, y) => x.x - y.x).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});

test('the order in which calls come does not matter', () => {
  expect(placesOf(bookinfo.toReversed()).layout.nodes).toEqual(placesOf(bookinfo).layout.nodes);
});

test('services that nobody calls and that call nobody have their place', () => {
  expect(layoutOf(['alone'], []).nodes).toMatchObject([{ name: 'alone' }]);
  expect(layoutOf([], []).nodes).toEqual([]);
});
