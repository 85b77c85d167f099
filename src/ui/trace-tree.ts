import type { SpanView } from './api.ts';
import { serviceHues } from './colour.ts';

export interface TraceNode {
  /** Tells the two halves of a shared span apart. */
  readonly key: string;
  readonly span: SpanView;
  readonly service: string;
  readonly error: boolean;
  /** The hue of its service within this trace. */
  readonly hue: number;
  readonly children: readonly TraceNode[];
  /** It names a parent that is not in this trace. */
  readonly orphan: boolean;
}

export interface TraceTree {
  readonly traceId: string;
  readonly roots: readonly TraceNode[];
  /** µs since 1970; undefined when no span has a time. */
  readonly startMicros: number | undefined;
  readonly durationMicros: number;
  readonly spanCount: number;
  readonly errorCount: number;
  readonly depth: number;
  /** Spans of each service, most first. */
  readonly services: readonly (readonly [name: string, spans: number])[];
  readonly hues: ReadonlyMap<string, number>;
}

export interface TraceRow {
  readonly node: TraceNode;
  readonly depth: number;
}

interface Growing extends TraceNode {
  span: SpanView;
  orphan: boolean;
  parent: Growing | undefined;
  readonly children: Growing[];
}

/**
 * Puts the spans of one trace under their parents. A span that client and server share is two nodes, the server's under the
 * client's; children of the shared id go to the half of their own service, else to the server's. Reports of the same half
 * are merged. Spans without a known parent are roots.
 */
export function traceTree(spans: readonly SpanView[]): TraceTree {
  const nodes = merged(spans);
  const byId = Map.groupBy(nodes, (node) => node.span.id);
  for (const node of nodes) {
    node.parent = parentOf(node, byId);
    node.orphan = node.parent === undefined && node.span.parentId !== undefined;
  }
  const roots: Growing[] = [];
  for (const node of nodes) {
    if (node.parent === undefined || isAbove(node, node.parent)) {
      node.parent = undefined;
      roots.push(node);
    } else {
      node.parent.children.push(node);
    }
  }
  for (const node of nodes) {
    node.children.sort(byTime);
  }
  roots.sort(byTime);
  return summaryOf(spans[0]?.traceId ?? '', nodes, roots);
}

/** The rows to show, parents first; what is below a collapsed key is left out. */
export function visibleRows(tree: TraceTree, collapsed: ReadonlySet<string>): readonly TraceRow[] {
  const rows: TraceRow[] = [];
  const stack: TraceRow[] = tree.roots.toReversed().map((node) => ({ node, depth: 0 }));
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    rows.push(row);
    if (!collapsed.has(row.node.key)) {
      for (const child of row.node.children.toReversed()) {
        stack.push({ node: child, depth: row.depth + 1 });
      }
    }
  }
  return rows;
}

/** The span to name a trace by: the first root that names no parent, else the first root. */
export function rootOf(tree: TraceTree): TraceNode | undefined {
  return tree.roots.find((root) => !root.orphan) ?? tree.roots[0];
}

export function serviceOf(span: SpanView): string {
  return span.localEndpoint?.serviceName ?? '';
}

function merged(spans: readonly SpanView[]): Growing[] {
  const nodes = new Map<string, Growing>();
  const hues = serviceHues([...new Set(spans.map(serviceOf))]);
  for (const span of spans) {
    const service = serviceOf(span);
    const key = `${span.id} ${span.shared ? 'shared' : (span.kind ?? '')} ${service}`;
    const known = nodes.get(key);
    if (known === undefined) {
      const error = 'error' in span.tags;
      nodes.set(key, {
        key,
        span,
        service,
        error,
        hue: hues.get(service) ?? 0,
        children: [],
        orphan: false,
        parent: undefined,
      });
    } else {
      known.span = both(known.span, span);
    }
  }
  return [...nodes.values()];
}

function both(first: SpanView, second: SpanView): SpanView {
  const annotations = new Map(
    [...first.annotations, ...second.annotations].map((a) => [`${a.timestamp} ${a.value}`, a]),
  );
  return {
    ...second,
    ...first,
    tags: { ...second.tags, ...first.tags },
    annotations: [...annotations.values()].sort((a, b) => a.timestamp - b.timestamp),
  };
}

function parentOf(node: Growing, byId: ReadonlyMap<string, readonly Growing[]>): Growing | undefined {
  if (node.span.shared || node.span.kind === 'SERVER') {
    const client = byId
      .get(node.span.id)
      ?.find((other) => other !== node && !other.span.shared && other.span.kind !== 'SERVER');
    if (client !== undefined) {
      return client;
    }
  }
  const candidates = (byId.get(node.span.parentId ?? '') ?? []).filter((other) => other !== node);
  return (
    candidates.find((other) => other.service === node.service && other.span.kind !== 'CLIENT') ??
    candidates.find((other) => other.span.shared || other.span.kind === 'SERVER') ??
    candidates[0]
  );
}

/** Whether `node` is `other` or above it: then `other` can't be its parent. */
function isAbove(node: Growing, other: Growing): boolean {
  const seen = new Set<Growing>();
  for (let at: Growing | undefined = other; at !== undefined && !seen.has(at); at = at.parent) {
    if (at === node) {
      return true;
    }
    seen.add(at);
  }
  return false;
}

function byTime(a: Growing, b: Growing): number {
  const left = a.span.timestamp ?? Number.MAX_SAFE_INTEGER;
  const right = b.span.timestamp ?? Number.MAX_SAFE_INTEGER;
  return left - right || (b.span.duration ?? 0) - (a.span.duration ?? 0);
}

function summaryOf(traceId: string, nodes: readonly Growing[], roots: readonly Growing[]): TraceTree {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  const services = new Map<string, number>();
  for (const { span, service } of nodes) {
    if (span.timestamp !== undefined) {
      start = Math.min(start, span.timestamp);
      end = Math.max(end, span.timestamp + (span.duration ?? 0));
    }
    services.set(service, (services.get(service) ?? 0) + 1);
  }
  const untimed = start === Number.POSITIVE_INFINITY;
  return {
    traceId,
    roots,
    startMicros: untimed ? undefined : start,
    durationMicros: untimed ? Math.max(0, ...nodes.map(({ span }) => span.duration ?? 0)) : end - start,
    spanCount: nodes.length,
    errorCount: nodes.filter((node) => node.error).length,
    depth: depthOf(roots),
    hues: new Map(nodes.map(({ service, hue }) => [service, hue])),
    services: [...services].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1)),
  };
}

function depthOf(roots: readonly TraceNode[]): number {
  let depth = 0;
  for (let level = roots; level.length > 0; level = level.flatMap((node) => node.children)) {
    depth += 1;
  }
  return depth;
}
