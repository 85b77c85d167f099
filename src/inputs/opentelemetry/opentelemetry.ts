import { z } from 'zod';
import { bytes } from '../../config/fields.ts';
import { defineInput } from '../../contract/input.ts';
import { OpentelemetryInput } from './opentelemetry-input.ts';

const config = z.strictObject({
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Tags for every span, series and stream of lines that does not have them by itself.'),
  promote_resource_attributes: z
    .array(z.string().min(1))
    .default([])
    .meta({ example: ['k8s.namespace.name', 'k8s.pod.name'] })
    .describe(
      'Attributes of the sender, such as "k8s.pod.name", that become labels of each of its series. The others are labels of `target_info`. As in Prometheus.',
    ),
  max_line_bytes: bytes('1MiB').describe(
    'A longer body of a log record is cut there and marked; the rest is left out.',
  ),
});

export const opentelemetry = defineInput({
  type: 'opentelemetry',
  summary: 'Receives spans, metrics and log records over OTLP: HTTP with protobuf or JSON, and gRPC.',
  signals: ['traces', 'metrics', 'logs'],
  config,
  datakit: true,
  byDefault: () => ({}),
  create: ({ tags, max_line_bytes: maxLineBytes, promote_resource_attributes: promote }, runtime) =>
    new OpentelemetryInput({ tags, maxLineBytes, promote }, runtime),
});
