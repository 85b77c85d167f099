import { isDeepStrictEqual } from 'node:util';
import type { Fault, FaultCode, PathStep } from './fault.ts';
import type { TomlDocument } from './toml-document.ts';

/** One `[[inputs.NAME]]` or `[[outputs.NAME]]` as it stands in a file. */
export interface ComponentTable {
  readonly type: string;
  readonly document: TomlDocument;
  readonly path: readonly PathStep[];
  readonly value: Readonly<Record<string, unknown>>;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Every table of that room in all files, in their order. A single `[inputs.NAME]` is one. */
export function componentTables(
  documents: readonly TomlDocument[],
  room: 'inputs' | 'outputs',
  faults: Fault[],
): readonly ComponentTable[] {
  return documents.flatMap((document) => {
    const all = document.value[room];
    if (!isTable(all)) {
      faults.push(...(all === undefined ? [] : [notATable(document, [room], `[[${room}.NAME]]`)]));
      return [];
    }
    return Object.entries(all).flatMap(([type, value]) => tablesOf(document, [room, type], value, faults));
  });
}

function tablesOf(
  document: TomlDocument,
  [room, type]: readonly [string, string],
  value: unknown,
  faults: Fault[],
): readonly ComponentTable[] {
  const single = !Array.isArray(value);
  const entries: readonly unknown[] = single ? [value] : value;
  return entries.flatMap((entry, index) => {
    const path = single ? [room, type] : [room, type, index];
    if (isTable(entry)) {
      return [{ type, document, path, value: entry }];
    }
    faults.push(notATable(document, path, `[[${room}.${type}]]`));
    return [];
  });
}

function notATable(document: TomlDocument, path: readonly PathStep[], wanted: string): Fault {
  const code: FaultCode = 'type';
  return { code, ...document.placeOf(path), message: 'must be a table', hint: `write ${wanted} on a line of its own` };
}

/** The same table of the same type again: DataKit reads files of equal bytes once, and users copy files. */
export function isRepeated(table: ComponentTable, earlier: readonly ComponentTable[]): ComponentTable | undefined {
  return earlier.find((other) => other.type === table.type && isDeepStrictEqual(other.value, table.value));
}
