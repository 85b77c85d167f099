import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const config = z.strictObject({
  url: url().describe(
    'The receiver: its base address for HTTP, such as "http://127.0.0.1:4318" (`/v1/traces`, `/v1/metrics` and `/v1/logs` are put behind it), or its address for gRPC, such as "http://127.0.0.1:4317". A user and password in it become basic authorization.',
  ),
  protocol: z
    .enum(['http/protobuf', 'http/json', 'grpc'])
    .default('http/protobuf')
    .describe('How to speak to it: the names of OTEL_EXPORTER_OTLP_PROTOCOL.'),
  compression: z.enum(['gzip', 'none']).default('gzip').describe('Compression of bodies. gRPC is not compressed.'),
  shared_spans: z
    .enum(['keep', 'split'])
    .default('keep')
    .describe(
      "What becomes of the server's half of a span that shares its id with the client's: `keep` sends two spans with one id, `split` gives it an id of its own, below the client's.",
    ),
  ...httpFields,
});
export type OtlpOutputConfig = z.output<typeof config>;

export const otlp = defineOutput({
  type: 'otlp',
  summary:
    'Sends spans, metrics and log lines over OTLP, by HTTP or gRPC, to an OpenTelemetry Collector and whatever else takes that.',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: (checked, runtime) =>
    new LazyOutput(async () => new (await import('./sender.ts')).OtlpSender(checked, runtime)),
});
