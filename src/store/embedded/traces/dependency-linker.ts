import type { LinkSpan } from './link-span.ts';
import { buildTree, type TraceNode, traverse } from './trace-tree.ts';

export interface DependencyLink {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
  readonly errorCount: number;
}

interface Ends {
  readonly parent: string | undefined;
  readonly child: string | undefined;
}

/** Who called whom, added up over traces. The rules are those of Zipkin's reference linker. */
export class DependencyLinker {
  readonly #links = new Map<string, { parent: string; child: string; callCount: number; errorCount: number }>();

  /** All spans of one trace. */
  add(spans: readonly LinkSpan[]): void {
    const root = buildTree(spans);
    for (const node of traverse(root)) {
      if (node.span !== undefined) {
        this.#addNode(node, node.span, node === root);
      }
    }
  }

  /** By parent, then child. */
  links(): DependencyLink[] {
    return [...this.#links.values()].sort((a, b) => byText(a.parent, b.parent) || byText(a.child, b.child));
  }

  #addNode(node: TraceNode, span: LinkSpan, isRoot: boolean): void {
    // The server's own name for itself beats what the client calls it.
    if (span.kind === 'CLIENT' && node.children.length > 0) {
      return;
    }
    const ends = endsOf(span);
    if (ends === undefined || (isRoot && isReceiver(span) && ends.parent === undefined)) {
      return;
    }
    if (span.kind === 'PRODUCER' || span.kind === 'CONSUMER') {
      this.#link(ends, span.error);
    } else {
      this.#linkCall(node, span, ends);
    }
  }

  #linkCall(node: TraceNode, span: LinkSpan, ends: Ends): void {
    const ancestor = remoteAncestor(node);
    const ancestorName = ancestor?.local?.serviceName;
    if (ancestor === undefined || ancestorName === undefined) {
      this.#link(ends, span.error);
      return;
    }
    const service = span.local?.serviceName;
    if (span.kind !== 'SERVER' && service !== undefined && service !== ancestorName) {
      this.#link({ parent: ancestorName, child: service }, false);
    }
    const parent = span.kind === 'SERVER' ? ancestorName : (ends.parent ?? ancestorName);
    const clientFailed = ancestor.kind === 'CLIENT' && span.parentId === ancestor.id && ancestor.error;
    this.#link({ parent, child: ends.child }, span.error || clientFailed);
  }

  #link({ parent, child }: Ends, error: boolean): void {
    if (parent === undefined || child === undefined) {
      return;
    }
    const key = JSON.stringify([parent, child]);
    const link = this.#links.get(key) ?? { parent, child, callCount: 0, errorCount: 0 };
    link.callCount += 1;
    link.errorCount += error ? 1 : 0;
    this.#links.set(key, link);
  }
}

function isReceiver({ kind }: LinkSpan): boolean {
  return kind === 'SERVER' || kind === 'CONSUMER';
}

/** Which side of the call each service is on; undefined where the span says too little. A span without kind is a client if it names both. */
function endsOf(span: LinkSpan): Ends | undefined {
  const local = span.local?.serviceName;
  const remote = span.remote?.serviceName;
  if (span.kind === undefined && (local === undefined || remote === undefined)) {
    return undefined;
  }
  return isReceiver(span) ? { parent: remote, child: local } : { parent: local, child: remote };
}

/** Local spans may stand between a span and the one of the nearest other process. */
function remoteAncestor({ parent }: TraceNode): LinkSpan | undefined {
  for (let above = parent; above !== undefined; above = above.parent) {
    if (above.span?.kind !== undefined) {
      return above.span;
    }
  }
  return undefined;
}

function byText(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  return a < b ? -1 : 1;
}
