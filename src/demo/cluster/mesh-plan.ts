import type { Topology, Workload } from '../mesh/topology.ts';
import { promInstances, promSources } from './annotations.ts';
import type { ClusterPlan, ClusterPod, ClusterService, NamedPort } from './cluster-plan.ts';

/** Where the pods of a mesh are. */
export interface PodPlaces {
  readonly topology: Topology;
  /** URL of the agent's page of a pod, by the pod's name. */
  readonly metrics: ReadonlyMap<string, string>;
  /** `host:port` of the pages of the replicas of istiod. */
  readonly istiods: readonly string[];
}

/** What the API server is to say of a mesh, its control plane included. */
export function clusterPlanOf({ topology, metrics, istiods }: PodPlaces): ClusterPlan {
  const { namespace, workloads, services } = topology;
  const pods = workloads.flatMap((workload) => {
    const url = URL.parse(metrics.get(workload.pod) ?? '');
    return url === null ? [] : [meshPod(workload, { ip: url.hostname, port: Number(url.port) }, topology)];
  });
  const replicas = istiods.map(istiodPod);
  const ownPorts = replicas.map((pod, n) => [pod.name, { 'http-monitoring': portOf(istiods[n]) }] as const);
  const istiod: ClusterService = {
    namespace: 'istio-system',
    name: 'istiod',
    selector: { app: 'istiod' },
    ports: [{ name: 'http-monitoring', number: 15_014 }],
    targets: Object.fromEntries(ownPorts),
  };
  const called = services.map(({ name, namespace: of, ports }): ClusterService => {
    return { namespace: of, name, selector: { app: name }, ports };
  });
  return { namespace, pods: [...pods, ...replicas], services: [...called, istiod] };
}

interface AgentPlace {
  readonly ip: string;
  readonly port: number;
}

function meshPod(workload: Workload, { ip, port }: AgentPlace, topology: Topology): ClusterPod {
  const { name, app, version, namespace, pod, uid, account, role } = workload;
  const ports = topology.services.find((service) => service.name === app)?.ports ?? [];
  const proxy = { name: 'istio-proxy', ports: [{ name: 'http-envoy-prom', number: 15_090 }] };
  return {
    ...{ namespace, name: pod, uid, workload: name, account, ip, node: 'demo-worker' },
    labels: { ...labelsOf(workload), ...(version !== 'unknown' && { version }) },
    annotations: annotationsOf(workload, port),
    containers: role === 'router' ? [proxy] : [{ name: app, ports: ports.map(named) }, proxy],
  };
}

function labelsOf({ app, version, role }: Workload): Readonly<Record<string, string>> {
  const usual = {
    app,
    'service.istio.io/canonical-name': app,
    'service.istio.io/canonical-revision': version === 'unknown' ? 'latest' : version,
  };
  return role === 'router' ? { ...usual, istio: 'ingressgateway' } : { ...usual, 'security.istio.io/tlsMode': 'istio' };
}

/** Users' own on those of Bookinfo's manifest; Istio's on the others. */
function annotationsOf({ name }: Workload, port: number): Readonly<Record<string, string>> {
  const source = promSources[name];
  return source === undefined
    ? { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(port), 'prometheus.io/path': '/stats/prometheus' }
    : { 'datakit/prom.instances': promInstances(source, port) };
}

function named({ name, number }: NamedPort): NamedPort {
  return { name, number };
}

const istiodSuffixes = ['h4x8q', 'z9k2m'];

function istiodPod(place: string, n: number): ClusterPod {
  const suffix = istiodSuffixes[n] ?? `r${n}`;
  return {
    namespace: 'istio-system',
    name: `istiod-6d9c8f7b55-${suffix}`,
    uid: `9f1e2d3c-4b5a-4697-8877-00000000000${n}`,
    workload: 'istiod',
    labels: { app: 'istiod', istio: 'pilot', 'istio.io/rev': 'default' },
    annotations: {
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': String(portOf(place)),
    },
    account: 'istiod',
    node: 'demo-control-plane',
    ip: new URL(`http://${place}`).hostname,
    containers: [{ name: 'discovery', ports: [{ name: 'http-monitoring', number: portOf(place) }] }],
  };
}

function portOf(place = ''): number {
  return Number(URL.parse(`http://${place}`)?.port ?? 0);
}
