// node --test webhook.test.mjs
import { test } from 'node:test';
import { outputCases, outputDefinition, recordDecoders, sampleRequest } from 'meshbridge/testing';
import { output } from './webhook.mjs';

const cases = outputCases({
  kind: 'http',
  definition: await outputDefinition(output),
  decode: recordDecoders(),
  request: (records) => sampleRequest('logs', records),
  config: (url) => ({ url: `${url}/hook` }),
  itemsIn: ({ body }) => (body.length === 0 ? 0 : JSON.parse(body).length),
});

for (const { name, run } of cases) {
  test(name, run);
}
