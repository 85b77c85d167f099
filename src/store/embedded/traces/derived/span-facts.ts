import type { BlockView } from '../block-view.ts';

/** Which workload a span's proxy stands beside: Envoy's `node_id`, `type~ip~pod.namespace~domain`. */
export interface ProxyNode {
  /** `sidecar`, `router` (a gateway) or `waypoint`; empty where it is not known. */
  readonly proxy: string;
  readonly pod: string;
  readonly workload: string;
  readonly namespace: string;
}

export const noNode: ProxyNode = { proxy: '', pod: '', workload: '', namespace: '' };

/** What the pods of a Deployment, of a DaemonSet or StatefulSet end with. */
const podEndings = [/-[a-z0-9]{6,10}-[a-z0-9]{5}$/, /-(?:[a-z0-9]{5}|\d+)$/];

export function proxyNode(nodeId: string): ProxyNode {
  const [proxy = '', , podAndNamespace = ''] = nodeId.split('~');
  const dot = podAndNamespace.lastIndexOf('.');
  if (dot < 0) {
    return noNode;
  }
  const pod = podAndNamespace.slice(0, dot);
  const ending = podEndings.find((one) => one.test(pod));
  const workload = ending === undefined ? pod : pod.replace(ending, '');
  return { proxy, pod, workload, namespace: podAndNamespace.slice(dot + 1) };
}

/** What tags say of the spans of one block; each pair is looked at once. */
export class SpanFacts {
  readonly #view: BlockView;
  readonly #errors: Uint8Array;
  readonly #nodes = new Map<number, ProxyNode>();

  constructor(view: BlockView) {
    this.#view = view;
    this.#errors = new Uint8Array(view.pairs);
    for (let pair = 0; pair < view.pairs; pair++) {
      const key = view.string(view.pairKey[pair] ?? 0);
      if (key === 'error') {
        this.#errors[pair] = 1;
      } else if (key === 'node_id') {
        this.#nodes.set(pair, proxyNode(view.string(view.pairValue[pair] ?? 0)));
      }
    }
  }

  /** Which pairs have the key `error`. */
  get errors(): Uint8Array {
    return this.#errors;
  }

  failed(index: number): boolean {
    const { tagBegin, tagPair } = this.#view;
    for (let at = tagBegin[index] ?? 0; at < (tagBegin[index + 1] ?? 0); at++) {
      if (this.#errors[tagPair[at] ?? 0] === 1) {
        return true;
      }
    }
    return false;
  }

  /** The pair with the span's `node_id`; -1 where it has none. */
  nodePair(index: number): number {
    const { tagBegin, tagPair } = this.#view;
    for (let at = tagBegin[index] ?? 0; this.#nodes.size > 0 && at < (tagBegin[index + 1] ?? 0); at++) {
      const pair = tagPair[at] ?? 0;
      if (this.#nodes.has(pair)) {
        return pair;
      }
    }
    return -1;
  }

  nodeOf(pair: number): ProxyNode {
    return this.#nodes.get(pair) ?? noNode;
  }
}
