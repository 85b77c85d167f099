import { z } from 'zod';
import type { LoadedConfig, LoadedInput } from '../config/load.ts';
import { defineInput } from '../contract/input.ts';
import type { Logger } from '../contract/runtime.ts';
import { type ConfiguredIstiod, istiodNamespace } from '../inputs/kubernetes/pod-rules.ts';
import { PodsInput } from '../inputs/kubernetes/pods-input.ts';
import { type ClusterAccess, inClusterAccess } from '../kube/cluster-access.ts';
import type { PromConfig } from '../scrape/config.ts';

export interface DiscoveryOptions {
  readonly config: LoadedConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the node whose pods are scraped. */
  readonly node: string;
  readonly log: Logger;
}

/**
 * The inputs that run: those that are configured, and the scraping of the pods of this node (`[kubernetes]`) where it runs.
 * That takes over the tables that name istiod's Service, unless they say `election = false`.
 */
export function withDiscovery({ config, env, node, log }: DiscoveryOptions): readonly LoadedInput[] {
  const { kubernetes } = config;
  const access = kubernetes.discovery === 'off' ? undefined : accessOf(config, env);
  if (access === undefined) {
    return config.inputs;
  }
  if (kubernetes.node_name === undefined) {
    log.warn(
      { node, hint: 'set NODE_NAME from spec.nodeName, or [kubernetes] node_name' },
      'The name of the node is not known; that of this machine is taken, and in a pod no pods are found by it.',
    );
  }
  const taken = config.inputs.map(takeOver);
  const istiod = taken.flatMap((one) => one.istiod);
  const options = { access, node, istio: kubernetes.istio, istiod };
  const definition = defineInput({
    type: 'kubernetes',
    summary: 'Scrapes the pods of this node.',
    signals: ['metrics'],
    config: z.strictObject({}),
    create: (_, runtime) => new PodsInput(options, runtime),
  });
  const discovery: LoadedInput = { id: 'kubernetes', type: definition.type, definition, config: {}, byDefault: true };
  return [...taken.flatMap(({ input }) => (input === undefined ? [] : [input])), discovery];
}

function accessOf({ kubernetes }: LoadedConfig, env: DiscoveryOptions['env']): ClusterAccess | undefined {
  const { api_server: url, service_account_dir: dir } = kubernetes;
  return url === undefined ? inClusterAccess(env, dir) : { url };
}

interface TakenOver {
  /** What stays of it. */
  readonly input: LoadedInput | undefined;
  readonly istiod: readonly ConfiguredIstiod[];
}

function takeOver(input: LoadedInput): TakenOver {
  if (!isProm(input) || input.config.election === false) {
    return { input, istiod: [] };
  }
  const { config } = input;
  const urls = config.urls.length > 0 ? config.urls : config.url === undefined ? [] : [config.url];
  const istiod = urls.flatMap((url) => {
    const namespace = istiodNamespace(url);
    return namespace === undefined ? [] : [{ url, namespace, config }];
  });
  if (istiod.length === 0) {
    return { input, istiod };
  }
  const left = urls.filter((url) => istiodNamespace(url) === undefined);
  return { input: left.length === 0 ? undefined : { ...input, config: { ...config, urls: left } }, istiod };
}

function isProm(input: LoadedInput): input is LoadedInput & { readonly config: PromConfig } {
  return input.type === 'prom';
}
