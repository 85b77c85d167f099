import type { RequestReport } from './access-log.ts';
import { clusterId, principal, type Workload } from './topology.ts';

/** Upper bounds of Envoy's histograms, in ms and in bytes alike; `+Inf` follows. */
const bounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

const histograms = ['istio_request_duration_milliseconds', 'istio_request_bytes', 'istio_response_bytes'] as const;

class Histogram {
  /** Observations in each bucket, not yet added up; the last one is beyond all bounds. */
  readonly counts = new Float64Array(bounds.length + 1);
  sum = 0;

  observe(value: number): void {
    const bucket = bounds.findIndex((bound) => value <= bound);
    const at = bucket < 0 ? bounds.length : bucket;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

interface Series {
  requests: number;
  /** In the order of `histograms`. */
  readonly histograms: readonly [Histogram, Histogram, Histogram];
}

/** Istio's standard metrics of one pod, counted from what its Envoy reports about each request. */
export class IstioMetrics {
  readonly #self: Workload;
  readonly #workloadAt: (address: string) => Workload | undefined;
  readonly #series = new Map<string, Series>();

  /** `workloadAt` knows whose sidecar listens at `ip:port`. */
  constructor(self: Workload, workloadAt: (address: string) => Workload | undefined) {
    this.#self = self;
    this.#workloadAt = workloadAt;
  }

  count(report: RequestReport): void {
    const labels = this.#labels(report);
    let series = this.#series.get(labels);
    if (series === undefined) {
      series = { requests: 0, histograms: [new Histogram(), new Histogram(), new Histogram()] };
      this.#series.set(labels, series);
    }
    series.requests += 1;
    const [duration, request, response] = series.histograms;
    duration.observe(report.durationMs);
    request.observe(report.requestBytes);
    response.observe(report.responseBytes);
  }

  /** In Prometheus' text format. */
  render(): string {
    const lines = ['# TYPE istio_build gauge', 'istio_build{component="proxy",tag="demo"} 1'];
    lines.push('# TYPE istio_requests_total counter');
    for (const [labels, { requests }] of this.#series) {
      lines.push(`istio_requests_total{${labels}} ${requests}`);
    }
    for (const [n, name] of histograms.entries()) {
      lines.push(`# TYPE ${name} histogram`);
      for (const [labels, series] of this.#series) {
        renderHistogram(lines, `${name}`, labels, series.histograms[n] ?? new Histogram());
      }
    }
    return `${lines.join('\n')}\n`;
  }

  #labels(report: RequestReport): string {
    const isSource = report.reporter === 'source';
    const source = isSource ? this.#self : report.peer;
    const destination = isSource ? this.#workloadAt(report.upstreamHost) : this.#self;
    // `outbound|9080|subset|host`; a request without a route has no destination.
    const host = isSource ? (report.upstreamCluster.split('|')[3] ?? 'unknown') : serviceOf(this.#self);
    const { peerPrincipal = 'unknown' } = report;
    const ownPrincipal = report.peerPrincipal === undefined ? 'unknown' : principal(this.#self);
    const labels = {
      reporter: report.reporter,
      ...peerLabels('source', source),
      ...peerLabels('destination', destination),
      source_principal: isSource ? ownPrincipal : peerPrincipal,
      destination_principal: isSource ? peerPrincipal : ownPrincipal,
      destination_service: host,
      destination_service_name: host.split('.')[0] ?? 'unknown',
      destination_service_namespace: host.split('.')[1] ?? 'unknown',
      request_protocol: 'http',
      response_code: report.responseCode,
      grpc_response_status: '',
      response_flags: report.responseFlags,
      connection_security_policy: securityPolicy(report),
    };
    return Object.entries(labels)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(',');
  }
}

function serviceOf({ app, namespace }: Workload): string {
  return `${app}.${namespace}.svc.cluster.local`;
}

/** Only the far end knows it for sure, as in Istio. */
function securityPolicy({ reporter, peerPrincipal }: RequestReport): string {
  if (reporter === 'source') {
    return 'unknown';
  }
  return peerPrincipal === undefined ? 'none' : 'mutual_tls';
}

/** Seven labels for each end of a call; the eighth, its principal, is in the certificates. */
function peerLabels(end: 'source' | 'destination', workload: Workload | undefined): Record<string, string> {
  const { name = 'unknown', namespace = 'unknown', app = 'unknown', version = 'unknown' } = workload ?? {};
  return {
    [`${end}_workload`]: name,
    [`${end}_canonical_service`]: app,
    [`${end}_canonical_revision`]: workload !== undefined && version === 'unknown' ? 'latest' : version,
    [`${end}_workload_namespace`]: namespace,
    [`${end}_app`]: app,
    [`${end}_version`]: version,
    [`${end}_cluster`]: workload === undefined ? 'unknown' : clusterId,
  };
}

function renderHistogram(lines: string[], name: string, labels: string, histogram: Histogram): void {
  let total = 0;
  for (const [n, count] of histogram.counts.entries()) {
    total += count;
    lines.push(`${name}_bucket{${labels},le="${bounds[n] ?? '+Inf'}"} ${total}`);
  }
  lines.push(`${name}_sum{${labels}} ${histogram.sum}`, `${name}_count{${labels}} ${total}`);
}
