import { z } from 'zod';
import type { Endpoint, EndpointSlice } from './endpoint-slice.ts';

/** A core/v1 Endpoints object: what EndpointSlices took the place of, one for each Service. */
export interface Endpoints {
  readonly uid: string;
  /** What slices would say; one for each set of ports. */
  readonly slices: readonly EndpointSlice[];
}

const texts = z.record(z.string(), z.string()).nullish();
const address = z.object({
  ip: z.string(),
  hostname: z.string().nullish(),
  nodeName: z.string().nullish(),
  targetRef: z
    .object({
      kind: z.string().nullish(),
      namespace: z.string().nullish(),
      name: z.string().nullish(),
      uid: z.string().nullish(),
    })
    .nullish(),
});
const endpointsSchema = z.object({
  metadata: z.object({
    uid: z.string().min(1),
    namespace: z.string(),
    name: z.string(),
    labels: texts,
    annotations: texts,
  }),
  subsets: z
    .array(
      z.object({
        addresses: z.array(address).nullish(),
        notReadyAddresses: z.array(address).nullish(),
        ports: z.array(z.object({ name: z.string().nullish(), port: z.int() })).nullish(),
      }),
    )
    .nullish(),
});

/** Undefined where the object is none. */
export function endpointsOf(object: unknown): Endpoints | undefined {
  const { data } = endpointsSchema.safeParse(object);
  if (data === undefined) {
    return undefined;
  }
  const { uid, namespace, name, labels, annotations } = data.metadata;
  const slices = (data.subsets ?? []).map(({ addresses, notReadyAddresses, ports }, index): EndpointSlice => {
    const all = [...(addresses ?? []), ...(notReadyAddresses ?? [])];
    return {
      uid: `${uid}/${index}`,
      namespace,
      service: name,
      labels: labels ?? {},
      annotations: annotations ?? {},
      family: all[0]?.ip.includes(':') === true ? 'IPv6' : 'IPv4',
      ports: (ports ?? []).map((port) => ({ name: port.name ?? '', number: port.port })),
      endpoints: all.map((one) => endpointOf(one, namespace)),
    };
  });
  return { uid, slices };
}

function endpointOf(from: z.output<typeof address>, namespace: string): Endpoint {
  const { ip, hostname, nodeName: node, targetRef: target } = from;
  const name = target?.kind === 'Pod' ? target.name : undefined;
  return {
    addresses: [ip],
    terminating: false,
    ...(typeof hostname === 'string' && { hostname }),
    ...(typeof node === 'string' && { node }),
    ...(typeof name === 'string' && {
      pod: { namespace: target?.namespace ?? namespace, name, uid: target?.uid ?? '' },
    }),
  };
}
