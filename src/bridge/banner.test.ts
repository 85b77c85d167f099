import { expect, test } from '@jest/globals';
import type { BridgeStatus } from '../contract/status.ts';
import { banner } from './banner.ts';

function lineOf(name: string, part: Partial<BridgeStatus>): string {
  const status: BridgeStatus = {
    version: '1.2.3',
    startedAtMs: 0,
    nowMs: 0,
    node: 'node-1',
    pid: 1,
    configFiles: [],
    warnings: [],
    listeners: [{ name: 'main', address: '0.0.0.0:9529' }],
    inputs: [],
    lanes: [],
    ready: true,
    notReady: [],
    ...part,
  };
  const facts = {
    dataDir: '/data',
    tokenPath: '/data/token',
    scheme: 'http',
    outputs: [],
    inputsOff: [],
    extra: [],
  } as const;
  const line = banner({ status, ...facts })
    .split('\n')
    .find((one) => one.trimStart().startsWith(`${name} `));
  return line?.trim().replace(/^\S+ +/, '') ?? '';
}

test('the banner says whose data the process shows, and where the rest is', () => {
  expect(lineOf('page', {})).toBe('http://127.0.0.1:9529/');
  expect(lineOf('role', { role: 'all-in-one' })).toBe('all in one');
  expect(lineOf('role', { role: 'all-in-one', isAlone: true })).toContain('the node node-1 alone');
  expect(lineOf('role', { role: 'hub' })).toBe('hub');
  const tokenSecret = { name: 'mesh/meshbridge-token' };
  expect(lineOf('role', { role: 'hub', tokenSecret })).toContain('Secret mesh/meshbridge-token');
  const hub = { urls: ['http://hub:9529'], page: 'https://mesh.example.com/' };
  expect(lineOf('role', { role: 'agent', hub })).toMatch(/agent of the node node-1.*https:\/\/mesh.example.com\//);
});
