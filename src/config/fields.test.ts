import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { delivery } from './delivery-fields.ts';
import { bytes, cidrs, duration, listen, percentOrBytes, secret, url } from './fields.ts';

describe('durations', () => {
  const schema = duration('10s');
  test.each([
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1h2m3.5s', 3_723_500],
    ['500ms', 500],
    ['.5s', 500],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['0', 0],
    [' 3s ', 3_000],
  ])('reads %j', (text, ms) => {
    expect(schema.parse(text)).toBeCloseTo(ms, 9);
  });

  test.each(['', '10', 's', '10 s', '10x', '-1s', '1s!', '1.2.3s', '10S', '1e3s'])(
    'refuses %j and says what to write',
    (text) => {
      expect(schema.safeParse(text).error?.issues[0]?.message).toContain('such as "10s"');
    },
  );

  test('is the default when the key is missing, and required without one', () => {
    expect(schema.parse(undefined)).toBe(10_000);
    expect(duration().safeParse(undefined).success).toBe(false);
  });
});

describe('sizes', () => {
  test.each([
    ['1', 1],
    ['512B', 512],
    ['1kB', 1_000],
    ['10MiB', 10_485_760],
    ['1GB', 1_000_000_000],
    ['1.5GiB', 1_610_612_736],
    ['2 TB', 2e12],
    ['500mb', 500_000_000],
  ])('reads %j', (text, size) => {
    expect(bytes('1B').parse(text)).toBe(size);
  });

  test.each(['', 'MiB', '-1MB', '10 apples', '10Mi', '1e3', '10%'])('refuses %j', (text) => {
    expect(bytes('1B').safeParse(text).success).toBe(false);
  });

  test('a share or a size', () => {
    expect(percentOrBytes().parse('12%')).toEqual({ percent: 12 });
    expect(percentOrBytes().parse('1GiB')).toEqual({ bytes: 2 ** 30 });
    expect(percentOrBytes().safeParse('101%').success).toBe(false);
    expect(percentOrBytes().safeParse('half').success).toBe(false);
  });
});

describe('places', () => {
  test.each([
    ['auto', 'auto'],
    ['off', 'off'],
    ['127.0.0.1:9411', { host: '127.0.0.1', port: 9411 }],
    ['[::1]:9411', { host: '::1', port: 9411 }],
    [':9529', { host: '0.0.0.0', port: 9529 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
  ])('listens at %j', (text, place) => {
    expect(listen('auto').parse(text)).toEqual(place);
  });

  test.each(['9411', '1.2.3.4', 'http://x:1', '::1:9411', 'x:99999', 'on', ''])('does not listen at %j', (text) => {
    expect(listen('auto').safeParse(text).success).toBe(false);
  });

  test('an address needs its scheme', () => {
    expect(url().parse('https://h:1/p?q=1')).toBe('https://h:1/p?q=1');
    for (const wrong of ['h:1/p', '/p', 'ftp://h', '', 'http://']) {
      expect(url().safeParse(wrong).success).toBe(false);
    }
  });

  test('networks', () => {
    expect(cidrs().parse(undefined)).toEqual([]);
    expect(cidrs().parse(['10.0.0.0/8', '::1/128', '10.1.2.3', 'fe80::/10'])).toHaveLength(4);
    for (const wrong of ['10.0.0.0/33', '10.0.0/8', 'host', '::/129', '10.0.0.0/8/8', '10.0.0.0/']) {
      expect(cidrs().safeParse([wrong]).success).toBe(false);
    }
  });
});

test('a secret carries the mark that makes file:PATH work', () => {
  expect(secret().describe('Password.').meta()).toMatchObject({ secret: true, description: 'Password.' });
  expect(z.toJSONSchema(z.object({ token: secret().optional() }), { io: 'input' }).properties?.['token']).toMatchObject(
    { secret: true },
  );
});

test('the keys of every output have defaults', () => {
  expect(delivery.parse({})).toEqual({
    namespaces: [],
    on_full: 'drop_oldest',
    start: 'end',
    batch_items: 10_000,
    batch_bytes: 4_194_304,
    batch_wait: 200,
    concurrency: 1,
    timeout: 30_000,
  });
});
