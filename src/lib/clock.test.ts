import { expect, test } from '@jest/globals';
import { systemClock } from './clock.ts';

test('a sleep ends with the reason of its signal', async () => {
  const reason = new Error('stopped');
  await expect(systemClock.sleep(60_000, AbortSignal.abort(reason))).rejects.toMatchObject({ name: 'AbortError' });
});
