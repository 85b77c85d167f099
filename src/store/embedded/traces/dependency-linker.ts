import type { LinkSpan } from './link-span.ts';
import { buildTree, type TraceNode, traverse } from './trace-tree.ts';

/** One call from one service to another, as a trace shows it. */
export interface Call {
  readonly parent: string;
  readonly child: string;
  readonly failed: boolean;
  /** `messages`: by way of a broker. `unseen`: the other side sent no span of its own. */
  readonly way: CallWay;
  /** µs as either side measured them; NaN where it did not. */
  readonly serverMicros: number;
  readonly clientMicros: number;
}
export type CallWay = 'direct' | 'messages' | 'unseen';

interface Ends {
  readonly parent: string | undefined;
  readonly child: string | undefined;
}

type Rest = Omit<Call, 'parent' | 'child'>;

const backFilled: Rest = { failed: false, way: 'direct', serverMicros: Number.NaN, clientMicros: Number.NaN };

/** Gives each call of one trace, of which `spans` are all spans. The rules are those of Zipkin's reference linker. */
export function eachCall(spans: readonly LinkSpan[], take: (call: Call) => void): void {
  const root = buildTree(spans);
  for (const node of traverse(root)) {
    if (node.span !== undefined) {
      addNode(node, node.span, { isRoot: node === root, take });
    }
  }
}

interface Linking {
  readonly isRoot: boolean;
  readonly take: (call: Call) => void;
}

function addNode(node: TraceNode, span: LinkSpan, { isRoot, take }: Linking): void {
  // The server's own name for itself beats what the client calls it.
  if (span.kind === 'CLIENT' && node.children.length > 0) {
    return;
  }
  const ends = endsOf(span);
  if (ends === undefined || (isRoot && isReceiver(span) && ends.parent === undefined)) {
    return;
  }
  if (span.kind === 'PRODUCER' || span.kind === 'CONSUMER') {
    give(ends, restOf(span, undefined), take);
  } else {
    addCall(node, { span, ends, take });
  }
}

function addCall(
  node: TraceNode,
  { span, ends, take }: { span: LinkSpan; ends: Ends; take: (call: Call) => void },
): void {
  const ancestor = remoteAncestor(node);
  const ancestorName = ancestor?.local?.serviceName;
  if (ancestor === undefined || ancestorName === undefined) {
    give(ends, restOf(span, undefined), take);
    return;
  }
  const service = span.local?.serviceName;
  if (span.kind !== 'SERVER' && service !== undefined && service !== ancestorName) {
    give({ parent: ancestorName, child: service }, backFilled, take);
  }
  const parent = span.kind === 'SERVER' ? ancestorName : (ends.parent ?? ancestorName);
  const isCaller = ancestor.kind === 'CLIENT' && (span.parentId === ancestor.id || span.id === ancestor.id);
  const clientFailed = ancestor.kind === 'CLIENT' && span.parentId === ancestor.id && ancestor.error;
  const rest = restOf(span, isCaller ? ancestor : undefined);
  give({ parent, child: ends.child }, { ...rest, failed: rest.failed || clientFailed }, take);
}

function restOf(span: LinkSpan, caller: LinkSpan | undefined): Rest {
  const isMessage = span.kind === 'PRODUCER' || span.kind === 'CONSUMER';
  const isServer = span.kind === 'SERVER';
  return {
    failed: span.error,
    way: isMessage ? 'messages' : isServer ? 'direct' : 'unseen',
    serverMicros: isServer || span.kind === 'CONSUMER' ? span.duration : Number.NaN,
    clientMicros: isServer ? (caller?.duration ?? Number.NaN) : span.kind === 'CONSUMER' ? Number.NaN : span.duration,
  };
}

function give({ parent, child }: Ends, rest: Rest, take: (call: Call) => void): void {
  if (parent !== undefined && child !== undefined) {
    take({ parent, child, ...rest });
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
