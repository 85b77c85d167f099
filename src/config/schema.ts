import { z } from 'zod';
import { bytes, cidrs, duration, listen, percentOrBytes, serverTls, url } from './fields.ts';

/** What the defaults of our own tables depend on. */
export interface Surroundings {
  readonly inCluster: boolean;
}

const server = z.strictObject({
  listen: listen('auto')
    .refine((place) => place !== 'off', 'is not possible for the main port; write "auto", or host:port')
    .describe(
      'Where the page, the APIs and the inputs that speak HTTP listen. `auto`: 127.0.0.1:9529, in a cluster 0.0.0.0:9529.',
    ),
  zipkin_listen: listen('auto').describe('A second door for Zipkin. `auto`: port 9411, if the main port is 9529.'),
  otlp_http_listen: listen('auto').describe(
    'A second door for OTLP over HTTP. `auto`: port 4318, if the main port is 9529.',
  ),
  otlp_grpc_listen: listen('auto').describe('OTLP over gRPC. `auto`: port 4317, if the main port is 9529.'),
  jaeger_grpc_listen: listen('auto').describe(
    "Jaeger's query API over gRPC. `auto`: port 16685, if the main port is 9529.",
  ),
  trusted: cidrs().describe('Networks that may read and write without a token, besides this machine itself.'),
  allowed_hosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Host names under which browsers may open the page, besides addresses and localhost.'),
  token_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the token that opens everything. Default: one is made in the data directory at the first start.',
    ),
  ingest_token_file: z
    .string()
    .min(1)
    .optional()
    .meta({ example: '/etc/meshbridge/ingest-token' })
    .describe('File with a token that only lets write: records, remote-write, Loki push.'),
  auth: z.enum(['token', 'none']).default('token').describe('`none` lets everyone read and write everything.'),
  tls: serverTls().describe('Serve HTTPS on the main port.'),
});

const queue = (where: Surroundings) =>
  z.strictObject({
    sync: z
      .enum(['commit'])
      .default('commit')
      .describe('When data is forced to disk. `commit`: before its sender is answered.'),
    max_bytes: z
      .strictObject({
        metrics: bytes('1GB').describe('Cap of the queue of metrics.'),
        traces: bytes('2GB').describe('Cap of the queue of traces.'),
        logs: bytes('4GB').describe('Cap of the queue of logs.'),
        rum: bytes('500MB').describe('Cap of the queue of browser data.'),
      })
      .prefault({})
      .describe('Most disk space of each queue. Together they never take more than 10 % of the file system.'),
    min_free: percentOrBytes(where.inCluster ? '12%' : '1GiB').describe(
      'Nothing new is taken while less than this is free on disk. Default: 1GiB; in a cluster 12%, since the kubelet evicts at 10%.',
    ),
  });

const store = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Keep data here and show it. Off wherever an output of type hub is configured.'),
  retention: duration('7d').describe('How long data is kept.'),
  max_bytes: bytes()
    .optional()
    .meta({ example: '20GB' })
    .describe('Most disk space that it takes. Default: the smaller of 20GB and 20 % of the file system.'),
  pinned_max_bytes: bytes('500MB').describe('Most disk space that pinned traces take. They outlive the retention.'),
  autocomplete_keys: z
    .array(z.string().min(1))
    .max(50)
    .default([
      'http.method',
      'http.status_code',
      'response_flags',
      'grpc.status_code',
      'istio.canonical_service',
      'istio.canonical_revision',
      'istio.namespace',
      'istio.cluster_id',
    ])
    .describe("Tags whose values Zipkin's search offers (`autocompleteKeys`)."),
});

