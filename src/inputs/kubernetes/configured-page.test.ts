import { expect, test } from '@jest/globals';
import { promConfig } from '../../scrape/config.ts';
import { isOfThisNode, isOnThisMachine, serviceAddress } from './configured-page.ts';

test.each([
  ['http://istiod.istio-system.svc.cluster.local:15014/metrics', 'istio-system/istiod', true],
  ['http://istiod.istio-system.svc:15014/metrics', 'istio-system/istiod', true],
  ['http://istiod.istio-system.svc.cluster.local.:15014/', 'istio-system/istiod', true],
  ['http://istiod-1-22.mesh:15014/metrics', 'mesh/istiod-1-22', true],
  ['http://node-exporter.monitoring:9100/metrics', 'monitoring/node-exporter', false],
  ['http://db.example/metrics', 'example/db', false],
])('%s may be the Service %s', (url, name, certain) => {
  const found = serviceAddress(url);
  expect(`${found?.namespace}/${found?.name}`).toBe(name);
  expect(found?.certain).toBe(certain);
});

test('one endpoint of a headless Service is known by its host name', () => {
  expect(serviceAddress('http://web-0.web.prod.svc.cluster.local/')).toEqual({
    namespace: 'prod',
    name: 'web',
    hostname: 'web-0',
    certain: true,
  });
});

test.each([
  'http://istiod:15014/metrics',
  'http://a.example.com/metrics',
  'http://10.0.0.1:80/',
  'http://[fd00::1]:80/',
  '/run/istiod.mesh.svc',
  'http://a_b.c.svc.cluster.local/',
])('%s is no Service', (url) => {
  expect(serviceAddress(url)).toBeUndefined();
});

test.each([
  ['http://127.0.0.1:15020/stats', true],
  ['http://127.1.2.3/', true],
  ['http://2130706433/', true],
  ['http://localhost:80/', true],
  ['http://x.localhost:80/', true],
  ['http://[::1]:80/', true],
  ['http://[::ffff:127.0.0.1]:80/', true],
  ['http://0.0.0.0:80/', true],
  ['/run/page.prom', true],
  ['http://192.168.1.8:9100/metrics', false],
  ['http://localhost.example.com/', false],
])('%s is on this machine: %s', (url, expected) => {
  expect(isOnThisMachine(url, promConfig.parse({ url }))).toBe(expected);
});

test('the addresses of the node are known in either family', () => {
  const own = ['192.168.1.7', 'fd00::7'];
  expect(isOfThisNode('http://192.168.1.7:9100/metrics', own)).toBe(true);
  expect(isOfThisNode('http://[fd00::7]:9100/metrics', own)).toBe(true);
  expect(isOfThisNode('http://192.168.1.8:9100/metrics', own)).toBe(false);
});

test('a unix socket is on this machine, whatever the host of the URL', () => {
  const url = 'http://x.prod.svc/';
  expect(isOnThisMachine(url, promConfig.parse({ url, uds_path: '/run/x.sock' }))).toBe(true);
});
