import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import { PromRemoteWriteInput } from './prom-remote-write-input.ts';

const config = z.strictObject({
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Labels for every series that does not have them by itself.'),
});

export const promRemoteWrite = defineInput({
  type: 'prom_remote_write',
  summary: 'Takes samples by remote-write 1.0 and 2.0, as Prometheus, Grafana Alloy and vmagent send them.',
  signals: ['metrics'],
  config,
  create: ({ tags }, runtime) => new PromRemoteWriteInput(tags, runtime),
});
