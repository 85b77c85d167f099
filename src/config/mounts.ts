/** A mount as `/proc/<pid>/mountinfo` names it (proc_pid_mountinfo(5)). */
interface Mount {
  /** What of its file system is mounted. */
  readonly root: string;
  readonly point: string;
}

/** How the kubelet names the directories that it swaps when a ConfigMap or Secret changes: `..2026_11_22_01_16_31.123456789`. */
const timestamped = /\/\.\.\d{4}_\d{2}_\d{2}_\d{2}_\d{2}_\d{2}\./;
const subPaths = '/volume-subpaths/';

/**
 * Those of `files` (absolute paths) that a volume mounts by subPath: they stay as they were when the container started, whatever
 * becomes of the ConfigMap, since the mount holds one version of the file and not the link to the newest.
 */
export function frozenFiles(files: readonly string[], mountInfo: string): readonly string[] {
  const mounts = mountInfo.split('\n').flatMap(mountOf);
  return files.filter((file) => isFrozen(mountUnder(file, mounts)));
}

function isFrozen(mount: Mount | undefined): boolean {
  return mount !== undefined && (timestamped.test(mount.root) || mount.root.includes(subPaths));
}

/** Of mounts at one point the last hides the others. */
function mountUnder(file: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const { point } = mount;
    const isAbove = point === file || file.startsWith(point.endsWith('/') ? point : `${point}/`);
    if (isAbove && point.length >= (found?.point.length ?? 0)) {
      found = mount;
    }
  }
  return found;
}

function mountOf(line: string): Mount[] {
  const [, , , root, point] = line.split(' ');
  return root === undefined || point === undefined ? [] : [{ root: unescaped(root), point: unescaped(point) }];
}

/** Spaces, tabs, newlines and backslashes stand as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
