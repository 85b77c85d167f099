import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LoadedConfig, LoadedInput } from '../../config/load.ts';
import { defineInput } from '../../contract/input.ts';
import type { Logger } from '../../contract/runtime.ts';
import { type ContainerConfig, defineContainer } from '../../inputs/container/container.ts';
import type { ElectionOptions } from '../../inputs/kubernetes/cluster-scope.ts';
import {
  type ConfiguredPage,
  isOfThisNode,
  isOnThisMachine,
  serviceAddress,
} from '../../inputs/kubernetes/configured-page.ts';
import type { PodPlanOptions } from '../../inputs/kubernetes/pod-plan.ts';
import { PodsInput } from '../../inputs/kubernetes/pods-input.ts';
import { podRules } from '../../inputs/kubernetesprometheus/pod-rules.ts';
import { endpointRules } from '../../inputs/kubernetesprometheus/service-rules.ts';
import { NodePods } from '../../kube/node-pods.ts';
import type { PromConfig } from '../../scrape/config.ts';
import { accessOf, isKubernetesPrometheus, onOwnNode } from '../own-node.ts';

export interface DiscoveryOptions {
  readonly config: LoadedConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the node whose pods are scraped. */
  readonly node: string;
  readonly log: Logger;
  /** What stays when another configuration is taken. Default: a new one. */
  readonly lasting?: LastingDiscovery;
}

/** Of this process, whatever the configuration says. */
export interface LastingDiscovery {
  readonly known: NodePods;
  /** Tells the candidates of an election from each other. */
  readonly candidate: string;
}

export function lastingDiscovery(): LastingDiscovery {
  return { known: new NodePods(), candidate: randomUUID() };
}

/** An input, with whatever it depends on besides its own settings. */
export interface PlannedInput extends LoadedInput {
  readonly basis?: unknown;
}

const asksOfNode = new Set(['kubelet', 'kubernetesprometheus']);

type Env = DiscoveryOptions['env'];

/**
 * The inputs that run: those that are configured, and the scraping of the pods of this node (`[kubernetes]`) where it runs.
 * That takes over the pages of `[[inputs.prom]]` that are not on this machine: it knows which pods they are, and which of
 * the agents is to scrape them.
 */
export async function withDiscovery(options: DiscoveryOptions): Promise<readonly PlannedInput[]> {
  const { env, node, log, lasting = lastingDiscovery() } = options;
  const config = onOwnNode(options.config, env, node);
  const { kubernetes } = config;
  const access = kubernetes.discovery === 'off' ? undefined : accessOf(config, env);
  const { node_name: _name, token_secret: _secret, ...cluster } = kubernetes;
  // What asks the API server or the kubelet of this node is told where those are.
  const { discovery: asks, node_ip, api_server, service_account_dir, kubeconfig } = cluster;
  const basis = { asks, node_ip, api_server, service_account_dir, kubeconfig };
  const withBasis = (input: LoadedInput): PlannedInput => (asksOfNode.has(input.type) ? { ...input, basis } : input);
  if (access === undefined) {
    return config.inputs.map(withBasis);
  }
  if (kubernetes.node_name === undefined) {
    log.warn(
      { node, hint: 'set NODE_NAME from spec.nodeName, or [kubernetes] node_name' },
      'The name of the node is not known; that of this machine is taken, and in a pod no pods are found by it.',
    );
  }
  const ownAddresses = [kubernetes.node_ip, env['ENV_K8S_NODE_IP'], env['HOST_IP']].filter(
    (address) => address !== undefined,
  );
  const taken = config.inputs.map((input) => takeOver(input, ownAddresses));
  const election = await electionOf(config, env, `${env['POD_NAME'] ?? node}_${lasting.candidate}`);
  const named = config.inputs.filter(isKubernetesPrometheus);
  const rules = named.flatMap((input) => podRules(input.config, kubernetes.node_ip));
  const serviceRules = named.flatMap((input) => endpointRules(input.config));
  const { known } = lasting;
  const logsOf = await explainerOf(config.inputs);
  const pages = taken.flatMap(({ pages: found }) => found);
  const discoveryOptions = {
    ...{ access, node, known, istio: kubernetes.istio, rules, serviceRules, pages },
    ...(election && { election }),
    ...(logsOf && { logsOf }),
  };
  const definition = defineInput({
    type: 'kubernetes',
    summary: 'Scrapes the pods of this node.',
    signals: ['metrics', 'logs'],
    rareSignals: ['logs'],
    config: z.strictObject({}),
    create: (_, runtime) => new PodsInput(discoveryOptions, runtime),
  });
  const reader = config.inputs.find(isContainer);
  const discovery: PlannedInput = {
    ...{ id: 'kubernetes', type: definition.type, definition, config: {}, byDefault: true },
    basis: { cluster, pages, rules: named.map(({ config: own }) => own), logs: reader?.config },
  };
  const left = taken.flatMap(({ input }) => (input === undefined ? [] : [input]));
  const readers = left
    .filter(isContainer)
    .map((input) => ({ ...input, definition: defineContainer({ pods: known }), basis: 'pods' }));
  const others = left.filter((input) => !isContainer(input)).map(withBasis);
  // First the pods, so that whoever reads their logs knows from the beginning what is wanted of them.
  return [...others, discovery, ...readers];
}

