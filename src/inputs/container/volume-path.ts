import type { Pod } from '../../kube/kube.ts';
import { containerOf } from './pod-facts.ts';

/** A path inside a container, as it lies in a volume that is the pod's own. */
export interface VolumePath {
  readonly volume: string;
  /** Where the volume, or the part of it that is mounted, appears in the container. */
  readonly mountPath: string;
  /** Parts below the volume that lead to the mount; no patterns in them. */
  readonly below: readonly string[];
  /** The rest, with `*` and `?` as they were written. */
  readonly pattern: readonly string[];
}

/**
 * Undefined where it is not in an `emptyDir` of the pod: the node can be reached from there (`hostPath`), or the file lies in
 * the container's own layers, whose place only the runtime knows.
 */
export function volumePathOf(pod: Pod, container: string, path: string): VolumePath | undefined {
  const parts = partsOf(path);
  const mounts = (containerOf(pod, container)?.mounts ?? []).map((mount) => ({ ...mount, parts: partsOf(mount.path) }));
  const around = mounts
    .filter((mount) => mount.parts.length < parts.length && mount.parts.every((part, i) => part === parts[i]))
    .sort((a, b) => b.parts.length - a.parts.length)[0];
  if (around === undefined || pod.emptyDirs?.includes(around.volume) !== true) {
    return undefined;
  }
  const below = partsOf(around.subPath);
  const pattern = parts.slice(around.parts.length);
  const isSafe = [...below, ...pattern].every((part) => part !== '..' && part !== '.');
  return isSafe ? { volume: around.volume, mountPath: around.path, below, pattern } : undefined;
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '');
}
