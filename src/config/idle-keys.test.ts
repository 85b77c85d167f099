import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { idleKeys } from './idle-keys.ts';

const schema = z.strictObject({
  works: z.string().optional().meta({ example: 'x' }),
  idle: z.string().optional().meta({ idle: 'write works' }).describe('A key.'),
  inner: z.strictObject({ on: z.boolean().default(false).meta({ idle: 'nobody asks' }) }).optional(),
});

test('keys that do nothing are named where they stand, with what to do instead', () => {
  expect(idleKeys(schema, { works: 'a', idle: 'b', inner: { on: true }, unknown: 1 })).toEqual([
    { code: 'no-effect', path: ['idle'], message: 'has no effect', hint: 'write works' },
    { code: 'no-effect', path: ['inner', 'on'], message: 'has no effect', hint: 'nobody asks' },
  ]);
});

test('what is off, or not written, is not named', () => {
  expect(idleKeys(schema, { works: 'a', inner: { on: false } })).toEqual([]);
  expect(idleKeys(schema, 'no table')).toEqual([]);
});
