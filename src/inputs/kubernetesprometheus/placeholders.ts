import type { Endpoint, EndpointSlice, NodeFacts, Pod, Service } from '../../kube/kube.ts';

/**
 * What a value of the configuration stands for. Values that stand for nothing are themselves; undefined: it stands for
 * something that this object has not.
 */
export type Resolve = (value: string) => string | undefined;

type Finder = readonly [pattern: RegExp, find: (...parts: readonly string[]) => string | undefined];

/** `__kubernetes_pod_*`. `hostIp`: address of its node. */
export function podValues(pod: Pod, hostIp: string | undefined): Resolve {
  return resolver([
    [/^__kubernetes_pod_name$/, () => pod.name],
    [/^__kubernetes_pod_namespace$/, () => pod.namespace],
    [/^__kubernetes_pod_node_name$/, () => pod.node],
    [/^__kubernetes_pod_ip$/, () => pod.ips[0]],
    [/^__kubernetes_pod_host_ip$/, () => hostIp],
    [/^__kubernetes_pod_label_(.+)$/, (label) => pod.labels[label ?? '']],
    [/^__kubernetes_pod_annotation_(.+)$/, (annotation) => pod.annotations[annotation ?? '']],
    [/^__kubernetes_pod_container_port_(.+)_number$/, (port) => portOf(pod, port)],
    [/^__kubernetes_pod_container_(.+?)_port_(.+)_number$/, (container, port) => portOf(pod, port, container)],
  ]);
}

/** `__kubernetes_node_*`. */
export function nodeValues(node: NodeFacts): Resolve {
  return resolver([
    [/^__kubernetes_node_name$/, () => node.name],
    [/^__kubernetes_node_label_(.+)$/, (label) => node.labels[label ?? '']],
    [/^__kubernetes_node_annotation_(.+)$/, (annotation) => node.annotations[annotation ?? '']],
    [/^__kubernetes_node_address_(\w+)$/, (type) => node.addresses[type ?? '']],
    [/^__kubernetes_node_kubelet_endpoint_port$/, () => String(node.kubeletPort)],
  ]);
}

/** `__kubernetes_service_*`; what is of its target is of the endpoint. */
export function serviceValues(service: Service, ofEndpoint: Resolve): Resolve {
  const { namespace, name, labels, annotations, ports } = service;
  const portNamed = (wanted: string | undefined) => ports.find((port) => port.name === wanted);
  const target = (what: string | undefined): string | undefined =>
    ofEndpoint(`__kubernetes_endpoints_address_target_${what}`);
  return resolver([
    [/^__kubernetes_service_name$/, () => name],
    [/^__kubernetes_service_namespace$/, () => namespace],
    [/^__kubernetes_service_label_(.+)$/, (label) => labels[label ?? '']],
    [/^__kubernetes_service_annotation_(.+)$/, (annotation) => annotations[annotation ?? '']],
    [/^__kubernetes_service_port_(.+)_port$/, (port) => textOf(portNamed(port)?.number)],
    [/^__kubernetes_service_port_(.+)_targetport$/, (port) => textOf(portNamed(port)?.target)],
    [/^__kubernetes_service_target_((?:pod_)?(?:kind|name|namespace))$/, target],
  ]);
}

/** `__kubernetes_endpoints_*`. */
export function endpointValues(slice: EndpointSlice, { node, pod }: Endpoint, ip: string): Resolve {
  const { namespace, service, labels, annotations, ports } = slice;
  return resolver([
    [/^__kubernetes_endpoints_name$/, () => service],
    [/^__kubernetes_endpoints_namespace$/, () => namespace],
    [/^__kubernetes_endpoints_label_(.+)$/, (label) => labels[label ?? '']],
    [/^__kubernetes_endpoints_annotation_(.+)$/, (annotation) => annotations[annotation ?? '']],
    [/^__kubernetes_endpoints_address_ip$/, () => ip],
    [/^__kubernetes_endpoints_address_node_name$/, () => node],
    [/^__kubernetes_endpoints_address_target_kind$/, () => (pod === undefined ? undefined : 'Pod')],
    [/^__kubernetes_endpoints_address_target_(?:pod_)?name$/, () => pod?.name],
    [/^__kubernetes_endpoints_address_target_(?:pod_)?namespace$/, () => pod?.namespace],
    [
      /^__kubernetes_endpoints_port_(.+)_number$/,
      (wanted) => textOf(ports.find(({ name }) => name === wanted)?.number),
    ],
  ]);
}

function textOf(value: number | string | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function resolver(finders: readonly Finder[]): Resolve {
  return (value) => {
    if (!value.startsWith('__kubernetes_')) {
      return value;
    }
    for (const [pattern, find] of finders) {
      const parts = pattern.exec(value);
      const found = parts === null ? undefined : find(...parts.slice(1));
      if (found !== undefined && found !== '') {
        return found;
      }
    }
    return undefined;
  };
}

/** Of one container, or of the first that has a port of that name. */
function portOf({ containers }: Pod, port: string | undefined, container?: string): string | undefined {
  const number = containers
    .filter(({ kind, name }) => kind !== 'init' && (container === undefined || name === container))
    .flatMap(({ ports }) => ports)
    .find(({ name }) => name === port)?.number;
  return number === undefined ? undefined : String(number);
}
