// node --test deploys.test.mjs
import { test } from 'node:test';
import { inputCases, inputDefinition, itemsOf, recordDecoders } from 'meshbridge/testing';
import { input } from './deploys.mjs';

const decode = recordDecoders();
const told = { 204: 'accepted', 400: 'refused', 503: 'try later' };

/** The build server. */
async function source({ runtime }) {
  let served;
  const post = async (body) => {
    const answer = await fetch(`${served.url}/hooks/deploys`, { method: 'POST', body });
    return told[answer.status];
  };
  return {
    config: {},
    open: async () => {
      served = await runtime.serve();
    },
    send: (id) => post(JSON.stringify({ namespace: 'prod', workload: 'reviews', version: id })),
    sendGarbage: () => post('{"namespace":'),
    close: () => served?.close(),
  };
}

const versions = (emission) => itemsOf({ ...emission, seq: 1 }, decode).map(({ attributes }) => attributes.version);

const cases = inputCases({
  definition: await inputDefinition(input),
  source,
  ids: versions,
  count: (emission) => versions(emission).length,
});

for (const { name, run } of cases) {
  test(name, run);
}
