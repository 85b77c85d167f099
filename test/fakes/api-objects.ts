/** What a test says of a pod; the rest is made up. */
export interface FakePod {
  readonly name: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly uid?: string;
  /** Empty: it has none yet. */
  readonly ip?: string;
  /** More than one: dual stack. In place of `ip`. */
  readonly ips?: readonly string[];
  readonly phase?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers?: readonly { readonly name: string; readonly ports?: readonly number[] }[];
  readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[];
  readonly hostNetwork?: boolean;
  readonly ready?: boolean;
  readonly deleting?: boolean;
}

export interface FakeService {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly name?: string; readonly port: number; readonly targetPort?: number | string }[];
}

export interface FakeSlice {
  readonly name: string;
  readonly namespace?: string;
  readonly service: string;
  /** Those of its Service. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly family?: 'IPv4' | 'IPv6';
  readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  readonly endpoints: readonly {
    readonly ip: string;
    readonly pod?: string;
    readonly podUid?: string;
    readonly node?: string;
    readonly hostname?: string;
    readonly ready?: boolean;
    readonly terminating?: boolean;
  }[];
}

export type Json = Readonly<Record<string, unknown>>;

export function podJson(pod: FakePod): Json {
  const { name, namespace = 'default', node = 'node-1', ip = '127.0.0.1', phase = 'Running' } = pod;
  const containers = pod.containers ?? [{ name: 'app' }];
  const ips = pod.ips ?? (ip === '' ? [] : [ip]);
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace,
      uid: pod.uid ?? `uid-${namespace}-${name}`,
      labels: pod.labels ?? {},
      annotations: pod.annotations ?? {},
      ...(pod.deleting === true && { deletionTimestamp: '2026-11-21T12:00:00Z' }),
    },
    spec: {
      nodeName: node,
      containers: containers.map(({ name: of, ports = [] }) => ({
        name: of,
        ports: ports.map((containerPort) => ({ containerPort })),
      })),
      ...(pod.initContainers && { initContainers: pod.initContainers }),
      ...(pod.hostNetwork === true && { hostNetwork: true }),
    },
    status: {
      phase,
      ...(ips.length > 0 && { podIP: ips[0], podIPs: ips.map((one) => ({ ip: one })) }),
      conditions: [{ type: 'Ready', status: pod.ready === false ? 'False' : 'True' }],
    },
  };
}

export function serviceJson(service: FakeService): Json {
  const { name, namespace = 'default', labels = {}, annotations = {}, selector, ports = [] } = service;
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name, namespace, uid: `uid-service-${namespace}-${name}`, labels, annotations },
    spec: { ...(selector && { selector }), ports, ipFamilies: ['IPv4'] },
  };
}

export function sliceJson(slice: FakeSlice): Json {
  const { name, namespace = 'default', service, family = 'IPv4', ports = [], endpoints } = slice;
  return {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: {
      name,
      namespace,
      uid: `uid-slice-${namespace}-${name}`,
      labels: { ...slice.labels, 'kubernetes.io/service-name': service },
    },
    addressType: family,
    ports: ports.map(({ name: of = '', port }) => ({ name: of, port, protocol: 'TCP' })),
    endpoints: endpoints.map(({ ip, pod, podUid, node, hostname, ready = true, terminating = false }) => ({
      addresses: [ip],
      conditions: { ready, serving: ready, terminating },
      ...(hostname !== undefined && { hostname }),
      ...(node !== undefined && { nodeName: node }),
      ...(pod !== undefined && {
        targetRef: { kind: 'Pod', namespace, name: pod, uid: podUid ?? `uid-${namespace}-${pod}` },
      }),
    })),
  };
}

export function endpointsJson({
  namespace = 'default',
  service: name,
  labels = {},
  ports = [],
  endpoints,
}: FakeSlice): Json {
  const addresses = endpoints
    .filter(({ terminating }) => terminating !== true)
    .map(({ ip, pod, podUid, node }) => ({
      ip,
      ...(node !== undefined && { nodeName: node }),
      ...(pod !== undefined && {
        targetRef: { kind: 'Pod', namespace, name: pod, uid: podUid ?? `uid-${namespace}-${pod}` },
      }),
    }));
  return {
    kind: 'Endpoints',
    apiVersion: 'v1',
    metadata: { name, namespace, uid: `uid-endpoints-${namespace}-${name}`, labels },
    subsets: [{ addresses, ports: ports.map(({ name: of = '', port }) => ({ name: of, port, protocol: 'TCP' })) }],
  };
}
