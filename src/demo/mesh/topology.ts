/** One pod of the demo mesh. Everything that Istio derives from a pod's labels is derived from these. */
export interface Workload {
  /** Of its Deployment: `reviews-v2`. */
  readonly name: string;
  readonly app: string;
  readonly version: string;
  readonly namespace: string;
  readonly pod: string;
  /** Stays the same from start to start, so that its log files are gone on with. */
  readonly uid: string;
  /** `router`: the Envoy is all there is, and takes requests from outside. */
  readonly role: 'sidecar' | 'router';
  /** Its ServiceAccount. */
  readonly account: string;
  /** Ports of services that it calls: `reviews:9080`. */
  readonly calls: readonly string[];
}

export interface ServicePort {
  readonly name: string;
  readonly number: number;
  readonly protocol: 'http' | 'grpc' | 'tcp';
}

/** A Service of Kubernetes: the pods of its namespace whose label `app` is its name. */
export interface MeshService {
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
}

/** One port of a service, by which a caller knows it. */
export interface Called {
  readonly service: MeshService;
  readonly port: ServicePort;
}

export const meshId = 'cluster.local';
export const clusterId = 'Kubernetes';
/** The port of every service of Bookinfo that pages are made of. */
export const servicePort = 9080;
/** Where details says by gRPC how it is. */
export const healthPort = 9091;
/** Where mongodb takes questions. */
export const databasePort = 27_017;

const istioNamespace = 'istio-system';

const gatewayPlan: Workload = {
  name: 'istio-ingressgateway',
  app: 'istio-ingressgateway',
  version: 'unknown',
  namespace: istioNamespace,
  pod: 'istio-ingressgateway-6f9d5c8b77-k4w2n',
  uid: '0b6f3f0e-51c2-4f7a-9a3e-3d7c1b0a9e10',
  role: 'router',
  account: 'istio-ingressgateway-service-account',
  calls: ['productpage:9080'],
};

interface PodName {
  readonly hash: string;
  readonly uid: string;
  readonly account?: string;
  readonly calls?: readonly string[];
}

/** The six Deployments of Bookinfo's manifest; ratings-v2 and mongodb, which people add to it afterwards. */
const podNames: Readonly<Record<string, PodName>> = {
  'productpage-v1': {
    hash: '7c5d8f6b9d-q8m4z',
    uid: '1c9a7e52-3b0d-4c55-8e0f-6a1d2f3b4c21',
    calls: ['details:9080', 'reviews:9080', 'ratings:9080', 'details:9091'],
  },
  'details-v1': { hash: '5f6c9d7b84-h2v6x', uid: '2d8b6f41-4c1e-4d66-9f1a-7b2e3a4c5d32' },
  'reviews-v1': { hash: '6b8d7c9f65-t5k8w', uid: '3e7c5a30-5d2f-4e77-8a2b-8c3f4b5d6e43' },
  'reviews-v2': {
    hash: '58f9b7d6c4-m9d3r',
    uid: '4f6d4b2f-6e3a-4f88-9b3c-9d4a5c6e7f54',
    calls: ['ratings:9080'],
  },
  'reviews-v3': {
    hash: '7d9c6f5b48-z7n2p',
    uid: '5a5e3c1e-7f4b-4a99-8c4d-ae5b6d7f8a65',
    calls: ['ratings:9080'],
  },
  'ratings-v1': { hash: '84d5b9c7f6-c6j8s', uid: '6b4f2d0d-8a5c-4baa-9d5e-bf6c7e8a9b76' },
  'ratings-v2': {
    hash: '6c7b9d8f54-w4p9k',
    uid: '7c3e1c0c-9b6d-4cbb-8e6f-c07d8f9bac87',
    account: 'bookinfo-ratings-v2',
    calls: ['mongodb:27017'],
  },
  'mongodb-v1': { hash: '79f8d6c5b7-x3t6h', uid: '8d2d0b1b-ac7e-4dcc-9f70-d18e9aacbd98', account: 'default' },
};

