import { componentTables } from '../config/component-tables.ts';
import type { Fault, PathStep } from '../config/fault.ts';
import { checkValue, type Finding } from '../config/schema-check.ts';
import { isFault, parseToml, type TomlDocument, type TomlSource } from '../config/toml-document.ts';
import type { InputDefinition } from '../contract/input.ts';

export interface AnnotationFindings {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

const stand: Readonly<Record<string, string>> = {
  $IP: '127.0.0.1',
  $NAMESPACE: 'namespace',
  $PODNAME: 'pod',
  $NODENAME: 'node',
};

/** With something in the place of `$IP` and its like, so that what they stand in can be checked. */
function filled(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$(?:IP|NAMESPACE|PODNAME|NODENAME)/g, (name) => stand[name] ?? name);
  }
  if (Array.isArray(value)) {
    return value.map(filled);
  }
  return typeof value === 'object' && value !== null && !(value instanceof Date)
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, filled(entry)]))
    : value;
}

/** A prom.instances annotation: TOML with one or more `[[inputs.prom]]` (design.md §7). Unknown keys are warnings. */
export function checkAnnotation(source: TomlSource, prom: InputDefinition | undefined): AnnotationFindings {
  const document = parseToml(source);
  if (isFault(document)) {
    return { faults: [document], warnings: [] };
  }
  const faults: Fault[] = [];
  const warnings: Fault[] = strangers(document);
  for (const table of componentTables([document], 'inputs', faults)) {
    const report = (into: Fault[], findings: readonly Finding[]): void => {
      into.push(...findings.map(({ path, ...rest }) => ({ ...document.placeOf([...table.path, ...path]), ...rest })));
    };
    if (table.type !== 'prom') {
      const message = 'only [[inputs.prom]] is read from an annotation';
      report(warnings, [{ code: 'no-effect', path: [], message, hint: 'remove the table' }]);
      continue;
    }
    report(warnings, references(table.value, []));
    if (prom !== undefined) {
      const checked = checkValue(prom.config, filled(table.value), table.value);
      report(faults, checked.faults);
      report(warnings, checked.unknownKeys);
    }
  }
  return { faults, warnings };
}

function strangers(document: TomlDocument): Fault[] {
  const others = Object.keys(document.value).filter((key) => key !== 'inputs');
  return others.map((key) => ({
    code: 'no-effect',
    ...document.placeOf([key]),
    message: 'only [[inputs.prom]] is read from an annotation',
    hint: 'remove it',
  }));
}

/** Annotations are written by tenants: nothing of the daemon's environment or files gets into them. */
function references(value: unknown, path: readonly PathStep[]): Finding[] {
  if (typeof value === 'string') {
    const message = /\$\{\w+(?::-[^}]*)?\}/.test(value)
      ? 'annotations see nothing of the environment'
      : value.startsWith('file:')
        ? 'annotations read no files'
        : undefined;
    return message === undefined ? [] : [{ code: 'no-effect', path, message, hint: 'write the value itself' }];
  }
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, entry]) =>
    references(entry, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
