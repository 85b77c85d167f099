import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { duration, secret, url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const identifier = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name that needs no quotes: letters, digits and underscore, no digit first');

const config = z.strictObject({
  url: url().describe(
    'ClickHouse’s HTTP interface, such as "http://127.0.0.1:8123" or "https://host:8443". Parameters in it, such as `?role=writer`, go along with every request.',
  ),
  database: identifier.default('meshbridge').describe('The database. It is created where it is missing.'),
  user: z
    .string()
    .min(1)
    .optional()
    .meta({ example: 'meshbridge' })
    .describe('Name to log in with (`X-ClickHouse-User`). Default: that of the server, `default`.'),
  password: secret().optional().describe('Its password (`X-ClickHouse-Key`). May be `file:PATH`.'),
  create_schema: z
    .boolean()
    .default(true)
    .describe(
      'Create the database and the tables, and bring older tables up to date. Without it they must be there (docs/clickhouse.md).',
    ),
  cluster: identifier
    .optional()
    .meta({ example: 'main' })
    .describe('Create the tables on all servers of this cluster (`ON CLUSTER`).'),
  engine: z
    .enum(['MergeTree', 'ReplicatedMergeTree'])
    .default('MergeTree')
    .describe(
      'Engine of the tables. `ReplicatedMergeTree` takes the path and the name of the replica that the server has as defaults.',
    ),
  retention: duration('30d').describe(
    'What is older is deleted (the `TTL` of the tables; changed at the next start). `0s`: nothing is.',
  ),
  deduplication_window: z
    .int()
    .min(0)
    .default(10_000)
    .describe(
      'How many inserts a table remembers, so that one that is repeated because its answer was lost is taken once. Of all senders together.',
    ),
  compression: z
    .enum(['zstd', 'gzip', 'none'])
    .default('zstd')
    .describe('How requests are compressed (`Content-Encoding`).'),
  settings: z
    .record(z.string(), z.string())
    .default({})
    .meta({ example: { insert_quorum: 'auto' } })
    .describe('Settings of ClickHouse to send along with each insert.'),
  ...httpFields,
});
export type ClickhouseConfig = z.output<typeof config>;

export const clickhouse = defineOutput({
  type: 'clickhouse',
  summary:
    'Inserts everything into tables of ClickHouse, spans and lines under the names that the OpenTelemetry Collector gives them.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  // Each insert is a part on ClickHouse's disk that has to be merged: few large ones are better than many small ones.
  defaults: { batch_items: 20_000, batch_wait: '1s' },
  create: (checked, runtime) =>
    new LazyOutput(async () => new (await import('./sender.ts')).ClickhouseSender(checked, runtime)),
});
