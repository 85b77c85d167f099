import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import { OpentelemetryInput } from './opentelemetry-input.ts';

const config = z.strictObject({
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Tags for every span that does not have them by itself.'),
});

export const opentelemetry = defineInput({
  type: 'opentelemetry',
  summary: 'Receives spans over OTLP/HTTP, as protobuf or JSON.',
  signals: ['traces'],
  config,
  datakit: true,
  byDefault: () => ({}),
  create: ({ tags }, runtime) => new OpentelemetryInput({ tags }, runtime),
});
