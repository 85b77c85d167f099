import { expect, test } from '@jest/globals';
import { bytesText, countText, rateText, timeText } from './words.ts';

test('numbers are written for people', () => {
  expect([0, 7, 1_234, 12.6, 0.123456, 3.149].map(countText)).toEqual(['0', '7', '1,234', '13', '0.12', '3.1']);
  expect([0, 999, 1_500, 12_345_678, 5e12].map(bytesText)).toEqual(['0 B', '999 B', '1.5 kB', '12.3 MB', '5 TB']);
  expect([5, 1_500, 90_000, 7_200_000, 864e5 * 3].map(timeText)).toEqual(['5 ms', '1.5 s', '1.5 min', '2 h', '3 d']);
  expect([undefined, 0, 0.01, 0.26, 1_234.5].map(rateText)).toEqual(['–', '0/s', '<0.1/s', '0.3/s', '1,235/s']);
});
