import type { ExplainedPod, ManifestPod } from '../../cli/manifest-pods.ts';
import type { Fault } from '../../config/fault.ts';
import { explainLogs } from '../../inputs/container/explain-logs.ts';
import { LogDescriber } from '../../inputs/container/log-description.ts';
import { planOf } from '../../inputs/kubernetes/pod-plan.ts';

/** Stands for an address that the cluster will give (RFC 5737). */
const standIn = '192.0.2.1';

/** What follows from a pod of a manifest: what the cluster fills in later is shown as `$IP`, `$PODNAME`, and so on. */
export function explainManifestPod(pod: ManifestPod): ExplainedPod {
  const describer = new LogDescriber();
  const { explanation, ...found } = planOf(
    {
      uid: pod.title,
      namespace: pod.namespace ?? '$NAMESPACE',
      name: pod.name ?? '$PODNAME',
      node: '$NODENAME',
      ips: [standIn],
      phase: 'Running',
      deleting: false,
      labels: pod.labels,
      annotations: pod.annotations,
      containers: pod.containers,
      emptyDirs: pod.emptyDirs,
      ...(pod.workload !== undefined && { workload: pod.workload }),
    },
    {
      istio: 'auto',
      sourceOf: (annotation, text) => pod.sourceOf(annotation, text),
      logsOf: (one, sourceOf) => explainLogs(one, describer, sourceOf),
    },
  );
  const targets = explanation.targets.map((target) => ({ ...target, url: target.url.replace(standIn, '$IP') }));
  const placed = (fault: Fault): Fault =>
    fault.file === undefined ? { ...fault, file: pod.file, line: pod.line } : fault;
  return {
    explanation: { ...explanation, targets },
    faults: found.faults.map(placed),
    warnings: found.warnings.map(placed),
  };
}
