import { z } from 'zod';
import type { Looked } from '../contract/looked.ts';
import { type UserDefinition, userDefinition } from '../lib/user-definition.ts';
import { type Signal, signals } from '../model/batch.ts';
import { besideConfig } from './fields.ts';
import { checkValue } from './schema-check.ts';

/** The keys of a component that is somebody's own module. */
export function moduleFields(kind: 'input' | 'output') {
  return z.strictObject({
    path: besideConfig()
      .meta({ example: './mine.mjs' })
      .describe(
        `An ES module that exports an ${kind}; docs/extending.md shows one. A relative path is beside the configuration file.`,
      ),
    config: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Settings of the module, checked by its own schema.'),
  });
}
export type ModuleConfig = z.output<ReturnType<typeof moduleFields>>;

export interface FoundModule extends Looked<never> {
  /** undefined where something is wrong. */
  readonly made: UserDefinition | undefined;
}

/** Loads the module, and holds the settings against its schema. */
export async function lookAtModule({ path, config }: ModuleConfig, kind: 'input' | 'output'): Promise<FoundModule> {
  const { definition, version, fault } = await userDefinition(path, kind);
  if (definition === undefined) {
    return { made: undefined, faults: [{ path: ['path'], message: fault, hint: 'docs/extending.md shows one' }] };
  }
  return {
    made: definition,
    ...(version === undefined ? {} : { version }),
    faults: settingFaults(definition, config),
  };
}

/** In the words of every other table; values, which may be secrets, are not shown. */
function settingFaults({ config: schema }: UserDefinition, config: unknown): FoundModule['faults'] {
  if (schema === undefined) {
    return [];
  }
  const { faults, unknownKeys } = checkValue(schema, config, undefined);
  return [...faults, ...unknownKeys].map(({ path, message, hint }) => ({
    path: ['config', ...path],
    message,
    ...(hint === undefined ? {} : { hint }),
  }));
}

/** The settings of a component, which differ when what they name has changed. */
export function versioned<T extends object>(config: T, version: string | undefined): T {
  return version === undefined ? config : { ...config, version };
}

export function moduleSignals(definition: UserDefinition): readonly Signal[] {
  return signals.filter((signal) => definition.signals?.includes(signal) ?? true);
}
