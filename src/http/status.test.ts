import { describe, expect, test } from '@jest/globals';
import { healthOf, retryAfterMs, writeResultOf } from './status.ts';

const nowMs = Date.parse('2026-11-21T10:00:00Z');

describe('an answer of the far side', () => {
  test.each([
    [200, 'delivered', 'delivered'],
    [202, 'delivered', 'delivered'],
    [204, 'delivered', 'delivered'],
    [301, 'retry', 'retry'],
    [400, 'rejected', 'split'],
    [401, 'retry', 'retry'],
    [403, 'retry', 'retry'],
    [404, 'retry', 'retry'],
    [405, 'retry', 'retry'],
    [408, 'retry', 'retry'],
    [409, 'rejected', 'split'],
    [413, 'split', 'split'],
    [422, 'rejected', 'split'],
    [425, 'retry', 'retry'],
    [429, 'retry', 'retry'],
    [500, 'retry', 'retry'],
    [503, 'retry', 'retry'],
  ])('%i means %s for one record and %s for several', (status, one, several) => {
    expect(writeResultOf(status, undefined, { records: 1, nowMs }).status).toBe(one);
    expect(writeResultOf(status, undefined, { records: 2, nowMs }).status).toBe(several);
  });

  test.each([
    [408, 'busy'],
    [429, 'busy'],
    [503, 'busy'],
    [500, 'server_error'],
    [504, 'server_error'],
    [301, 'misconfigured'],
    [401, 'misconfigured'],
    [404, 'misconfigured'],
  ])('%i is counted as %s', (status, cause) => {
    expect(writeResultOf(status, undefined, { records: 1, nowMs })).toMatchObject({ status: 'retry', cause });
  });

  test('says why, with what the far side wrote', () => {
    expect(writeResultOf(429, '7', { records: 1, detail: 'slow down', nowMs })).toEqual({
      status: 'retry',
      reason: 'HTTP 429: slow down',
      cause: 'busy',
      afterMs: 7_000,
    });
  });
});

test.each([
  ['120', 120_000],
  [' 0 ', 0],
  ['Sat, 21 Nov 2026 10:00:30 GMT', 30_000],
  ['Sat, 21 Nov 2026 09:00:00 GMT', 0],
  ['', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  [undefined, undefined],
])('Retry-After: %s is %s ms', (header, expected) => {
  expect(retryAfterMs(header, nowMs)).toBe(expected);
});

describe('a check of the far side', () => {
  test('is good when the attempt is delivered, else says why not', async () => {
    expect(await healthOf(async () => ({ status: 'delivered' }))).toEqual({ ok: true });
    expect(await healthOf(async () => ({ status: 'retry', reason: 'HTTP 503' }))).toEqual({
      ok: false,
      reason: 'HTTP 503',
    });
  });

  test('that gets no answer in time is not good, and does not reject', async () => {
    const hangs = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    expect(await healthOf(hangs, 20)).toEqual({ ok: false, reason: 'no answer within 0.02 s', cause: 'timeout' });
  });

  test('passes on what is a fault of our own', async () => {
    const broken = async (): Promise<never> => {
      throw new TypeError('a bug');
    };
    await expect(healthOf(broken)).rejects.toThrow('a bug');
  });
});
