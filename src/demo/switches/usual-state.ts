import type { DemoState } from '../state/demo-state.ts';
import type { DestinationRule, VirtualService } from '../state/istio-rules.ts';

export const usualPagesPerSecond = 5;

/** The versions that Bookinfo's DestinationRules name, whether there are pods of them or not. */
const versions: Readonly<Record<string, readonly string[]>> = {
  productpage: ['v1'],
  reviews: ['v1', 'v2', 'v3'],
  ratings: ['v1', 'v2', 'v2-mysql', 'v2-mysql-vm'],
  details: ['v1', 'v2'],
};

/** What the gateway lets in. */
const gatewayPaths = [
  { exact: '/productpage' },
  { prefix: '/static' },
  { exact: '/login' },
  { exact: '/logout' },
  { prefix: '/api/v1/products' },
];

export function usualDestinationRule(host: string, namespace: string): DestinationRule {
  const subsets = (versions[host] ?? []).map((version) => ({ name: version, labels: { version } }));
  return { name: host, namespace, host, subsets };
}

function gatewayService(namespace: string): VirtualService {
  const match = gatewayPaths.map((uri) => ({ uri, headers: {} }));
  return {
    name: 'bookinfo',
    namespace,
    hosts: ['*'],
    gateways: ['bookinfo-gateway'],
    http: [{ match, route: [{ host: 'productpage', port: 9080, weight: 0 }] }],
  };
}

/** Bookinfo as it is right after it was set up: reviews are of all three versions in turn. */
export function usualState(namespace: string): DemoState {
  return {
    virtualServices: [gatewayService(namespace)],
    destinationRules: Object.keys(versions).map((host) => usualDestinationRule(host, namespace)),
    samplingPercent: 100,
    timeoutsRepaired: false,
    appsWithoutTraceHeaders: [],
    istiodDown: 0,
    crashLoop: undefined,
    pagesPerSecond: usualPagesPerSecond,
    pageQuirks: [],
  };
}
