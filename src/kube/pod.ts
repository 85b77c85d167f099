import { z } from 'zod';

export interface PodPort {
  readonly name?: string;
  readonly number: number;
}

export interface PodContainer {
  readonly name: string;
  readonly ports: readonly PodPort[];
  /** Sidecars that start as init containers count as well; those that ran and ended do not. */
  readonly kind: 'main' | 'sidecar' | 'init';
}

/** What concerns us of a pod. */
export interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty while it is bound to none. */
  readonly node: string;
  /** All addresses; the first is `$IP`. */
  readonly ips: readonly string[];
  readonly phase: string;
  readonly deleting: boolean;
  /** Its addresses are those of the node, which other pods and processes have too. */
  readonly hostNetwork?: true;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly PodContainer[];
  /** Name of the Deployment, StatefulSet, ... that it belongs to. */
  readonly workload?: string;
}

const texts = z.record(z.string(), z.string()).nullish();
const container = z.object({
  name: z.string(),
  restartPolicy: z.string().nullish(),
  ports: z.array(z.object({ name: z.string().nullish(), containerPort: z.int() })).nullish(),
});

/** Of a core/v1 Pod. Kubernetes leaves out what is empty, or writes null. */
const podSchema = z.object({
  metadata: z.object({
    uid: z.string().min(1),
    name: z.string(),
    namespace: z.string(),
    deletionTimestamp: z.string().nullish(),
    labels: texts,
    annotations: texts,
    ownerReferences: z
      .array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().nullish() }))
      .nullish(),
  }),
  spec: z.object({
    nodeName: z.string().nullish(),
    containers: z.array(container).nullish(),
    initContainers: z.array(container).nullish(),
    hostNetwork: z.boolean().nullish(),
  }),
  status: z
    .object({
      phase: z.string().nullish(),
      podIP: z.string().nullish(),
      podIPs: z.array(z.object({ ip: z.string() })).nullish(),
    })
    .nullish(),
});

type RawPod = z.output<typeof podSchema>;

/** Undefined where the object is no pod. */
export function podOf(object: unknown): Pod | undefined {
  const { data } = podSchema.safeParse(object);
  if (data === undefined) {
    return undefined;
  }
  const { metadata, spec, status } = data;
  const workload = workloadOf(data);
  return {
    uid: metadata.uid,
    namespace: metadata.namespace,
    name: metadata.name,
    node: spec.nodeName ?? '',
    ips: addressesOf(status),
    phase: status?.phase ?? '',
    deleting: (metadata.deletionTimestamp ?? '') !== '',
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    containers: [
      ...(spec.containers ?? []).map((one) => containerOf(one, 'main')),
      ...(spec.initContainers ?? []).map((one) =>
        containerOf(one, one.restartPolicy === 'Always' ? 'sidecar' : 'init'),
      ),
    ],
    ...(spec.hostNetwork === true && { hostNetwork: true as const }),
    ...(workload !== undefined && { workload }),
  };
}

function containerOf(raw: z.output<typeof container>, kind: PodContainer['kind']): PodContainer {
  const ports = (raw.ports ?? []).map(({ name, containerPort }) => ({
    number: containerPort,
    ...(typeof name === 'string' && name !== '' && { name }),
  }));
  return { name: raw.name, ports, kind };
}

function addressesOf(status: RawPod['status']): readonly string[] {
  const all = [status?.podIP ?? '', ...(status?.podIPs ?? []).map(({ ip }) => ip)];
  return [...new Set(all)].filter((ip) => ip !== '');
}

/** A ReplicaSet of a Deployment is called after it, with the hash of its template behind. */
function workloadOf({ metadata }: RawPod): string | undefined {
  const owners = metadata.ownerReferences ?? [];
  const owner = owners.find(({ controller }) => controller === true) ?? owners[0];
  const hash = metadata.labels?.['pod-template-hash'];
  return owner?.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)
    ? owner.name.slice(0, -hash.length - 1)
    : owner?.name;
}
