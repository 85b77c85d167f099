import { createHash } from 'node:crypto';
import type { ClusterPlan, ClusterPod, ClusterService, NodeName } from './cluster-plan.ts';
import type { Json } from './object-store.ts';

/** What a container of a pod is doing. */
export interface ContainerState {
  readonly restarts: number;
  /** It ended, and waits to be started again. */
  readonly isWaiting: boolean;
}

const running: ContainerState = { restarts: 0, isWaiting: false };

/** 64 hexadecimal digits, as container runtimes have them, the same at each start. */
export function containerId(pod: Pick<ClusterPod, 'uid'>, container: string, restarts: number): string {
  return createHash('sha256').update(`${pod.uid} ${container} ${restarts}`).digest('hex');
}

export interface Started {
  /** RFC 3339: when the cluster began. */
  readonly at: string;
}

export function podObject(
  pod: ClusterPod,
  { at }: Started,
  states: Readonly<Record<string, ContainerState>> = {},
): Json {
  const hash = pod.name.slice(pod.workload.length + 1).replace(/-[^-]+$/, '');
  const statuses = pod.containers.map(({ name }) => containerStatus(pod, name, states[name] ?? running, at));
  const isReady = statuses.every(({ ready }) => ready);
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      creationTimestamp: at,
      labels: { ...pod.labels, 'pod-template-hash': hash },
      annotations: pod.annotations,
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${pod.workload}-${hash}`,
          uid: `${pod.uid}-set`,
          controller: true,
        },
      ],
    },
    spec: {
      nodeName: pod.node,
      serviceAccountName: pod.account,
      containers: pod.containers.map(({ name, ports }) => ({
        name,
        image: imageOf(pod, name),
        ports: ports.map((port) => ({ name: port.name, containerPort: port.number, protocol: 'TCP' })),
      })),
    },
    status: {
      phase: 'Running',
      podIP: pod.ip,
      podIPs: [{ ip: pod.ip }],
      startTime: at,
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      containerStatuses: statuses,
    },
  };
}

function containerStatus(pod: ClusterPod, name: string, { restarts, isWaiting }: ContainerState, at: string) {
  const last = { exitCode: 1, reason: 'Error', containerID: `containerd://${containerId(pod, name, restarts - 1)}` };
  return {
    name,
    image: imageOf(pod, name),
    ready: !isWaiting,
    restartCount: restarts,
    containerID: `containerd://${containerId(pod, name, restarts)}`,
    state: isWaiting ? { waiting: { reason: 'CrashLoopBackOff' } } : { running: { startedAt: at } },
    ...(restarts > 0 && { lastState: { terminated: last } }),
  };
}

function imageOf({ workload }: ClusterPod, container: string): string {
  return container === 'istio-proxy' ? 'meshbridge.demo/envoy:1' : `meshbridge.demo/${workload}:1`;
}

export function nodeObject(name: NodeName, ip: string): Json {
  return {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: { name, uid: `node-${name}`, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
    status: {
      addresses: [
        { type: 'InternalIP', address: ip },
        { type: 'Hostname', address: name },
      ],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

export function namespaceObject(name: string): Json {
  return {
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: {
      name,
      uid: `namespace-${name}`,
      labels: { 'kubernetes.io/metadata.name': name, 'istio-injection': 'enabled' },
    },
    status: { phase: 'Active' },
  };
}

export function serviceObject({ name, namespace, selector, ports }: ClusterService): Json {
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name, namespace, uid: `service-${namespace}-${name}`, labels: { app: name, service: name } },
    spec: {
      selector,
      type: 'ClusterIP',
      ipFamilies: ['IPv4'],
      ports: ports.map((port) => ({ name: port.name, port: port.number, targetPort: port.number, protocol: 'TCP' })),
    },
  };
}

/** Pods whose ports are others are in slices of their own. */
export function sliceObjects(service: ClusterService, pods: readonly ClusterPod[]): Json[] {
  const { name, namespace, selector, ports, targets } = service;
  const behind = pods.filter(
    (pod) =>
      pod.namespace === namespace && Object.entries(selector).every(([label, value]) => pod.labels[label] === value),
  );
  const slices = Map.groupBy(behind, (pod) =>
    JSON.stringify(ports.map((port) => [port.name, targets?.[pod.name]?.[port.name] ?? port.number])),
  );
  return [...slices].map(([numbers, endpoints], n) => ({
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: {
      name: `${name}-${n}`,
      namespace,
      uid: `slice-${namespace}-${name}-${n}`,
      labels: { 'kubernetes.io/service-name': name, app: name, service: name },
    },
    addressType: 'IPv4',
    ports: (JSON.parse(numbers) as [string, number][]).map(([of, port]) => ({ name: of, port, protocol: 'TCP' })),
    endpoints: endpoints.map((pod) => ({
      addresses: [pod.ip],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: pod.node,
      targetRef: { kind: 'Pod', namespace, name: pod.name, uid: pod.uid },
    })),
  }));
}

/** One for each name among the pods. */
export function deploymentObjects({ pods }: ClusterPlan, { at }: Started): Json[] {
  const byName = Map.groupBy(pods, ({ namespace, workload }) => `${namespace}/${workload}`);
  return [...byName].flatMap(([, replicas]) => {
    const [first] = replicas;
    return first === undefined ? [] : [deployment(first, replicas.length, at)];
  });
}

function deployment(pod: ClusterPod, replicas: number, at: string): Json {
  const { namespace, workload: name, labels, annotations, account } = pod;
  const containers = pod.containers.filter((one, _, all) => all.length === 1 || one.name !== 'istio-proxy');
  return {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: { name, namespace, uid: `deployment-${namespace}-${name}`, creationTimestamp: at, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: {
          serviceAccountName: account,
          containers: containers.map((one) => ({ name: one.name, image: imageOf(pod, one.name) })),
        },
      },
    },
    status: { replicas, readyReplicas: replicas, availableReplicas: replicas },
  };
}
