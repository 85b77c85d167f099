import { z } from 'zod';
import { bytes } from '../../config/fields.ts';
import { defineInput } from '../../contract/input.ts';
import { OpentelemetryInput } from './opentelemetry-input.ts';

const config = z.strictObject({
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Tags for every span, series and stream of lines that does not have them by itself.'),
  max_line_bytes: bytes('1MiB').describe(
    'A longer body of a log record is cut there and marked; the rest is left out.',
  ),
});

export const opentelemetry = defineInput({
  type: 'opentelemetry',
  summary: 'Receives spans, metrics and log records over OTLP: HTTP with protobuf or JSON, and gRPC.',
  signals: ['traces', 'logs'],
  config,
  datakit: true,
  byDefault: () => ({}),
  create: ({ tags, max_line_bytes: maxLineBytes }, runtime) => new OpentelemetryInput({ tags, maxLineBytes }, runtime),
});
