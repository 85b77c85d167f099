import { BridgeError } from '../contract/errors.ts';
import type { HttpResponse, HttpRoute } from '../contract/http.ts';
import type { BridgeStatus } from '../contract/status.ts';
import type { StoreReader } from '../contract/store.ts';
import { onlyKnown } from './native-parameters.ts';
import { prometheusTargets } from './prometheus-targets.ts';
import { storedTargets } from './stored-targets.ts';
import { type ListedPod, type ListedTarget, type TargetList, targetList } from './target-list.ts';

export interface TargetsDeps {
  readonly status: () => BridgeStatus;
  readonly store?: StoreReader;
}

const states = ['up', 'down', 'waiting', 'skipped'] as const;

/** `/api/native/targets`, `/api/native/targets/stored` and `/api/native/explain` (docs/api.md), and `/api/v1/targets` as Prometheus has it. */
export function targetsRoutes({ status, store }: TargetsDeps): HttpRoute[] {
  const route = (path: string, answer: (query: URLSearchParams, signal: AbortSignal) => unknown): HttpRoute => ({
    method: 'GET',
    path,
    listeners: ['main'],
    access: 'reader',
    handle: async ({ query, signal }) => json(await answer(query, signal)),
  });
  return [
    ...(store === undefined ? [] : [route('/api/native/targets/stored', stored(status, store))]),
    route('/api/native/targets', (query) => chosen(targetList(status()), query)),
    route('/api/native/explain', (query) => explained(targetList(status()), query)),
    route('/api/v1/targets', (query) => ({ status: 'success', data: prometheusTargets(targetList(status()), query) })),
  ];
}

function stored(status: () => BridgeStatus, store: StoreReader) {
  return async (query: URLSearchParams, signal: AbortSignal): Promise<unknown> => {
    onlyKnown(query, []);
    const own = targetList(status());
    return { nowMs: own.nowMs, targets: await storedTargets(store, own, signal) };
  };
}

/** `state` (any of those given) and `namespace` narrow the lists; the counts stay those of all. */
function chosen(all: TargetList, query: URLSearchParams): TargetList {
  onlyKnown(query, ['state', 'namespace']);
  const wanted = query.getAll('state');
  const wrong = wanted.find((state) => !states.some((known) => known === state));
  if (wrong !== undefined) {
    throw new BridgeError('BRIDGE_DECODE', `state: "${wrong}" is none of ${states.join(', ')}`);
  }
  const namespace = query.get('namespace');
  const here = (one: { readonly namespace?: string | undefined }): boolean =>
    namespace === null || one.namespace === namespace;
  const any = wanted.length === 0;
  return {
    ...all,
    targets: all.targets.filter((target) => here(target) && (any || wanted.includes(target.state))),
    pods: all.pods.filter((pod) => here(pod) && (any || (pod.skipped !== undefined && wanted.includes('skipped')))),
  };
}

interface ExplainedPod extends Omit<ListedPod, 'targets'> {
  readonly targets: readonly ListedTarget[];
}

/** One pod (`pod=NAMESPACE/NAME`), or all of them, each with its targets and their last scrapes. */
function explained(all: TargetList, query: URLSearchParams): { readonly pods: readonly ExplainedPod[] } {
  onlyKnown(query, ['pod']);
  if (all.watches.length === 0) {
    const why = 'this daemon looks for no pods: it is in no cluster, or [kubernetes] discovery is "off"';
    throw new BridgeError('BRIDGE_NOT_FOUND', why);
  }
  const name = query.get('pod');
  const pods = all.pods.filter((pod) => name === null || name === `${pod.namespace}/${pod.pod}`);
  if (name !== null && pods.length === 0) {
    throw new BridgeError('BRIDGE_NOT_FOUND', `pod: no pod "${name}" is known; those of the node ${all.node} are`);
  }
  const targets = new Map(all.targets.map((target) => [target.id, target]));
  return { pods: pods.map((pod) => ({ ...pod, targets: pod.targets.flatMap((id) => targets.get(id) ?? []) })) };
}

function json(body: unknown): HttpResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}
