import { join } from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { meshbridge, type Running, zipkin } from './bad-day/backends.ts';
import { BadDay, killed, troubles } from './bad-day/bad-day.ts';
import { itemsOf } from './bad-day/load.ts';

const seed = Number(process.env['BAD_DAY_SEED'] ?? Date.now() % 1_000_000);
const turns = [['zipkin'], ['otlp', 'hub']] as const;

describeWith('zipkin-server', (jar) => {
  let dir: TempDir;
  let backends: readonly Running[] = [];
  let day: BadDay;

  beforeAll(async () => {
    dir = await tempDir();
    const far = (name: string) => ({ name, dir: join(dir.path, `far-${name}`), signals: ['traces'] as const });
    backends = await Promise.all([
      zipkin({ jar }),
      meshbridge({
        ...far('otlp'),
        toml: (url) => `[[outputs.otlp]]\n  url = "${url}"\n`,
        // Nothing in OTLP says that a request came before, but of two spans that are the same the store shows one.
        onTwice: 'one',
      }),
      meshbridge({
        ...far('hub'),
        toml: (url) => `[[outputs.hub]]\n  urls = ["${url}"]\n`,
        // It knows the place of each record in the sender's queue.
        onTwice: 'one',
      }),
    ]);
    day = await BadDay.start({ dir: dir.path, seed, backends });
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
    `zipkin and otlp, which ${killed.name}, miss nothing and hold up no other`,
    () => day.suffer(killed, ['zipkin', 'otlp']),
    240_000,
  );

  test(
    'one poisoned item among many is given up by each of them with the reason, and it alone',
    () =>
      day.refuse({
        by: backends.map(({ name }) => name),
        good: itemsOf('traces', 20),
        bad: itemsOf('traces', 1),
        says: /^HTTP 400: one of these is poisoned$/,
        poison: true,
      }),
    240_000,
  );

  test('of the books nothing is missing, in the status and in the queue on disk', () => day.books(), 240_000);
});
