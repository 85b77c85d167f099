import { join } from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { influxdbOfMetrics, prometheus, type Running, victoriaMetrics } from './bad-day/backends.ts';
import { BadDay, killed, troubles } from './bad-day/bad-day.ts';
import { itemsOf } from './bad-day/load.ts';

const hourMs = 3_600_000;
const seed = Number(process.env['BAD_DAY_SEED'] ?? Date.now() % 1_000_000);
const turns = [['prometheus', 'influxdb'], ['victoria-metrics']] as const;

describeWith('prometheus', (prometheusProgram) => {
  describeWith('victoria-metrics', (victoriaProgram) => {
    describeWith('influxdb', (influxProgram) => {
      let dir: TempDir;
      let backends: readonly Running[] = [];
      let day: BadDay;

      beforeAll(async () => {
        dir = await tempDir();
        backends = await Promise.all([
          prometheus({ program: prometheusProgram, dir: join(dir.path, 'prometheus') }),
          victoriaMetrics({ program: victoriaProgram, dir: join(dir.path, 'victoria-metrics') }),
          influxdbOfMetrics({ program: influxProgram, dir: join(dir.path, 'influxdb') }),
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
        test(
          `${names.join(' and ')}, which ${killed.name}, misses nothing and holds up no other`,
          () => day.suffer(killed, names),
          240_000,
        );
      }

      test(
        'one poisoned item among many is given up by each of them with the reason, and it alone',
        () =>
          day.refuse({
            by: backends.map(({ name }) => name),
            good: itemsOf('metrics', 20),
            bad: itemsOf('metrics', 1),
            says: /^HTTP 400: one of these is poisoned$/,
            poison: true,
          }),
        240_000,
      );

      test(
        'what Prometheus itself refuses as too old is in its dead letters, and in the other backends',
        () =>
          day.refuse({
            by: ['prometheus'],
            good: itemsOf('metrics', 20),
            bad: itemsOf('metrics', 2, 6 * hourMs),
            says: /^HTTP 400: .*out of bounds/,
          }),
        240_000,
      );

      test('of the books nothing is missing, in the status and in the queue on disk', () => day.books(), 240_000);
    });
  });
});
