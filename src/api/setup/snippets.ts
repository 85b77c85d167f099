import type { BridgeStatus } from '../../contract/status.ts';

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

function zipkinAddress({ listeners, inputs, node }: BridgeStatus): string {
  const bound = (name: string): string | undefined => listeners.find((one) => one.name === name)?.address;
  const [, host = '', port = '9411'] = /^(.*):(\d+)$/.exec(bound('zipkin') ?? bound('main') ?? '') ?? [];
  if (inputs.some(({ type }) => type === 'kubernetes')) {
    return `$(HOST_IP):${port}`;
  }
  return `${['', '0.0.0.0', '[::]'].includes(host) ? node : host}:${port}`;
}
