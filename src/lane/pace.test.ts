import { expect, test } from '@jest/globals';
import { HeldClock } from '../../test/fakes/clock.ts';
import { until } from '../../test/fakes/until.ts';
import { Pace } from './pace.ts';

const never = new AbortController().signal;

test('a batch may go at once, and the next one when the rate allows', async () => {
  const clock = new HeldClock();
  const pace = new Pace(1_000, clock);
  await pace.rested(never);
  pace.spent(2_500);
  let hasRested = false;
  const resting = pace.rested(never).then(() => {
    hasRested = true;
  });
  await clock.advance(2_499);
  expect(hasRested).toBe(false);
  await clock.advance(1);
  await resting;
});

test('signals that send by turns share the rate', async () => {
  const clock = new HeldClock();
  const pace = new Pace(1_000, clock);
  pace.spent(1_000);
  const first = pace.rested(never);
  await until(() => clock.sleepers === 1);
  pace.spent(1_000);
  await clock.advance(1_000);
  await until(() => clock.sleepers === 1, { what: 'the second rest' });
  await clock.advance(1_000);
  await first;
});

test('rest that was not used is not saved up', async () => {
  const clock = new HeldClock();
  const pace = new Pace(1_000, clock);
  pace.spent(1_000);
  await clock.advance(60_000);
  pace.spent(1_000);
  const resting = pace.rested(never);
  await until(() => clock.sleepers === 1);
  await clock.advance(1_000);
  await resting;
});

test('the end does not wait for it', async () => {
  const pace = new Pace(1, new HeldClock());
  pace.spent(1_000_000);
  await expect(pace.rested(AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
});
