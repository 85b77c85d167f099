import { z } from 'zod';
import { httpFields } from '../../config/delivery-fields.ts';
import { url } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const config = z.strictObject({
  url: url().describe(
    'Where to post: the spans address of a Zipkin server or collector, such as "http://127.0.0.1:19411/api/v2/spans". A user and password in it become basic authorization.',
  ),
  encoding: z
    .enum(['json', 'protobuf'])
    .default('json')
    .describe(
      'How spans are written: as v2 JSON, or as the protobuf `zipkin.proto3.ListOfSpans`, which is half as long.',
    ),
  compression: z
    .enum(['gzip', 'none'])
    .default('none')
    .describe('Compression of bodies. A Zipkin server takes both; not every receiver of its format takes gzip.'),
  ...httpFields,
});
export type ZipkinOutputConfig = z.output<typeof config>;

export const zipkinOutput = defineOutput({
  type: 'zipkin',
  summary: 'Sends spans as Zipkin v2 JSON or protobuf to a Zipkin server and whatever else takes that.',
  signals: ['traces'],
  config,
  create: (checked, runtime) => new LazyOutput(async () => new (await import('./client.ts')).Client(checked, runtime)),
});
