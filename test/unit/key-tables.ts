import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const top = join(import.meta.dirname, '../..');

export interface KeyRow {
  readonly key: string;
  /** What the last cell says: the title of a test. */
  readonly shownBy: string;
}

/** The rows of a page's tables, or of those of one section, whose first cell is one key. */
export function keyRows(page: string, section?: string): readonly KeyRow[] {
  const text = readFileSync(join(top, page), 'utf8');
  const part = section === undefined ? text : (text.split(/^## /m).find((one) => one.startsWith(`${section}\n`)) ?? '');
  return part
    .split('\n')
    .map((line) =>
      line
        .replace(/^\||\|$/g, '')
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter(([first = '']) => /^`[a-z0-9_.]+`$/.test(first))
    .map((cells) => ({ key: (cells[0] ?? '').replaceAll('`', ''), shownBy: cells.at(-1) ?? '' }));
}

/** The titles of tests in the tables whose last column is called "shown by the test". */
export function shownTitles(page: string): readonly string[] {
  return readFileSync(join(top, page), 'utf8')
    .split(/\n(?!\|)/)
    .map((block) => block.split('\n').filter((line) => line.startsWith('|')))
    .filter(([head = '']) => head.endsWith('| shown by the test |'))
    .flatMap(([, , ...rows]) => rows)
    .map((row) => row.replace(/\|$/, '').split('|').at(-1)?.trim() ?? '');
}

/** The text of all tests in those folders. */
export function testsIn(folders: readonly string[]): string {
  return folders
    .flatMap((folder) => readdirSync(join(top, folder)).map((name) => join(top, folder, name)))
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}
