import type { Report, RequestReport } from './reports.ts';
import { clusterId, principal, serviceHost, type Topology, type Workload } from './topology.ts';

/** Whom the reports of one pod are about. */
export interface Beholder {
  readonly topology: Topology;
  readonly self: Workload;
  /** Whose sidecar listens at `ip:port`. */
  readonly workloadAt: (address: string) => Workload | undefined;
}

/** The 25 labels of a request, or the 23 of a connection: `name="value",...`. */
export function istioLabels(report: Report, beholder: Beholder): string {
  const { self, topology } = beholder;
  const isSource = report.reporter === 'source';
  const source = isSource ? self : peerOf(report, topology);
  const destination = isSource ? beholder.workloadAt(report.upstreamHost) : self;
  // `outbound|9080|subset|host`; a request without a route has no destination.
  const host = isSource ? (report.upstreamCluster.split('|')[3] ?? 'unknown') : serviceOf(self);
  const { peerPrincipal = 'unknown' } = report;
  const ownPrincipal = report.peerPrincipal === undefined ? 'unknown' : principal(self);
  return labelText({
    reporter: report.reporter,
    ...endLabels('source', source),
    ...endLabels('destination', destination),
    source_principal: isSource ? ownPrincipal : peerPrincipal,
    destination_principal: isSource ? peerPrincipal : ownPrincipal,
    destination_service: host,
    destination_service_name: host.split('.')[0] ?? 'unknown',
    destination_service_namespace: host.split('.')[1] ?? 'unknown',
    ...protocolLabels(report),
    response_flags: report.responseFlags,
    connection_security_policy: securityPolicy(report),
  });
}

/** Those of the metric that the walkthrough adds. */
export function customerLabels(report: RequestReport, self: Workload): string {
  const { method, path, userAgent, responseCode } = report;
  return labelText({ method, path, useragent: userAgent, destination: self.app, code: responseCode });
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join(',');
}

/** A request says by a header whose it is; of a connection only the certificate does. */
function peerOf(report: Report, topology: Topology): Workload | undefined {
  if (report.kind === 'request') {
    return topology.workloadOfNode(report.peerNode);
  }
  return report.peerPrincipal === undefined ? undefined : topology.workloadOfPrincipal(report.peerPrincipal);
}

function protocolLabels(report: Report): Readonly<Record<string, string>> {
  if (report.kind === 'connection') {
    return { request_protocol: 'tcp' };
  }
  return {
    request_protocol: report.grpc === undefined ? 'http' : 'grpc',
    response_code: report.responseCode,
    grpc_response_status: grpcStatus(report.grpc?.status ?? ''),
  };
}

/** Empty where the call ended without one. */
function grpcStatus(status: string): string {
  return status === '-' ? '' : status;
}

function serviceOf({ app, namespace }: Workload): string {
  return serviceHost({ name: app, namespace });
}

/** Only the far end knows it for sure, as in Istio. */
function securityPolicy({ reporter, peerPrincipal }: Report): string {
  if (reporter === 'source') {
    return 'unknown';
  }
  return peerPrincipal === undefined ? 'none' : 'mutual_tls';
}

/** Seven labels for each end of a call; the eighth, its principal, is in the certificates. */
function endLabels(end: 'source' | 'destination', workload: Workload | undefined): Readonly<Record<string, string>> {
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
