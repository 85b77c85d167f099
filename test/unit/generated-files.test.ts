import { mkdir, mkdtemp, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Field } from '../../src/config/field-list.ts';
import { formatFault, loadConfig } from '../../src/config/load.ts';
import { reference } from '../../src/config/reference.ts';
import { inputFields, outputFields, samples } from '../../src/config/sample.ts';
import { tables } from '../../src/config/schema.ts';
import { inputs } from '../../src/inputs/index.ts';
import { outputs } from '../../src/outputs/index.ts';

const definitions = { inputs, outputs };
const root = join(import.meta.dirname, '../..');
const update = process.env['UPDATE'] === '1';
const generated = [
  ...samples(definitions).map(({ name, text }) => ({ file: `conf.d/${name}`, text })),
  { file: 'docs/configuration.md', text: reference(definitions) },
];

const types = (components: readonly { readonly type: string }[]): string[] => components.map(({ type }) => type);

async function current(file: string): Promise<string | undefined> {
  return readFile(join(root, file), 'utf8').catch(() => undefined);
}

describe('generated files', () => {
  test.each(generated)(
    '$file says what the schemas say (UPDATE=1 npm run unit writes it anew)',
    async ({ file, text }) => {
      if (update) {
        await mkdir(join(root, file, '..'), { recursive: true });
        await writeFile(join(root, file), text);
      }
      expect(await current(file)).toBe(text);
    },
  );

  test('conf.d has no sample of a component that is gone', async () => {
    const known = new Set(generated.map(({ file }) => file));
    const found = (await readdir(join(root, 'conf.d'))).filter((name) => name.endsWith('.conf.sample'));
    const gone = found.filter((name) => !known.has(`conf.d/${name}`));
    if (update) {
      await Promise.all(gone.map((name) => unlink(join(root, 'conf.d', name))));
      return;
    }
    expect(gone).toEqual([]);
  });
});

/** A sample with everything that is behind one `#` in front of it. */
function uncommented(text: string): string {
  return text.replace(/^(\s*)# (?=\s*(?:\[|[\w-]+ = ))/gm, '$1');
}

async function load(toml: string) {
  const dir = await mkdtemp(join(tmpdir(), 'sample-'));
  const here = toml
    .replaceAll('file:/etc/meshbridge/secret', 'secret')
    .replaceAll('./mine.mjs', join(root, 'test/fixtures/module/mine.mjs'));
  await writeFile(join(dir, 'sample.conf'), here);
  const where = { inCluster: false, readableDir: () => false };
  return loadConfig({ flags: {}, env: {}, cwd: dir, configDir: '.', definitions, where });
}

describe('samples', () => {
  test.each(samples(definitions))('$name is good as it is', async ({ text }) => {
    const { faults, warnings } = await load(text);
    expect([...faults, ...warnings].map(formatFault)).toEqual([]);
  });

  test.each(samples(definitions))('$name is good with every # taken away', async ({ text }) => {
    const all = uncommented(text);
    expect(all).not.toBe(text);
    const { faults } = await load(all);
    expect(faults.map(formatFault)).toEqual([]);
  });

  for (const type of types(inputs)) {
    test(`the sample of input ${type} shows the defaults`, async () => {
      const text = samples(definitions).find(({ name }) => name === `inputs.${type}.conf.sample`)?.text ?? '';
      const asItIs = (await load(text)).inputs.find((input) => input.type === type)?.config;
      const all = (await load(uncommented(text))).inputs.find((input) => input.type === type)?.config;
      expect(asItIs).toBeDefined();
      expect(withoutMaps(all, asItIs)).toEqual(asItIs);
    });
  }

  test.each(types(outputs))('the sample of output %s shows the defaults', async (type) => {
    const text = samples(definitions).find(({ name }) => name === `outputs.${type}.conf.sample`)?.text ?? '';
    const asItIs = (await load(text)).outputs.find((output) => output.type === type);
    const all = (await load(uncommented(text))).outputs.find((output) => output.type === type);
    expect(asItIs).toBeDefined();
    expect(withoutMaps(all?.config, asItIs?.config)).toEqual(asItIs?.config);
    expect(withoutMaps(all?.delivery, asItIs?.delivery)).toEqual(asItIs?.delivery);
  });

  test('the sample of our own tables shows the defaults', async () => {
    const text = samples(definitions).find(({ name }) => name === 'meshbridge.conf.sample')?.text ?? '';
    const defaults = tables({ inCluster: false }).parse({});
    expect(await load(text)).toMatchObject({ server: defaults.server, queue: defaults.queue, store: defaults.store });
    const all = await load(uncommented(text));
    expect(all.queue).toEqual(defaults.queue);
    expect(all.log).toEqual(defaults.log);
    expect(all.server).toMatchObject(defaults.server);
  });
});

/** What has no default differs on purpose: the sample shows an example there. */
function withoutMaps(all: object | undefined, asItIs: object | undefined): object {
  const kept = Object.entries(all ?? {}).filter(([key]) => Object.hasOwn(asItIs ?? {}, key));
  const before = new Map(Object.entries(asItIs ?? {}));
  return Object.fromEntries(kept.map(([key, value]) => [key, isEmptyTable(before.get(key)) ? before.get(key) : value]));
}

function isEmptyTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

describe('every key is explained', () => {
  const lacking = (fields: readonly Field[], prefix: string): string[] =>
    fields.flatMap((field) => [
      ...(field.description.length > 3 ? [] : [`${prefix}${field.key}`]),
      ...lacking(field.fields, `${prefix}${field.key}.`),
    ]);

  test('of inputs', () => {
    const all = inputs.flatMap((definition) => lacking(inputFields(definition), `${definition.type}.`));
    expect(all).toEqual([]);
  });

  test('of outputs', () => {
    const all = outputs.flatMap((definition) => lacking(outputFields(definition), `${definition.type}.`));
    expect(all).toEqual([]);
  });

  test('summaries are sentences', () => {
    for (const { summary } of [...inputs, ...outputs]) {
      expect(summary).toMatch(/^[A-Z].*\.$/);
    }
  });
});
