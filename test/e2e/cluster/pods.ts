import type { ApiCalls, KubeObject } from './api-calls.ts';
import type { Cluster } from './api-server.ts';

export interface PodSpec {
  readonly name: string;
  readonly namespace?: string;
  readonly node: string;
  readonly ip: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers?: readonly ContainerSpec[];
  readonly serviceAccount?: string;
  readonly finalizers?: readonly string[];
  /** Where a volume of its own, `data`, is mounted in its containers. */
  readonly emptyDirAt?: string;
  /** What made it, such as a ReplicaSet. */
  readonly owner?: { readonly apiVersion: string; readonly kind: string; readonly name: string };
}

export interface ContainerSpec {
  readonly name: string;
  readonly image?: string;
  /** Its environment variable `DATAKIT_LOGS_CONFIG`. */
  readonly logsConfig?: string;
  readonly ports?: readonly (number | { readonly containerPort: number; readonly name?: string })[];
}

/**
 * Makes a pod as scheduler and kubelet would: bound to its node, running at its address. Its namespace must be there.
 * Gives it as the server has it then.
 */
export async function runningPod(api: ApiCalls, spec: PodSpec): Promise<KubeObject> {
  const { name, namespace = 'default' } = spec;
  const containers = spec.containers ?? [{ name: 'app' }];
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await api.call('POST', path, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: spec.labels ?? {},
      annotations: spec.annotations ?? {},
      finalizers: spec.finalizers ?? [],
      ...(spec.owner && { ownerReferences: [{ ...spec.owner, uid: 'made-by-nobody', controller: true }] }),
    },
    spec: {
      nodeName: spec.node,
      ...(spec.serviceAccount !== undefined && { serviceAccountName: spec.serviceAccount }),
      terminationGracePeriodSeconds: 0,
      ...(spec.emptyDirAt !== undefined && { volumes: [{ name: 'data', emptyDir: {} }] }),
      containers: containers.map((container) => ({
        name: container.name,
        image: container.image ?? 'example.test/none:1',
        ...(spec.emptyDirAt !== undefined && { volumeMounts: [{ name: 'data', mountPath: spec.emptyDirAt }] }),
        env: container.logsConfig === undefined ? [] : [{ name: 'DATAKIT_LOGS_CONFIG', value: container.logsConfig }],
        ports: (container.ports ?? []).map((port) => (typeof port === 'number' ? { containerPort: port } : port)),
      })),
    },
  });
  const startedAt = new Date().toISOString();
  const status = {
    phase: 'Running',
    podIP: spec.ip,
    podIPs: [{ ip: spec.ip }],
    hostIP: '192.0.2.1',
    startTime: startedAt,
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: containers.map((container) => ({
      name: container.name,
      image: 'example.test/none:1',
      imageID: '',
      containerID: `containerd://${container.name}`,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt } },
    })),
  };
  return await patchStatus(api, name, status, namespace);
}

/** What kubelet says of a pod, changed in part. */
export async function patchStatus(
  api: ApiCalls,
  name: string,
  status: object,
  namespace = 'default',
): Promise<KubeObject> {
  const contentType = 'application/merge-patch+json';
  return await api.call('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status }, { contentType });
}

/** As kubelet and garbage collection end it: gone at once. */
export async function removePod(api: ApiCalls, name: string, namespace = 'default'): Promise<void> {
  await api.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
  });
}

/** Sets annotations of a pod; undefined takes one away. */
export async function annotatePod(
  api: ApiCalls,
  name: string,
  annotations: Readonly<Record<string, string | undefined>>,
  namespace = 'default',
): Promise<void> {
  const given = Object.entries(annotations).map(([key, value]) => [key, value ?? null]);
  const body = { metadata: { annotations: Object.fromEntries(given) } };
  const contentType = 'application/merge-patch+json';
  await api.call('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}`, body, { contentType });
}

/** The pod that a Deployment, DaemonSet, StatefulSet or Job would make, for a dry run of its admission. */
export function podOfTemplate(workload: KubeObject): KubeObject {
  const { template } = workload['spec'] as { readonly template: { readonly metadata?: object; readonly spec: object } };
  const { name, namespace = 'default' } = workload.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name: `${name}-of-template`, namespace },
    spec: template.spec,
  };
}

/** Runs `work` for all items, a few at a time. */
export async function forAll<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) {
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

/**
 * What the controller would write for a Service whose pods these are. Written past the server's validation, which refuses
 * loopback addresses in EndpointSlices.
 */
export async function putEndpointSlice(
  cluster: Cluster,
  service: {
    readonly name: string;
    readonly namespace: string;
    readonly port: { readonly name: string; readonly port: number };
  },
  pods: readonly KubeObject[],
): Promise<void> {
  const { namespace } = service;
  const name = `${service.name}-x7k2p`;
  await cluster.putUnchecked(`/registry/endpointslices/${namespace}/${name}`, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service.name } },
    addressType: 'IPv4',
    ports: [{ ...service.port, protocol: 'TCP' }],
    endpoints: pods.map(({ metadata, spec, status }) => ({
      addresses: [(status as { readonly podIP: string }).podIP],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: (spec as { readonly nodeName: string }).nodeName,
      targetRef: { kind: 'Pod', namespace, name: metadata.name, uid: metadata['uid'] },
    })),
  });
}
