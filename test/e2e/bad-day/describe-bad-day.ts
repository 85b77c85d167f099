import { afterAll, beforeAll, test } from '@jest/globals';
import type { Signal } from '../../../src/model/batch.ts';
import { type TempDir, tempDir } from '../../fakes/temp-dir.ts';

import { BadDay, killed, type Trouble, troubles } from './bad-day.ts';
import { itemsOf } from './load.ts';
import type { Running } from './server.ts';

export interface BadDayPlan {
  /** Starts the backends, with what they keep under `dir`. */
  readonly start: (dir: string) => Promise<readonly Running[]>;
  /** Inputs of the daemon, as TOML. */
  readonly inputs?: string;
  /** Names of those that are in trouble at the same time, one such group after the other. */
  readonly turns: readonly (readonly string[])[];
  /** The same, of those that are killed. */
  readonly killed: readonly (readonly string[])[];
  /** Of the item that all backends refuse. */
  readonly poisoned: Signal;
  /** Makes tests of what only these backends refuse. */
  readonly further?: (day: () => BadDay) => void;
}

const seed = Number(process.env['BAD_DAY_SEED'] ?? Date.now() % 1_000_000);
const longestMs = 240_000;

/** The tests that every set of backends must pass, each behind a proxy that can do harm. */
export function describeBadDay(plan: BadDayPlan): void {
  let dir: TempDir;
  let backends: readonly Running[] = [];
  let day: BadDay;

  beforeAll(async () => {
    dir = await tempDir();
    backends = await plan.start(dir.path);
    day = await BadDay.start({ dir: dir.path, seed, backends, toml: plan.inputs ?? '' });
  }, longestMs);

  afterAll(async () => {
    await day?.end();
    await Promise.all(backends.map((backend) => backend.stop()));
    await dir.remove();
  }, 120_000);

  test('on a good day everything is everywhere', async () => day.check(await day.post(3)), longestMs);

  const suffers = (names: readonly string[], trouble: Trouble): void =>
    test(
      `${names.join(' and ')}: one that ${trouble.name} misses nothing and holds up no other (seed ${seed})`,
      () => day.suffer(trouble, names),
      longestMs,
    );
  for (const names of plan.turns) {
    for (const trouble of troubles) {
      suffers(names, trouble);
    }
  }
  for (const names of plan.killed) {
    suffers(names, killed);
  }

  test(
    'one poisoned item among many is given up by each of them with the reason, and it alone',
    () =>
      day.refuse({
        by: backends.map(({ name }) => name),
        good: itemsOf(plan.poisoned, 20),
        bad: itemsOf(plan.poisoned, 1),
        says: /^HTTP 400: one of these is poisoned$/,
        poison: true,
      }),
    longestMs,
  );

  plan.further?.(() => day);

  test('of the books nothing is missing, in the status and in the queue on disk', () => day.books(), longestMs);
}
