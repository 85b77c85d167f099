import { expect, test } from '@jest/globals';
import { annotationConfig, promConfig } from './config.ts';

const url = 'http://127.0.0.1:15020/stats/prometheus';
const limits = (config: object) => {
  const { body_size_limit, sample_limit, label_limit, label_name_length_limit, label_value_length_limit } =
    annotationConfig.parse({ url, ...config });
  return [body_size_limit, sample_limit, label_limit, label_name_length_limit, label_value_length_limit];
};
const most = [64 * 1024 * 1024, 200_000, 200, 1_024, 16 * 1024];

test('an annotation has limits where it writes none, and none above them', () => {
  expect(limits({})).toEqual(most);
  const without = { sample_limit: 0, label_limit: 0, label_name_length_limit: 0, label_value_length_limit: 0 };
  expect(limits(without)).toEqual(most);
  const high = { label_limit: 201, label_name_length_limit: 1_025, label_value_length_limit: 16_385 };
  expect(limits({ ...high, body_size_limit: '1GiB', sample_limit: 200_001 })).toEqual(most);
});

test('an annotation may ask for lower ones', () => {
  const low = { sample_limit: 5, label_limit: 4, label_name_length_limit: 3, label_value_length_limit: 2 };
  expect(limits({ ...low, body_size_limit: '1KiB' })).toEqual([1_024, 5, 4, 3, 2]);
});

test('the configuration itself is not held to them', () => {
  expect(promConfig.parse({ url, sample_limit: 0, body_size_limit: '1GiB' })).toMatchObject({
    sample_limit: 0,
    body_size_limit: 2 ** 30,
  });
});
