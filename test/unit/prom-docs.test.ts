import { expect, test } from '@jest/globals';
import { prom } from '../../src/inputs/prom/prom.ts';
import { keyRows, testsIn } from './key-tables.ts';

const rows = keyRows('docs/prom.md');
const tests = testsIn(['src/scrape', 'src/inputs/prom', 'src/inputs/kubernetes']);

test('every key of [[inputs.prom]] has one row in docs/prom.md, and there are no others', () => {
  expect(rows.map(({ key }) => key).sort()).toEqual(Object.keys(prom.config.shape).sort());
});

test.each(rows.map(({ key, shownBy }) => [key, shownBy]))('%s: there is a test called "%s"', (_, title = '') => {
  expect(title.length).toBeGreaterThan(10);
  expect(tests.includes(title)).toBe(true);
});
