import type { ApiCalls } from './api-calls.ts';

export interface ServicePort {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  /** Who asks: with `internalTrafficPolicy: Local` only pods of that node answer. */
  readonly node: string;
}

interface ServiceSpec {
  readonly type: string;
  readonly externalName?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly internalTrafficPolicy?: string;
  readonly ports?: readonly { readonly port: number; readonly targetPort: number | string }[];
}

interface PodBody {
  readonly spec: {
    readonly nodeName: string;
    readonly containers: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status: { readonly podIP: string };
}

/** `address:port` of a pod behind a Service, as DNS and kube-proxy would lead there. Throws where they would not. */
export async function endpointOf(api: ApiCalls, asked: ServicePort): Promise<string> {
  const { name, namespace, port, node } = asked;
  const { spec }: { readonly spec: ServiceSpec } = await api.call(
    'GET',
    `/api/v1/namespaces/${namespace}/services/${name}`,
  );
  if (spec.type === 'ExternalName') {
    const [next = '', there = ''] = (spec.externalName ?? '').split('.');
    return await endpointOf(api, { name: next, namespace: there, port, node });
  }
  const targetPort = spec.ports?.find((one) => one.port === port)?.targetPort;
  if (targetPort === undefined) {
    throw new Error(`Service ${namespace}/${name} has no port ${port}`);
  }
  const labels = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const query = new URLSearchParams({ labelSelector: labels.join() });
  const { items }: { readonly items: readonly PodBody[] } = await api.call(
    'GET',
    `/api/v1/namespaces/${namespace}/pods?${query}`,
  );
  const near = items.filter((pod) => spec.internalTrafficPolicy !== 'Local' || pod.spec.nodeName === node);
  const pod = near.find((one) => one.spec.nodeName === node) ?? near[0];
  const number =
    typeof targetPort === 'number'
      ? targetPort
      : pod?.spec.containers.flatMap(({ ports = [] }) => ports).find((one) => one.name === targetPort)?.containerPort;
  if (pod === undefined || number === undefined) {
    throw new Error(`no pod behind Service ${namespace}/${name} has port ${targetPort} for ${node}`);
  }
  return `${pod.status.podIP}:${number}`;
}
