import { join } from 'node:path';
import type { Pod, PodView } from '../../kube/kube.ts';
import { realPathOf, someEntriesOf, unlessMissing } from './file-io.ts';
import { matchesText } from './globs.ts';
import { hostPath } from './host-path.ts';
import { rulesOf } from './log-annotations.ts';
import { fileLogPath, originOfLog, parseRotatedName } from './log-path.ts';
import { type Candidate, type FoundLog, seenLog } from './log-tree.ts';
import { type VolumePath, volumePathOf } from './volume-path.ts';

export interface FileTreeOptions {
  readonly pods: PodView;
  /** The kubelet's own directory on the node. */
  readonly kubeletRoot: string;
  readonly hostRoot?: string;
}

export interface FileLook {
  readonly logs: readonly FoundLog[];
  /** Why something can't be looked at: whole lines. */
  readonly problems: readonly string[];
}

interface Wanted {
  /** `<namespace>_<pod>_<uid>/<container>` */
  readonly container: string;
  /** Name of the pod's directory under the kubelet's. */
  readonly directory: string;
  readonly place: VolumePath;
}

/** Of one entry of an annotation. */
const mostFiles = 100;
/** Names in one directory that are looked at. */
const mostNames = 1_000;

/** Files that annotations of pods name (`"type": "file"`), as far as they lie in volumes that are their pod's own. */
export class FileTree {
  readonly #options: FileTreeOptions;
  #revision = -1;
  #wanted: readonly Wanted[] = [];
  readonly #ofPod = new WeakMap<Pod, readonly Wanted[]>();

  constructor(options: FileTreeOptions) {
    this.#options = options;
  }

  async look(): Promise<FileLook> {
    const { pods } = this.#options;
    if (pods.revision !== this.#revision) {
      this.#revision = pods.revision;
      this.#wanted = [...pods.all()].flatMap((pod) => this.#wantedOf(pod));
    }
    const problems: string[] = [];
    const logs: FoundLog[] = [];
    for (const wanted of this.#wanted) {
      try {
        logs.push(...(await this.#filesOf(wanted)));
      } catch (error) {
        problems.push(`${wanted.container}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return { logs: [...new Map(logs.map((log) => [log.path, log])).values()], problems };
  }

  #wantedOf(pod: Pod): readonly Wanted[] {
    const wanted = this.#ofPod.get(pod) ?? wantedOf(pod);
    this.#ofPod.set(pod, wanted);
    return wanted;
  }

  async #filesOf({ container, directory, place }: Wanted): Promise<readonly FoundLog[]> {
    const { kubeletRoot, hostRoot } = this.#options;
    const onNode = join(kubeletRoot, 'pods', directory, 'volumes/kubernetes.io~empty-dir', place.volume);
    const volume = await unlessMissing(realPathOf(hostRoot === undefined ? onNode : await hostPath(hostRoot, onNode)));
    if (volume === undefined) {
      return [];
    }
    const found = await matching(volume, place);
    return Promise.all(
      found.map(async ({ names, candidates }): Promise<FoundLog> => {
        const inside = join(place.mountPath, ...names);
        const path = fileLogPath(container, inside);
        return { ...(await seenLog(candidates, volume)), path, origin: originOfLog(path) };
      }),
    );
  }
}

/** A static pod's directories are called by the hash of its configuration. */
function wantedOf(pod: Pod): readonly Wanted[] {
  const directory = pod.annotations['kubernetes.io/config.hash'] ?? pod.uid;
  return pod.containers.flatMap(({ name }) =>
    rulesOf(pod, name).files.flatMap(({ path }) => {
      const place = volumePathOf(pod, name, path);
      return place === undefined
        ? []
        : [{ container: `${pod.namespace}_${pod.name}_${directory}/${name}`, directory, place }];
    }),
  );
}

interface Match {
  /** Below the mount. */
  readonly names: readonly string[];
  readonly candidates: readonly Candidate[];
}

/** No link is followed on the way: a tenant could point it anywhere. */
async function matching(volume: string, { below, pattern }: VolumePath): Promise<readonly Match[]> {
  let directories: readonly (readonly string[])[] = [[]];
  for (const part of [...below.map(literal), ...pattern.slice(0, -1)]) {
    directories = (await Promise.all(directories.map((names) => directoriesIn(volume, names, part)))).flat();
    directories = directories.slice(0, mostFiles);
  }
  const last = pattern.at(-1) ?? '';
  const all = await Promise.all(directories.map((names) => filesIn(volume, names, last)));
  return all
    .flat()
    .slice(0, mostFiles)
    .map(({ names, candidates }) => ({ names: names.slice(below.length), candidates }));
}

/** Such a part is a name, whatever stands in it. */
function literal(name: string): { readonly name: string } {
  return { name };
}

type Part = string | { readonly name: string };

function fits(part: Part, name: string): boolean {
  return typeof part === 'string' ? matchesText(part, name) : part.name === name;
}

async function directoriesIn(volume: string, names: readonly string[], part: Part): Promise<readonly string[][]> {
  const entries = (await someEntriesOf(join(volume, ...names), mostNames)) ?? [];
  return entries
    .filter(({ name, isDirectory, isLink }) => isDirectory && !isLink && fits(part, name))
    .map(({ name }) => [...names, name]);
}

/** Each file with what was rotated away from it; that is no file of its own, though the pattern may fit it as well. */
async function filesIn(volume: string, names: readonly string[], pattern: string): Promise<readonly Match[]> {
  const entries = (await someEntriesOf(join(volume, ...names), mostNames)) ?? [];
  const plain = entries.filter(({ isDirectory, isLink }) => !isDirectory && !isLink);
  const all = plain.map(({ name }) => name);
  const fitting = all.filter((name) => matchesText(pattern, name));
  const known = new Set(fitting);
  const own = fitting.filter((name) => !prefixesOf(name).some((prefix) => known.has(prefix)));
  return own.slice(0, mostFiles).map((name) => ({
    names: [...names, name],
    candidates: all.flatMap((other): Candidate[] => {
      const path = join(volume, ...names, other);
      if (other === name) {
        return [{ path, suffix: '', compressed: false, isLink: false }];
      }
      const rotated = parseRotatedName(other, name);
      return rotated === undefined ? [] : [{ ...rotated, path, isLink: false }];
    }),
  }));
}

/** `a.log` of `a.log.1.gz`. */
function prefixesOf(name: string): readonly string[] {
  const parts = name.split('.');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('.'));
}
