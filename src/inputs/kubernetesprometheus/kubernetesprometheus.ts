import { z } from 'zod';
import { duration } from '../../config/fields.ts';
import { defineInput, type Input, type InputDefinition, type InputRuntime } from '../../contract/input.ts';
import type { NodePlace } from '../../kube/node-place.ts';
import type { KubernetesPrometheusOptions } from './kubernetesprometheus-input.ts';
import { parseSelector } from './selector.ts';

const text = () => z.string().optional();
const monitors =
  'PodMonitor and ServiceMonitor objects are not read: write an instance for what they name, or annotate the pods with prometheus.io/scrape';

/** One of `[[inputs.kubernetesprometheus.instances]]`. */
export const instanceSchema = z.strictObject({
  role: z
    .enum(['pod', 'node', 'service', 'endpoints'])
    .meta({ example: 'pod' })
    .describe(
      '`pod`: the pods of this node. `node`: this node. `service`, `endpoints`: what is behind Services, once per cluster.',
    ),
  namespaces: z.array(z.string()).default([]).describe('Only objects of these namespaces. Empty: of all.'),
  selector: z
    .string()
    .default('')
    .refine((selector) => parseSelector(selector) !== undefined, {
      message: 'is no selector of labels; write one such as "app=web,tier in (a,b),!canary"',
    })
    .describe("Only objects with these labels, as kubectl's `-l` has it; `*` and `?` in values stand for characters."),
  scrape: z
    .string()
    .default('true')
    .describe(
      'Scrape where this is, or stands for, `true`: such as `__kubernetes_pod_annotation_prometheus.io/scrape`.',
    ),
  scheme: z.string().default('http').describe('`http` or `https`, or what stands for one.'),
  port: z
    .string()
    .min(1)
    .meta({ example: '__kubernetes_pod_container_port_metrics_number' })
    .describe('Number of the port, or what stands for one, such as `__kubernetes_pod_annotation_prometheus.io/port`.'),
  path: z.string().default('/metrics').describe('Path of the page, or what stands for one.'),
  params: z.string().default('').describe('Query behind the path, such as `usedonly&filter=istio`.'),
  http_headers: z
    .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is not the name of a header'), headerValue())
    .default({})
    .meta({ example: { 'X-Scope': 'mesh' } })
    .describe('Headers to send with every request. They replace ours.'),
  custom: z
    .strictObject({
      measurement: z
        .string()
        .default('')
        .describe('Measurement of all metrics, or what stands for one; the field is then the whole name.'),
      job_as_measurement: z
        .boolean()
        .default(false)
        .meta({ idle: 'the measurement is not taken from the label `job`; write it as measurement' })
        .describe('Known from DataKit and read, but it does nothing here.'),
      tags: z
        .record(z.string(), z.string())
        .default({})
        .meta({ example: { service: '__kubernetes_pod_label_app' } })
        .describe('Labels to add to every series that has no label of that name; values may stand for others.'),
    })
    .prefault({})
    .describe('Names.'),
  auth: z
    .strictObject({
      bearer_token_file: text()
        .meta({ example: '/var/run/secrets/kubernetes.io/serviceaccount/token' })
        .describe('File with the token to log in with; read for every scrape.'),
      tls_config: z
        .strictObject({
          insecure_skip_verify: z.boolean().default(false).describe('Accept any certificate.'),
          ca_certs: z
            .array(z.string())
            .default([])
            .describe("PEM files of the authorities to trust in place of the system's."),
          cert: text().meta({ example: '/etc/meshbridge/client.pem' }).describe('PEM file of our own certificate.'),
          cert_key: text().meta({ example: '/etc/meshbridge/client-key.pem' }).describe('PEM file of its key.'),
          server_name: text()
            .meta({ example: 'metrics.example.com' })
            .describe('Name that the certificate of the target must carry.'),
        })
        .prefault({})
        .describe('For `https`.'),
    })
    .prefault({})
    .describe('How to log in at the targets.'),
});

export type Instance = z.output<typeof instanceSchema>;

const config = z.strictObject({
  node_local: z
    .boolean()
    .default(true)
    .describe('Known from DataKit. Every agent scrapes what is on its own node, also where this is `false`.'),
  scrape_interval: duration('30s').describe('Time from scrape to scrape; 1s at least.'),
  keep_exist_metric_name: z
    .boolean()
    .default(true)
    .describe('The field of a metric is its whole name, not what is behind its first `_`.'),
  honor_timestamps: z.boolean().default(true).describe('Use the times that stand on the pages.'),
  enable_discovery_of_prometheus_pod_annotations: z
    .boolean()
    .default(false)
    .describe(
      'Known from DataKit. Pods that say `prometheus.io/scrape` are always scraped; `[kubernetes] discovery = "off"` ends that.',
    ),
  enable_discovery_of_prometheus_service_annotations: z
    .boolean()
    .default(false)
    .describe('Scrape what is behind Services that say `prometheus.io/scrape`, once per cluster.'),
  enable_discovery_of_prometheus_pod_monitors: z
    .boolean()
    .default(false)
    .meta({ idle: monitors })
    .describe('Known from DataKit and read, but it does nothing here.'),
  enable_discovery_of_prometheus_service_monitors: z
    .boolean()
    .default(false)
    .meta({ idle: monitors })
    .describe('Known from DataKit and read, but it does nothing here.'),
  global_tags: z
    .record(z.string(), z.string())
    .default({})
    .meta({ example: { host: '__kubernetes_mate_host' } })
    .describe(
      'Labels for the series of all instances. `__kubernetes_mate_instance` stands for host and port of the target, `__kubernetes_mate_host` for its host.',
    ),
  instances: z.array(instanceSchema).default([]).describe('What to scrape.'),
});

export type KubernetesPrometheusConfig = z.output<typeof config>;

/**
 * `place`: undefined outside a cluster. The pods of its instances, and what is behind Services, are scraped by discovery, which
 * watches them anyway (pod-rules.ts, service-rules.ts), unless that is off.
 */
export function defineKubernetesPrometheus(
  place?: NodePlace,
  discovery: 'auto' | 'off' = 'off',
): InputDefinition<typeof config> {
  return defineInput({
    type: 'kubernetesprometheus',
    summary: "Scrapes what DataKit's `kubernetesprometheus` names: pods, nodes and Services by their labels.",
    signals: ['metrics'],
    config,
    datakit: true,
    create: (checked, runtime) => new LazyInput({ config: checked, discovery }, runtime, place),
  });
}

export const kubernetesprometheus = defineKubernetesPrometheus();

/** Imports the rest when it is started. */
class LazyInput implements Input {
  readonly #options: Omit<KubernetesPrometheusOptions, 'place'>;
  readonly #runtime: InputRuntime;
  readonly #place: NodePlace | undefined;
  #input: Input | undefined;

  constructor(
    options: Omit<KubernetesPrometheusOptions, 'place'>,
    runtime: InputRuntime,
    place: NodePlace | undefined,
  ) {
    this.#options = options;
    this.#runtime = runtime;
    this.#place = place;
  }

  async start(): Promise<void> {
    const [{ KubernetesPrometheusInput }, access] = await Promise.all([
      import('./kubernetesprometheus-input.ts'),
      this.#place?.access(),
    ]);
    const place = this.#place && access && { ...this.#place, access };
    this.#input = new KubernetesPrometheusInput({ ...this.#options, place }, this.#runtime);
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

function headerValue() {
  return z
    .string()
    .regex(/^[^\r\n\0]*$/, 'has a line break in it')
    .meta({ kind: 'secret', secret: true });
}