const kubernetes = z.strictObject({
  discovery: z
    .enum(['auto', 'off'])
    .default('auto')
    .describe('Find the pages of the pods of this node by their annotations. `auto`: in a cluster.'),
  istio: z
    .enum(['auto', 'off'])
    .default('auto')
    .describe(
      '`auto`: sidecars, gateways, ztunnel, waypoints and istiod on this node are scraped without annotations.',
    ),
  node_name: z
    .string()
    .min(1)
    .optional()
    .meta({ example: 'node-1' })
    .describe("Name of the node that this runs on. Default: the machine's name."),
  node_ip: z
    .string()
    .min(1)
    .optional()
    .meta({ example: '10.0.0.1' })
    .describe('Address of the node, where its kubelet is asked. Default: ENV_K8S_NODE_IP, else the name of the node.'),
  api_server: url()
    .optional()
    .meta({ example: 'http://127.0.0.1:8001' })
    .describe("The API server, such as that of `kubectl proxy`. Default: the cluster's own, inside one."),
  service_account_dir: z
    .string()
    .min(1)
    .default('/var/run/secrets/kubernetes.io/serviceaccount')
    .describe('Where `token` and `ca.crt` of the service account are.'),
  token_secret: z
    .string()
    .regex(
      /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\/)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
      'is not the name of a Secret; write one such as "meshbridge-token", or NAMESPACE/NAME',
    )
    .optional()
    .meta({ example: 'meshbridge-token' })
    .describe(
      'For a hub: the Secret that holds its token (`token`) and its ingest token (`ingest-token`), in its own namespace or as NAMESPACE/NAME. It is made where it is not there.',
    ),
  election: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe(
      'Of all agents one scrapes what is there once per cluster, such as the replicas of a Service: the one that holds a Lease. `off`: every agent scrapes it. `auto`: on in a cluster.',
    ),
  election_group: z
    .string()
    .default('')
    .meta({ example: 'blue' })
    .describe('Agents of the same group elect one among them: part of the name of the Lease.'),
  election_tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .meta({ example: { cluster: 'prod' } })
    .describe('Tags for what is scraped once per cluster, beside those of `[global_tags]` that do not name the node.'),
  namespace: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'is not the name of a namespace')
    .optional()
    .meta({ example: 'meshbridge' })
    .describe('Namespace of the Lease. Default: that of the pod it runs in.'),
  kubeconfig: z
    .string()
    .min(1)
    .optional()
    .meta({ example: '/etc/meshbridge/kubeconfig' })
    .describe('File that says how to reach a cluster from outside. Inside a cluster none is needed.'),
});

const log = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('What the program says about itself on stderr.'),
});

const tracing = z.strictObject({
  endpoint: url()
    .optional()
    .meta({ example: 'http://127.0.0.1:9411/api/v2/spans' })
    .describe(
      'Where spans about meshbridge itself go: the spans address of a Zipkin server or of a meshbridge. Default: nowhere.',
    ),
  sampling: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('The share of requests, scrapes, commits and deliveries that have spans.'),
});

const globalTags = z
  .record(z.string().min(1), z.string())
  .default({})
  .describe('Tags that everything gets that does not have them by itself.');

/** Our own tables. Their keys are fixed: an unknown one is a fault. */
export function tables(where: Surroundings) {
  return z.strictObject({
    server: server.prefault({}).describe('Where it listens, and who may call.'),
    queue: queue(where).prefault({}).describe('The queue on disk between inputs and outputs.'),
    store: store.prefault({}).describe('The embedded store behind the page and the query APIs.'),
    kubernetes: kubernetes.prefault({}).describe('The cluster around it.'),
    log: log.prefault({}).describe('Its own log.'),
    tracing: tracing.prefault({}).describe('Spans about itself.'),
    global_tags: globalTags,
  });
}

export type Tables = z.output<ReturnType<typeof tables>>;
export type TableName = keyof Tables;
export const tableNames = Object.keys(tables({ inCluster: false }).shape);

/** Understood in every `[[inputs.NAME]]`, beside the input's own keys. */
export const inputSwitch = {
  enabled: z.boolean().default(true).describe('`false` switches this input off.'),
} as const;
