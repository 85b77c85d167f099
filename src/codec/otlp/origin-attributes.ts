import type { Origin } from '../../model/batch.ts';

/** What an origin says in OpenTelemetry's words (semantic conventions, Kubernetes and service resources). */
export const originKeys: Readonly<Record<keyof Origin, string>> = {
  node: 'k8s.node.name',
  namespace: 'k8s.namespace.name',
  pod: 'k8s.pod.name',
  podUid: 'k8s.pod.uid',
  container: 'k8s.container.name',
  workload: 'k8s.workload.name',
  app: 'app',
  version: 'service.version',
  source: 'service.name',
};

/** Keys that say the same where the first is not there, the best first. */
const otherKeys: Readonly<Partial<Record<keyof Origin, readonly string[]>>> = {
  workload: [
    'k8s.deployment.name',
    'k8s.statefulset.name',
    'k8s.daemonset.name',
    'k8s.cronjob.name',
    'k8s.job.name',
    'k8s.replicaset.name',
  ],
  app: ['k8s.pod.label.app', 'k8s.pod.labels.app', 'service.name'],
  version: ['k8s.pod.label.version', 'k8s.pod.labels.version'],
};

/** An origin stands in the header of a record, and is what tells streams apart. */
const mostLength = 253;

export interface FoundOrigin {
  readonly origin: Origin;
  /** The keys that it says all of. */
  readonly spent: ReadonlySet<string>;
}

/** Where a resource is, and which of its attributes need not be kept beside that. */
export function originOf(resource: ReadonlyMap<string, string>): FoundOrigin {
  const origin: Partial<Record<keyof Origin, string>> = {};
  const spent = new Set<string>();
  for (const field of Object.keys(originKeys) as (keyof Origin)[]) {
    const key = [originKeys[field], ...(otherKeys[field] ?? [])].find((one) => (resource.get(one) ?? '') !== '');
    const value = key === undefined ? undefined : resource.get(key);
    if (key === undefined || value === undefined) {
      continue;
    }
    origin[field] = value.slice(0, mostLength);
    if (key === originKeys[field] && value.length <= mostLength) {
      spent.add(key);
    }
  }
  return { origin, spent };
}

/** As OTLP has attributes. An app that is called as its service is said by that. */
export function attributesOfOrigin(origin: Origin): readonly (readonly [key: string, value: string])[] {
  return Object.entries(originKeys).flatMap(([field, key]) => {
    const value = origin[field as keyof Origin];
    return value === undefined || (field === 'app' && value === origin.source) ? [] : [[key, value] as const];
  });
}
