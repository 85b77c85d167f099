import { join } from 'node:path';

/** How the API server of a cluster is reached. The files are read anew whenever they are needed: kubelet renews tokens. */
export interface ClusterAccess {
  /** Such as `https://10.96.0.1:443`. */
  readonly url: string;
  readonly tokenFile?: string;
  /** PEM of the authority that signed the server's certificate. Default: the system's. */
  readonly caFile?: string;
}

/** What kubelet tells every container; `dir` holds its service account. Undefined outside a cluster. */
export function inClusterAccess(
  env: Readonly<Record<string, string | undefined>>,
  dir: string,
): ClusterAccess | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  if (host === '') {
    return undefined;
  }
  const port = env['KUBERNETES_SERVICE_PORT_HTTPS'] ?? env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const shown = host.includes(':') ? `[${host}]` : host;
  return { url: `https://${shown}:${port}`, tokenFile: join(dir, 'token'), caFile: join(dir, 'ca.crt') };
}
