import { anyLines } from './log-search.ts';
import { anyMetric } from './metric-search.ts';
import type { Route } from './route.ts';
import { anyService } from './service-search.ts';
import { anyTarget } from './target-search.ts';
import type { TextKey } from './texts.ts';
import { anySearch, type TraceSearch } from './trace-search.ts';

/** A view in which one sees what a switch does. */
export interface Look {
  readonly text: TextKey;
  readonly route: Route;
}

function metric(query: string): Look {
  return { text: 'metrics', route: { page: 'metrics', search: { ...anyMetric, query } } };
}

/** `service`: short; it is of Bookinfo's namespace. */
function traces(search: Partial<TraceSearch>): Look {
  return { text: 'traces', route: { page: 'traces', search: { ...anySearch, ...search } } };
}

function logs(match: readonly string[], text = ''): Look {
  return { text: 'logs', route: { page: 'logs', search: { ...anyLines, match, text } } };
}

const map: Look = { text: 'services', route: { page: 'services', search: anyService } };
const targets: Look = { text: 'targets', route: { page: 'targets', search: anyTarget } };

const reviews = 'destination_service=~"reviews[.].*", reporter="source"';
const shares = metric(`sum by (destination_version) (rate(istio_requests_total{${reviews}}[1m]))`);
const sidecars = ['container=istio-proxy'];

function flagged(flags: string): Look {
  const by = 'source_workload, destination_service_name, response_code, response_flags';
  return metric(`sum by (${by}) (rate(istio_requests_total{response_flags=~"${flags}"}[1m]))`);
}

const pages = [metric('scrape_samples_scraped'), targets];

const looks: Readonly<Record<string, readonly Look[]>> = {
  'even-thirds': [shares, map],
  'all-v1': [shares, map],
  'jason-v2': [shares, traces({ service: 'ratings' })],
  'reviews-50-v3': [shares, map],
  'reviews-v3': [shares, map],
  'ratings-delay': [
    traces({ service: 'productpage', min: '5s' }),
    flagged('DI'),
    logs(sidecars, '"response_flags":"DI"'),
    map,
  ],
  'ratings-abort': [
    traces({ service: 'reviews', errors: true }),
    flagged('FI'),
    logs(sidecars, '"response_flags":"FI"'),
    map,
  ],
  'missing-destination-rule': [flagged('NC|NR'), traces({ service: 'productpage', errors: true }), map],
  'timeouts-repaired': [traces({ service: 'reviews', min: '2s' })],
  'one-percent-sampling': [traces({}), metric('sum(rate(envoy_tracing_zipkin_spans_sent[1m]))')],
  'lost-trace-headers': [traces({ service: 'ratings' }), map],
  'istiod-replica-down': [metric('up{job="prom-istiod"}'), targets],
  'crash-loop': [logs(['app=details', 'container=details']), flagged('U.*'), targets],
  burst: [metric('sum(rate(istio_requests_total{source_workload="istio-ingressgateway"}[1m]))')],
  'page-without-type': pages,
  'page-empty-labels': pages,
  'page-repeated-types': pages,
  'page-failing-app': pages,
};

/** None for a switch of a newer daemon. */
export function placesToLook(name: string, namespace: string): readonly Look[] {
  return (looks[name] ?? []).map((look) => {
    const { text, route } = look;
    return route.page === 'traces' && route.search.service !== ''
      ? { text, route: { ...route, search: { ...route.search, service: `${route.search.service}.${namespace}` } } }
      : look;
  });
}
