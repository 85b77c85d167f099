import { basename, dirname, join } from 'node:path';
import type { Origin } from '../../model/batch.ts';
import { type DirectoryEntry, entriesOf, factsOf, realPathOf, unlessMissing } from './file-io.ts';
import { hostPath } from './host-path.ts';
import type { SeenLog } from './log-chain.ts';
import type { SeenFile } from './log-file.ts';
import { compareAge, originOf, parseLogFileName, parsePodDirectory, parseRotatedName } from './log-path.ts';

/** A log that is there now. */
export interface FoundLog extends SeenLog {
  /** `<pod directory>/<container>/<restart>.log` */
  readonly path: string;
  readonly origin: Origin;
}

export interface TreeLook {
  readonly logs: readonly FoundLog[];
  /** Directories in which new pods and containers appear. */
  readonly directories: readonly string[];
  /** Links that lead to nothing: docker's own directory is not mounted, perhaps. */
  readonly dangling: number;
  /** Directories that could not be listed, by path; their logs stand as they stood before. */
  readonly problems: ReadonlyMap<string, string>;
}

interface ContainerLook {
  readonly logs: readonly FoundLog[];
  readonly dangling: number;
}

export interface LogTreeOptions {
  readonly root: string;
  /** Where the node's file system is mounted: `root` and what links lead to is below it. */
  readonly hostRoot?: string;
  readonly accepts: (origin: Origin) => boolean;
}

/** Pod directories that are looked at side by side. */
const parallelPods = 8;

/** The kubelet's log directory: `<root>/<namespace>_<pod>_<uid>/<container>/<restart>.log` and what was rotated away from it. */
export class LogTree {
  readonly #hostRoot: string | undefined;
  readonly #nodeRoot: string;
  readonly #accepts: (origin: Origin) => boolean;
  #root: string;
  #before = new Map<string, ContainerLook>();

  constructor({ root, hostRoot, accepts }: LogTreeOptions) {
    this.#hostRoot = hostRoot;
    this.#nodeRoot = root;
    this.#root = root;
    this.#accepts = accepts;
  }

  /** Undefined when there is no such directory. Rejects when it can't be listed. */
  async look(): Promise<TreeLook | undefined> {
    if (this.#hostRoot !== undefined) {
      this.#root = await hostPath(this.#hostRoot, this.#nodeRoot);
    }
    const entries = await entriesOf(this.#root);
    if (entries === undefined) {
      return undefined;
    }
    const pods = entries.filter((entry) => entry.isDirectory || entry.isLink).map((entry) => entry.name);
    const now = new Map<string, ContainerLook>();
    const problems = new Map<string, string>();
    for (let i = 0; i < pods.length; i += parallelPods) {
      const some = pods.slice(i, i + parallelPods);
      await Promise.all(some.map((pod) => this.#lookAtPod(pod, now, problems)));
    }
    this.#before = now;
    const looks = [...now.values()];
    return {
      logs: looks.flatMap(({ logs }) => logs),
      directories: [this.#root, ...pods.map((pod) => join(this.#root, pod))],
      dangling: looks.reduce((sum, { dangling }) => sum + dangling, 0),
      problems,
    };
  }

  async #lookAtPod(pod: string, now: Map<string, ContainerLook>, problems: Map<string, string>): Promise<void> {
    const parts = parsePodDirectory(pod);
    if (parts === undefined) {
      return;
    }
    for (const container of (await this.#list(pod, now, problems)) ?? []) {
      const origin = originOf(parts, container.name);
      if (!(container.isDirectory || container.isLink) || !this.#accepts(origin)) {
        continue;
      }
      const path = join(pod, container.name);
      const entries = await this.#list(path, now, problems);
      if (entries !== undefined) {
        now.set(path, await this.#lookAtContainer(path, origin, entries));
      }
    }
  }

  /** Entries of a directory below the root. Where it can't be listed, what was seen in it before stands. */
  async #list(
    path: string,
    now: Map<string, ContainerLook>,
    problems: Map<string, string>,
  ): Promise<readonly DirectoryEntry[] | undefined> {
    try {
      return await entriesOf(join(this.#root, path));
    } catch (error) {
      problems.set(path, error instanceof Error ? error.message : String(error));
      for (const [known, look] of this.#before) {
        if (known === path || known.startsWith(`${path}/`)) {
          now.set(known, look);
        }
      }
      return undefined;
    }
  }

  async #lookAtContainer(path: string, origin: Origin, entries: readonly DirectoryEntry[]): Promise<ContainerLook> {
    const byLog = new Map<string, Candidate[]>();
    for (const entry of entries) {
      const name = parseLogFileName(entry.name);
      if (name === undefined) {
        continue;
      }
      const candidate = { ...name, path: await this.#pathOf(path, entry), isLink: entry.isLink };
      byLog.set(name.log, [...(byLog.get(name.log) ?? []), candidate]);
    }
    const logs: FoundLog[] = [];
    let dangling = 0;
    for (const [log, candidates] of byLog) {
      const linked = await Promise.all(candidates.map(rotatedFromTarget));
      const seen = await seenLog([...candidates, ...linked.flat()]);
      dangling += candidates.length > 0 && seen.files.length === 0 ? 1 : 0;
      logs.push({ ...seen, path: join(path, log), origin });
    }
    return { logs, dangling };
  }

  /** Of a link below a mounted node: what it leads to on that node. */
  async #pathOf(directory: string, { name, isLink }: DirectoryEntry): Promise<string> {
    return isLink && this.#hostRoot !== undefined
      ? await hostPath(this.#hostRoot, join(this.#nodeRoot, directory, name))
      : join(this.#root, directory, name);
  }
}

/** A file that may belong to a log. */
export interface Candidate {
  readonly path: string;
  readonly suffix: string;
  readonly compressed: boolean;
  readonly isLink: boolean;
}

/** Docker rotates where the link leads to, beside `<id>-json.log`. */
async function rotatedFromTarget({ path, isLink, suffix }: Candidate): Promise<readonly Candidate[]> {
  const target = isLink && suffix === '' ? await unlessMissing(realPathOf(path)) : undefined;
  if (target === undefined) {
    return [];
  }
  const directory = dirname(target);
  const entries = (await unlessMissing(entriesOf(directory))) ?? [];
  return entries.flatMap((entry) => {
    const name = parseRotatedName(entry.name, basename(target));
    return name === undefined ? [] : [{ ...name, path: join(directory, entry.name), isLink: entry.isLink }];
  });
}

/** `within`: see `SeenFile`. */
export async function seenLog(candidates: readonly Candidate[], within?: string): Promise<SeenLog> {
  const plain = new Set(candidates.filter(({ compressed }) => !compressed).map(({ suffix }) => suffix));
  // While a file is being compressed there are two of it for a moment.
  const ordered = candidates.filter(({ compressed, suffix }) => !(compressed && plain.has(suffix))).sort(compareAge);
  const files = await Promise.all(ordered.map(seenFile));
  const seen = files.filter((file) => file !== undefined);
  return { files: within === undefined ? seen : seen.map((file) => ({ ...file, within })) };
}

async function seenFile({ path, suffix, compressed }: Candidate): Promise<SeenFile | undefined> {
  const facts = await factsOf(path);
  if (facts === undefined || !facts.isFile) {
    return undefined;
  }
  const { id, size, modifiedNanos } = facts;
  return { id, path, name: basename(path), size, modifiedNanos, active: suffix === '', compressed };
}
