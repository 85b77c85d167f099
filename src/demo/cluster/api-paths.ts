/** A kind of object that the API server has. */
export interface Collection {
  readonly kind: string;
  /** Of its API; empty for the core. */
  readonly group: string;
  readonly versions: readonly string[];
  /** Its objects are of no namespace. */
  readonly isOfCluster?: true;
  /** Other names that people type. */
  readonly shortNames?: readonly string[];
}

const istio = { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'] };
const core = { group: '', versions: ['v1'] };

/** By the names that stand in paths. */
export const collections: Readonly<Record<string, Collection>> = {
  namespaces: { kind: 'Namespace', ...core, isOfCluster: true, shortNames: ['ns'] },
  nodes: { kind: 'Node', ...core, isOfCluster: true, shortNames: ['no'] },
  pods: { kind: 'Pod', ...core, shortNames: ['po'] },
  services: { kind: 'Service', ...core, shortNames: ['svc'] },
  endpoints: { kind: 'Endpoints', ...core, shortNames: ['ep'] },
  configmaps: { kind: 'ConfigMap', ...core, shortNames: ['cm'] },
  deployments: { kind: 'Deployment', group: 'apps', versions: ['v1'], shortNames: ['deploy'] },
  endpointslices: { kind: 'EndpointSlice', group: 'discovery.k8s.io', versions: ['v1'] },
  leases: { kind: 'Lease', group: 'coordination.k8s.io', versions: ['v1'] },
  virtualservices: { kind: 'VirtualService', ...istio, shortNames: ['vs'] },
  destinationrules: { kind: 'DestinationRule', ...istio, shortNames: ['dr'] },
};

/** What a path asks for. */
export interface Asked {
  readonly resource: string;
  /** The version that its objects are to be in, such as `networking.istio.io/v1beta1`. */
  readonly apiVersion: string;
  /** Undefined: of all namespaces, or of none. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

const core1 = /^\/api\/(v1)\/(?:namespaces\/([^/]+)\/)?([a-z]+)(?:\/([^/]+))?$/;
const grouped = /^\/apis\/([^/]+\/[^/]+)\/(?:namespaces\/([^/]+)\/)?([a-z]+)(?:\/([^/]+))?$/;

/** Undefined where there is nothing of the kind. */
export function askedOf(path: string): Asked | undefined {
  const [, version = '', namespace, resource = '', name] = core1.exec(path) ?? grouped.exec(path) ?? [];
  const { group, versions } = collections[resource] ?? { group: '', versions: [] };
  const known = versions.map((one) => (group === '' ? one : `${group}/${one}`));
  return known.includes(version) ? { resource, apiVersion: version, namespace, name } : undefined;
}
