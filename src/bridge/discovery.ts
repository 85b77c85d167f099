import { z } from 'zod';
import type { LoadedConfig, LoadedInput } from '../config/load.ts';
import { defineInput } from '../contract/input.ts';
import type { Logger } from '../contract/runtime.ts';
import { PodsInput } from '../inputs/prom/pods-input.ts';
import { type ClusterAccess, inClusterAccess } from '../kube/cluster-access.ts';

export interface DiscoveryOptions {
  readonly config: LoadedConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the node whose pods are scraped. */
  readonly node: string;
  readonly log: Logger;
}

/** The scraping of the pods of this node (`[kubernetes]`), as an input. Undefined where it does not run. */
export function discoveryInput({ config, env, node, log }: DiscoveryOptions): LoadedInput | undefined {
  const { kubernetes } = config;
  const access = kubernetes.discovery === 'off' ? undefined : accessOf(config, env);
  if (access === undefined) {
    return undefined;
  }
  if (kubernetes.node_name === undefined) {
    log.warn(
      { node, hint: 'set NODE_NAME from spec.nodeName, or [kubernetes] node_name' },
      'The name of the node is not known; that of this machine is taken, and in a pod no pods are found by it.',
    );
  }
  const istiodUrl = istiodUrlOf(config);
  const options = { access, node, istio: kubernetes.istio, ...(istiodUrl !== undefined && { istiodUrl }) };
  const definition = defineInput({
    type: 'kubernetes',
    summary: 'Scrapes the pods of this node.',
    signals: ['metrics'],
    config: z.strictObject({}),
    create: (_, runtime) => new PodsInput(options, runtime),
  });
  return { id: 'kubernetes', type: definition.type, definition, config: {}, byDefault: true };
}

function accessOf({ kubernetes }: LoadedConfig, env: DiscoveryOptions['env']): ClusterAccess | undefined {
  const { api_server: url, service_account_dir: dir } = kubernetes;
  return url === undefined ? inClusterAccess(env, dir) : { url };
}

/** Users of DataKit name istiod's Service in a ConfigMap that every agent reads. */
function istiodUrlOf({ inputs }: LoadedConfig): string | undefined {
  const urls = inputs
    .filter(({ type }) => type === 'prom')
    .flatMap(({ config }): unknown[] => [config['url'], ...(Array.isArray(config['urls']) ? config['urls'] : [])]);
  return urls
    .filter((url) => typeof url === 'string')
    .find((url) => /^istiod(-[\w-]+)?\./.test(URL.parse(url)?.hostname ?? ''));
}
