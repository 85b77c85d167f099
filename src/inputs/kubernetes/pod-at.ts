import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient, Pod } from '../../kube/kube.ts';
import { portOfUrl } from './pod-plan.ts';

/** Addresses that a name has now; none where there is no such name. Rejects where that cannot be told. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const resolveWithinMs = 3_000;

export const resolveHost: Resolve = async (host) => {
  const late = delay(resolveWithinMs, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer')));
  const found = lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOTFOUND' ? [] : Promise.reject(error),
  );
  return (await Promise.race([found, late])).map(({ address }) => address);
};

/** Which pod an address of the configuration is, if it is one. Rejects where that cannot be told now. */
export async function podAt(
  address: string,
  resolve: Resolve,
  podsOf: (ip: string) => Promise<readonly Pod[]>,
): Promise<Pod | undefined> {
  const url = new URL(address);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const ips = isIP(host) === 0 ? await resolve(host) : [host];
  const port = Number(portOfUrl(url));
  for (const ip of ips) {
    const found = podWith(await podsOf(ip), port);
    if (found !== undefined) {
      // A name that stands for several pods is none of them.
      return ips.length === 1 || ips.every((one) => found.ips.includes(one)) ? found : undefined;
    }
  }
  return undefined;
}

/** Of pods that share the address of their node, the one that declares the port. */
function podWith(pods: readonly Pod[], port: number): Pod | undefined {
  const running = pods.filter(({ phase, deleting }) => phase === 'Running' && !deleting);
  const own = running.filter(({ hostNetwork }) => hostNetwork !== true);
  const declared = running.filter(({ containers }) =>
    containers.some(({ kind, ports }) => kind !== 'init' && ports.some(({ number }) => number === port)),
  );
  const fit = own.length > 0 ? own : declared;
  return fit.length === 1 ? fit[0] : undefined;
}

/** Asks the API server; none where it may not be asked. */
export function podsInCluster(client: ApiClient, signal: AbortSignal): (ip: string) => Promise<readonly Pod[]> {
  return async (ip) => {
    const { ApiRefusal, podOf } = await import('../../kube/kube.ts');
    const query = new URLSearchParams({ fieldSelector: `status.podIP=${ip}`, resourceVersion: '0' });
    const answer = await client
      .get(`/api/v1/pods?${query}`, signal)
      .catch((error: unknown) =>
        error instanceof ApiRefusal && error.status === 403 ? undefined : Promise.reject(error),
      );
    const items = typeof answer === 'object' && answer !== null && 'items' in answer ? answer.items : [];
    return Array.isArray(items) ? items.map(podOf).filter((pod) => pod !== undefined) : [];
  };
}
