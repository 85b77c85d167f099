import { z } from 'zod';

export interface Endpoint {
  readonly addresses: readonly string[];
  /** Its host name within a headless Service. */
  readonly hostname?: string;
  readonly node?: string;
  readonly terminating: boolean;
  /** The pod behind it. */
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string };
}

/** What concerns us of a discovery.k8s.io/v1 EndpointSlice. */
export interface EndpointSlice {
  readonly uid: string;
  readonly namespace: string;
  /** Name of its Service; empty where it has none. */
  readonly service: string;
  /** Those of its Service too. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly family: 'IPv4' | 'IPv6';
  /** Ports of the endpoints themselves, under the names that the Service gives them. */
  readonly ports: readonly { readonly name: string; readonly number: number }[];
  readonly endpoints: readonly Endpoint[];
}

const reference = z.object({
  kind: z.string().nullish(),
  namespace: z.string().nullish(),
  name: z.string().nullish(),
  uid: z.string().nullish(),
});
const texts = z.record(z.string(), z.string()).nullish();
const sliceSchema = z.object({
  metadata: z.object({ uid: z.string().min(1), namespace: z.string(), labels: texts, annotations: texts }),
  addressType: z.enum(['IPv4', 'IPv6']),
  ports: z.array(z.object({ name: z.string().nullish(), port: z.int().nullish() })).nullish(),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        hostname: z.string().nullish(),
        nodeName: z.string().nullish(),
        conditions: z.object({ terminating: z.boolean().nullish() }).nullish(),
        targetRef: reference.nullish(),
      }),
    )
    .nullish(),
});

/** Undefined where the object is no slice of addresses. */
export function endpointSliceOf(object: unknown): EndpointSlice | undefined {
  const { data } = sliceSchema.safeParse(object);
  if (data === undefined) {
    return undefined;
  }
  const { uid, namespace, labels, annotations } = data.metadata;
  return {
    uid,
    namespace,
    service: labels?.['kubernetes.io/service-name'] ?? '',
    labels: labels ?? {},
    annotations: annotations ?? {},
    family: data.addressType,
    ports: (data.ports ?? []).flatMap(({ name, port }) =>
      typeof port === 'number' ? [{ name: name ?? '', number: port }] : [],
    ),
    endpoints: (data.endpoints ?? []).map((one) => {
      const pod = podOf(one.targetRef, namespace);
      return {
        addresses: one.addresses,
        terminating: one.conditions?.terminating === true,
        ...(typeof one.hostname === 'string' && { hostname: one.hostname }),
        ...(typeof one.nodeName === 'string' && { node: one.nodeName }),
        ...(pod !== undefined && { pod }),
      };
    }),
  };
}

function podOf(target: z.output<typeof reference> | null | undefined, namespace: string): Endpoint['pod'] {
  if (target?.kind !== 'Pod' || typeof target.name !== 'string') {
    return undefined;
  }
  return { namespace: target.namespace ?? namespace, name: target.name, uid: target.uid ?? '' };
}
