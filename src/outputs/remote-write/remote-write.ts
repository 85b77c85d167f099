import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { bytes, duration, url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const config = z.strictObject({
  url: url().describe(
    'Where to post: the remote-write address, such as "http://127.0.0.1:9090/api/v1/write". A user and password in it become basic authorization.',
  ),
  ...httpFields,
  max_request_bytes: bytes('8MiB').describe(
    'Most bytes of one request before compression. What is larger goes out in several requests.',
  ),
  label_cache: bytes('64MiB').describe(
    'Memory for series that are kept compressed. Targets that find no room in it cost more CPU, and nothing else.',
  ),
  metadata_interval: duration('1m').describe(
    'How often type, help and unit of the metrics are sent along; of new ones at once. `0s`: never.',
  ),
});
export type RemoteWriteConfig = z.output<typeof config>;

export const remoteWrite = defineOutput({
  type: 'remote_write',
  summary: 'Sends metrics to Prometheus and whatever else speaks its remote-write 1.0.',
  signals: ['metrics'],
  config,
  // Fewer requests cost less; a second is what other agents wait too.
  defaults: { batch_wait: '1s' },
  create: (checked, runtime) =>
    new LazyOutput(async () => new (await import('./sender.ts')).RemoteWriteSender(checked, runtime)),
});
