import { type Json, metadataOf } from './object-store.ts';

/** What `kubectl get pods` shows; those with a priority only with `-o wide`. */
const columns = [
  ['Name', 'string', 0],
  ['Ready', 'string', 0],
  ['Status', 'string', 0],
  ['Restarts', 'integer', 0],
  ['Age', 'string', 0],
  ['IP', 'string', 1],
  ['Node', 'string', 1],
] as const;

interface Status {
  readonly phase?: string;
  readonly podIP?: string;
  readonly containerStatuses?: readonly {
    readonly ready: boolean;
    readonly restartCount: number;
    readonly state: { readonly waiting?: { readonly reason: string } };
  }[];
}

/**
 * Pods in the form that kubectl asks for to print them: a `Table` of `meta.k8s.io/v1` (Kubernetes API concepts, "Receiving
 * resources as Tables"). `version` is the resourceVersion of the list.
 */
export function podTable(pods: readonly Json[], version: string, nowMs: number): Json {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: version },
    columnDefinitions: columns.map(([name, type, priority]) => ({
      ...{ name, type, priority, description: '' },
      format: name === 'Name' ? 'name' : '',
    })),
    rows: pods.map((pod) => ({
      cells: cellsOf(pod, nowMs),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: metadataOf(pod) },
    })),
  };
}

function cellsOf(pod: Json, nowMs: number): readonly (string | number)[] {
  const { name, creationTimestamp } = metadataOf(pod);
  const { phase = 'Unknown', podIP = '<none>', containerStatuses = [] } = (pod['status'] ?? {}) as Status;
  const { nodeName = '<none>' } = (pod['spec'] ?? {}) as { readonly nodeName?: string };
  const ready = containerStatuses.filter((one) => one.ready).length;
  const waiting = containerStatuses.flatMap(({ state }) => state.waiting?.reason ?? []);
  return [
    String(name),
    `${ready}/${containerStatuses.length}`,
    waiting[0] ?? phase,
    containerStatuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ageText(nowMs - Date.parse(String(creationTimestamp))),
    podIP,
    nodeName,
  ];
}

/** In the largest unit of which there are two; as kubectl does, nearly. */
function ageText(ms: number): string {
  if (Number.isNaN(ms)) {
    return '<unknown>';
  }
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, size] = (
    [
      ['d', 86_400],
      ['h', 3600],
      ['m', 60],
    ] as const
  ).find(([, one]) => seconds >= 2 * one) ?? ['s', 1];
  return `${Math.floor(seconds / size)}${unit}`;
}
