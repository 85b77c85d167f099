import { expect, test } from '@jest/globals';
import { defaultDataDir, defaultsContext } from './surroundings.ts';

const having =
  (...paths: readonly string[]) =>
  (path: string): boolean =>
    paths.includes(path);

test('data is beside the program, and in a container where volumes are mounted', () => {
  expect(defaultDataDir({}, having())).toBe('data');
  expect(defaultDataDir({}, having('/usr/local/datakit/cache'))).toBe('data');
  expect(defaultDataDir({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, having())).toBe('/var/lib/meshbridge');
  expect(defaultDataDir({}, having('/.dockerenv'))).toBe('/var/lib/meshbridge');
  expect(defaultDataDir({ container: 'podman' }, having('/usr/local/datakit/cache'))).toBe('/usr/local/datakit/cache');
  const both = having('/.dockerenv', '/usr/local/datakit/cache', '/var/lib/meshbridge');
  expect(defaultDataDir({}, both)).toBe('/var/lib/meshbridge');
});

test('what runs by default depends on the cluster and on what can be read', () => {
  const where = defaultsContext({ KUBERNETES_SERVICE_HOST: '10.0.0.1' });
  expect(where.inCluster).toBe(true);
  expect(defaultsContext({}).inCluster).toBe(false);
  expect(where.readableDir(import.meta.dirname)).toBe(true);
  expect(where.readableDir(import.meta.filename)).toBe(false);
  expect(where.readableDir(`${import.meta.dirname}/nowhere`)).toBe(false);
});
