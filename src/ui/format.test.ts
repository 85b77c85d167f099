import { expect, test } from '@jest/globals';
import {
  bytesText,
  countText,
  durationText,
  exactText,
  fewText,
  microsOf,
  numberText,
  rateText,
  shortName,
  spanText,
} from './format.ts';

test('counts are written in full up to ten millions', () => {
  expect([0, 999, 1_000, 1_234_567, 12_345_678, 9.9e9].map(countText)).toEqual([
    '0',
    '999',
    '1,000',
    '1,234,567',
    '12.3 M',
    '9.9 G',
  ]);
  expect(exactText(12_345_678)).toBe('12,345,678');
});

test('sizes are in powers of 1000', () => {
  expect([0, 999, 1_000, 64_000_000, 1_234_000_000].map(bytesText)).toEqual(
    ['0 B', '999 B', '1 kB', '64 MB', '1.23 GB'].map((s) => s.replace('64 MB', '64.0 MB')),
  );
});

test('durations choose their unit and keep three digits', () => {
  expect([0, 1, 999, 1_000, 11_846, 999_400, 1_500_000, 119e6].map(durationText)).toEqual([
    '0 µs',
    '1 µs',
    '999 µs',
    '1 ms',
    '11.8 ms',
    '999 ms',
    '1.5 s',
    '119 s',
  ]);
  expect(durationText(3_600e6)).toBe('1 h');
  expect(durationText(undefined)).toBe('–');
});

test('long times have two units', () => {
  expect([0, 59_000, 61_000, 3_600_000, 90_061_000].map(spanText)).toEqual([
    '0 s',
    '59 s',
    '1 min 1 s',
    '1 h',
    '1 d 1 h',
  ]);
});

test('rates below ten keep a digit', () => {
  expect([0, 0.04, 3.25, 1_240.4].map(rateText)).toEqual(['0 /s', '<0.1 /s', '3.3 /s', '1,240 /s']);
  expect(rateText(undefined)).toBe('–');
});

test('a duration is read with and without a unit', () => {
  expect(['10ms', '1.5s', '250us', '250 µs', '2min', '7', 'x', '', '-1ms'].map(microsOf)).toEqual([
    10_000,
    1_500_000,
    250,
    250,
    120_000_000,
    7_000,
    undefined,
    undefined,
    undefined,
  ]);
});

test('any number is short, and none is rounded to nothing', () => {
  const numbers = [0, 3, 1.23456, 123.456, 12_345.678, 123_456.7, 98_765_432, -0.00123, 0.5, 1.5e-9, -3e15];
  expect(numbers.map(numberText)).toEqual([
    '0',
    '3',
    '1.235',
    '123.5',
    '12,345.7',
    '123,457',
    '98.8 M',
    '-0.00123',
    '0.5',
    '1.50e-9',
    '-3.00e+15',
  ]);
  expect([undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(numberText)).toEqual([
    '–',
    'NaN',
    '+Inf',
    '-Inf',
  ]);
});

test('what is rare is counted by the minute', () => {
  expect(fewText(0)).toBe('0 /s');
  expect(fewText(2.5 / 60)).toBe('2.5 /min');
  expect(fewText(0.9)).toBe('54.0 /min');
  expect(fewText(1.5)).toBe('1.5 /s');
  expect(fewText(0.000001)).toBe('0.01 /min');
});

test('names of spans lose the domain that all services of a cluster share, and nothing else', () => {
  expect(
    [
      'productpage.default.svc.cluster.local:9080/productpage',
      'router outbound|9080||reviews.default.svc.cluster.local egress',
      'a.b.svc.cluster.local',
      'a.b.svc.cluster.localhost:80/*',
      'GET /x',
    ].map(shortName),
  ).toEqual([
    'productpage.default:9080/productpage',
    'router outbound|9080||reviews.default egress',
    'a.b',
    'a.b.svc.cluster.localhost:80/*',
    'GET /x',
  ]);
});
