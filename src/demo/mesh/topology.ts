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
  /** Services that it calls, by their short names. */
  readonly calls: readonly string[];
}

export const meshId = 'cluster.local';
export const clusterId = 'Kubernetes';
/** The port of every service of Bookinfo. */
export const servicePort = 9080;

const namespace = 'default';

export const gateway: Workload = {
  name: 'istio-ingressgateway',
  app: 'istio-ingressgateway',
  version: 'unknown',
  namespace: 'istio-system',
  pod: 'istio-ingressgateway-6f9d5c8b77-k4w2n',
  uid: '0b6f3f0e-51c2-4f7a-9a3e-3d7c1b0a9e10',
  role: 'router',
  calls: ['productpage'],
};

function sidecar(name: string, pod: string, uid: string, calls: readonly string[]): Workload {
  const [app = name, version = 'v1'] = name.split(/-(?=v\d+$)/);
  return { name, app, version, namespace, pod: `${name}-${pod}`, uid, role: 'sidecar', calls };
}

export const productpage = sidecar('productpage-v1', '7c5d8f6b9d-q8m4z', '1c9a7e52-3b0d-4c55-8e0f-6a1d2f3b4c21', [
  'details',
  'reviews',
  'ratings',
]);
export const details = sidecar('details-v1', '5f6c9d7b84-h2v6x', '2d8b6f41-4c1e-4d66-9f1a-7b2e3a4c5d32', []);
export const reviewsV1 = sidecar('reviews-v1', '6b8d7c9f65-t5k8w', '3e7c5a30-5d2f-4e77-8a2b-8c3f4b5d6e43', []);
export const reviewsV2 = sidecar('reviews-v2', '58f9b7d6c4-m9d3r', '4f6d4b2f-6e3a-4f88-9b3c-9d4a5c6e7f54', ['ratings']);
export const reviewsV3 = sidecar('reviews-v3', '7d9c6f5b48-z7n2p', '5a5e3c1e-7f4b-4a99-8c4d-ae5b6d7f8a65', ['ratings']);
export const ratings = sidecar('ratings-v1', '84d5b9c7f6-c6j8s', '6b4f2d0d-8a5c-4baa-9d5e-bf6c7e8a9b76', []);

export const workloads: readonly Workload[] = [gateway, productpage, details, reviewsV1, reviewsV2, reviewsV3, ratings];

/** `reviews` → `reviews.default.svc.cluster.local`. */
export function serviceHost(service: string): string {
  return `${service}.${namespace}.svc.cluster.local`;
}

/** The names by which a pod of the same namespace may call a service. */
export function serviceNames(service: string): string[] {
  return [service, `${service}.${namespace}`, `${service}.${namespace}.svc`, serviceHost(service)];
}

/** The pods behind a service. */
export function workloadsOf(service: string): readonly Workload[] {
  return workloads.filter(({ app, role }) => app === service && role === 'sidecar');
}

/** `sidecar~10.244.0.7~reviews-v1-….default~default.svc.cluster.local`, by which an Envoy of Istio names itself. */
export function nodeId(workload: Workload, ip: string): string {
  const { role, pod } = workload;
  return `${role}~${ip}~${pod}.${workload.namespace}~${workload.namespace}.svc.cluster.local`;
}

/** The name by which its certificate calls a workload. */
export function principal({ app, namespace, role }: Workload): string {
  const account = role === 'router' ? `${app}-service-account` : `bookinfo-${app}`;
  return `spiffe://${meshId}/ns/${namespace}/sa/${account}`;
}

/** The workload that a node id is of. */
export function workloadOfNode(id: string): Workload | undefined {
  const pod = id.split('~')[2];
  return workloads.find((one) => `${one.pod}.${one.namespace}` === pod);
}
