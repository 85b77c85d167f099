import type { Origin } from '../../model/batch.ts';

/** Where a container's log is in the kubelet's layout: `<namespace>_<pod>_<uid>/<container>/<restart>.log`. */
export interface PodDirectory {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
}

/**
 * Takes the name of a pod's log directory apart. Neither a namespace nor a pod's name holds an underscore. Of a static pod
 * the uid is the hash of its configuration. Undefined when it is not such a name.
 */
export function parsePodDirectory(name: string): PodDirectory | undefined {
  const first = name.indexOf('_');
  const last = name.lastIndexOf('_');
  if (first <= 0 || last <= first + 1 || last === name.length - 1) {
    return undefined;
  }
  return { namespace: name.slice(0, first), pod: name.slice(first + 1, last), podUid: name.slice(last + 1) };
}

export function originOf(pod: PodDirectory, container: string): Origin {
  return { namespace: pod.namespace, pod: pod.pod, podUid: pod.podUid, container };
}

/** Of a log's path below the root: `<pod directory>/<container>/<restart>.log`. */
export function originOfLog(path: string): Origin {
  const [directory = '', container = ''] = path.split('/');
  const pod = parsePodDirectory(directory);
  return pod === undefined ? {} : originOf(pod, container);
}

/**
 * What a file of a container's directory is: the log that is written (`3.log`), or one that was rotated away from it
 * (`3.log.20261121-093900`, docker's `3.log.1`), perhaps compressed. Undefined for anything else, `.tmp` included.
 */
export interface LogFileName {
  /** Name of the log that it belongs to: `3.log`. */
  readonly log: string;
  /** Empty for the log itself. */
  readonly suffix: string;
  readonly compressed: boolean;
}

export function parseLogFileName(name: string): LogFileName | undefined {
  const dot = name.indexOf('.log');
  if (dot <= 0) {
    return undefined;
  }
  const log = name.slice(0, dot + 4);
  return log === name ? { log, suffix: '', compressed: false } : parseRotatedName(name, log);
}

/** As `parseLogFileName`, for a log of any name: docker's `<id>-json.log` and `<id>-json.log.1`. */
export function parseRotatedName(name: string, log: string): LogFileName | undefined {
  if (!name.startsWith(`${log}.`) || name.endsWith('.tmp')) {
    return undefined;
  }
  const compressed = name.endsWith('.gz');
  const suffix = name.slice(log.length + 1, compressed ? -3 : undefined);
  return suffix === '' || suffix.includes('/') ? undefined : { log, suffix, compressed };
}

/**
 * Orders files of one log from the oldest to the one that is written. The kubelet's suffixes are times; docker's count up
 * as a file gets older.
 */
export function compareAge(a: { readonly suffix: string }, b: { readonly suffix: string }): number {
  if (a.suffix === '' || b.suffix === '') {
    return a.suffix === b.suffix ? 0 : a.suffix === '' ? 1 : -1;
  }
  const [countA, countB] = [rotationCount(a.suffix), rotationCount(b.suffix)];
  if (countA !== undefined && countB !== undefined) {
    return countB - countA;
  }
  return a.suffix < b.suffix ? -1 : a.suffix > b.suffix ? 1 : 0;
}

function rotationCount(suffix: string): number | undefined {
  return /^\d{1,4}$/.test(suffix) ? Number(suffix) : undefined;
}

/** `<pod directory>/<container>` of a log's path below the root. */
export function containerOfLog(path: string): string {
  return path.split('/', 2).join('/');
}

/** Below the directory of a container, its files have a directory of their own, so that they never pass for its restarts. */
const filesDirectory = 'files';

/** What a log is called that is a file inside a container; `container` as `containerOfLog` has it. */
export function fileLogPath(container: string, inside: string): string {
  return `${container}/${filesDirectory}/${encodeURIComponent(inside)}`;
}

/** The path inside the container, where the log is such a file. */
export function pathInContainer(path: string): string | undefined {
  const [, , directory, name] = path.split('/', 4);
  return directory === filesDirectory && name !== undefined ? decodeURIComponent(name) : undefined;
}
