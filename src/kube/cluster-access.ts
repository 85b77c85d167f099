import { join } from 'node:path';

/** What a kubeconfig gives; PEM texts. */
export interface ClusterLogin {
  /** Value of the header. */
  readonly authorization?: string;
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly serverName?: string;
  readonly anyCertificate?: boolean;
}

/** How the API server of a cluster is reached. The files are read anew whenever they are needed: kubelet renews tokens. */
export interface ClusterAccess {
  /** Such as `https://10.96.0.1:443`. */
  readonly url: string;
  readonly tokenFile?: string;
  /** PEM of the authority that signed the server's certificate. Default: the system's. */
  readonly caFile?: string;
  /** In place of the files; asked for each request, and after a 401. */
  readonly login?: () => Promise<ClusterLogin>;
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
