import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DefaultsContext } from '../contract/input.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Kubernetes tells every container where its API server is. */
export function isInCluster(env: Environment): boolean {
  return (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '';
}

export function defaultsContext(env: Environment): DefaultsContext {
  const hostRoot = env['HOST_ROOT'] ?? '';
  return { inCluster: isInCluster(env), readableDir: (path) => readableDir(join(hostRoot, path)) };
}

function readableDir(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const containerMarks = ['/.dockerenv', '/run/.containerenv'];

export interface Machine {
  readonly exists: (path: string) => boolean;
  readonly isMounted: (path: string) => boolean;
}

const thisMachine: Machine = { exists: existsSync, isMounted };

/** Where data goes when nobody says where (interfaces.md, `run`). */
export function defaultDataDir(env: Environment, machine: Machine = thisMachine): string {
  const inContainer = isInCluster(env) || (env['container'] ?? '') !== '' || containerMarks.some(machine.exists);
  if (!inContainer) {
    return 'data';
  }
  const onlyDataKits = !machine.isMounted(ownDataDir) && machine.isMounted(dataKitDataDir);
  return onlyDataKits ? dataKitDataDir : ownDataDir;
}

const ownDataDir = '/var/lib/meshbridge';
const dataKitDataDir = '/usr/local/datakit/cache';

/** Is that the place of a mount of its own? Each line of mountinfo has it as the fifth word (proc_pid_mountinfo(5)). */
function isMounted(path: string): boolean {
  try {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    return mounts.some((line) => line.split(' ')[4] === path);
  } catch {
    return existsSync(path);
  }
}
