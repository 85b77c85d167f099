import type { BridgeStatus } from '../../contract/status.ts';

/** Which agents there are, where, and of which version; of a daemon outside of a cluster nobody but they can say it. */
export function agentsCommand({ tokenSecret }: BridgeStatus): string {
  const columns =
    'NODE:.spec.nodeName,POD:.metadata.name,READY:.status.containerStatuses[*].ready,IMAGE:.spec.containers[*].image';
  return tokenSecret === undefined
    ? connectCommand
    : `kubectl get pods -A -l app.kubernetes.io/name=meshbridge -o custom-columns=${columns}`;
}

/** On the machine of an agent, or in its pod. */
export const connectCommand = 'meshbridge check --connect';

/** Points Istio's tracing at this daemon. In a cluster each proxy sends to the agent of its own node. */
export function istioTracing(status: BridgeStatus): string {
  return [
    'istioctl install --set meshConfig.enableTracing=true \\',
    `  --set meshConfig.defaultConfig.tracing.zipkin.address='${zipkinAddress(status)}' \\`,
    '  --set meshConfig.defaultConfig.tracing.sampling=100',
  ].join('\n');
}

export const istiodTable = [
  '[[inputs.prom]]',
  '  url = "http://istiod.istio-system.svc:15014/metrics"',
  '  source = "istiod"',
  '  measurement_name = "istio_prom"',
].join('\n');

export const accessLogCommand = 'istioctl install --set meshConfig.accessLogFile=/dev/stdout';
export const keepHistograms = 'metric_types = ["counter", "gauge", "histogram"]';
export const storeTable = '[store]\n  enabled = true';

function zipkinAddress({ listeners, inputs, node, tokenSecret }: BridgeStatus): string {
  // The hub of a cluster: spans are for the agents, at the port of their pods that is the node's too.
  if (tokenSecret !== undefined) {
    return '$(HOST_IP):9411';
  }
  const bound = (name: string): string | undefined => listeners.find((one) => one.name === name)?.address;
  const [, host = '', port = '9411'] = /^(.*):(\d+)$/.exec(bound('zipkin') ?? bound('main') ?? '') ?? [];
  if (inputs.some(({ type }) => type === 'kubernetes')) {
    return `$(HOST_IP):${port}`;
  }
  return `${['', '0.0.0.0', '[::]'].includes(host) ? node : host}:${port}`;
}
