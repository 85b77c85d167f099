import type { PageSeries } from '../../codec/prometheus-text/prometheus-text.ts';
import { type PromConfig, promConfig } from '../../scrape/config.ts';
import type { KubeletConfig } from './kubelet.ts';
import type { Way } from './ways.ts';

/** A page of the kubelet. */
export interface KubeletPage {
  readonly path: '/metrics/cadvisor' | '/metrics/resource';
  readonly wantedSeries: (series: PageSeries) => boolean;
}

const leastIntervalMs = 1_000;

/** Metrics of /metrics/resource that cAdvisor has under the same name: a sum over both would count them twice. */
const twice: ReadonlySet<string> = new Set([
  'container_cpu_usage_seconds_total',
  'container_memory_working_set_bytes',
  'container_start_time_seconds',
]);

/** The pages that are wanted, the smaller first. */
export function pagesOf({ cadvisor, resource, cgroups }: KubeletConfig): readonly KubeletPage[] {
  const pages: KubeletPage[] = [];
  if (resource) {
    pages.push({ path: '/metrics/resource', wantedSeries: ({ name }) => !(cadvisor && twice.has(name)) });
  }
  if (cadvisor) {
    pages.push({ path: '/metrics/cadvisor', wantedSeries: cgroups ? () => true : isOfPodOrNode });
  }
  return pages;
}

/**
 * Series of a control group carry its `id`. That of the node as a whole is `/`; those of slices and system services have
 * no pod, and those of Kubernetes' own slices only sum up what the pods have.
 */
function isOfPodOrNode({ labels }: PageSeries): boolean {
  const of = (wanted: string): string => labels.find(([name]) => name === wanted)?.[1] ?? '';
  const id = of('id');
  return id === '' || id === '/' || of('pod') !== '';
}

/** What the target of that page is scraped by. Its names are those that users of cAdvisor and of kube-prometheus know. */
export function targetConfig(config: KubeletConfig, way: Way, page: KubeletPage): PromConfig {
  const { metric_name_filter, metric_name_filter_ignore, honor_timestamps, timeout, body_size_limit } = config;
  return {
    ...promConfig.parse({
      url: urlOf(way, page),
      source: 'kubelet',
      keep_exist_metric_name: true,
      metric_name_filter,
      metric_name_filter_ignore,
      honor_timestamps,
      tags: {
        metrics_path: page.path,
        instance: way.instance,
        ...(way.node !== '' && { node: way.node }),
        ...config.tags,
      },
      ...(way.tokenFile !== undefined && { auth: { token_file: way.tokenFile } }),
      ...(way.caFile !== undefined && { ca_certs: [way.caFile] }),
      insecure_skip_verify: !way.verified,
    }),
    interval: Math.max(config.interval, leastIntervalMs),
    timeout,
    body_size_limit,
  };
}

export function urlOf(way: Way, page: KubeletPage): string {
  return `${way.base}${page.path}`;
}
