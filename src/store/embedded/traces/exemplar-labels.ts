import type { Span } from '../../../model/span.ts';
import { proxyNode } from './derived/span-facts.ts';

type Known = Readonly<Record<string, string | undefined>>;

/** Labels of Istio's metrics that say who it was: one that a span does not tell is not taken for any. */
const identity = /^(?:source|destination)_(?:workload|app|service|canonical|version)/;

/** Can a span that does not tell the label be what is asked for? */
export function mayBeUntold(label: string): boolean {
  return !identity.test(label);
}

/**
 * The labels that Istio's standard metrics (istio.io, Istio Standard Metrics) would have of the request that a span is of, as far
 * as the span tells: `node_id` and the `istio.*` tags are of the proxy that sent it, `upstream_cluster` and the name of the
 * span say whom it asked for.
 */
export function istioLabels(span: Span): Known {
  const tags = span.tags ?? {};
  const node = proxyNode(tags['node_id'] ?? '');
  const isSource = span.kind === 'CLIENT' || node.proxy === 'router';
  const own = ownLabels(span, isSource ? 'source' : 'destination');
  const host = isSource ? (upstreamHost(tags['upstream_cluster']) ?? hostOf(span)) : hostOf(span);
  const [service, namespace] = host?.split('.') ?? [];
  return {
    reporter: isSource ? 'source' : 'destination',
    ...own,
    ...waypointLabels(tags),
    destination_service: host,
    destination_service_name: service,
    destination_service_namespace: namespace,
    response_code: tags['http.status_code'],
    response_flags: tags['response_flags'],
    request_protocol: tags['grpc.path'] === undefined ? 'http' : 'grpc',
    grpc_response_status: tags['grpc.status_code'],
  };
}

function ownLabels({ tags = {}, localEndpoint }: Span, side: 'source' | 'destination'): Known {
  const { workload, namespace } = proxyNode(tags['node_id'] ?? '');
  const app = localEndpoint?.serviceName?.split('.')[0];
  return {
    [`${side}_workload`]: workload === '' ? undefined : workload,
    [`${side}_workload_namespace`]: namespace === '' ? tags['istio.namespace'] : namespace,
    [`${side}_app`]: app,
    [`${side}_canonical_service`]: tags['istio.canonical_service'],
    [`${side}_canonical_revision`]: tags['istio.canonical_revision'],
    [`${side}_version`]: tags['istio.canonical_revision'],
    [`${side}_cluster`]: tags['istio.cluster_id'],
  };
}

/** Waypoints stand between both sides and name them. */
function waypointLabels(tags: Readonly<Record<string, string>>): Known {
  const labels: Record<string, string> = {};
  for (const side of ['source', 'destination']) {
    for (const part of ['workload', 'app', 'canonical_service', 'canonical_revision']) {
      const value = tags[`istio.${side}_${part}`];
      if (value !== undefined) {
        labels[`${side}_${part}`] = value;
      }
    }
    const namespace = tags[`istio.${side}_namespace`];
    if (namespace !== undefined) {
      labels[`${side}_workload_namespace`] = namespace;
    }
  }
  return labels;
}

/** `outbound|9080|subset|reviews.bookinfo.svc.cluster.local` */
function upstreamHost(cluster: string | undefined): string | undefined {
  const [direction, , , host] = cluster?.split('|') ?? [];
  return direction === 'outbound' && host !== '' ? host : undefined;
}

/** Istio names spans by their route: `reviews.bookinfo.svc.cluster.local:9080/*`. */
function hostOf({ name }: Span): string | undefined {
  return /^([a-z0-9.-]+\.svc\.[a-z0-9.-]+):\d+\//.exec(name ?? '')?.[1];
}

/** Those of the metrics that are derived from spans. */
export function redLabels(span: Span): Known {
  return {
    service: span.localEndpoint?.serviceName ?? '',
    span_name: span.name ?? '',
    span_kind: `SPAN_KIND_${span.kind ?? 'INTERNAL'}`,
    status_code: span.tags?.['error'] === undefined ? 'STATUS_CODE_UNSET' : 'STATUS_CODE_ERROR',
  };
}

export function graphLabels(span: Span): Known {
  const service = span.localEndpoint?.serviceName;
  const remote = span.remoteEndpoint?.serviceName;
  return span.kind === 'SERVER' ? { server: service, client: remote } : { client: service, server: remote };
}
