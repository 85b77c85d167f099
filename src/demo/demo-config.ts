import { promIstiodConf } from './cluster/istiod-conf.ts';
import type { DemoFacts } from './mesh-messages.ts';

/** What stands in the files of a daemon on the demo's node. Everything else it finds out by itself, as in any cluster. */
export function demoConfig({ kubeconfig, node, logRoot, cadvisor }: DemoFacts): string {
  return `[kubernetes]
  kubeconfig = ${JSON.stringify(kubeconfig)}
  node_name = ${JSON.stringify(node)}
  # With a kubeconfig nobody is elected unless it is said.
  election = "on"
  namespace = "datakit"

[[inputs.container]]
  root = ${JSON.stringify(logRoot)}

[[inputs.kubelet]]
  url = ${JSON.stringify(new URL(cadvisor).origin)}
  via = "kubelet"
  resource = false

${promIstiodConf}`;
}