const http: ServicePort = { name: 'http', number: servicePort, protocol: 'http' };
const portsOf: Readonly<Record<string, readonly ServicePort[]>> = {
  productpage: [http],
  details: [http, { name: 'grpc-health', number: healthPort, protocol: 'grpc' }],
  reviews: [http],
  ratings: [http],
  mongodb: [{ name: 'mongo', number: databasePort, protocol: 'tcp' }],
};

function sidecar(name: string, { hash, uid, account, calls = [] }: PodName, namespace: string): Workload {
  const [app = name, version = 'v1'] = name.split(/-(?=v\d+$)/);
  const own = { account: account ?? `bookinfo-${app}`, pod: `${name}-${hash}`, uid, calls };
  return { name, app, version, namespace, role: 'sidecar', ...own };
}

/** Who is in the mesh, with Bookinfo in one namespace. */
export class Topology {
  /** Of Bookinfo. */
  readonly namespace: string;
  readonly gateway = gatewayPlan;
  /** The gateway is the first. */
  readonly workloads: readonly Workload[];
  readonly services: readonly MeshService[];

  constructor(namespace = 'default') {
    this.namespace = namespace;
    const pods = Object.entries(podNames).map(([name, pod]) => sidecar(name, pod, namespace));
    this.workloads = [gatewayPlan, ...pods];
    this.services = Object.entries(portsOf).map(([name, ports]) => ({ name, namespace, ports }));
  }

  /** The pods behind a service. */
  workloadsOf({ name, namespace }: MeshService): readonly Workload[] {
    return this.workloads.filter((one) => one.app === name && one.namespace === namespace);
  }

  /** By its name in Bookinfo's namespace, or by any longer form of it; undefined: no such service. */
  service(host: string): MeshService | undefined {
    return this.services.find((service) => serviceNames(service).includes(host));
  }

  callsOf({ calls }: Workload): readonly Called[] {
    return calls.flatMap((call) => {
      const [name = '', number = ''] = call.split(':');
      const service = this.service(name);
      const port = service?.ports.find((one) => one.number === Number(number));
      return service === undefined || port === undefined ? [] : [{ service, port }];
    });
  }

  /** By the name of its Deployment. */
  workload(name: string): Workload {
    const found = this.workloads.find((one) => one.name === name);
    if (found === undefined) {
      throw new Error(`there is no workload ${name}`);
    }
    return found;
  }

  /** The workload that a node id is of. */
  workloadOfNode(id: string): Workload | undefined {
    const pod = id.split('~')[2];
    return this.workloads.find((one) => `${one.pod}.${one.namespace}` === pod);
  }

  /** The workload that alone has this name in its certificate; undefined where several or none have it. */
  workloadOfPrincipal(name: string): Workload | undefined {
    const found = this.workloads.filter((one) => principal(one) === name);
    return found.length === 1 ? found[0] : undefined;
  }
}

/** `reviews.default.svc.cluster.local`. */
export function serviceHost({ name, namespace }: Pick<MeshService, 'name' | 'namespace'>): string {
  return `${name}.${namespace}.svc.cluster.local`;
}

/** The names by which a pod of the same namespace may call a service. */
export function serviceNames(service: MeshService): string[] {
  const { name, namespace } = service;
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, serviceHost(service)];
}

/** `sidecar~10.244.0.7~reviews-v1-….default~default.svc.cluster.local`, by which an Envoy of Istio names itself. */
export function nodeId({ role, pod, namespace }: Workload, ip: string): string {
  return `${role}~${ip}~${pod}.${namespace}~${namespace}.svc.cluster.local`;
}

/** The name by which its certificate calls a workload. */
export function principal({ namespace, account }: Workload): string {
  return `spiffe://${meshId}/ns/${namespace}/sa/${account}`;
}
