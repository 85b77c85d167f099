import { z } from 'zod';

export interface PodPort {
  readonly name?: string;
  readonly number: number;
}

export interface PodContainer {
  readonly name: string;
  readonly ports: readonly PodPort[];
  /** Sidecars that start as init containers count as well; those that ran and ended do not, nor those that debug others. */
  readonly kind: 'main' | 'sidecar' | 'init';
  /** As its pod names it. */
  readonly image?: string;
  /** The runtime's id of the instance that runs, or ran last: 64 hexadecimal digits, without `containerd://`. */
  readonly id?: string;
  /** How often it was started again; what it ran as before that has `previousId`. */
  readonly restarts?: number;
  readonly previousId?: string;
  /** The value of its environment variable `DATAKIT_LOGS_CONFIG`, where it is written there. */
  readonly logsConfig?: string;
  /** Where volumes of the pod appear in it. */
  readonly mounts?: readonly VolumeMount[];
}

export interface VolumeMount {
  /** Of the volume. */
  readonly volume: string;
  readonly path: string;
  /** The part of the volume that is mounted: a relative path; empty: all of it. */
  readonly subPath: string;
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
  /** Name of the Deployment, StatefulSet, CronJob, ... that it belongs to. */
  readonly workload?: string;
  /** `Deployment`, `StatefulSet`, `CronJob`, ... */
  readonly workloadKind?: string;
  /** Names of its volumes that are directories made for it alone (`emptyDir`). */
  readonly emptyDirs?: readonly string[];
}

const texts = z.record(z.string(), z.string()).nullish();
const container = z.object({
  name: z.string(),
  image: z.string().nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string().nullish() })).nullish(),
  volumeMounts: z
    .array(
      z.object({
        name: z.string(),
        mountPath: z.string(),
        subPath: z.string().nullish(),
        subPathExpr: z.string().nullish(),
      }),
    )
    .nullish(),
  restartPolicy: z.string().nullish(),
  ports: z.array(z.object({ name: z.string().nullish(), containerPort: z.int() })).nullish(),
});

const statuses = z
  .array(
    z.object({
      name: z.string(),
      containerID: z.string().nullish(),
      restartCount: z.int().nullish(),
      lastState: z.object({ terminated: z.object({ containerID: z.string().nullish() }).nullish() }).nullish(),
    }),
  )
  .nullish();

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
    ephemeralContainers: z.array(container).nullish(),
    volumes: z.array(z.object({ name: z.string(), emptyDir: z.object({}).nullish() })).nullish(),
    hostNetwork: z.boolean().nullish(),
  }),
  status: z
    .object({
      phase: z.string().nullish(),
      podIP: z.string().nullish(),
      podIPs: z.array(z.object({ ip: z.string() })).nullish(),
      containerStatuses: statuses,
      initContainerStatuses: statuses,
      ephemeralContainerStatuses: statuses,
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
  const emptyDirs = (spec.volumes ?? []).filter(({ emptyDir }) => typeof emptyDir === 'object' && emptyDir !== null);
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
    containers: containersOf(data),
    ...(spec.hostNetwork === true && { hostNetwork: true as const }),
    ...workloadOf(data),
    ...(emptyDirs.length > 0 && { emptyDirs: emptyDirs.map(({ name }) => name) }),
  };
}

function containersOf({ spec, status }: RawPod): readonly PodContainer[] {
  const all = [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses];
  const instances = new Map(all.flatMap((list) => (list ?? []).map((one) => [one.name, instanceOf(one)])));
  const of = (raw: z.output<typeof container>, kind: PodContainer['kind']): PodContainer => ({
    ...containerOf(raw, kind),
    ...instances.get(raw.name),
  });
  return [
    ...(spec.containers ?? []).map((one) => of(one, 'main')),
    ...(spec.initContainers ?? []).map((one) => of(one, one.restartPolicy === 'Always' ? 'sidecar' : 'init')),
    ...(spec.ephemeralContainers ?? []).map((one) => of(one, 'init')),
  ];
}

type RawStatus = NonNullable<z.output<typeof statuses>>[number];

function instanceOf({ containerID, restartCount, lastState }: RawStatus) {
  const [id, previousId] = [bareId(containerID), bareId(lastState?.terminated?.containerID)];
  return {
    ...(id !== '' && { id, restarts: restartCount ?? 0 }),
    ...(previousId !== '' && { previousId }),
  };
}

/** `containerd://0b7c...` */
function bareId(id: string | null | undefined): string {
  return id?.split('://').at(-1) ?? '';
}

function containerOf(raw: z.output<typeof container>, kind: PodContainer['kind']): PodContainer {
  const ports = (raw.ports ?? []).map(({ name, containerPort }) => ({
    number: containerPort,
    ...(typeof name === 'string' && name !== '' && { name }),
  }));
  const logsConfig = raw.env?.find(({ name }) => name === 'DATAKIT_LOGS_CONFIG')?.value ?? '';
  // What an expression becomes only the kubelet knows.
  const known = (raw.volumeMounts ?? []).filter(({ subPathExpr }) => (subPathExpr ?? '') === '');
  const mounts = known.map(({ name, mountPath, subPath }) => ({
    volume: name,
    path: mountPath,
    subPath: subPath ?? '',
  }));
  return {
    name: raw.name,
    ports,
    kind,
    ...((raw.image ?? '') !== '' && { image: raw.image ?? '' }),
    ...(logsConfig !== '' && { logsConfig }),
    ...(mounts.length > 0 && { mounts }),
  };
}

function addressesOf(status: RawPod['status']): readonly string[] {
  const all = [status?.podIP ?? '', ...(status?.podIPs ?? []).map(({ ip }) => ip)];
  return [...new Set(all)].filter((ip) => ip !== '');
}

/**
 * A ReplicaSet of a Deployment is called after it, with the hash of its template behind. A Job of a CronJob is called after it
 * as well, with the time that it was due: minutes since 1970, before Kubernetes 1.21 seconds.
 */
function workloadOf({ metadata }: RawPod): Pick<Pod, 'workload' | 'workloadKind'> {
  const owners = metadata.ownerReferences ?? [];
  const owner = owners.find(({ controller }) => controller === true) ?? owners[0];
  if (owner === undefined) {
    return {};
  }
  const hash = metadata.labels?.['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return { workload: owner.name.slice(0, -hash.length - 1), workloadKind: 'Deployment' };
  }
  const [, cronJob = '', due = ''] = (owner.kind === 'Job' && /^(.+)-(\d{8}|\d{10})$/.exec(owner.name)) || [];
  return cronJob !== '' && isTimeSince1970(Number(due))
    ? { workload: cronJob, workloadKind: 'CronJob' }
    : { workload: owner.name, workloadKind: owner.kind };
}

/** From 2020 on, in minutes or seconds; a date such as 20261121, which people put into names, would be before. */
function isTimeSince1970(count: number): boolean {
  const minutes = count >= 1_000_000_000 ? count / 60 : count;
  return minutes > 26_297_280;
}
