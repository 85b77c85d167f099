import { z } from 'zod';
import { bytes, clientTls, secret } from '../../config/fields.ts';
import { parseHostPort } from '../../config/units.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const topic = z
  .string()
  .regex(
    /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
    'is no name of a topic: up to 249 letters, digits, dots, dashes and underscores',
  )
  .optional();

const broker = z.string().refine((text) => parseHostPort(text) !== undefined, {
  message: 'is not an address; write host:port such as "kafka-0.kafka:9092"',
});

const textFormats = ['ndjson', 'json'] as const;
const otlpFormats = ['otlp_proto', 'otlp_json'] as const;

const config = z.strictObject({
  brokers: z
    .array(broker)
    .min(1, 'is empty; write at least one host:port')
    .meta({ example: ['kafka-0.kafka:9092', 'kafka-1.kafka:9092'] })
    .describe('Some of the brokers, as `host:port`: they are asked in turn for the others. Write two or more.'),
  topics: z
    .strictObject({
      traces: topic.meta({ example: 'otlp_spans' }).describe('Topic of spans.'),
      metrics: topic.meta({ example: 'otlp_metrics' }).describe('Topic of metrics.'),
      logs: topic.meta({ example: 'otlp_logs' }).describe('Topic of log lines.'),
      rum: topic.meta({ example: 'meshbridge_rum' }).describe('Topic of browser data.'),
    })
    .prefault({})
    .describe(
      'Where to write. Default: what receivers of the format read, which is `otlp_spans`, `otlp_metrics` and `otlp_logs` for OTLP and `zipkin` for Zipkin; `meshbridge_traces` and so on for lines of JSON.',
    ),
  format: z
    .strictObject({
      traces: z
        .enum([...otlpFormats, 'zipkin_json', ...textFormats])
        .default('otlp_proto')
        .describe('Of spans. A message holds spans of one trace.'),
      metrics: z
        .enum([...otlpFormats, ...textFormats])
        .default('otlp_proto')
        .describe('Of metrics. A message holds one scrape of one target.'),
      logs: z
        .enum([...otlpFormats, ...textFormats])
        .default('otlp_proto')
        .describe('Of log lines. A message holds lines of one container.'),
      rum: z.enum(textFormats).default('ndjson').describe('Of browser data. A message holds points of one session.'),
    })
    .prefault({})
    .describe(
      'How messages are written: OTLP requests, lists of Zipkin v2 spans, lines as the `file` output writes them (`ndjson`), or one such line a message (`json`).',
    ),
  shared_spans: z
    .enum(['keep', 'split'])
    .default('keep')
    .describe(
      "In OTLP: what becomes of the server's half of a span that shares its id with the client's. `keep` writes two spans with one id, `split` gives it an id of its own, below the client's.",
    ),
  compression: z
    .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .default('zstd')
    .describe('Compression of batches. `zstd` needs brokers and consumers of Kafka 2.1 or later.'),
  max_message_bytes: bytes('1MB')
    .refine((size) => size >= 16_384, { message: 'is too small; write at least "16KiB"' })
    .describe(
      'Most bytes of one batch of messages before compression, so of one message too: no more than `max.message.bytes` of the topics. What is larger is written in parts.',
    ),
  create_topics: z
    .boolean()
    .default(true)
    .describe(
      'Ask the broker to make a topic that is missing. It does so only where `auto.create.topics.enable` is on.',
    ),
  client_id: z
    .string()
    .min(1)
    .default('meshbridge')
    .describe('What this client is called in logs, metrics and quotas of the brokers.'),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .meta({ example: { cluster: 'east' } })
    .describe(
      'Headers of every message, beside `meshbridge-id`, which is the same whenever a message is written again.',
    ),
  sasl: z
    .strictObject({
      mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).default('PLAIN').describe('How to log in.'),
      username: z.string().min(1).meta({ example: 'meshbridge' }).describe('Name of the user.'),
      password: secret().describe('Password. May be `file:PATH`.'),
    })
    .optional()
    .describe('How to log in with SASL.'),
  tls: clientTls().describe('How to reach brokers over TLS. An empty table is enough where the system trusts them.'),
});
export type KafkaConfig = z.output<typeof config>;

export const kafka = defineOutput({
  type: 'kafka',
  summary:
    'Writes everything to topics of Apache Kafka: OTLP, Zipkin JSON or lines of JSON, keyed so that order holds.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  // One request at a time is what makes the numbers of an idempotent producer hold.
  inOrder: true,
  create: (checked, runtime) =>
    new LazyOutput(async () => new (await import('./sender.ts')).KafkaSender(checked, runtime)),
});
