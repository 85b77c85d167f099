import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { prom } from '../../src/inputs/prom/prom.ts';

const top = join(import.meta.dirname, '../..');
const folders = ['src/scrape', 'src/inputs/prom', 'src/inputs/kubernetes'];

/** The rows of the tables whose first cell is one key: its cells. */
const rows = readFileSync(join(top, 'docs/prom.md'), 'utf8')
  .split('\n')
  .map((line) =>
    line
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => cell.trim()),
  )
  .filter(([first = '']) => /^`[a-z0-9_]+`$/.test(first));

const keys = rows.map(([key = '']) => key.replaceAll('`', ''));

const tests = folders
  .flatMap((folder) => readdirSync(join(top, folder)).map((name) => join(top, folder, name)))
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

test('every key of [[inputs.prom]] has one row in docs/prom.md, and there are no others', () => {
  expect([...keys].sort()).toEqual(Object.keys(prom.config.shape).sort());
});

test.each(rows.map((cells) => [cells[0] ?? '', cells.at(-1) ?? '']))(
  '%s: there is a test called "%s"',
  (_, title = '') => {
    expect(title.length).toBeGreaterThan(10);
    expect(tests.includes(title)).toBe(true);
  },
);
