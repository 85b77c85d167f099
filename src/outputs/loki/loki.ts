import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const labelName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    'is no name of a label: letters, digits and underscore, not beginning with a digit',
  );

const config = z.strictObject({
  url: url().describe(
    'Where to post: Loki’s address, such as "http://127.0.0.1:3100"; without a path, `/loki/api/v1/push` is added. A user and password in it become basic authorization.',
  ),
  encoding: z
    .enum(['protobuf', 'json'])
    .default('protobuf')
    .describe('How requests are written: `protobuf` with snappy, or `json` with gzip.'),
  labels: z
    .array(labelName)
    .min(1, 'is empty; a stream needs a label')
    .default(['namespace', 'app', 'container', 'stream'])
    .describe(
      'What makes a stream. Few, with few values each: Loki keeps an index of every combination. Anything else that is known of a line goes along as structured metadata.',
    ),
  structured_metadata: z
    .boolean()
    .default(true)
    .describe(
      'Send what is not a label as structured metadata. A Loki before 2.9 does not take it: then it is left out.',
    ),
  tenant: z.string().min(1).optional().meta({ example: 'team-a' }).describe('`X-Scope-OrgID` of a Loki with tenants.'),
  ...httpFields,
});
export type LokiConfig = z.output<typeof config>;

export const loki = defineOutput({
  type: 'loki',
  summary: 'Sends log lines to Grafana Loki, and whatever else takes its push API.',
  signals: ['logs'],
  config,
  create: (checked, runtime) =>
    new LazyOutput(async () => new (await import('./sender.ts')).LokiSender(checked, runtime)),
});
