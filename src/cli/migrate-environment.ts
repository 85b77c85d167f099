import { readEnvironment } from '../config/environment.ts';
import { isDataKitVariable } from '../config/known-names.ts';
import type { InputDefinition } from '../contract/input.ts';
import type { EnvironmentEntry } from './migrate-setup.ts';

export interface MigratedEnvironment {
  /** Goes on as it is. */
  readonly kept: readonly EnvironmentEntry[];
  /** One sentence for each thing that is not taken over. */
  readonly notes: readonly string[];
}

/** What our own manifest says by itself, or what only tells DataKit where things of the node are. */
const told = new Set(
  `NODE_NAME POD_NAME ENV_K8S_NODE_NAME ENV_K8S_NODE_IP HOST_IP HOST_ROOT HOST_PROC HOST_SYS HOST_ETC HOST_VAR HOST_RUN
  HOST_DEV`.split(/\s+/),
);
const inputLists = ['ENV_DEFAULT_ENABLED_INPUTS', 'ENV_ENABLE_INPUTS'];
const usualListen = /^(?:0\.0\.0\.0|\[::\]|)?:9529$/;

interface Fate {
  readonly kept?: EnvironmentEntry;
  readonly note?: string;
  readonly isUnused?: true;
}

/** Sorts the environment of DataKit's container by what becomes of it. */
export function migrateEnvironment(
  entries: readonly EnvironmentEntry[],
  definitions: readonly InputDefinition[],
): MigratedEnvironment {
  const fates = entries.map((entry) => ({ entry, fate: fateOf(entry, definitions) }));
  const unused = fates.flatMap(({ entry, fate }) => (fate.isUnused ? [entry.name] : []));
  const notes = fates.flatMap(({ fate }) => fate.note ?? []);
  const rest = unused.length === 0 ? [] : [`environment that nothing here reads: ${unused.join(', ')}`];
  return { kept: fates.flatMap(({ fate }) => fate.kept ?? []), notes: [...notes, ...rest] };
}

function fateOf(entry: EnvironmentEntry, definitions: readonly InputDefinition[]): Fate {
  const { name, value: text = '' } = entry;
  if (told.has(name) || (text === '' && entry['valueFrom'] === undefined)) {
    return {};
  }
  if (inputLists.includes(name)) {
    return inputList(entry, text, definitions);
  }
  if (name === 'ENV_HTTP_LISTEN') {
    return usualListen.test(text) ? {} : { note: `ENV_HTTP_LISTEN ${text}: the agents listen at 0.0.0.0:9529` };
  }
  if (name === 'ENV_DATAWAY') {
    // It may come from a Secret.
    const hasToken = entry['valueFrom'] !== undefined || /token=(?!<|&|,|$)/.test(text);
    return hasToken ? { kept: entry } : { note: 'ENV_DATAWAY has no token: nothing was sent there' };
  }
  return isUnused(name, definitions) ? { isUnused: true } : { kept: entry };
}

function inputList(entry: EnvironmentEntry, text: string, definitions: readonly InputDefinition[]): Fate {
  const names = text.split(/[\s,]+/).filter((name) => name !== '' && name !== '-');
  const known = names.filter((name) => definitions.some(({ type }) => type === name.replace(/^-/, '')));
  const lost = names.filter((name) => !known.includes(name) && !name.startsWith('-'));
  return {
    ...(known.length > 0 && { kept: { ...entry, value: known.join(',') } }),
    ...(lost.length > 0 && { note: `inputs of DataKit's that are not part of meshbridge: ${lost.join(', ')}` }),
  };
}

/** Does the program itself say that it does nothing with it? */
function isUnused(name: string, definitions: readonly InputDefinition[]): boolean {
  if (!isDataKitVariable(name)) {
    return false;
  }
  const { warnings } = readEnvironment({ [name]: '1' }, definitions);
  return warnings.some(({ code, keyPath }) => code === 'not-yet' && keyPath === 'environment');
}
