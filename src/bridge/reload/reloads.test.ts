import { describe, expect, test } from '@jest/globals';
import { MemoryLog } from '../../../test/fakes/runtime.ts';
import { until } from '../../../test/fakes/until.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { Applied } from '../running/running-inputs.ts';
import { Reloads } from './reloads.ts';

type Step = Partial<Applied> & { readonly bad?: string; readonly throws?: string };

/** Answers a wish with the next step; the last one is repeated. */
function rig(...steps: readonly Step[]) {
  const log = new MemoryLog();
  const applied: number[] = [];
  let loads = 0;
  let want: (why: string) => void = () => undefined;
  let gate: Promise<void> = Promise.resolve();
  const step = (): Step => steps[Math.min(loads, steps.length) - 1] ?? {};
  const reloads = new Reloads({
    source: {
      load: async () => {
        loads += 1;
        await gate;
        const { bad } = step();
        const faults = bad === undefined ? [] : [{ code: 'value' as const, keyPath: 'a', message: bad }];
        return { faults } as unknown as LoadedConfig;
      },
      listen: (onWanted) => {
        want = onWanted;
      },
      stop: async () => undefined,
    },
    apply: async () => {
      const { throws, changed = [], faults = [] } = step();
      if (throws !== undefined) {
        throw new Error(throws);
      }
      applied.push(loads);
      return { changed, faults };
    },
    now: () => 1_000 + loads,
    log,
  });
  reloads.start();
  return {
    reloads,
    log,
    applied,
    want: () => want('SIGHUP'),
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    done: (count: number) =>
      until(() => reloads.status().good + reloads.status().bad === count, { what: `${count} attempts` }),
  };
}

describe('a configuration', () => {
  test('is the one of the start until somebody wants another', () => {
    const { reloads } = rig();
    expect(reloads.status()).toMatchObject({ generation: 1, ok: true, faults: [], changed: [], good: 0, bad: 0 });
  });

  test('that is good is taken, and what it changed is said', async () => {
    const { reloads, want, done, log } = rig({ changed: ['an input is new'] });
    want();
    await done(1);
    expect(reloads.status()).toMatchObject({
      generation: 2,
      ok: true,
      changed: ['an input is new'],
      lastGoodAtMs: 1_001,
    });
    expect(log.entries.at(-1)).toMatchObject({
      level: 'info',
      fields: { why: 'SIGHUP', changed: ['an input is new'] },
    });
  });

  test('with faults changes nothing, and the next good one heals it', async () => {
    const { reloads, want, done, applied, log } = rig({ bad: 'is no url' }, {});
    want();
    await done(1);
    expect(reloads.status()).toMatchObject({ generation: 1, ok: false, faults: ['a: is no url'], lastGoodAtMs: 1_000 });
    expect(applied).toEqual([]);
    expect(log.at('error')).toHaveLength(1);
    want();
    await done(2);
    expect(reloads.status()).toMatchObject({ ok: true, faults: [], good: 1, bad: 1, lastGoodAtMs: 1_002 });
  });

  test('that cannot be put together is as bad as one with faults', async () => {
    const { reloads, want, done } = rig({ throws: 'two components want one path' });
    want();
    await done(1);
    expect(reloads.status()).toMatchObject({ ok: false, faults: ['two components want one path'], generation: 1 });
  });

  test('of which a part cannot start is taken in part', async () => {
    const { reloads, want, done } = rig({ changed: ['a is new'], faults: ['b cannot start: EADDRINUSE'] });
    want();
    await done(1);
    expect(reloads.status()).toMatchObject({ ok: false, changed: ['a is new'], generation: 2, lastGoodAtMs: 1_000 });
  });
});

describe('wishes', () => {
  test('that come while one is under way are one wish', async () => {
    const { want, done, hold, applied, reloads } = rig({});
    const letGo = hold();
    want();
    await Promise.resolve();
    want();
    want();
    want();
    letGo();
    await done(2);
    expect(applied).toHaveLength(2);
    await reloads.stop();
  });

  test('are not followed after the stop, which waits for what is under way', async () => {
    const { want, hold, applied, reloads } = rig({});
    const letGo = hold();
    want();
    const stopped = reloads.stop();
    letGo();
    await stopped;
    expect(applied).toHaveLength(1);
    want();
    expect(reloads.status().good).toBe(1);
  });
});
