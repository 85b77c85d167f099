import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { until } from '../../test/fakes/until.ts';
import { ConfigWatch, type ConfigWatchOptions } from './watch.ts';

/** So long that no poll comes while a test runs. */
const neverMs = 3_600_000;

interface Watched {
  readonly dir: string;
  readonly changes: () => number;
  put(name: string, text: string): Promise<void>;
}

function watching(
  options: Partial<ConfigWatchOptions>,
  use: (watched: Watched) => Promise<void>,
  prepare?: (dir: string) => Promise<void>,
): Promise<void> {
  return inTempDir(async (dir) => {
    await prepare?.(dir);
    let changes = 0;
    const watch = new ConfigWatch({ cwd: dir, configDir: 'conf.d', quietMs: 20, pollMs: neverMs, ...options });
    await watch.note();
    watch.start(() => {
      changes += 1;
    });
    try {
      await use({
        dir: join(dir, 'conf.d'),
        changes: () => changes,
        // At once: a file that is cut and then written may be seen in between.
        put: async (name, text) => {
          await writeFile(join(dir, 'text'), text);
          await rename(join(dir, 'text'), join(dir, 'conf.d', name));
        },
      });
    } finally {
      await watch.stop();
    }
  });
}

const withFile = async (dir: string): Promise<void> => {
  await mkdir(join(dir, 'conf.d/prom'), { recursive: true });
  await writeFile(join(dir, 'conf.d/a.conf'), 'first');
  await writeFile(join(dir, 'conf.d/prom/b.conf'), 'first');
};

/** As the kubelet lays a ConfigMap out: names link through `..data` into a directory of one version. */
async function version(dir: string, number: number, text: string): Promise<void> {
  const name = `..2026_11_22_01_16_3${number}.0`;
  await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, name, 'a.conf'), text);
  await symlink(name, join(dir, '..data_tmp'));
  await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  await rm(join(dir, `..2026_11_22_01_16_3${number - 1}.0`), { recursive: true, force: true });
}

const asConfigMap = async (dir: string): Promise<void> => {
  await mkdir(join(dir, 'conf.d'));
  await version(join(dir, 'conf.d'), 0, 'first');
  await symlink('..data/a.conf', join(dir, 'conf.d/a.conf'));
};

describe('a change is noticed', () => {
  test('of a file, again and again', () =>
    watching(
      {},
      async ({ put, changes }) => {
        for (let i = 1; i <= 3; i += 1) {
          await put('a.conf', `text ${i}`);
          await until(() => changes() === i, { what: `change ${i}` });
        }
      },
      withFile,
    ));

  test('at every swap of a ConfigMap, though the old version is removed', () =>
    watching(
      {},
      async ({ dir, changes }) => {
        for (let i = 1; i <= 4; i += 1) {
          await version(dir, i, `text ${i}`);
          await until(() => changes() === i, { what: `swap ${i}` });
        }
      },
      asConfigMap,
    ));

  test('in a directory below, and in one that came later', () =>
    watching(
      {},
      async ({ dir, put, changes }) => {
        await put('prom/b.conf', 'second');
        await until(() => changes() === 1);
        await mkdir(join(dir, 'new'));
        await put('new/c.conf', 'one more');
        await until(() => changes() >= 2);
        const before = changes();
        await put('new/c.conf', 'one more, changed');
        await until(() => changes() > before);
      },
      withFile,
    ));

  test('of a directory that is replaced as a whole', () =>
    watching(
      {},
      async ({ dir, changes, put }) => {
        await mkdir(`${dir}/prom.new`);
        await writeFile(`${dir}/prom.new/b.conf`, 'second');
        await rename(`${dir}/prom`, `${dir}/.prom.old`);
        await rename(`${dir}/prom.new`, `${dir}/prom`);
        await until(() => changes() >= 1);
        const before = changes();
        await put('prom/b.conf', 'third');
        await until(() => changes() > before);
      },
      withFile,
    ));

  test('that came between noting and starting', () =>
    inTempDir(async (dir) => {
      await withFile(dir);
      const watch = new ConfigWatch({ cwd: dir, configDir: 'conf.d', quietMs: 20, pollMs: neverMs });
      await watch.note();
      await writeFile(join(dir, 'conf.d/a.conf'), 'second');
      await new Promise<void>((resolve) => watch.start(resolve));
      await watch.stop();
    }));

  test('by reading now and then, of a directory that was away', () =>
    watching(
      { pollMs: 30 },
      async ({ dir, put, changes }) => {
        await rm(dir, { recursive: true });
        await until(() => changes() === 1);
        await mkdir(dir);
        await put('a.conf', 'second');
        await until(() => changes() === 2);
      },
      withFile,
    ));
});

describe('nothing is said', () => {
  test('of files whose bytes are what they were, and of those that are no configuration', () =>
    watching(
      {},
      async ({ dir, put, changes }) => {
        await put('a.conf', 'first');
        await put('a.conf.sample', 'text');
        await put('.hidden.conf', 'text');
        await rm(join(dir, 'a.conf.sample'));
        await expect(until(() => changes() > 0, { withinMs: 300 })).rejects.toThrow('not seen');
      },
      withFile,
    ));

  test('once it has stopped', () =>
    inTempDir(async (dir) => {
      await withFile(dir);
      let changes = 0;
      const watch = new ConfigWatch({ cwd: dir, configDir: 'conf.d', quietMs: 1, pollMs: 5 });
      await watch.note();
      watch.start(() => {
        changes += 1;
      });
      await watch.stop();
      await writeFile(join(dir, 'conf.d/a.conf'), 'second');
      await expect(until(() => changes > 0, { withinMs: 100 })).rejects.toThrow('not seen');
    }));
});
