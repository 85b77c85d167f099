import type { Pod, PodContainer } from '../../kube/kube.ts';
import type { Origin } from '../../model/batch.ts';

/** What the path of a log says. */
export interface LogPlace {
  readonly origin: Origin;
  /** How often the container had been started before: the number in the name of its log. */
  readonly restart: number | undefined;
  /** Where it is inside the container, if it is a file there and not stdout. */
  readonly inside?: string;
}

/** Of a log's path below the root: `<pod directory>/<container>/<restart>.log`. */
export function restartOf(path: string): number | undefined {
  const number = /\/(\d{1,9})\.log$/.exec(path)?.[1];
  return number === undefined ? undefined : Number(number);
}

export function containerOf(pod: Pod | undefined, name: string | undefined): PodContainer | undefined {
  return pod?.containers.find((one) => one.name === name);
}

/** The origin, with what its pod says of it. */
export function originOfPod(origin: Origin, pod: Pod): Origin {
  const { labels, workload, node } = pod;
  const app = labels['app'] ?? labels['app.kubernetes.io/name'] ?? '';
  const version = labels['version'] ?? labels['app.kubernetes.io/version'] ?? '';
  return {
    ...(node !== '' && { node }),
    ...origin,
    podUid: pod.uid,
    ...(workload !== undefined && workload !== '' && { workload }),
    ...(app !== '' && { app }),
    ...(version !== '' && { version }),
  };
}

/**
 * What is known of the lines beside their origin, as tags: the image, the instance, the owner by its kind (DataKit's
 * `deployment = NAME`), and for pods of the mesh what Istio calls them.
 */
export function tagsOfPod(pod: Pod, { origin, restart, inside }: LogPlace): Readonly<Record<string, string>> {
  const container = containerOf(pod, origin.container);
  const id = inside === undefined ? instanceId(container, restart) : container?.id;
  const { workload, workloadKind } = pod;
  return {
    ...(container?.image !== undefined && { image: container.image }),
    ...(id !== undefined && { container_id: id }),
    ...(inside !== undefined && { inside_filepath: inside }),
    ...(workload !== undefined && workloadKind !== undefined && { [workloadKind.toLowerCase()]: workload }),
    ...canonicalOf(pod),
  };
}

/** Labels of the pod as DataKit makes tags of them; `['']` asks for all. */
export function labelTags(pod: Pod, wanted: readonly string[]): Readonly<Record<string, string>> {
  const isAll = wanted.includes('');
  const chosen = Object.entries(pod.labels).filter(([name, value]) => value !== '' && (isAll || wanted.includes(name)));
  return Object.fromEntries(chosen.map(([name, value]) => [name.replaceAll('.', '_'), value]));
}

function instanceId(container: PodContainer | undefined, restart: number | undefined): string | undefined {
  const { id, previousId, restarts = 0 } = container ?? {};
  if (restart === restarts) {
    return id;
  }
  return restart === restarts - 1 ? previousId : undefined;
}

/** Istio's rule for names of workloads (`service.istio.io/canonical-name`, architecture/networking/canonical service). */
function canonicalOf({ labels, annotations, containers, workload }: Pod): Readonly<Record<string, string>> {
  const written = labels['service.istio.io/canonical-name'] ?? '';
  const isInMesh =
    written !== '' ||
    annotations['ambient.istio.io/redirection'] === 'enabled' ||
    containers.some(({ name }) => name === 'istio-proxy');
  const name = first(written, labels['app.kubernetes.io/name'], labels['app'], workload);
  if (!isInMesh || name === '') {
    return {};
  }
  const revision = first(
    labels['service.istio.io/canonical-revision'],
    labels['app.kubernetes.io/version'],
    labels['version'],
    'latest',
  );
  return { canonical_service: name, canonical_revision: revision };
}

function first(...values: readonly (string | undefined)[]): string {
  return values.find((value) => value !== undefined && value !== '') ?? '';
}
