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

/** Points along a path of lines and curves. */
function along(path: string): readonly (readonly [x: number, y: number])[] {
  const numbers = (text: string): number[] => [...text.matchAll(/-?\d+(?:\.\d+)?/g)].map((match) => Number(match[0]));
  let [x = 0, y = 0] = numbers(/^M[^LC]*/.exec(path)?.[0] ?? '');
  const found: [number, number][] = [];
  for (const [step] of path.matchAll(/[LC][^LC]*/g)) {
    const [a = 0, b = 0, c = a, d = b, endX = a, endY = b] = numbers(step);
    const [ax, ay, cx, cy] = step.startsWith('C') ? [a, b, c, d] : [x, y, endX, endY];
    for (let t = 0; t <= 1; t += 0.05) {
      const of = (p: number, q: number, r: number, s: number): number =>
        p * (1 - t) ** 3 + 3 * q * t * (1 - t) ** 2 + 3 * r * t ** 2 * (1 - t) + s * t ** 3;
      found.push([of(x, ax, cx, endX), of(y, ay, cy, endY)]);
    }
    [x, y] = [endX, endY];
  }
  return found;
}

test('a call over several layers crosses no box, and what it carries is written beside all of them', () => {
  const far = [call('gateway', 'ratings'), call('productpage', 'ratings'), call('gateway', 'reviews')];
  const { layout } = placesOf([...bookinfo, ...far]);
  expect(layout.edges).toHaveLength(7);
  const inside = (x: number, y: number, room: number): string[] =>
    layout.nodes
      .filter((node) => Math.abs(node.x - x) < box.width / 2 - 1 && Math.abs(node.y - y) < box.height / 2 + room)
      .map(({ name }) => name);
  for (const { edge, path, x, y } of layout.edges) {
    expect([edge, along(path).flatMap((point) => inside(...point, 1))]).toEqual([edge, []]);
    expect([edge, inside(x, y, 10)]).toEqual([edge, []]);
  }
  const labels = layout.edges.map(({ x, y }) => [x, y] as const);
  for (const [i, [x, y]] of labels.entries()) {
    for (const [otherX, otherY] of labels.slice(i + 1)) {
      expect(Math.abs(x - otherX) > 60 || Math.abs(y - otherY) >= 30).toBe(true);
    }
  }
});
