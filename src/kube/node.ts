import { z } from 'zod';
import type { Right } from './right.ts';

/** What concerns us of a core/v1 Node. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** By type: Hostname, InternalIP, ... The first of each. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly kubeletPort: number;
}

export const usualKubeletPort = 10_250;

/** To read the own node. */
export const nodeRight: Right = {
  group: '',
  resource: 'nodes',
  verbs: ['get'],
  without: 'labels and annotations of the node are not known',
};

const texts = z.record(z.string(), z.string()).nullish();
const nodeSchema = z.object({
  metadata: z.object({ name: z.string(), labels: texts, annotations: texts }),
  status: z
    .object({
      addresses: z.array(z.object({ type: z.string(), address: z.string() })).nullish(),
      daemonEndpoints: z.object({ kubeletEndpoint: z.object({ Port: z.int() }).nullish() }).nullish(),
    })
    .nullish(),
});

/** Undefined where the object is no Node. */
export function nodeOf(object: unknown): NodeFacts | undefined {
  const { data } = nodeSchema.safeParse(object);
  if (data === undefined) {
    return undefined;
  }
  const { metadata, status } = data;
  const addresses = (status?.addresses ?? []).map(({ type, address }) => [type, address] as const);
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    // The first of a type counts.
    addresses: Object.fromEntries(addresses.toReversed()),
    kubeletPort: status?.daemonEndpoints?.kubeletEndpoint?.Port || usualKubeletPort,
  };
}
