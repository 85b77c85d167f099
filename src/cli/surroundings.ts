import { accessSync, constants, existsSync, statSync } from 'node:fs';
import type { DefaultsContext } from '../contract/input.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Kubernetes tells every container where its API server is. */
export function isInCluster(env: Environment): boolean {
  return (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '';
}

export function defaultsContext(env: Environment): DefaultsContext {
  return { inCluster: isInCluster(env), readableDir };
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

/** Where data goes when nobody says where (interfaces.md, `run`). */
export function defaultDataDir(env: Environment, exists: (path: string) => boolean = existsSync): string {
  const inContainer = isInCluster(env) || (env['container'] ?? '') !== '' || containerMarks.some(exists);
  if (!inContainer) {
    return 'data';
  }
  const onlyDataKits = !exists('/var/lib/meshbridge') && exists('/usr/local/datakit/cache');
  return onlyDataKits ? '/usr/local/datakit/cache' : '/var/lib/meshbridge';
}
