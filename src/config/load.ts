import type { DefaultsContext, InputDefinition } from '../contract/input.ts';
import type { OutputDefinition } from '../contract/output.ts';
import { type EnvironmentValue, readEnvironment } from './environment.ts';
import type { Fault } from './fault.ts';
import { type FoundFiles, findConfigFiles } from './files.ts';
import { type LoadedInput, loadInputs } from './load-inputs.ts';
import { type LoadedOutput, loadOutputs } from './load-outputs.ts';
import { OwnTables } from './own-tables.ts';
import type { Tables } from './schema.ts';
import type { Environment } from './strings.ts';
import { isFault, parseToml, type TomlDocument } from './toml-document.ts';

export type { Fault, FaultCode } from './fault.ts';
export { formatFault } from './fault.ts';
export type { LoadedInput } from './load-inputs.ts';
export type { LoadedDelivery, LoadedOutput } from './load-outputs.ts';

export interface LoadOptions {
  /** What was said on the command line; stands over everything else. */
  readonly flags: { readonly listen?: string };
  readonly env: Environment;
  readonly cwd: string;
  /** Read this directory and no other. Default: the search path (config/files.ts). */
  readonly configDir?: string;
  readonly definitions: { readonly inputs: readonly InputDefinition[]; readonly outputs: readonly OutputDefinition[] };
  readonly where: DefaultsContext;
}

/** `[store]`, and why it is off when it is. */
export type LoadedStore = Tables['store'] & { readonly off?: string };

/**
 * All that was configured. It is fit to run when `faults` is empty; with faults it still holds whatever could be read.
 * Durations are ms, sizes bytes.
 */
export interface LoadedConfig {
  /** Every file that was read, in order. */
  readonly files: readonly string[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  readonly server: Tables['server'];
  readonly queue: Tables['queue'];
  readonly store: LoadedStore;
  readonly kubernetes: Tables['kubernetes'];
  readonly log: Tables['log'];
  readonly tracing: Tables['tracing'];
  readonly globalTags: Tables['global_tags'];
  readonly inputs: readonly LoadedInput[];
  readonly outputs: readonly LoadedOutput[];
}

/** Reads flags, environment and files into one checked configuration. Never throws for what a user wrote. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  return loadFrom(await findConfigFiles(options.cwd, options.configDir), options);
}

/** The same, with the files already at hand. */
export async function loadFrom(found: FoundFiles, options: LoadOptions): Promise<LoadedConfig> {
  const parsed = found.sources.map(parseToml);
  const environment = readEnvironment(options.env, options.definitions.inputs);
  const documents: TomlDocument[] = [
    ...parsed.flatMap((result) => (isFault(result) ? [] : [result])),
    ...environment.documents,
  ];
  const { env, cwd, where } = options;

  const own = new OwnTables();
  for (const document of documents) {
    own.add(document);
  }
  const tables = await own.check(where, env, [...environment.tables, ...flagValues(options.flags)]);
  const outputs = await loadOutputs({ documents, definitions: options.definitions.outputs, env, cwd });
  const store = storeOf(tables.store, outputs.types);
  const inputs = await loadInputs({
    documents,
    definitions: options.definitions.inputs,
    environment,
    env,
    where: { ...where, storeIsOn: store.enabled },
    cwd,
  });
  const faults = [found.faults, parsed.filter(isFault), environment.faults, own.faults, inputs.faults, outputs.faults];
  const warnings = [
    own.warnings,
    inputs.warnings,
    outputs.warnings,
    environment.warnings,
    idle(store, outputs.outputs),
  ];
  return {
    files: found.sources.map((source) => source.file),
    faults: inOrder(faults.flat()),
    warnings: inOrder([...warnings.flat()]),
    server: tables.server,
    queue: tables.queue,
    store,
    kubernetes: tables.kubernetes,
    log: tables.log,
    tracing: tables.tracing,
    globalTags: tables.global_tags,
    inputs: inputs.inputs,
    outputs: outputs.outputs,
  };
}

function flagValues(flags: LoadOptions['flags']): EnvironmentValue[] {
  return flags.listen === undefined ? [] : [{ variable: '--listen', path: ['server', 'listen'], value: flags.listen }];
}

/** An agent has a hub and keeps nothing itself (design.md §2). */
function storeOf(store: Tables['store'], outputTypes: ReadonlySet<string>): LoadedStore {
  if (!store.enabled) {
    return { ...store, off: '[store] enabled = false' };
  }
  return outputTypes.has('hub') ? { ...store, enabled: false, off: '[[outputs.hub]] is configured' } : store;
}

function idle(store: LoadedStore, outputs: readonly LoadedOutput[]): Fault[] {
  if (store.enabled || outputs.length > 0) {
    return [];
  }
  const message = `the store is off (${store.off}) and there is no output: nothing takes the data`;
  return [{ code: 'no-effect', keyPath: '', message, hint: 'configure an [[outputs.NAME]], or switch the store on' }];
}

/** By file and line, and what has no file last; otherwise as found. */
function inOrder(faults: readonly Fault[]): readonly Fault[] {
  const files = [...new Set(faults.map((fault) => fault.file))];
  const rank = (fault: Fault): number => (fault.file === undefined ? files.length : files.indexOf(fault.file));
  return [...faults].sort((a, b) => rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0));
}
