import { createHash } from 'node:crypto';

/** A container that runs on the fake node. */
export interface NodeContainer {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface KubeletPages {
  readonly cadvisor: string;
  readonly resource: string;
}

interface Row {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Labels that this family has beside those of the control group, one row each. Default: one row without. */
  readonly more?: readonly Readonly<Record<string, string>>[];
  /** The network belongs to the sandbox of a pod and to the node, not to containers. */
  readonly of: 'everything' | 'network';
}

const cadvisorFamilies: readonly Family[] = [
  counter('container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', { cpu: 'total' }),
  counter('container_cpu_cfs_throttled_periods_total', 'Number of throttled period intervals.'),
  gauge('container_cpu_load_average_10s', 'Value of container cpu load average over the last 10 seconds.'),
  gauge('container_fs_usage_bytes', 'Number of bytes that are consumed by the container on this filesystem.', {
    device: '/dev/vda1',
  }),
  counter('container_fs_reads_bytes_total', 'Cumulative count of bytes read', { device: '/dev/vda' }),
  gauge('container_memory_working_set_bytes', 'Current working set in bytes.'),
  gauge('container_memory_rss', 'Size of RSS in bytes.'),
  gauge('container_spec_memory_limit_bytes', 'Memory limit for the container.'),
  gauge('container_start_time_seconds', 'Start time of the container since unix epoch in seconds.'),
  {
    ...gauge('container_tasks_state', 'Number of tasks in given state'),
    more: ['running', 'sleeping', 'stopped'].map((state) => ({ state })),
  },
  {
    ...counter('container_network_receive_bytes_total', 'Cumulative count of bytes received'),
    more: ['eth0', 'lo'].map((name) => ({ interface: name })),
    of: 'network',
  },
];

/**
 * What a kubelet over containerd with systemd's control groups says of these containers: labels, order, types and times as
 * those of Kubernetes 1.30. Every container, the sandbox of every pod, the slice of every pod and those above them have
 * series.
 */
export function kubeletPages(containers: readonly NodeContainer[], atMs: number): KubeletPages {
  return { cadvisor: cadvisorPage(containers, atMs), resource: resourcePage(containers, atMs) };
}

function cadvisorPage(containers: readonly NodeContainer[], atMs: number): string {
  const groups = groupsOf(containers);
  const head = [
    "# HELP cadvisor_version_info A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.",
    '# TYPE cadvisor_version_info gauge',
    'cadvisor_version_info{cadvisorRevision="",cadvisorVersion="",dockerVersion="",kernelVersion="6.1.0",osVersion="Debian GNU/Linux 12"} 1',
  ];
  const families = cadvisorFamilies.map((family) => {
    const rows = groups
      .filter(({ kind }) => family.of === 'everything' || kind === 'root' || kind === 'sandbox')
      .flatMap(({ labels }, i) =>
        (family.more ?? [{}]).map((more) => ({ labels: { ...labels, ...more }, value: measuredBy(family, i, atMs) })),
      );
    return familyText(family, rows, atMs);
  });
  const tail = [
    '# HELP container_scrape_error 1 if there was an error while getting container metrics, 0 otherwise',
    '# TYPE container_scrape_error gauge',
    'container_scrape_error 0',
    '# HELP machine_memory_bytes Amount of memory installed on the machine.',
    '# TYPE machine_memory_bytes gauge',
    'machine_memory_bytes{boot_id="b",machine_id="m",system_uuid="u"} 8.33126400e+09',
  ];
  return `${[...head, ...families, ...tail].join('\n')}\n`;
}

/** A counter grows by a quarter each second; a gauge stays. */
function measuredBy({ type }: Family, index: number, atMs: number): number {
  return type === 'counter' ? 1000 * (index + 1) + (atMs % 86_400_000) / 4_000 : 1e6 * (index + 1);
}

function resourcePage(containers: readonly NodeContainer[], atMs: number): string {
  const pods = [...new Map(containers.map((one) => [`${one.namespace}/${one.pod}`, one])).values()];
  const perContainer = containers.map((labels, i) => ({ labels: { ...labels }, value: 7 + i }));
  const perPod = pods.map(({ namespace, pod }, i) => ({ labels: { namespace, pod }, value: 70 + i }));
  const families = [
    familyText(
      counter('container_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time of the container'),
      perContainer,
      atMs,
    ),
    familyText(gauge('container_memory_working_set_bytes', '[STABLE] Current working set'), perContainer, atMs),
    familyText(gauge('container_start_time_seconds', '[STABLE] Start time of the container'), perContainer, undefined),
    familyText(
      gauge('container_swap_usage_bytes', '[ALPHA] Current amount of the container swap usage'),
      perContainer,
      atMs,
    ),
    familyText(
      counter('node_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time of the node'),
      [{ labels: {}, value: 5000 }],
      atMs,
    ),
    familyText(
      gauge('node_memory_working_set_bytes', '[STABLE] Current working set'),
      [{ labels: {}, value: 2e9 }],
      atMs,
    ),
    familyText(counter('pod_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time of the pod'), perPod, atMs),
    familyText(
      gauge('resource_scrape_error', '[STABLE] 1 if there was an error'),
      [{ labels: {}, value: 0 }],
      undefined,
    ),
  ];
  return `${families.join('\n')}\n`;
}

interface Group {
  readonly kind: 'root' | 'slice' | 'sandbox' | 'container';
  readonly labels: Readonly<Record<string, string>>;
}

function groupsOf(containers: readonly NodeContainer[]): readonly Group[] {
  const bare = { container: '', image: '', name: '', namespace: '', pod: '' };
  const above = [
    '/',
    '/kubepods.slice',
    '/kubepods.slice/kubepods-burstable.slice',
    '/system.slice/containerd.service',
  ];
  const pods = [...new Map(containers.map((one) => [`${one.namespace}/${one.pod}`, one])).values()];
  const sliceOf = (pod: string): string =>
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${hex(pod, 32)}.slice`;
  return [
    ...above.map((id): Group => ({ kind: id === '/' ? 'root' : 'slice', labels: { ...bare, id } })),
    ...pods.map(
      ({ namespace, pod }): Group => ({ kind: 'slice', labels: { ...bare, id: sliceOf(pod), namespace, pod } }),
    ),
    ...pods.map(({ namespace, pod }): Group => {
      const name = hex(`${namespace}/${pod} sandbox`, 64);
      const id = `${sliceOf(pod)}/cri-containerd-${name}.scope`;
      return {
        kind: 'sandbox',
        labels: { container: '', id, image: 'registry.k8s.io/pause:3.9', name, namespace, pod },
      };
    }),
    ...containers.map(({ namespace, pod, container }): Group => {
      const name = hex(`${namespace}/${pod}/${container}`, 64);
      const id = `${sliceOf(pod)}/cri-containerd-${name}.scope`;
      const image = `docker.io/library/${container}:1.0`;
      return { kind: 'container', labels: { container, id, image, name, namespace, pod } };
    }),
  ];
}

/** Labels in the order of their names, and values, as Go's client writes them. */
function familyText({ name, type, help }: Family, rows: readonly Row[], atMs: number | undefined): string {
  const lines = rows.map(({ labels, value }) => {
    const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const inner = pairs.map(([label, text]) => `${label}="${text}"`).join(',');
    return `${name}${inner === '' ? '' : `{${inner}}`} ${value}${atMs === undefined ? '' : ` ${atMs}`}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n');
}

function counter(name: string, help: string, more?: Readonly<Record<string, string>>): Family {
  return { name, type: 'counter', help, of: 'everything', ...(more && { more: [more] }) };
}

function gauge(name: string, help: string, more?: Readonly<Record<string, string>>): Family {
  return { ...counter(name, help, more), type: 'gauge' };
}

/** So many hexadecimal digits that belong to the text. */
function hex(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
