import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const config = z.strictObject({
  urls: z
    .array(url())
    .min(1, 'is empty; write the address of the hub, such as "http://meshbridge-hub.meshbridge:9529"')
    .meta({ example: ['http://meshbridge-hub.meshbridge:9529'] })
    .describe(
      'Addresses of the hub. One is used as long as it answers; then the next one is tried. Several hubs each keep what they got.',
    ),
  token_file: z
    .string()
    .min(1)
    .optional()
    .meta({ example: '/etc/meshbridge/hub/ingest-token' })
    .describe(
      "File with the hub's token or ingest token. It may appear later, and is read again when it changes. Not needed where the hub trusts this address.",
    ),
  page: url()
    .optional()
    .meta({ example: 'https://mesh.example.com' })
    .describe("Where browsers find the hub's page, for the link on this page. Default: the first of `urls`."),
  ...httpFields,
});
export type HubOutputConfig = z.output<typeof config>;

export const hubOutput = defineOutput({
  type: 'hub',
  summary: 'Sends everything, as it stands in the queue, to the hub, which keeps and shows what all nodes send.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  inOrder: true,
  defaults: { on_full: 'block', batch_items: 100_000, batch_bytes: '8MiB' },
  create: (checked, runtime) => new LazyOutput(async () => new (await import('./hubs.ts')).Hubs(checked, runtime)),
});
