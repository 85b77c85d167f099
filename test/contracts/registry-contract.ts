import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { InputDefinition } from '../../src/contract/input.ts';
import type { OutputDefinition } from '../../src/contract/output.ts';
import type { ProbeReport } from './create-probe.ts';
import { describeCases } from './describe-cases.ts';
import type { Case } from './suite.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

export interface RegistrySubject {
  readonly inputs: readonly InputDefinition[];
  readonly outputs: readonly OutputDefinition[];
  /** The folders of a room; each holds one component. */
  folders(room: 'inputs' | 'outputs'): Promise<readonly string[]>;
  /** What a process sees that creates one of each. */
  probe(): Promise<ProbeReport>;
}

/** Packages that may be loaded for components that nobody configured. */
const light = ['zod'];

const cases = {
  'has a folder for each component, and a component for each folder': async (s: RegistrySubject) => {
    for (const room of ['inputs', 'outputs'] as const) {
      const types = s[room].map((definition) => definition.type.replaceAll('_', '-'));
      assert.deepEqual([...types].sort(), [...(await s.folders(room))].sort(), room);
    }
  },

  'gives each component a type of its own': async (s: RegistrySubject) => {
    for (const room of ['inputs', 'outputs'] as const) {
      const types = s[room].map((definition) => definition.type);
      assert.deepEqual([...new Set(types)], types, room);
      assert.deepEqual(
        types.filter((type) => !/^[a-z][a-z0-9_]*$/.test(type)),
        [],
        `${room}: types that are no TOML key in snake case`,
      );
    }
  },

  'says in one sentence what each component does': async (s: RegistrySubject) => {
    const odd = all(s).filter(({ summary }) => !/^[A-Z][^\n]{10,160}[^.]\.$/.test(summary));
    assert.deepEqual(
      odd.map(({ type, summary }) => `${type}: ${summary}`),
      [],
    );
  },

  'declares signals, each once': async (s: RegistrySubject) => {
    const odd = all(s).filter(({ signals }) => signals.length === 0 || new Set(signals).size !== signals.length);
    assert.deepEqual(
      odd.map(({ type }) => type),
      [],
    );
  },

  'takes its own defaults': async (s: RegistrySubject) => {
    for (const definition of s.inputs) {
      for (const inCluster of [true, false]) {
        const config = definition.byDefault?.({ inCluster, readableDir: () => true });
        assert.equal(config === undefined || definition.config.safeParse(config).success, true, definition.type);
      }
    }
    const { components } = await s.probe();
    assert.deepEqual(
      components.filter(({ fault }) => fault !== undefined).map(({ id, fault }) => `${id}: ${fault}`),
      [],
    );
  },

  'creates components without I/O': async (s: RegistrySubject) => {
    const { components } = await s.probe();
    assert.equal(components.length, s.inputs.length + s.outputs.length);
    assert.deepEqual(
      components.filter(({ touched }) => touched.length > 0).map(({ id, touched }) => `${id}: ${touched}`),
      [],
    );
  },

  'loads nothing heavy before a component starts': async (s: RegistrySubject) => {
    const { packages, components } = await s.probe();
    assert.deepEqual(
      packages.filter((name) => !light.includes(name)),
      [],
      'packages that the lists load',
    );
    assert.deepEqual(
      components.filter(({ loaded }) => loaded.length > 0).map(({ id, loaded }) => `${id}: ${loaded}`),
      [],
      'packages that create loads',
    );
  },
} satisfies Record<string, (subject: RegistrySubject) => Promise<void>>;

export function registryCases(subject: RegistrySubject): readonly Case[] {
  return Object.entries(cases).map(([name, check]) => ({ name, run: () => check(subject) }));
}

/** Shows that the lists of components and the definitions in them keep contract/input.ts and contract/output.ts. */
export function describeRegistry(subject: RegistrySubject): void {
  describeCases('the lists of components keep the contract', registryCases(subject), {});
}

/** The folders of `src/<room>`. */
export async function foldersOf(room: 'inputs' | 'outputs'): Promise<readonly string[]> {
  const entries = await readdir(join(root, 'src', room), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/**
 * Runs create-probe.ts in a process of its own. `minimal`: what must be written, by `inputs.<type>` or `outputs.<type>`;
 * `lists`: modules that export `inputs` and `outputs`, if not those of the program.
 */
export async function probeOf(
  minimal: Readonly<Record<string, unknown>>,
  lists: readonly string[] = [],
): Promise<ProbeReport> {
  const probe = join(import.meta.dirname, 'create-probe.ts');
  const args = ['--no-warnings', probe, JSON.stringify(minimal), ...lists];
  const { stdout } = await run(process.execPath, args, { cwd: root });
  return JSON.parse(stdout);
}

function all({ inputs, outputs }: RegistrySubject): readonly (InputDefinition | OutputDefinition)[] {
  return [...inputs, ...outputs];
}
