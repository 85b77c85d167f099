import { formatFault } from '../../config/fault.ts';
import type { NodeFacts } from '../../kube/kube.ts';
import { type InstancePage, instanceKey, instancePage, isFault } from './instance-page.ts';
import type { KubernetesPrometheusConfig } from './kubernetesprometheus.ts';
import { nodeValues } from './placeholders.ts';
import { parseSelector } from './selector.ts';

export interface NodePages {
  readonly pages: readonly InstancePage[];
  /** What is not collected, and why: whole lines. */
  readonly problems: readonly string[];
}

/**
 * What the instances of role `node` name of that node; of several that name the same page the first counts. Where its labels
 * are not known, an instance that chooses by them is left out.
 */
export function nodePages(config: KubernetesPrometheusConfig, node: NodeFacts, labels: 'known' | 'unknown'): NodePages {
  const pages = new Map<string, InstancePage>();
  const problems: string[] = [];
  for (const [index, instance] of config.instances.entries()) {
    const isMeant = parseSelector(instance.selector);
    const chosen = labels === 'unknown' ? instance.selector.trim() === '' : isMeant?.(node.labels) === true;
    if (instance.role !== 'node' || !chosen) {
      continue;
    }
    const ip = node.addresses['InternalIP'];
    if (ip === undefined) {
      problems.push(`${node.name}: it has no InternalIP`);
      continue;
    }
    const found = instancePage(
      { config, instance, key: instanceKey(index) },
      { name: node.name, ip, resolve: nodeValues(node) },
    );
    if (found !== undefined && isFault(found)) {
      problems.push(`${node.name}: ${formatFault(found)}`);
    } else if (found !== undefined && !pages.has(found.url)) {
      pages.set(found.url, found);
    }
  }
  return { pages: [...pages.values()], problems };
}
