import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PageParser, type PageSeries } from '../../src/codec/prometheus-text/prometheus-text.ts';
import { kubelet } from '../../src/inputs/kubelet/kubelet.ts';
import { pagesOf, targetConfig } from '../../src/inputs/kubelet/pages.ts';
import { planOf } from '../../src/inputs/kubernetes/pod-plan.ts';
import type { Pod, PodContainer } from '../../src/kube/kube.ts';
import type { Series } from '../../src/model/metric.ts';
import type { PromConfig } from '../../src/scrape/config.ts';
import { nameFilter } from '../../src/scrape/name-filter.ts';
import { Naming, type Pair } from '../../src/scrape/naming.ts';
import { kubeletPages } from '../fakes/kubelet-pages.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples/istio');

interface Page {
  readonly config: PromConfig;
  readonly discovered?: readonly Pair[];
  readonly wantedSeries?: (series: PageSeries) => boolean;
}

/** The series that a page becomes. */
function seriesOf(body: string, { config, discovered = [], wantedSeries }: Page): readonly Series[] {
  const wanted = { wantedName: nameFilter(config), ...(wantedSeries && { wantedSeries }) };
  const naming = new Naming({ config, instance: 'host:1', discovered, ...wanted });
  const parser = new PageParser({ place: (series) => naming.place(series), dialect: 'text', timestamps: 'honor' });
  return parser.parse(Buffer.from(body)).series;
}

/** What discovery makes of the page of a pod that says nothing by itself. */
function ofPod(labels: Pod['labels'], container: PodContainer, sample: string): readonly Series[] {
  const pod: Pod = {
    uid: 'u',
    namespace: 'istio-system',
    name: 'pod-1',
    node: 'node-1',
    ips: ['10.0.0.1'],
    phase: 'Running',
    deleting: false,
    labels,
    annotations: {},
    containers: [container],
  };
  const [target] = planOf(pod, { istio: 'auto' }).targets;
  if (target?.pod === undefined) {
    throw new Error('nothing is scraped of it');
  }
  const page = { config: target.config, discovered: target.pod.labels };
  return seriesOf(readFileSync(join(samples, sample), 'utf8'), page);
}

function ofKubelet(): readonly Series[] {
  const config = kubelet.config.parse({});
  const way = {
    name: 'kubelet',
    base: 'https://h:10250',
    instance: 'h:10250',
    node: 'node-1',
    verified: true,
  } as const;
  const containers = [{ namespace: 'prod', pod: 'details-1', container: 'istio-proxy' }];
  const texts = kubeletPages(containers, Date.UTC(2026, 10, 21));
  return pagesOf(config).flatMap((page) => {
    const body = page.path === '/metrics/cadvisor' ? texts.cadvisor : texts.resource;
    return seriesOf(body, { config: targetConfig(config, way, page), wantedSeries: page.wantedSeries });
  });
}

const all = [
  ...ofPod({ app: 'details' }, { name: 'istio-proxy', kind: 'sidecar', ports: [] }, 'bookinfo-15020.txt'),
  ...ofPod({ app: 'istiod' }, { name: 'discovery', kind: 'main', ports: [] }, 'istiod-15014.txt'),
  ...ofKubelet(),
];

const ends = ['source', 'destination'].flatMap((end) =>
  ['workload', 'workload_namespace', 'canonical_service', 'canonical_revision', 'principal', 'app', 'version'].map(
    (label) => `${end}_${label}`,
  ),
);
const calls = [
  ...ends,
  ...['reporter', 'destination_service', 'destination_service_name', 'destination_service_namespace'],
  ...['request_protocol', 'response_code', 'response_flags', 'connection_security_policy', 'pod', 'namespace'],
];
const ofGo = ['app', 'pod'];
const ofContainer = ['namespace', 'pod', 'container'];

/** Metrics that Istio's dashboards name, and the labels that they choose, group or join by. */
const needed: readonly (readonly [name: string, labels: readonly string[]])[] = [
  ['istio_requests_total', calls],
  ['istio_request_duration_milliseconds_bucket', [...calls, 'le']],
  ['istio_request_bytes_bucket', [...calls, 'le']],
  ['istio_response_bytes_bucket', [...calls, 'le']],
  ['istio_request_bytes_sum', calls],
  ['istio_response_bytes_sum', calls],
  ['istio_build', ['component', 'tag']],
  ['envoy_cluster_upstream_cx_active', ['cluster_name']],
  ['container_memory_working_set_bytes', ofContainer],
  ['container_cpu_usage_seconds_total', ofContainer],
  ['container_fs_usage_bytes', ofContainer],
  ['go_memstats_stack_inuse_bytes', ofGo],
  ['go_memstats_heap_inuse_bytes', ofGo],
  ['go_memstats_heap_alloc_bytes', ofGo],
  ['go_memstats_alloc_bytes_total', ofGo],
  ['go_memstats_mallocs_total', ofGo],
  ['go_goroutines', ofGo],
  ['process_virtual_memory_bytes', ofGo],
  ['process_resident_memory_bytes', ofGo],
  ['pilot_xds', []],
  ['pilot_xds_pushes', ['type']],
  ['pilot_xds_push_time_bucket', ['le']],
  ['pilot_xds_config_size_bytes_bucket', ['le']],
  ['pilot_proxy_convergence_time_bucket', ['le']],
  ['pilot_push_triggers', ['type']],
  ['pilot_k8s_reg_events', ['type', 'event']],
  ['pilot_k8s_cfg_events', ['type', 'event']],
  ['pilot_services', []],
  ['pilot_virt_services', []],
  ['galley_validation_failed', []],
  ['sidecar_injection_success_total', []],
  ['citadel_server_root_cert_expiry_timestamp', []],
];

test.each(needed)('%s is collected by default, with the labels that dashboards of Istio use', (name, labels) => {
  const found = all.filter((series) => series.name === name);
  expect(found.length).toBeGreaterThan(0);
  const whole = found.filter((series) => labels.every((label) => series.labels.some(([own]) => own === label)));
  expect(whole.length).toBeGreaterThan(0);
});

test('proxies tell of their connections to istiod', () => {
  const active = all.filter(({ name }) => name === 'envoy_cluster_upstream_cx_active');
  const clusters = active.flatMap(({ labels }) => labels.filter(([name]) => name === 'cluster_name'));
  expect(clusters.map(([, value]) => value)).toContain('xds-grpc');
});

test('no series is collected twice under the same name and labels', () => {
  const keys = all.map(({ name, labels }) => JSON.stringify([name, labels]));
  expect(new Set(keys).size).toBe(keys.length);
});
