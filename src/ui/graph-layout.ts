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

/** A place in a layer: of a service, or where a call that goes further passes between the boxes. */
interface Slot {
  readonly key: string;
  readonly height: number;
}

/**
 * Layers from left to right: a service stands right of all that call it, those of a layer in the order of who calls them. A call over
 * several layers has a place of its own in each of those between, so that it crosses no box. Calls in a ring go back below. The same
 * calls give the same picture.
 */
export function layoutOf<E extends GraphEdge>(names: readonly string[], edges: readonly E[]): GraphLayout<E> {
  const all = [...new Set([...names, ...edges.flatMap(({ parent, child }) => [parent, child])])].sort();
  const forward = withoutRings(all, edges);
  const { layers, links, ways } = withWays(layersOf(all, forward), forward);
  const slots = ordered(layers, links).map((layer) => layer.map((key) => slotOf(key, ways)));
  const height = margin * 2 + Math.max(box.height, ...slots.map(heightOf));
  const places = placesOf(slots, height);
  const hasBack = edges.some((edge) => isBack(edge, places));
  return {
    nodes: all.flatMap((name) => places.get(name) ?? []),
    edges: edges.flatMap((edge) => placed(edge, { places, height, way: ways.get(keyOf(edge)) ?? [] })),
    width: margin * 2 + slots.length * (box.width + gap.x) - gap.x,
    height: hasBack ? height + gap.y * 2 : height,
  };
}

function keyOf({ parent, child }: GraphEdge): string {
  return JSON.stringify([parent, child]);
}

/** Calls cut into steps from layer to layer, by way of slots whose keys no service has. */
function withWays(
  layers: readonly (readonly string[])[],
  edges: readonly GraphEdge[],
): {
  readonly layers: readonly (readonly string[])[];
  readonly links: readonly GraphEdge[];
  /** The slots of a call between its ends, from left to right; by `keyOf`. */
  readonly ways: ReadonlyMap<string, readonly string[]>;
} {
  const column = new Map(layers.flatMap((layer, at) => layer.map((name) => [name, at] as const)));
  const all = layers.map((layer) => [...layer]);
  const links: GraphEdge[] = [];
  const ways = new Map<string, readonly string[]>();
  for (const edge of edges.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const [from = 0, to = 0] = [column.get(edge.parent), column.get(edge.child)];
    const between = Array.from({ length: Math.max(0, to - from - 1) }, (_, i) => from + 1 + i);
    if (ways.has(keyOf(edge))) {
      continue;
    }
    const way = between.map((at) => `${keyOf(edge)} ${at}`);
    for (const [i, at] of between.entries()) {
      all[at]?.push(way[i] ?? '');
    }
    ways.set(keyOf(edge), way);
    const stops = [edge.parent, ...way, edge.child];
    links.push(...stops.slice(1).map((child, i) => ({ parent: stops[i] ?? '', child })));
  }
  return { layers: all, links, ways };
}

function slotOf(key: string, ways: ReadonlyMap<string, readonly string[]>): Slot {
  const isWay = [...ways.values()].some((way) => way.includes(key));
  return { key, height: isWay ? 0 : box.height };
}

function heightOf(layer: readonly Slot[]): number {
  return layer.reduce((sum, slot) => sum + slot.height + gap.y, -gap.y);
}

function placesOf(slots: readonly (readonly Slot[])[], height: number): ReadonlyMap<string, PlacedNode> {
  const places = new Map<string, PlacedNode>();
  for (const [column, layer] of slots.entries()) {
    let top = (height - heightOf(layer)) / 2;
    for (const { key, height: tall } of layer) {
      places.set(key, { name: key, x: margin + box.width / 2 + column * (box.width + gap.x), y: top + tall / 2 });
      top += tall + gap.y;
    }
  }
  return places;
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

interface Surroundings {
  readonly places: ReadonlyMap<string, PlacedNode>;
  readonly height: number;
  readonly way: readonly string[];
}

function placed<E extends GraphEdge>(edge: E, { places, height, way }: Surroundings): PlacedEdge<E>[] {
  const from = places.get(edge.parent);
  const to = places.get(edge.child);
  if (from === undefined || to === undefined) {
    return [];
  }
  if (isBack(edge, places)) {
    return [{ edge, ...backward(from, to, height) }];
  }
  const half = box.width / 2;
  // Through the whole width of each layer between, then on to the next.
  const passed = way.flatMap((key) => places.get(key) ?? []).flatMap(({ x, y }) => [at(x - half, y), at(x + half, y)]);
  const stops = [at(from.x + half, from.y), ...passed, at(to.x - half, to.y)];
  const path = stops.slice(1).map((stop, i) => stepTo(stops[i] ?? stop, stop, i === stops.length - 2 ? 5 : 0));
  const [start, end] = [stops.at(-2) ?? at(0, 0), stops.at(-1) ?? at(0, 0)];
  // Where calls that begin together are apart, and so are those that end together: of a long one, in the layer that it passes.
  const passes = passed[0];
  const [x, y] =
    passes === undefined
      ? [start.x + (end.x - start.x) * nearer, start.y + (end.y - start.y) * eased(nearer)]
      : [passes.x + half, passes.y];
  return [{ edge, path: `M${stops[0]?.x} ${stops[0]?.y}${path.join('')}`, x, y: y - 5 }];
}

interface Stop {
  readonly x: number;
  readonly y: number;
}

function at(x: number, y: number): Stop {
  return { x, y };
}

/** How far on its way to the callee what a call carries is written. */
const nearer = 0.58;

/** Leaves level, arrives level; ends so much before the stop. */
function stepTo(from: Stop, to: Stop, short: number): string {
  if (from.y === to.y) {
    return `L${to.x - short} ${to.y}`;
  }
  const bend = Math.max(40, (to.x - from.x) / 2);
  return `C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x - short} ${to.y}`;
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
