import type { TraceNode, TraceTree } from './trace-tree.ts';

/** A span as a box: where in time, as shares of the trace, and how deep. */
export interface FlameBox {
  readonly node: TraceNode;
  readonly parent: FlameBox | undefined;
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

export interface FlameLayout {
  /** Parents before their children, siblings in the order of time. */
  readonly boxes: readonly FlameBox[];
  readonly rows: number;
}

/** Children stand below their parents; what runs at the same time as a neighbour stands a row further down. */
export function flameLayout(tree: TraceTree): FlameLayout {
  const boxes: FlameBox[] = [];
  const rows: FlameBox[][] = [];
  const waiting: { readonly node: TraceNode; readonly parent: FlameBox | undefined }[] = tree.roots
    .toReversed()
    .map((node) => ({ node, parent: undefined }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, parent } = next;
    const [from, to] = sharesOf(node, tree, parent);
    let row = parent === undefined ? 0 : parent.row + 1;
    while (rows[row]?.some((other) => other.from < to && from < other.to) === true) {
      row += 1;
    }
    const box: FlameBox = { node, parent, row, from, to };
    boxes.push(box);
    while (rows.length <= row) {
      rows.push([]);
    }
    rows[row]?.push(box);
    for (const child of node.children.toReversed()) {
      waiting.push({ node: child, parent: box });
    }
  }
  return { boxes, rows: rows.length };
}

/** The box at a place: a row and a share of the trace. `slack` is how far beside a thin box still counts. */
export function boxAt(
  { boxes }: FlameLayout,
  place: { readonly row: number; readonly share: number; readonly slack: number },
): FlameBox | undefined {
  const { row, share, slack } = place;
  const near = boxes.filter((box) => box.row === row && box.from - slack <= share && share <= box.to + slack);
  return near.find((box) => box.from <= share && share <= box.to) ?? near[0];
}

export type Direction = 'parent' | 'child' | 'before' | 'after';

/** Where an arrow key leads from a box. */
export function neighbour({ boxes }: FlameLayout, from: FlameBox, direction: Direction): FlameBox | undefined {
  if (direction === 'parent') {
    return from.parent;
  }
  if (direction === 'child') {
    return boxes.find(({ parent }) => parent === from);
  }
  const siblings = boxes.filter(({ parent }) => parent === from.parent);
  return siblings[siblings.indexOf(from) + (direction === 'after' ? 1 : -1)];
}

/** µs in which none of its children ran. */
export function selfMicros({ span, children }: TraceNode): number {
  const start = span.timestamp;
  const duration = span.duration ?? 0;
  if (start === undefined) {
    return duration;
  }
  const end = start + duration;
  const covered = children
    .map(({ span: child }) => {
      const from = Math.max(start, child.timestamp ?? end);
      return [from, Math.max(from, Math.min(end, (child.timestamp ?? end) + (child.duration ?? 0)))] as const;
    })
    .sort(([a], [b]) => a - b);
  let reached = start;
  let busy = 0;
  for (const [from, to] of covered) {
    busy += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return duration - busy;
}

export interface ServiceShare {
  readonly service: string;
  readonly spans: number;
  readonly selfMicros: number;
  /** Of the self times of all services. */
  readonly share: number;
}

/** Where the time went, most first. */
export function selfByService({ boxes }: FlameLayout): readonly ServiceShare[] {
  const found = new Map<string, { spans: number; selfMicros: number }>();
  for (const { node } of boxes) {
    const known = found.get(node.service) ?? { spans: 0, selfMicros: 0 };
    found.set(node.service, { spans: known.spans + 1, selfMicros: known.selfMicros + selfMicros(node) });
  }
  const total = Math.max(
    1,
    [...found.values()].reduce((sum, one) => sum + one.selfMicros, 0),
  );
  return [...found]
    .map(([service, one]) => ({ service, ...one, share: one.selfMicros / total }))
    .sort((a, b) => b.selfMicros - a.selfMicros);
}

function sharesOf(node: TraceNode, tree: TraceTree, parent: FlameBox | undefined): readonly [number, number] {
  const total = Math.max(1, tree.durationMicros);
  const { timestamp, duration = 0 } = node.span;
  if (timestamp === undefined || tree.startMicros === undefined) {
    const from = parent?.from ?? 0;
    return [from, Math.min(1, from + duration / total)];
  }
  const offset = timestamp - tree.startMicros;
  return [offset / total, (offset + duration) / total];
}
