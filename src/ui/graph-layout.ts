/** Who calls whom, by name. */
export interface GraphEdge {
  readonly parent: string;
  readonly child: string;
}

export interface PlacedNode {
  readonly name: string;
  /** The middle of its box. */
  readonly x: number;
  readonly y: number;
}

export interface PlacedEdge<E> {
  readonly edge: E;
  /** An SVG path. */
  readonly path: string;
  /** Where what it carries is written. */
  readonly x: number;
  readonly y: number;
}

export interface GraphLayout<E> {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge<E>[];
  readonly width: number;
  readonly height: number;
}

export const box = { width: 206, height: 50 } as const;
const gap = { x: 132, y: 30 } as const;
const margin = 24;
const sweeps = 4;

/**
 * Layers from left to right: a service stands right of all that call it, those of a layer in the order of who calls them. Calls in a
 * ring go back below. The same calls give the same picture.
 */
export function layoutOf<E extends GraphEdge>(names: readonly string[], edges: readonly E[]): GraphLayout<E> {
  const all = [...new Set([...names, ...edges.flatMap(({ parent, child }) => [parent, child])])].sort();
  const forward = withoutRings(all, edges);
  const layers = ordered(layersOf(all, forward), forward);
  const tallest = layers.reduce((most, layer) => Math.max(most, layer.length), 1);
  const height = margin * 2 + tallest * (box.height + gap.y) - gap.y;
  const places = new Map<string, PlacedNode>();
  for (const [column, layer] of layers.entries()) {
    const top = (height - (layer.length * (box.height + gap.y) - gap.y)) / 2 + box.height / 2;
    for (const [row, name] of layer.entries()) {
      const x = margin + box.width / 2 + column * (box.width + gap.x);
      places.set(name, { name, x, y: top + row * (box.height + gap.y) });
    }
  }
  return {
    nodes: all.flatMap((name) => places.get(name) ?? []),
    edges: edges.flatMap((edge) => placed(edge, places, height)),
    width: margin * 2 + layers.length * (box.width + gap.x) - gap.x,
    height: edges.some((edge) => isBack(edge, places)) ? height + gap.y * 2 : height,
  };
}

/** Those that close a ring are left out: what a walk from the first name meets again on its own way. */
function withoutRings(names: readonly string[], edges: readonly GraphEdge[]): GraphEdge[] {
  const calls = Map.groupBy(edges, ({ parent }) => parent);
  const called = new Set(edges.filter(({ parent, child }) => parent !== child).map(({ child }) => child));
  const kept: GraphEdge[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string): void => {
    state.set(name, 'open');
    for (const edge of calls.get(name)?.toSorted((a, b) => (a.child < b.child ? -1 : 1)) ?? []) {
      const child = state.get(edge.child);
      if (child !== 'open') {
        kept.push(edge);
      }
      if (child === undefined) {
        visit(edge.child);
      }
    }
    state.set(name, 'done');
  };
  for (const name of [...names.filter((one) => !called.has(one)), ...names]) {
    if (!state.has(name)) {
      visit(name);
    }
  }
  return kept;
}

function layersOf(names: readonly string[], edges: readonly GraphEdge[]): string[][] {
  const depth = new Map(names.map((name) => [name, 0]));
  for (let moved = true, round = 0; moved && round <= names.length; round++) {
    moved = false;
    for (const { parent, child } of edges) {
      const least = (depth.get(parent) ?? 0) + 1;
      if ((depth.get(child) ?? 0) < least) {
        depth.set(child, least);
        moved = true;
      }
    }
  }
  const layers: string[][] = [];
  for (const [name, layer] of depth) {
    layers[layer] ??= [];
    layers[layer].push(name);
  }
  return layers.map((layer) => layer ?? []);
}

/** Each by the middle of its neighbours in the layer before, then after, some times. */
function ordered(layers: readonly (readonly string[])[], edges: readonly GraphEdge[]): (readonly string[])[] {
  const parents = neighbours(edges, ({ parent, child }) => [child, parent]);
  const children = neighbours(edges, ({ parent, child }) => [parent, child]);
  let current = layers.map((layer) => [...layer]);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const near = sweep % 2 === 0 ? parents : children;
    const rank = new Map(current.flatMap((layer) => layer.map((name, row) => [name, row / layer.length] as const)));
    const middle = (name: string): number => {
      const ranks = (near.get(name) ?? []).map((other) => rank.get(other) ?? 0);
      return ranks.length === 0 ? (rank.get(name) ?? 0) : ranks.reduce((sum, one) => sum + one, 0) / ranks.length;
    };
    current = current.map((layer) => layer.toSorted((a, b) => middle(a) - middle(b) || (a < b ? -1 : 1)));
  }
  return current;
}

function neighbours(
  edges: readonly GraphEdge[],
  ends: (edge: GraphEdge) => readonly [of: string, other: string],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const edge of edges) {
    const [of, other] = ends(edge);
    found.set(of, [...(found.get(of) ?? []), other]);
  }
  return found;
}

function isBack({ parent, child }: GraphEdge, places: ReadonlyMap<string, PlacedNode>): boolean {
  return (places.get(child)?.x ?? 0) <= (places.get(parent)?.x ?? 0);
}

function placed<E extends GraphEdge>(
  edge: E,
  places: ReadonlyMap<string, PlacedNode>,
  height: number,
): PlacedEdge<E>[] {
  const from = places.get(edge.parent);
  const to = places.get(edge.child);
  if (from === undefined || to === undefined) {
    return [];
  }
  if (isBack(edge, places)) {
    return [{ edge, ...backward(from, to, height) }];
  }
  const [startX, endX] = [from.x + box.width / 2, to.x - box.width / 2];
  const bend = Math.max(40, (endX - startX) / 2);
  const path = `M${startX} ${from.y}C${startX + bend} ${from.y} ${endX - bend} ${to.y} ${endX - 5} ${to.y}`;
  // Nearer to the callee: there calls that begin together are apart.
  const share = 0.58;
  return [{ edge, path, x: startX + (endX - startX) * share, y: from.y + (to.y - from.y) * eased(share) - 5 }];
}

/** How far along a curve with level ends is between them. */
function eased(share: number): number {
  return share * share * (3 - 2 * share);
}

function backward(from: PlacedNode, to: PlacedNode, height: number): { path: string; x: number; y: number } {
  const bottom = height + gap.y * 0.6;
  const [startY, endY] = [from.y + box.height / 2, to.y + box.height / 2 + 5];
  const [startX, endX] = from === to ? [from.x + 30, to.x - 30] : [from.x, to.x];
  return {
    path: `M${startX} ${startY}C${startX} ${bottom} ${endX} ${bottom} ${endX} ${endY}`,
    x: (startX + endX) / 2,
    y: (startY + endY) / 8 + bottom * 0.75 - 4,
  };
}
