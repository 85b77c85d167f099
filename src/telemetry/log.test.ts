import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

test('an error is logged with its message and its cause', () => {
  const url = new URL('./log.ts', import.meta.url).href;
  const program = `
    const { createLogger } = await import(${JSON.stringify(url)});
    const error = new Error('no room', { cause: new Error('ENOSPC') });
    createLogger('info').component('store').error({ error }, 'What happened.');
    createLogger('info').warn({ error: 'as text' }, 'What happened.');`;
  const { stderr } = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  const [first, second] = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(first).toMatchObject({ component: 'store', msg: 'What happened.' });
  expect(first.error.message).toMatch(/no room.*ENOSPC/);
  expect(second.error).toBe('as text');
});
