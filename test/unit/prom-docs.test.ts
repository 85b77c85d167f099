import { expect, test } from '@jest/globals';
import { prom } from '../../src/inputs/prom/prom.ts';
import { keyRows, shownTitles, testsIn } from './key-tables.ts';

const rows = keyRows('docs/prom.md');
const tests = testsIn(['src/scrape', 'src/inputs/prom', 'src/inputs/kubernetes', 'src/codec/prometheus-text']);

test('every key of [[inputs.prom]] has one row in docs/prom.md, and there are no others', () => {
  expect(rows.map(({ key }) => key).sort()).toEqual(Object.keys(prom.config.shape).sort());
});

test.each(rows.map(({ key, shownBy }) => [key, shownBy]))('%s: there is a test called "%s"', (_, title = '') => {
  expect(title.length).toBeGreaterThan(10);
  expect(tests.includes(title)).toBe(true);
});

test('every row that says what shows it names a test', () => {
  const titles = shownTitles('docs/prom.md');
  expect(titles.length).toBeGreaterThan(rows.length + 20);
  expect(titles.filter((title) => title.length <= 10 || !tests.includes(title))).toEqual([]);
});
