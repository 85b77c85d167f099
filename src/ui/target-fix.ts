import type { Entry } from './target-search.ts';
import type { TargetInfo } from './targets-api.ts';
import type { TextKey } from './texts.ts';

/** What mends something, to be copied. */
export interface Fix {
  readonly text: TextKey;
  readonly snippet: string;
}

const excludePorts = 'traffic.sidecar.istio.io/excludeInboundPorts';

/** What to try for an entry that is not as it should be; the likeliest first. */
export function fixesOf({ target, pod, state }: Entry): readonly Fix[] {
  const fixes: Fix[] = [];
  if (state === 'skipped' && pod !== undefined) {
    fixes.push({
      text: pod.faults.length > 0 ? 'fixFault' : 'fixAnnotate',
      snippet: annotation(pod.faults.length > 0),
    });
  }
  if (target?.state === 'down' && target.rule === '') {
    fixes.push({ text: 'fixAgent', snippet: askAgent(target) });
  } else if (target?.state === 'down') {
    const { port } = URL.parse(target.url) ?? { port: '' };
    if (
      pod?.sidecar === true &&
      port !== '15020' &&
      /cut|reset|closed|HTTP 503/.test(`${target.error} ${target.hint}`)
    ) {
      fixes.push({ text: 'fixExclude', snippet: `${excludePorts}: "${port === '' ? '80' : port}"` });
    }
    fixes.push({ text: 'fixLook', snippet: lookCommand(target.url, target.namespace, target.pod) });
  }
  if (target?.leftOut.some((line) => line.startsWith('no histograms')) === true) {
    fixes.push({ text: 'fixHistograms', snippet: 'metric_types = ["counter", "gauge", "histogram"]' });
  }
  return fixes;
}

/** Only the agent that scrapes it knows why. */
function askAgent({ labels, namespace = '', pod = '' }: TargetInfo): string {
  return [
    `kubectl -n meshbridge get pods -o wide --field-selector spec.nodeName=${labels['node'] ?? 'NODE'}`,
    `kubectl -n meshbridge exec AGENT -- /nodejs/bin/node /opt/meshbridge/dist/main.js explain --pod ${namespace}/${pod}`,
  ].join('\n');
}

/** The pod's own view of its page: it shows whether the page or the way to it is at fault. */
function lookCommand(url: string, namespace: string | undefined, pod: string | undefined): string {
  const place = URL.parse(url);
  if (place === null || place.host === '') {
    return `head '${url}'`;
  }
  if (namespace === undefined || pod === undefined) {
    return `curl -sS -m 10 '${url}' | head`;
  }
  const port = place.port === '' ? (place.protocol === 'https:' ? '443' : '80') : place.port;
  const own = `${place.protocol}//127.0.0.1:${port}${place.pathname}${place.search}`;
  const local = `curl -sS -m 10 ${place.protocol === 'https:' ? '-k ' : ''}'${own}' | head`;
  return `kubectl -n ${namespace} port-forward ${pod} ${port} &\n${local}`;
}

function annotation(isFaulty: boolean): string {
  return isFaulty
    ? ['datakit/prom.instances: |', '  [[inputs.prom]]', '    url = "http://$IP:15020/stats/prometheus"'].join('\n')
    : ['prometheus.io/scrape: "true"', 'prometheus.io/port: "8080"', 'prometheus.io/path: "/metrics"'].join('\n');
}
