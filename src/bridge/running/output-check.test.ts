import { describe, expect, test } from '@jest/globals';
import { HeldClock } from '../../../test/fakes/clock.ts';
import { MemoryLog } from '../../../test/fakes/runtime.ts';
import { until, within } from '../../../test/fakes/until.ts';
import type { Output } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { OutputCheck } from './output-check.ts';

interface Rig {
  readonly check: OutputCheck;
  readonly clock: HeldClock;
  readonly log: MemoryLog;
  asked(): number;
}

async function withCheck(answers: readonly (() => Promise<Health>)[], run: (rig: Rig) => Promise<void>): Promise<void> {
  let asked = 0;
  const output: Output = {
    start: async () => undefined,
    write: async () => ({ status: 'delivered' }),
    check: () => {
      asked += 1;
      return (answers[asked - 1] ?? answers.at(-1) ?? (async () => ({ ok: true })))();
    },
    stop: async () => undefined,
  };
  const [clock, log] = [new HeldClock(), new MemoryLog()];
  const check = new OutputCheck({ name: 'far', output, timeoutMs: 5_000, clock, log });
  check.start();
  try {
    await run({ check, clock, log, asked: () => asked });
  } finally {
    await within(check.stop(), 5_000, 'stop');
  }
}

const good = async (): Promise<Health> => ({ ok: true });
const refused = async (): Promise<Health> => ({ ok: false, reason: 'HTTP 401', cause: 'misconfigured' });

describe('an output', () => {
  test('that can deliver is asked once', () =>
    withCheck([good], async ({ check, clock, asked, log }) => {
      await until(() => check.status?.ok);
      await clock.advance(600_000);
      expect([asked(), log.entries]).toEqual([1, []]);
    }));

  test('that cannot is asked every half minute until it can, and said once to be so', () =>
    withCheck([refused, refused, good], async ({ check, clock, asked, log }) => {
      await until(() => clock.sleepers === 1 && check.status !== undefined);
      expect(check.status).toEqual({ atMs: clock.now(), ok: false, reason: 'HTTP 401', cause: 'misconfigured' });
      await clock.advance(30_000);
      await until(() => asked() === 2 && clock.sleepers === 1);
      await clock.advance(30_000);
      await until(() => check.status?.ok);
      expect(log.entries.map(({ level }) => level)).toEqual(['warn', 'info']);
    }));

  test('that does not answer in its time could not deliver', () =>
    withCheck([() => new Promise(() => undefined)], async ({ check, clock }) => {
      await until(() => clock.sleepers === 1);
      await clock.advance(5_000);
      await until(() => check.status);
      expect(check.status).toMatchObject({ ok: false, reason: 'no answer within 5 s', cause: 'timeout' });
    }));

  test('that throws could not either', () =>
    withCheck([() => Promise.reject(new Error('no such host'))], async ({ check }) => {
      await until(() => check.status);
      expect(check.status).toMatchObject({ ok: false, reason: 'no such host' });
    }));
});
