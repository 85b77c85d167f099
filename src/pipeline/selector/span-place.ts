import type { Span } from '../../model/span.ts';

/** Istio's tags, which its proxies add by themselves, before OpenTelemetry's (semantic conventions, Kubernetes resources). */
const tagsOf: Readonly<Record<string, readonly string[]>> = {
  node: ['k8s.node.name'],
  namespace: ['istio.namespace', 'k8s.namespace.name'],
  pod: ['k8s.pod.name'],
  pod_uid: ['k8s.pod.uid'],
  container: ['k8s.container.name'],
  workload: ['k8s.workload.name', 'k8s.deployment.name', 'k8s.statefulset.name', 'k8s.daemonset.name'],
  app: ['istio.canonical_service', 'k8s.pod.label.app', 'k8s.pod.labels.app'],
  version: ['istio.canonical_revision', 'service.version'],
};

/**
 * A label of the place that a span was sent from, as the span says it: a report holds the spans of many places, so its record has
 * none of its own. The app of a span that does not name one is its service.
 */
export function spanPlace({ tags = {}, localEndpoint }: Span, label: string): string | undefined {
  if (!Object.hasOwn(tagsOf, label)) {
    return undefined;
  }
  const key = tagsOf[label]?.find((one) => Object.hasOwn(tags, one));
  return key === undefined ? (label === 'app' ? localEndpoint?.serviceName : undefined) : tags[key];
}
