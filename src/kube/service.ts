import { z } from 'zod';

export interface ServicePort {
  readonly name: string;
  readonly number: number;
  /** Port of the pods behind it: a number, or the name that a container gives it. */
  readonly target: number | string;
}

/** What concerns us of a core/v1 Service. */
export interface Service {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Undefined: its endpoints are made by somebody else. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
  /** The first is the one that its own address is of. */
  readonly families: readonly string[];
}

const texts = z.record(z.string(), z.string()).nullish();
const serviceSchema = z.object({
  metadata: z.object({
    uid: z.string().min(1),
    namespace: z.string(),
    name: z.string(),
    labels: texts,
    annotations: texts,
  }),
  spec: z.object({
    selector: z.record(z.string(), z.string()).nullish(),
    ports: z
      .array(
        z.object({ name: z.string().nullish(), port: z.int(), targetPort: z.union([z.int(), z.string()]).nullish() }),
      )
      .nullish(),
    ipFamilies: z.array(z.string()).nullish(),
  }),
});

/** Undefined where the object is no Service. */
export function serviceOf(object: unknown): Service | undefined {
  const { data } = serviceSchema.safeParse(object);
  if (data === undefined) {
    return undefined;
  }
  const { uid, namespace, name: ownName, labels, annotations } = data.metadata;
  const { selector, ports, ipFamilies } = data.spec;
  const selects = selector !== null && selector !== undefined && Object.keys(selector).length > 0;
  return {
    uid,
    namespace,
    name: ownName,
    labels: labels ?? {},
    annotations: annotations ?? {},
    ...(selects && { selector }),
    ports: (ports ?? []).map(({ name, port, targetPort }) => ({
      name: name ?? '',
      number: port,
      target: targetPort ?? port,
    })),
    families: ipFamilies ?? [],
  };
}
