import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BridgeError } from '../contract/errors.ts';
import type { ClusterAccess, ClusterLogin } from './cluster-access.ts';

/**
 * The current context of a kubeconfig file: server, authorities, tokens, client certificates, and the commands that get
 * them. The package that reads it costs memory, so it is imported here and now. Throws BRIDGE_CONFIG.
 */
export async function kubeconfigAccess(path: string): Promise<ClusterAccess> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fault(path, 'cannot be read; write the path of a kubeconfig that this user may read', cause);
  });
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromString(text);
    config.makePathsAbsolute(dirname(resolve(path)));
  } catch (cause) {
    throw fault(path, 'is no kubeconfig', cause);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw fault(path, whyNoCluster(path, config.getCurrentContext()));
  }
  const tokenFile = tokenFileOf(text, config.getCurrentUser()?.name);
  return {
    url: cluster.server,
    ...(tokenFile !== undefined && { tokenFile: resolve(dirname(path), tokenFile) }),
    login: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      return loginOf(options);
    },
  };
}

/** The package gives undefined where the file names no context, and does not say so. */
function whyNoCluster(path: string, context: string | undefined): string {
  return context === undefined || context === ''
    ? `has no cluster for its context, since it names none; choose one: kubectl config use-context NAME --kubeconfig ${path}`
    : `has no cluster for its context "${context}"; its "contexts" and "clusters" must have entries for it`;
}

const usersSchema = z.object({
  users: z.array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }) })),
});

/** The package knows the token of a user, but not the file of one. */
function tokenFileOf(text: string, user: string | undefined): string | undefined {
  const { data } = usersSchema.safeParse(parse(text));
  return data?.users.find(({ name }) => name === user)?.user.tokenFile;
}

function loginOf(options: RequestOptions): ClusterLogin {
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  const authorization = authorizationOf(options.headers);
  return {
    ...(authorization !== undefined && { authorization }),
    ...(isPem(ca) && { ca }),
    ...(isPem(cert) && { cert }),
    ...(isPem(key) && { key }),
    ...(servername !== undefined && { serverName: servername }),
    ...(rejectUnauthorized === false && { anyCertificate: true }),
  };
}

function authorizationOf(headers: RequestOptions['headers']): string | undefined {
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (name.toLowerCase() === 'authorization' && typeof value === 'string') {
      return value;
    }
  }
  return undefined;
}

function isPem(value: unknown): value is string | Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value);
}

function fault(path: string, what: string, cause?: unknown): BridgeError {
  const message = typeof cause === 'object' && cause !== null && 'message' in cause ? cause.message : undefined;
  const why = typeof message === 'string' ? ` (${message.split('\n')[0]})` : '';
  return new BridgeError('BRIDGE_CONFIG', `[kubernetes] kubeconfig: ${path} ${what}${why}`, { cause });
}
