import { z } from 'zod';
import { bytes, duration, url } from '../../config/fields.ts';
import { defineInput, type Input, type InputDefinition, type InputRuntime } from '../../contract/input.ts';
import type { NodePlace } from '../../kube/node-place.ts';

const config = z.strictObject({
  url: url()
    .optional()
    .meta({ example: 'https://10.0.0.1:10250' })
    .describe(
      "Where the kubelet answers. Default: port 10250 of this node, at ENV_K8S_NODE_IP (status.hostIP) or the node's name.",
    ),
  via: z
    .enum(['auto', 'kubelet', 'api_server'])
    .default('auto')
    .describe(
      '`kubelet`: ask it directly (right: get of nodes/metrics). `api_server`: through the API server (right: get of nodes/proxy). `auto`: directly, and where that fails through the API server.',
    ),
  verify: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe(
      "Whether the kubelet's certificate must be of the authority in `ca_file`. `auto`: where it is not, as most kubelets sign their own, it is taken all the same, and the status says so.",
    ),
  ca_file: z
    .string()
    .min(1)
    .optional()
    .meta({ example: '/etc/meshbridge/kubelet-ca.crt' })
    .describe("PEM file of the authority of the kubelet's certificate. Default: the cluster's own."),
  token_file: z
    .string()
    .min(1)
    .optional()
    .meta({ example: '/etc/meshbridge/kubelet-token' })
    .describe('File with the token to log in with, read for every scrape. Default: that of the service account.'),
  cadvisor: z
    .boolean()
    .default(true)
    .describe('Scrape /metrics/cadvisor: CPU, memory, file systems and network of every container.'),
  resource: z
    .boolean()
    .default(true)
    .describe(
      'Scrape /metrics/resource: CPU and memory of the node and of whole pods. What `cadvisor` has as well, under the same names, is left out of it.',
    ),
  cgroups: z
    .boolean()
    .default(false)
    .describe("Keep cAdvisor's series of control groups that belong to no pod, such as system services."),
  interval: duration('15s').describe('Time from scrape to scrape; 1s at least.'),
  timeout: duration('10s').describe('Longest time for one scrape; never longer than the interval.'),
  body_size_limit: bytes('64MiB').describe('A page that is larger, when unpacked, fails.'),
  honor_timestamps: z
    .boolean()
    .default(true)
    .describe('Use the times at which the kubelet measured, which stand on its pages, in place of that of the scrape.'),
  metric_name_filter: z
    .array(z.string())
    .default([])
    .describe('Keep only metrics whose name one of these regular expressions (RE2) matches anywhere. Empty: all.'),
  metric_name_filter_ignore: z
    .array(z.string())
    .default([
      '^container_(network_(tcp|udp)6?_usage_total|network_advance_tcp_stats_total|tasks_state|cpu_load_average_10s|blkio_device_usage_total)$',
    ])
    .describe('Leave out metrics whose name one of these matches. Looked at first.'),
  tags: z
    .record(z.string(), z.string())
    .default({})
    .meta({ example: { cluster: 'prod' } })
    .describe('Labels to add to every series that has no label of that name.'),
});

export type KubeletConfig = z.output<typeof config>;

/** `place`: undefined outside a cluster. */
export function defineKubelet(place?: NodePlace): InputDefinition<typeof config> {
  return defineInput({
    type: 'kubelet',
    summary: 'Scrapes what the kubelet of this node measures of its containers (cAdvisor), its pods and the node.',
    signals: ['metrics'],
    config,
    byDefault: ({ inCluster }) => (inCluster ? {} : undefined),
    offBecause: 'this is not a cluster; [[inputs.kubelet]] with a url and a token_file reads one from outside',
    create: (checked, runtime) => new LazyKubeletInput(checked, runtime, place),
  });
}

export const kubelet = defineKubelet();

/** Imports the rest when it is started. */
class LazyKubeletInput implements Input {
  readonly #config: KubeletConfig;
  readonly #runtime: InputRuntime;
  readonly #place: NodePlace | undefined;
  #input: Input | undefined;

  constructor(checked: KubeletConfig, runtime: InputRuntime, place: NodePlace | undefined) {
    this.#config = checked;
    this.#runtime = runtime;
    this.#place = place;
  }

  async start(): Promise<void> {
    const [{ KubeletInput }, access] = await Promise.all([import('./kubelet-input.ts'), this.#place?.access()]);
    const place = this.#place && access && { ...this.#place, access };
    this.#input = new KubeletInput(this.#config, this.#runtime, place);
    await this.#input.start();
  }

  async stop(): Promise<void> {
    await this.#input?.stop();
  }

  async retire(): Promise<void> {
    await this.#input?.retire?.();
  }

  status(): object {
    return this.#input?.status?.() ?? {};
  }

  warnings(): readonly string[] {
    return this.#input?.warnings?.() ?? [];
  }
}
