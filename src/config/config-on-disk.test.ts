import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { HeldClock } from '../../test/fakes/clock.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { stateAfter, until } from '../../test/fakes/until.ts';
import { ConfigOnDisk } from './config-on-disk.ts';
import type { LoadedConfig } from './load.ts';
import { ConfigWatch } from './watch.ts';

interface Rig {
  readonly source: ConfigOnDisk;
  readonly clock: HeldClock;
  /** What files held, each time that they were read. */
  readonly read: string[];
  hangUp(): void;
  write(text: string): Promise<void>;
}

function running(use: (rig: Rig) => Promise<void>): Promise<void> {
  return inTempDir(async (cwd) => {
    const file = join(cwd, 'conf.d/own.conf');
    await mkdir(join(cwd, 'conf.d'));
    await writeFile(file, 'first');
    const clock = new HeldClock();
    const [read, hangUps]: [string[], (() => void)[]] = [[], []];
    const source = new ConfigOnDisk({
      clock,
      watch: new ConfigWatch({ cwd, configDir: 'conf.d', pollMs: 3_600_000, quietMs: 3_600_000 }),
      onHangUp: (listener) => hangUps.push(listener),
      load: async () => {
        const text = await readFile(file, 'utf8');
        read.push(text);
        return { files: [text] } as unknown as LoadedConfig;
      },
    });
    try {
      const hangUp = (): void => {
        for (const listener of hangUps) {
          listener();
        }
      };
      await use({ source, clock, read, hangUp, write: (text) => writeFile(file, text) });
    } finally {
      await source.stop();
    }
  });
}

const textOf = ({ files }: LoadedConfig): string => files.join();

test('at the start files are read as they are', () =>
  running(async ({ source, read }) => {
    expect(textOf(await source.load())).toBe('first');
    expect(read).toEqual(['first']);
  }));

test('a file that is cut to nothing before it is written is not taken as it is in between', () =>
  running(async ({ source, clock, hangUp, write }) => {
    await source.load();
    let taken: Promise<LoadedConfig> | undefined;
    // The watch may notice it, too: as while the process runs, one wish at a time.
    source.listen(() => {
      taken ??= source.load();
    });
    await write('');
    hangUp();
    await until(() => clock.sleepers === 1);
    await write('second');
    await clock.advance(100);
    await until(() => clock.sleepers === 1);
    expect(await stateAfter(Promise.resolve(taken), 50)).toBe('pending');
    await clock.advance(100);
    expect(textOf(await (taken ?? source.load()))).toBe('second');
  }));

test('files that go on changing are taken in the end, and the end of the process is not held up by them', () =>
  running(async ({ source, clock, hangUp, write, read }) => {
    await source.load();
    const taken: Promise<LoadedConfig>[] = [];
    source.listen((why) => {
      if (why === 'SIGHUP') {
        taken.push(source.load());
      }
    });
    hangUp();
    for (let i = 0; i < 100; i += 1) {
      await until(() => clock.sleepers === 1);
      await write(`version ${i}`);
      await clock.advance(100);
    }
    expect((await Promise.all(taken)).map(textOf)).toEqual(['version 99']);
    hangUp();
    await until(() => clock.sleepers === 1);
    const before = read.length;
    await source.stop();
    await taken[1];
    expect(read.length).toBe(before + 1);
  }));
