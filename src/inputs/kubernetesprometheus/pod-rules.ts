import type { Fault } from '../../config/fault.ts';
import type { Pod } from '../../kube/kube.ts';
import { type InstancePage, instanceKey, instancePage, isFault, type Settings } from './instance-page.ts';
import type { KubernetesPrometheusConfig } from './kubernetesprometheus.ts';
import { podValues } from './placeholders.ts';
import { parseSelector } from './selector.ts';

/** What an instance finds in a pod: a page, or why there is none. */
export interface PodPages {
  readonly pages: readonly InstancePage[];
  readonly refused?: Fault;
}

const nothing: PodPages = { pages: [] };

/** One rule for each instance of role `pod`, in their order. `hostIp`: address of the node. */
export function podRules(
  config: KubernetesPrometheusConfig,
  hostIp: string | undefined,
): readonly ((pod: Pod) => PodPages)[] {
  return config.instances.flatMap((instance, index) =>
    instance.role === 'pod' ? [ruleOf({ config, instance, key: instanceKey(index) }, hostIp)] : [],
  );
}

function ruleOf(settings: Settings, hostIp: string | undefined): (pod: Pod) => PodPages {
  const { namespaces, selector } = settings.instance;
  const isMeant = parseSelector(selector) ?? (() => false);
  return (pod) => {
    const [ip] = pod.ips;
    const isOurs = namespaces.length === 0 || namespaces.includes(pod.namespace);
    if (ip === undefined || !isOurs || !isMeant(pod.labels)) {
      return nothing;
    }
    const resolve = podValues(pod, hostIp);
    const found = instancePage(settings, { name: `${pod.namespace}/${pod.name}`, ip, resolve });
    if (found === undefined) {
      return nothing;
    }
    return isFault(found) ? { pages: [], refused: found } : { pages: [found] };
  };
}
