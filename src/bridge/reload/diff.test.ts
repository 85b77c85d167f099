import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadFrom } from '../../config/load.ts';
import { inputs } from '../../inputs/index.ts';
import { outputs } from '../../outputs/index.ts';
import { diffOf } from './diff.ts';

interface Component {
  readonly type: string;
  readonly settings: object;
}

const of = (text: string): Component[] =>
  text.split(' ').flatMap((word) => {
    const [type = '', url = ''] = word.split(':');
    return word === '' ? [] : [{ type, settings: { url } }];
  });
const name = ({ type, settings }: Component): string => `${type}:${Object.values(settings).join()}`;

function diff(before: string, after: string) {
  const { kept, changed, added, removed } = diffOf(of(before), of(after), {
    kindOf: ({ type }) => type,
    wantedOf: (running) => running,
    settingsOf: ({ settings }) => settings,
  });
  return {
    kept: [...kept.keys()].map(name),
    changed: [...changed].map(([now, old]) => `${name(old)} ${name(now)}`),
    added: added.map(name),
    removed: removed.map(name),
  };
}

describe('what becomes of components', () => {
  test.each([
    ['all that is equal stays', 'a:1 b:1', 'a:1 b:1', { kept: ['a:1', 'b:1'] }],
    ['a table that moves touches nobody', 'a:1 a:2', 'a:2 a:1', { kept: ['a:2', 'a:1'] }],
    ['one that comes before others touches nobody', 'a:1 a:2', 'a:0 a:1 a:2', { kept: ['a:1', 'a:2'], added: ['a:0'] }],
    ['one that goes touches nobody', 'a:1 a:2', 'a:2', { kept: ['a:2'], removed: ['a:1'] }],
    ['a new setting follows the one before it', 'a:1 a:2', 'a:1 a:3', { kept: ['a:1'], changed: ['a:2 a:3'] }],
    ['kinds do not follow each other', 'a:1', 'b:1', { added: ['b:1'], removed: ['a:1'] }],
    ['equal ones are counted', 'a:1 a:1', 'a:1', { kept: ['a:1'], removed: ['a:1'] }],
    ['everything may go', 'a:1', '', { removed: ['a:1'] }],
  ])('%s', (_, before, after, expected) => {
    expect(diff(before, after)).toEqual({ kept: [], changed: [], added: [], removed: [], ...expected });
  });
});

describe('settings that were read twice are equal', () => {
  const definitions = { inputs, outputs };
  const load = (text: string) =>
    loadFrom(
      { sources: [{ file: 'own.conf', text }], faults: [] },
      { flags: {}, env: {}, cwd: '/', definitions, where: { inCluster: false, readableDir: () => true } },
    );
  const dir = join(import.meta.dirname, '../../../conf.d');

  /** A sample with each of its keys. What cannot stand together is a fault, and the rest is still there. */
  async function sample(file: string): Promise<string> {
    return (await readFile(join(dir, file), 'utf8')).replace(/^(\s*)# (?=[\w."-]+ = |\[)/gm, '$1');
  }

  /** The keys of their samples do not stand together. */
  const alone = ['[[outputs.kafka]]\nbrokers = ["127.0.0.1:9092"]\n'];

  test('of every component, with whatever its sample says', async () => {
    const files = (await readdir(dir)).filter((file) => file.endsWith('.sample'));
    const seen = new Set<string>();
    const samples = await Promise.all(files.map(sample));
    for (const text of [...samples, ...alone]) {
      const [first, second] = [await load(text), await load(text)];
      for (const part of ['inputs', 'outputs'] as const) {
        const settings = (loaded: typeof first) =>
          loaded[part].map((one) => ({ type: one.type, config: one.config, ...('delivery' in one && one.delivery) }));
        expect(settings(second)).toStrictEqual(settings(first));
        const again = diffOf(settings(first), settings(second), {
          kindOf: ({ type }) => type,
          wantedOf: (one) => one,
          settingsOf: (one) => one,
        });
        expect([...again.changed.keys()].map(({ type }) => type)).toEqual([]);
        for (const { type } of again.kept.keys()) {
          seen.add(`${part}.${type}`);
        }
      }
    }
    const types = [...inputs.map(({ type }) => `inputs.${type}`), ...outputs.map(({ type }) => `outputs.${type}`)];
    expect(types.filter((type) => !seen.has(type))).toEqual([]);
  });
});
