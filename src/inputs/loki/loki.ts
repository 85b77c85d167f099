import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import { LokiInput } from './loki-input.ts';

const config = z.strictObject({
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Labels for every line whose stream does not have them by itself.'),
});

export const lokiInput = defineInput({
  type: 'loki',
  summary: 'Takes log lines by the push API of Grafana Loki, as Promtail, Alloy, Vector and Fluent Bit send them.',
  signals: ['logs'],
  config,
  create: ({ tags }, runtime) => new LokiInput(tags, runtime),
});