/** Says what follows for the logs of a pod, where those are read. */
async function explainerOf(inputs: readonly LoadedInput[]): Promise<PodPlanOptions['logsOf']> {
  const reader = inputs.find(isContainer);
  if (reader === undefined) {
    return undefined;
  }
  const [{ explainLogs }, { LogDescriber }, { optionsOf }] = await Promise.all([
    import('../../inputs/container/explain-logs.ts'),
    import('../../inputs/container/log-description.ts'),
    import('../../inputs/container/container-options.ts'),
  ]);
  const describer = new LogDescriber(optionsOf(reader.config, undefined).description);
  return (pod, sourceOf) => explainLogs(pod, describer, sourceOf);
}

/** Undefined where every agent is to scrape everything. */
async function electionOf(config: LoadedConfig, env: Env, candidate: string): Promise<ElectionOptions | undefined> {
  const { election, election_group: group, namespace, service_account_dir: dir, kubeconfig } = config.kubernetes;
  if (election === 'off' || (election === 'auto' && kubeconfig !== undefined)) {
    return undefined;
  }
  const written = namespace ?? env['POD_NAMESPACE'];
  const own = await readFile(join(dir, 'namespace'), 'utf8').catch(() => '');
  const suffix = group
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return {
    namespace: written ?? (own.trim() === '' ? 'default' : own.trim()),
    name: suffix === '' || suffix === 'default' ? 'meshbridge' : `meshbridge-${suffix}`,
    identity: candidate,
  };
}

interface TakenOver {
  /** What stays of it. */
  readonly input: LoadedInput | undefined;
  readonly pages: readonly ConfiguredPage[];
}

function takeOver(input: LoadedInput, ownAddresses: readonly string[]): TakenOver {
  if (!isProm(input)) {
    return { input, pages: [] };
  }
  const { config } = input;
  const urls = [...new Set(config.urls.length > 0 ? config.urls : config.url === undefined ? [] : [config.url])];
  const elsewhere = urls.filter((url) => isElsewhere(url, config));
  const pages = elsewhere.map((url): ConfiguredPage => {
    const service = serviceAddress(url);
    const once = config.election !== false && !isOfThisNode(url, ownAddresses);
    return { url, config, once, ...(service && { service }) };
  });
  const left = urls.filter((url) => !elsewhere.includes(url));
  const rest = elsewhere.length === 0 ? input : { ...input, config: { ...config, urls: left } };
  return { input: left.length === 0 ? undefined : rest, pages };
}

/** With `election = false` the Service itself is what is wanted, by each agent. */
function isElsewhere(url: string, config: PromConfig): boolean {
  return !isOnThisMachine(url, config) && (config.election !== false || serviceAddress(url) === undefined);
}

function isContainer(input: LoadedInput): input is LoadedInput & { readonly config: ContainerConfig } {
  return input.type === 'container';
}

function isProm(input: LoadedInput): input is LoadedInput & { readonly config: PromConfig } {
  return input.type === 'prom';
}
