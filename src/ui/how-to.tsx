import type { VNode } from 'preact';
import type { Signal, StatusView } from './api.ts';
import { Copyable } from './copyable.tsx';
import { signalWord, useSay } from './hooks.ts';
import type { TextKey } from './texts.ts';

const sentences: Readonly<Record<Signal, TextKey>> = {
  metrics: 'sayMetrics',
  traces: 'sayTraces',
  logs: 'sayLogs',
  rum: 'sayRum',
};

/** What to do so that a signal begins to flow. */
export function HowTo({ signal, status }: { readonly signal: Signal; readonly status: StatusView }): VNode {
  const say = useSay();
  return (
    <div class="how-to">
      <p class="muted">
        {say('noInputs', { signal: signalWord(say, signal) })} {say(sentences[signal])}
      </p>
      <Copyable text={snippetOf(signal, status)} />
    </div>
  );
}

/** `host:port` as somebody else would reach the listener: the host by which this page was reached. */
export function reachable(status: StatusView | undefined, listener: string): string {
  const address = status?.listeners.find(({ name }) => name === listener)?.address;
  const port = address === undefined ? location.port || '80' : address.slice(address.lastIndexOf(':') + 1);
  return `${location.hostname}:${port}`;
}

export function zipkinAddress(status: StatusView | undefined): string {
  const own = status?.listeners.find(({ name }) => name === 'zipkin')?.address !== undefined;
  return reachable(status, own ? 'zipkin' : 'main');
}

export function istioSnippet(status: StatusView | undefined): string {
  return [
    'istioctl install --set meshConfig.enableTracing=true \\',
    `  --set meshConfig.defaultConfig.tracing.zipkin.address=${zipkinAddress(status)} \\`,
    '  --set meshConfig.defaultConfig.tracing.sampling=100',
  ].join('\n');
}

/** One span by hand, with a time of now. */
export function curlSnippet(status: StatusView | undefined): string {
  const span = `[{"traceId":"'$(openssl rand -hex 16)'","id":"00000000000000a1","name":"hello","timestamp":'$(date +%s000000)',"duration":1500,"localEndpoint":{"serviceName":"by-hand"}}]`;
  return `curl -i http://${zipkinAddress(status)}/api/v2/spans -H 'content-type: application/json' -d '${span}'`;
}

/** DataKit's browser SDK as its users paste it. */
export function rumSnippet(status: StatusView | undefined): string {
  return `<script src="https://static.guance.com/browser-sdk/v3/dataflux-rum.js"></script>
<script>
  window.DATAFLUX_RUM &&
    window.DATAFLUX_RUM.init({
      applicationId: 'productpage',
      datakitOrigin: '${location.protocol}//${reachable(status, 'main')}',
      env: 'production',
      version: '1.0.0',
      trackUserInteractions: true,
      traceType: 'zipkin',
      allowedTracingOrigins: [window.location.origin],
    })
</script>`;
}

function snippetOf(signal: Signal, status: StatusView): string {
  switch (signal) {
    case 'metrics':
      return '[[inputs.prom]]\n  url = "http://127.0.0.1:15020/stats/prometheus"\n  source = "sidecar"';
    case 'traces':
      return istioSnippet(status);
    case 'logs':
      return '[[inputs.container]]\n  root = "/var/log/pods"';
    case 'rum':
      return rumSnippet(status);
    default:
      return signal satisfies never;
  }
}
