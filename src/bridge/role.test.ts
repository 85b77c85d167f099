import { expect, test } from '@jest/globals';
import { loadFrom } from '../config/load.ts';
import { inputs } from '../inputs/index.ts';
import { outputs } from '../outputs/index.ts';
import { roleOf } from './role.ts';

async function role(toml: string, facts: { readonly inCluster?: boolean; readonly hasAgents?: boolean } = {}) {
  const { inCluster = false, hasAgents = false } = facts;
  const config = await loadFrom(
    { sources: [{ file: 'a.conf', text: toml }], faults: [] },
    { flags: {}, env: {}, cwd: '/', definitions: { inputs, outputs }, where: { inCluster, readableDir: () => false } },
  );
  expect(config.faults).toEqual([]);
  const hubRuns = config.inputs.some(({ type }) => type === 'hub');
  return { ...roleOf({ config, inCluster, hasAgents: () => hasAgents }), hubRuns, store: config.store.enabled };
}

test('one process for all, which in a cluster is alone', async () => {
  expect(await role('')).toEqual({ role: 'all-in-one', hubRuns: true, store: true });
  expect(await role('', { inCluster: true })).toEqual({
    role: 'all-in-one',
    isAlone: true,
    hubRuns: true,
    store: true,
  });
});

test('a hub is one that agents send to, or that is meant to be one', async () => {
  expect(await role('', { hasAgents: true, inCluster: true })).toEqual({ role: 'hub', hubRuns: true, store: true });
  expect(await role('[[inputs.hub]]')).toEqual({ role: 'hub', hubRuns: true, store: true });
  expect(await role('[kubernetes]\n  token_secret = "meshbridge-token"')).toMatchObject({ role: 'hub' });
  expect(await role('[[inputs.hub]]\n  enabled = false')).toEqual({ role: 'all-in-one', hubRuns: false, store: true });
});

test('an agent has a hub, keeps nothing and takes no records', async () => {
  const one = '[[outputs.hub]]\n  urls = ["https://hub:9529/api/native/records", "http://second:9529"]\n';
  const urls = ['https://hub:9529/api/native/records', 'http://second:9529'];
  const agent = { role: 'agent', hubRuns: false, store: false };
  expect(await role(one, { inCluster: true })).toEqual({ ...agent, hub: { urls, page: 'https://hub:9529/' } });
  expect(await role(`${one}  page = "https://mesh.example.com/"`)).toMatchObject({
    hub: { page: 'https://mesh.example.com/' },
  });
});

test('an agent that is to be a hub for others says so', async () => {
  const both = '[[outputs.hub]]\n  urls = ["http://hub:9529"]\n[[inputs.hub]]\n[[outputs.file]]\n  path = "a"\n';
  expect(await role(both)).toMatchObject({ role: 'agent', hubRuns: true });
});

test('the hub is given records in their order', async () => {
  const { faults } = await loadFrom(
    { sources: [{ file: 'a.conf', text: '[[outputs.hub]]\n  urls = ["http://a"]\n  concurrency = 2\n' }], faults: [] },
    {
      flags: {},
      env: {},
      cwd: '/',
      definitions: { inputs, outputs },
      where: { inCluster: false, readableDir: () => false },
    },
  );
  expect(faults).toMatchObject([{ keyPath: 'outputs.hub[0].concurrency', line: 3, hint: 'remove it' }]);
});
