import { createHash } from 'node:crypto';
import type { WrittenPod } from '../../cli/test-file.ts';
import type { Pod } from '../../kube/kube.ts';

/** A pod as a test describes it, running. Of the same namespace and name it is the same pod. */
export function podOf({ workload, workload_kind: workloadKind, ip, containers, ...written }: WrittenPod): Pod {
  return {
    ...written,
    uid: createHash('md5').update(`${written.namespace}/${written.name}`).digest('hex'),
    ips: [ip],
    phase: 'Running',
    deleting: false,
    containers: containers.map(({ name, image, ports }) => ({
      name,
      kind: 'main',
      ports: ports.map(({ name: of, number }) => ({ number, ...(of !== undefined && { name: of }) })),
      ...(image !== undefined && { image }),
    })),
    ...(workload !== undefined && { workload, workloadKind }),
  };
}
