import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { WrittenLog } from '../../cli/test-file.ts';
import type { InputRuntime } from '../../contract/input.ts';
import type { ContainerConfig } from '../../inputs/container/container.ts';
import { optionsOf } from '../../inputs/container/container-options.ts';
import { fileLogPath } from '../../inputs/container/log-path.ts';
import { readToEnd } from '../../inputs/container/read-to-end.ts';
import type { Pod, PodContainer } from '../../kube/kube.ts';
import { NodePods } from '../../kube/node-pods.ts';
import { podOf } from './written-pod.ts';

/** Between two lines. */
const lineMs = 1;

interface PlacedLog extends WrittenLog {
  readonly container: string;
  readonly uid: string;
}

/**
 * Writes what containers wrote into a tree as the kubelet has it, below the runtime's data directory, and reads it to its end.
 * Resolves with what is wrong with annotations and patterns: whole lines.
 */
export async function readWritten(
  logs: readonly WrittenLog[],
  config: ContainerConfig,
  runtime: InputRuntime,
): Promise<readonly string[]> {
  const top = await mkdtemp(join(runtime.dataDir, 'node-'));
  const root = join(top, 'log');
  const kubeletRoot = join(top, 'kubelet');
  await mkdir(root);
  const placed = logs.map(
    (log): PlacedLog => ({
      ...log,
      container: log.container ?? log.pod.containers[0]?.name ?? 'main',
      uid: podOf(log.pod).uid,
    }),
  );
  const pods = new NodePods();
  for (const uid of new Set(placed.map((log) => log.uid))) {
    pods.put(whole(placed.filter((log) => log.uid === uid)));
  }
  for (const [path, text] of filesOf(placed, { root, kubeletRoot, nowMs: runtime.clock.now() })) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  const options = optionsOf({ ...config, root, kubelet_root: kubeletRoot, host_root: '', from: 'beginning' }, pods);
  const { problems, read, leftOut } = await readToEnd(options, runtime);
  const wrong = placed.flatMap((log) => {
    const path = logPathOf(log);
    const name = `${log.pod.namespace}/${log.pod.name}/${log.container}${log.path === undefined ? '' : `: ${log.path}`}`;
    if (read.has(path) === log.collected) {
      return [];
    }
    const usual = log.path === undefined ? 'include and exclude leave it out' : 'no annotation names the file';
    return [
      log.collected ? `the log of ${name} is not read: ${leftOut.get(path) ?? usual}` : `the log of ${name} is read`,
    ];
  });
  return [...problems, ...new Set(wrong)];
}

/** Below the root. */
function logPathOf({ pod, uid, container, path }: PlacedLog): string {
  const directory = `${pod.namespace}_${pod.name}_${uid}/${container}`;
  return path === undefined ? `${directory}/0.log` : fileLogPath(directory, path);
}

/** The pod of these logs, with the containers and volumes that they need. */
function whole(logs: readonly PlacedLog[]): Pod {
  const pod: Pod = Object.assign({}, ...logs.map((log) => podOf(log.pod)));
  const names = new Set([...pod.containers.map(({ name }) => name), ...logs.map(({ container }) => container)]);
  const containers = [...names].map((name): PodContainer => {
    const known = pod.containers.find((one) => one.name === name) ?? { name, kind: 'main', ports: [] };
    const paths = logs.flatMap(({ container, path }) => (path === undefined || container !== name ? [] : [path]));
    const mounts = [...new Set(paths.map((path) => dirname(path)))].map((path) => ({
      ...{ volume: volumeOf(name, path), path, subPath: '' },
    }));
    return { ...known, mounts };
  });
  const emptyDirs = containers.flatMap(({ mounts = [] }) => mounts.map(({ volume }) => volume));
  return { ...pod, containers, emptyDirs };
}

function volumeOf(container: string, directory: string): string {
  return encodeURIComponent(`${container} ${directory}`);
}

interface Places {
  readonly root: string;
  readonly kubeletRoot: string;
  readonly nowMs: number;
}

/** Path → text; logs of one container, or of one file in it, go on in the same file. */
function filesOf(logs: readonly PlacedLog[], { root, kubeletRoot, nowMs }: Places): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const log of logs) {
    const { uid, container, path, stream, time, text } = log;
    const volume = path === undefined ? '' : volumeOf(container, dirname(path));
    const place =
      path === undefined
        ? join(root, logPathOf(log))
        : join(kubeletRoot, 'pods', uid, 'volumes/kubernetes.io~empty-dir', volume, path.slice(dirname(path).length));
    const fromMs = time === undefined ? nowMs : Date.parse(time);
    const lines = text.replace(/\n$/, '').split('\n');
    const written = lines.map((line, i) =>
      path === undefined ? `${new Date(fromMs + i * lineMs).toISOString()} ${stream} F ${line}\n` : `${line}\n`,
    );
    files.set(place, (files.get(place) ?? '') + written.join(''));
  }
  return files;
}
