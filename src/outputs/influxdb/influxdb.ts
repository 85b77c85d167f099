import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const config = z.strictObject({
  url: url().describe(
    'Where to post: InfluxDB’s address, such as "http://127.0.0.1:8086"; without a path, `/write` of version 1 is added. With one, such as "http://host:8086/api/v2/write?org=o&bucket=b", it is used as it is. A user and password in it become basic authorization.',
  ),
  database: z
    .string()
    .min(1)
    .default('meshbridge')
    .describe('The database, which must be there. Not used where `url` has a path.'),
  retention_policy: z
    .string()
    .min(1)
    .optional()
    .meta({ example: 'autogen' })
    .describe('Default: that of the database. Not used where `url` has a path.'),
  ...httpFields,
});
export type InfluxdbConfig = z.output<typeof config>;

export const influxdb = defineOutput({
  type: 'influxdb',
  summary: 'Sends metrics, log lines and browser data as line protocol to InfluxDB, and whatever else takes that.',
  signals: ['metrics', 'logs', 'rum'],
  config,
  create: (checked, runtime) =>
    new LazyOutput(async () => new (await import('./sender.ts')).InfluxdbSender(checked, runtime)),
});
