// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inputs } from '../inputs/index.ts';
import { outputs } from '../outputs/index.ts';
import { formatFault } from './fault.ts';
import { loadFrom } from './load.ts';

const conf = join(import.meta.dirname, '../../conf.d');
const seeds = readdirSync(conf)
  .filter((name) => name.endsWith('.sample'))
  .map((name) => readFileSync(join(conf, name), 'utf8').replace(/^(\s*)# (?=\s*(?:\[|[\w-]+ = ))/gm, '$1'))
  .map((text) => text.replace(/^\s*#.*\n|^\n/gm, ''));

async function load(text: string) {
  return loadFrom(
    { sources: [{ file: 'fuzz.conf', text }], faults: [] },
    {
      flags: {},
      env: {},
      cwd: '/nowhere',
      definitions: { inputs, outputs },
      where: { inCluster: false, readableDir: () => false },
    },
  );
}

/** Good text with a few pieces cut out, doubled, or replaced by what people and editors put there. */
const bitten = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(
      fc.tuple(
        fc.noBias(fc.nat(9_999)),
        fc.nat(30),
        fc.constantFrom(
          '',
          '"',
          "'",
          '[',
          ']]',
          '{',
          '=',
          '\n',
          '#',
          '\\',
          '\t',
          '\u0000',
          '= 1',
          '${',
          '${X}',
          '__proto__ = 1\n',
          'é',
          '1e400',
          ': ',
        ),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([seed, bites]) =>
    bites.reduce((text, [where, length, put]) => {
      const at = Math.floor((where / 10_000) * text.length);
      return text.slice(0, at) + put + text.slice(at + length);
    }, seed),
  );

test('whatever a file holds, each fault is one line that names a line of the file', async () => {
  await fc.assert(
    fc.asyncProperty(bitten, async (text) => {
      const lines = text.split('\n').length;
      const { faults, warnings } = await load(text);
      for (const fault of [...faults, ...warnings]) {
        expect(formatFault(fault)).toMatch(/^[^\r\n]+$/);
        expect(fault.message).not.toMatch(/undefined|\[object|Expected|Invalid/);
        expect(fault.line ?? 1).toBeGreaterThanOrEqual(1);
        expect(fault.line ?? 1).toBeLessThanOrEqual(lines);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);

test('any text at all is read or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
      const { faults } = await load(text);
      for (const fault of faults) {
        expect(formatFault(fault)).toMatch(/^[^\r\n]+$/);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
