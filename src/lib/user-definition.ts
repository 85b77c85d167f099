import { z } from 'zod';
import { loadUserModule, whyNot, withinTime } from './user-module.ts';

/** What a user's definition says, before a contract is laid over it. */
export interface UserDefinition {
  readonly signals: readonly string[] | undefined;
  /** undefined: any table is taken. */
  readonly config: z.ZodObject | undefined;
  readonly create: (config: unknown, runtime: unknown) => unknown;
}

export type FoundDefinition =
  | { readonly definition: UserDefinition; readonly fault?: never }
  /** Half a sentence. */
  | { readonly fault: string; readonly definition?: never };
/** `version` differs when the file has changed. */
export type LoadedDefinition = FoundDefinition & { readonly version?: string };

/** A module's top level, and a function that makes a definition, may take so long. */
const patienceMs = 10_000;

/** The definition that a module exports under that name, or as its default. */
export async function userDefinition(path: string, name: 'input' | 'output'): Promise<LoadedDefinition> {
  try {
    const { exports, fault, version } = await withinTime(loadUserModule(path), patienceMs, 'loading it');
    if (exports === undefined) {
      return { fault: `cannot be loaded: ${fault}` };
    }
    return { ...(await definitionOf(exports[name] ?? exports['default'], name)), version };
  } catch (error) {
    return { fault: `cannot be loaded: ${whyNot(error)}` };
  }
}

/** The same, of what was exported. */
export async function definitionOf(exported: unknown, name: 'input' | 'output'): Promise<FoundDefinition> {
  if (exported === undefined) {
    return { fault: `exports nothing called ${name}` };
  }
  const made =
    typeof exported === 'function' ? await withinTime(exported({ z }), patienceMs, `its ${name}()`) : exported;
  if (typeof made !== 'object' || made === null) {
    return { fault: `its ${name} is no definition: an object with create() is wanted` };
  }
  const { create, signals, config }: Readonly<Record<string, unknown>> = { ...made };
  if (typeof create !== 'function') {
    return { fault: `its ${name} has no function create` };
  }
  if (signals !== undefined && !isListOfSignals(signals)) {
    return { fault: `its signals are not a list of ${known.join(', ')}` };
  }
  if (config !== undefined && !(config instanceof z.ZodObject)) {
    return { fault: 'its config is not a z.object, made with the z that it is given' };
  }
  return { definition: { signals, config, create: (settings, runtime) => create.call(made, settings, runtime) } };
}

const known = ['metrics', 'traces', 'logs', 'rum'];

function isListOfSignals(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => known.includes(one));
}
