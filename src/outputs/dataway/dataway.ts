import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const config = z.strictObject({
  url: url()
    .refine((text) => new URL(text).searchParams.get('token'), 'has no token: write it as https://host?token=tkn_…')
    .meta({ kind: 'url', secret: true, example: 'https://openway.guance.com?token=tkn_0' })
    .describe(
      'A Dataway with the token of the workspace, such as "https://openway.guance.com?token=tkn_…". Environment: `ENV_DATAWAY`, several with commas between them.',
    ),
  encoding: z
    .enum(['protobuf', 'line-protocol'])
    .default('protobuf')
    .describe('How points are written: `protobuf` (DataKit’s v2), or `line-protocol` (v1) for an old Dataway.'),
  ...httpFields,
});
export type DatawayConfig = z.output<typeof config>;

export const dataway = defineOutput({
  type: 'dataway',
  summary: 'Sends everything to a Dataway, as DataKit does: metrics, tracing, logging and RUM points.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  // A Dataway takes bodies of some MiB, and a point is several times as long as a sample in the queue.
  defaults: { batch_items: 2_000, batch_bytes: '1MiB' },
  create: (checked, runtime) =>
    new LazyOutput(async () => new (await import('./sender.ts')).DatawaySender(checked, runtime)),
});
