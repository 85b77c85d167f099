import type { Endpoint } from '../../../model/span.ts';
import type { LinkSpan } from './link-span.ts';
import { mergeTrace } from './trace-merge.ts';

export interface TraceNode {
  /** Absent in a root that stands for one that nobody sent. */
  readonly span: LinkSpan | undefined;
  parent: TraceNode | undefined;
  readonly children: TraceNode[];
}

/** The spans of one trace as a tree. The first span without a parent is its root; what has no known parent hangs from it. */
export function buildTree(spans: readonly LinkSpan[]): TraceNode {
  const nodes = mergeTrace(spans).map((span) => node(span));
  const known = indexNodes(nodes);
  const root = nodes.find(({ span }) => span !== undefined && !span.shared && span.parentId === undefined) ?? node();
  for (const each of nodes) {
    if (each !== root) {
      attach(each, parentOf(each, known) ?? root);
    }
  }
  sortChildren([root, ...nodes]);
  return root;
}

/** Breadth first. */
export function* traverse(root: TraceNode): Generator<TraceNode, void, undefined> {
  const queue = [root];
  for (const each of queue) {
    yield each;
    queue.push(...each.children);
  }
}

interface Known {
  readonly byId: Map<string, TraceNode>;
  /** Shared server halves: several servers may have answered one id. */
  readonly shared: Map<string, TraceNode>;
}

function node(span?: LinkSpan): TraceNode {
  return { span, parent: undefined, children: [] };
}

function indexNodes(nodes: readonly TraceNode[]): Known {
  const known: Known = { byId: new Map(), shared: new Map() };
  for (const each of nodes) {
    const { span } = each;
    if (span?.shared === true) {
      known.shared.set(sharedKey(span.id, span.local), each);
    } else if (span !== undefined) {
      known.byId.set(span.id, each);
    }
  }
  return known;
}

function sharedKey(id: string, endpoint: Endpoint | undefined): string {
  return endpoint === undefined
    ? id
    : `${id} ${endpoint.serviceName ?? ''} ${endpoint.ipv4 ?? ''} ${endpoint.ipv6 ?? ''} ${endpoint.port ?? ''}`;
}

/**
 * A shared server half hangs from the client half of its id. Any other span hangs from a shared server half of its parent's
 * id on its own endpoint, else from its parent's id.
 */
function parentOf({ span }: TraceNode, { byId, shared }: Known): TraceNode | undefined {
  if (span === undefined) {
    return undefined;
  }
  if (span.shared) {
    return byId.get(span.id);
  }
  if (span.parentId === undefined) {
    return undefined;
  }
  const onOwnEndpoint = shared.size === 0 ? undefined : shared.get(sharedKey(span.parentId, span.local));
  return onOwnEndpoint ?? byId.get(span.parentId);
}

/** Ids that name each other in a ring hang from nothing; they would hang from themselves. */
function attach(child: TraceNode, parent: TraceNode): void {
  for (let above: TraceNode | undefined = parent; above !== undefined; above = above.parent) {
    if (above === child) {
      return;
    }
  }
  child.parent = parent;
  parent.children.push(child);
}

function sortChildren(nodes: readonly TraceNode[]): void {
  for (const { children } of nodes) {
    children.sort((a, b) => (a.span?.timestamp ?? 0) - (b.span?.timestamp ?? 0));
  }
}
