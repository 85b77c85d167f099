import { expect, test } from '@jest/globals';
import { defaultDataDir, defaultsContext } from './surroundings.ts';

interface Paths {
  readonly exist?: readonly string[];
  readonly mounted?: readonly string[];
}

const machine = ({ exist = [], mounted = [] }: Paths) => ({
  exists: (path: string) => exist.includes(path) || mounted.includes(path),
  isMounted: (path: string) => mounted.includes(path),
});

test('data is beside the program, and in a container where volumes are mounted', () => {
  const [own, dataKits] = ['/var/lib/meshbridge', '/usr/local/datakit/cache'];
  expect(defaultDataDir({}, machine({}))).toBe('data');
  expect(defaultDataDir({}, machine({ mounted: [dataKits] }))).toBe('data');
  expect(defaultDataDir({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, machine({}))).toBe(own);
  expect(defaultDataDir({}, machine({ exist: ['/.dockerenv'] }))).toBe(own);
  expect(defaultDataDir({ container: 'podman' }, machine({ mounted: [dataKits] }))).toBe(dataKits);
  expect(defaultDataDir({ container: 'podman' }, machine({ mounted: [dataKits, own] }))).toBe(own);
  // The image brings both directories along; only a volume outlives the container.
  expect(defaultDataDir({ container: 'podman' }, machine({ exist: [own], mounted: [dataKits] }))).toBe(dataKits);
  expect(defaultDataDir({ container: 'podman' }, machine({ exist: [own, dataKits] }))).toBe(own);
});

test('what runs by default depends on the cluster and on what can be read', () => {
  const where = defaultsContext({ KUBERNETES_SERVICE_HOST: '10.0.0.1' });
  expect(where.inCluster).toBe(true);
  expect(defaultsContext({}).inCluster).toBe(false);
  expect(where.readableDir(import.meta.dirname)).toBe(true);
  expect(where.readableDir(import.meta.filename)).toBe(false);
  expect(where.readableDir(`${import.meta.dirname}/nowhere`)).toBe(false);
});

test("what can be read is looked for below the node's file system where that is mounted", () => {
  const where = defaultsContext({ HOST_ROOT: import.meta.dirname });
  expect(where.readableDir('/../cli')).toBe(true);
  expect(where.readableDir(import.meta.dirname)).toBe(false);
});
