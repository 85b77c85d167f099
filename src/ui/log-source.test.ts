import { expect, test } from '@jest/globals';
import { sourceOf } from './log-source.ts';

test('a pod of a Deployment is named by its Deployment, its sidecar beside it', () => {
  const pod = 'productpage-v1-7c5d8f6b9d-q8m4z';
  expect(sourceOf({ pod, container: 'productpage' })).toBe('productpage-v1');
  expect(sourceOf({ pod, container: 'istio-proxy' })).toBe('productpage-v1 / istio-proxy');
  expect(sourceOf({ pod, container: 'istio-proxy', app: 'productpage' })).toBe('productpage / istio-proxy');
});

test('other names stay whole', () => {
  expect(sourceOf({ pod: 'mysql-0', container: 'db' })).toBe('mysql-0 / db');
  expect(sourceOf({ pod: 'istio-cni-node-x7k2p' })).toBe('istio-cni-node-x7k2p');
  expect(sourceOf({})).toBe('');
});
