import type { MetricInfo } from './metric-search.ts';
import type { TextKey } from './texts.ts';

/** A question that people ask of a mesh first. */
export interface MetricStart {
  readonly text: TextKey;
  readonly query: string;
  /** The families that it reads. */
  readonly needs: readonly string[];
}

// As the callers' proxies count: what a fault of theirs answers never reaches the callee.
const requests = 'istio_requests_total{reporter="source"}[2m]';
const fine = 'istio_requests_total{reporter="source",response_code!~"0|5..",grpc_response_status!~"[1-9].*"}[2m]';
const took = 'istio_request_duration_milliseconds_bucket{reporter="source"}[2m]';
const service = 'destination_service_name';

const starts: readonly MetricStart[] = [
  { text: 'startRequests', query: `sum by (${service}) (rate(${requests}))`, needs: ['istio_requests_total'] },
  {
    text: 'startErrors',
    query: `1 - sum by (${service}) (rate(${fine})) / sum by (${service}) (rate(${requests}))`,
    needs: ['istio_requests_total'],
  },
  {
    text: 'startLatency',
    query: `histogram_quantile(0.95, sum by (le, ${service}) (rate(${took})))`,
    needs: ['istio_request_duration_milliseconds'],
  },
  {
    text: 'startCallers',
    query: `sum by (source_workload, ${service}) (rate(${requests}))`,
    needs: ['istio_requests_total'],
  },
  {
    text: 'startTcp',
    query: `sum by (${service}) (rate(istio_tcp_sent_bytes_total{reporter="source"}[2m]))`,
    needs: ['istio_tcp_sent_bytes_total'],
  },
  // The row of a pod without a container is the sum of its containers.
  {
    text: 'startCpu',
    query: 'sum by (pod) (rate(container_cpu_usage_seconds_total{container!=""}[2m]))',
    needs: ['container_cpu_usage_seconds_total'],
  },
  {
    text: 'startMemory',
    query: 'sum by (pod) (container_memory_working_set_bytes{container!=""})',
    needs: ['container_memory_working_set_bytes'],
  },
];

/** The questions that these families can answer, with rates over such a window. */
export function startsOf(families: readonly MetricInfo[], windowText: string): readonly MetricStart[] {
  const known = new Set(families.map(({ name }) => name));
  return starts
    .filter(({ needs }) => needs.every((name) => known.has(name)))
    .map((start) => ({ ...start, query: start.query.replaceAll('[2m]', `[${windowText}]`) }));
}
