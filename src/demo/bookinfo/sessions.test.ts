import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Sessions } from './sessions.ts';

const cookieOf = (sessions: Sessions, name: string) => sessions.signIn(name).split(';')[0] ?? '';

test('a name comes back out of its cookie, also among other cookies', () => {
  const sessions = new Sessions();
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }), (name) => {
      fc.pre(name.trim() !== '' && name.trim().length <= 64);
      expect(sessions.user(`a=b; ${cookieOf(sessions, name)}; c=d`)).toBe(name.trim());
    }),
  );
});

test('nobody is known without a cookie, with another’s, a forged one, or after signing out', () => {
  const sessions = new Sessions();
  const jason = cookieOf(sessions, 'jason');
  const [, signature = ''] = jason.split('.');
  for (const cookie of [
    undefined,
    '',
    cookieOf(new Sessions(), 'jason'),
    `session=${Buffer.from('admin').toString('base64url')}.${signature}`,
    'session=.x',
    sessions.signOut().split(';')[0],
  ]) {
    expect(sessions.user(cookie)).toBeUndefined();
  }
});
