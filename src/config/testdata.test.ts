import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inputs } from '../inputs/index.ts';
import { outputs } from '../outputs/index.ts';
import { formatFault } from './fault.ts';
import { readConfigFiles } from './files.ts';
import { loadFrom } from './load.ts';

const cwd = join(import.meta.dirname, 'testdata');
const names = readdirSync(cwd);

async function faultsOf(name: string): Promise<{ faults: string[]; warnings: string[] }> {
  const { faults, warnings } = await loadFrom(await readConfigFiles(cwd, [name]), {
    flags: {},
    env: {},
    cwd,
    definitions: { inputs, outputs },
    where: { inCluster: false, readableDir: () => false },
  });
  return { faults: faults.map(formatFault), warnings: warnings.map(formatFault) };
}

test.each(names.filter((name) => name.endsWith('.good.conf')))('%s is good', async (name) => {
  expect(await faultsOf(name)).toEqual({ faults: [], warnings: [] });
});

test.each(names.filter((name) => name.endsWith('.bad.conf')))(
  '%s is refused with the lines that stand at its top',
  async (name) => {
    const said = readFileSync(join(cwd, name), 'utf8').matchAll(/^#! (.*)$/gm);
    const expected = Array.from(said, ([, line = '']) => (/^\d/.test(line) ? `${name}:${line}` : `${name}: ${line}`));
    expect((await faultsOf(name)).faults).toEqual(expected);
  },
);
