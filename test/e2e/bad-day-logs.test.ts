import { join } from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { fakeDataway, influxdbOfLogs, meshbridge, type Running } from './bad-day/backends.ts';
import { BadDay, killed, troubles } from './bad-day/bad-day.ts';
import { itemsOf } from './bad-day/load.ts';

const seed = Number(process.env['BAD_DAY_SEED'] ?? Date.now() % 1_000_000);
const turns = [['influxdb', 'dataway'], ['loki']] as const;

describeWith('influxdb', (program) => {
  let dir: TempDir;
  let backends: readonly Running[] = [];
  let day: BadDay;

  beforeAll(async () => {
    dir = await tempDir();
    backends = await Promise.all([
      influxdbOfLogs({ program, dir: join(dir.path, 'influxdb') }),
      meshbridge({
        name: 'loki',
        dir: join(dir.path, 'far-loki'),
        signals: ['logs'],
        toml: (url) => `[[outputs.loki]]\n  url = "${url}"\n`,
        inputs: '[[inputs.loki]]\n',
        // Loki itself makes one of lines that are equal in stream, time and text.
        onTwice: 'two',
      }),
      fakeDataway(),
    ]);
    day = await BadDay.start({ dir: dir.path, seed, backends, toml: '[[inputs.loki]]\n' });
  }, 240_000);

  afterAll(async () => {
    await day?.end();
    await Promise.all(backends.map((backend) => backend.stop()));
    await dir.remove();
  }, 120_000);

  for (const names of turns) {
    test.each(troubles)(
      `${names.join(' and ')}, which $name, misses nothing and holds up no other (seed ${seed})`,
      (trouble) => day.suffer(trouble, names),
      240_000,
    );
  }

  test(
    `influxdb and loki, which ${killed.name}, miss nothing and hold up no other`,
    () => day.suffer(killed, ['influxdb', 'loki']),
    240_000,
  );

  test(
    'one poisoned item among many is given up by each of them with the reason, and it alone',
    () =>
      day.refuse({
        by: backends.map(({ name }) => name),
        good: itemsOf('logs', 20),
        bad: itemsOf('logs', 1),
        says: /^HTTP 400: one of these is poisoned$/,
        poison: true,
      }),
    240_000,
  );

  test('of the books nothing is missing, in the status and in the queue on disk', () => day.books(), 240_000);
});
