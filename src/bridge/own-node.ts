import type { LoadedConfig, LoadedInput } from '../config/load.ts';
import type { InputDefinition } from '../contract/input.ts';
import { defineKubelet } from '../inputs/kubelet/kubelet.ts';
import {
  defineKubernetesPrometheus,
  type KubernetesPrometheusConfig,
} from '../inputs/kubernetesprometheus/kubernetesprometheus.ts';
import { type ClusterAccess, inClusterAccess } from '../kube/cluster-access.ts';
import type { NodePlace } from '../kube/node-place.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The configuration, with the inputs that ask the kubelet or the API server about this node told where those are. */
export function onOwnNode(config: LoadedConfig, env: Env, node: string): LoadedConfig {
  const { node_ip: nodeIp, discovery } = config.kubernetes;
  const access = accessOf(config, env);
  const place: NodePlace | undefined = access && { access, node, ...(nodeIp !== undefined && { nodeIp }) };
  const placed: readonly InputDefinition[] = [defineKubelet(place), defineKubernetesPrometheus(place, discovery)];
  const scraped = new Set(config.inputs.filter(isKubernetesPrometheus).flatMap(nodePaths));
  const inputs = config.inputs
    // Whatever is switched off with discovery is no agent of a node.
    .filter(({ type, byDefault }) => type !== 'kubelet' || !byDefault || discovery === 'auto')
    .map((input) => (input.type === 'kubelet' && input.byDefault ? without(input, scraped) : input))
    .map((input) => ({ ...input, definition: placed.find(({ type }) => type === input.type) ?? input.definition }));
  return { ...config, inputs };
}

export function isKubernetesPrometheus(
  input: LoadedInput,
): input is LoadedInput & { readonly config: KubernetesPrometheusConfig } {
  return input.type === 'kubernetesprometheus';
}

function nodePaths({ config }: { readonly config: KubernetesPrometheusConfig }): readonly string[] {
  return config.instances.filter(({ role }) => role === 'node').map(({ path }) => path);
}

/** Pages that an instance names as well would be counted twice. */
function without(input: LoadedInput, paths: ReadonlySet<string>): LoadedInput {
  const left = {
    ...(paths.has('/metrics/cadvisor') && { cadvisor: false }),
    ...(paths.has('/metrics/resource') && { resource: false }),
  };
  return { ...input, config: { ...input.config, ...left } };
}

/** Undefined outside a cluster. */
export function accessOf({ kubernetes }: LoadedConfig, env: Env): (() => Promise<ClusterAccess>) | undefined {
  const { api_server: url, service_account_dir: dir, kubeconfig } = kubernetes;
  if (url !== undefined) {
    return () => Promise.resolve({ url });
  }
  if (kubeconfig !== undefined) {
    return async () => (await import('../kube/kubeconfig.ts')).kubeconfigAccess(kubeconfig);
  }
  const access = inClusterAccess(env, dir);
  return access && (() => Promise.resolve(access));
}
