import { z } from 'zod';

/** A coordination.k8s.io/v1 Lease, as far as it matters here. */
export interface Lease {
  readonly resourceVersion: string;
  /** Empty: nobody has it. */
  readonly holder: string;
  readonly durationMs: number;
  readonly transitions: number;
  /** As it is written: times of other machines' clocks are not judged. */
  readonly acquireTime?: string;
  /** All of it, so that what others wrote into it is kept. */
  readonly object: Readonly<Record<string, unknown>>;
}

const leaseSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      leaseTransitions: z.number().nullish(),
      acquireTime: z.string().nullish(),
    })
    .nullish(),
});

/** Throws where the object is no Lease. */
export function leaseOf(object: unknown): Lease {
  const lease = leaseSchema.parse(object);
  const { holderIdentity, leaseDurationSeconds, leaseTransitions, acquireTime } = lease.spec ?? {};
  return {
    resourceVersion: lease.metadata.resourceVersion,
    holder: holderIdentity ?? '',
    durationMs: Math.max(0, leaseDurationSeconds ?? 0) * 1000,
    transitions: leaseTransitions ?? 0,
    ...(typeof acquireTime === 'string' && { acquireTime }),
    object: lease,
  };
}

export interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

export function newLease(namespace: string, name: string, spec: LeaseSpec): object {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec };
}

/** The same object with another spec; the server takes it only if nobody changed it since it was read. */
export function replacedLease({ object }: Lease, spec: LeaseSpec): object {
  return { ...object, spec: { ...(object['spec'] as object | null), ...spec } };
}

/** MicroTime: six digits behind the second. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z');
}
