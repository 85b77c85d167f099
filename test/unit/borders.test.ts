import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { borderFaults, cruise } from '../run/borders.ts';

let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'meshbridge-borders-'));
});

afterEach(() => {
  rmSync(top, { recursive: true, force: true });
});

function write(path: string, source: string): void {
  const file = join(top, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, source);
}

test('names an import that the table of rooms does not allow', () => {
  write('src/lib/clock.ts', 'export const now = 1;\n');
  write('src/model/span.ts', "import { now } from '../lib/clock.ts';\nexport const at = now;\n");
  write('src/store/store.ts', "import { at } from '../model/span.ts';\nexport const from = at;\n");

  expect(borderFaults(cruise(['src'], top))).toEqual(['room-model: src/model/span.ts → src/lib/clock.ts']);
});

test('sees imports behind a declaration with using', () => {
  write('src/lib/clock.ts', 'export const now = 1;\n');
  write(
    'src/model/span.ts',
    [
      'export async function at(open: () => Disposable) {',
      '  using held = open();',
      "  const { now } = await import('../lib/clock.ts');",
      '  return { now, held };',
      '}',
      '',
    ].join('\n'),
  );

  expect(borderFaults(cruise(['src'], top))).toEqual(['room-model: src/model/span.ts → src/lib/clock.ts']);
});

test('is a fault when no module or no import was seen', () => {
  write('src/lib/readme.txt', 'no module');
  expect(borderFaults(cruise(['src'], top))).toEqual(['no module was looked at']);

  write('src/lib/clock.ts', 'export const now = 1;\n');
  expect(borderFaults(cruise(['src'], top))).toEqual(['no import was seen in 1 modules']);
});
