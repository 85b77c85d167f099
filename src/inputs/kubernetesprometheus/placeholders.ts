import type { NodeFacts, Pod } from '../../kube/kube.ts';

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
