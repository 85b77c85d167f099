import { isDeepStrictEqual } from 'node:util';
import type { EnvironmentValue } from './environment.ts';
import { type Fault, keyPathOf, type PathStep, type Place } from './fault.ts';
import { dataKitMainKeys } from './known-names.ts';
import { nearest } from './nearest.ts';
import { type Surroundings, type Tables, tableNames, tables } from './schema.ts';
import { beside, checkValue, type Finding } from './schema-check.ts';
import { knownKeys } from './schema-walk.ts';
import { type Environment, resolveStrings } from './strings.ts';
import type { TomlDocument } from './toml-document.ts';

type Table = Record<string, unknown>;

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** `[server]`, `[queue]`, ... from all files, with the environment and the flags on top. */
export class OwnTables {
  readonly faults: Fault[] = [];
  readonly warnings: Fault[] = [];
  readonly #merged: Table = {};
  readonly #places = new Map<string, (path: readonly PathStep[]) => Place>();

  /** Takes the tables of one file. Several files add up; the same key with two values is a fault. */
  add(document: TomlDocument): void {
    for (const [name, value] of Object.entries(document.value)) {
      if (name === 'inputs' || name === 'outputs') {
        continue;
      }
      if (tableNames.includes(name)) {
        this.#merge(this.#merged, value, [name], document);
      } else {
        this.#unknown(name, document);
      }
    }
  }

  #unknown(name: string, document: TomlDocument): void {
    const place = document.placeOf([name]);
    if (dataKitMainKeys.has(name)) {
      const message = "belongs to DataKit's main file and is not read here";
      this.warnings.push({ code: 'unknown-key', ...place, message, hint: 'it can be removed' });
      return;
    }
    const schema = tables({ inCluster: false });
    const home = tableNames.find((table) => knownKeys(schema, [table])?.includes(name));
    const meant = nearest(name, ['inputs', 'outputs', ...tableNames]);
    const hint =
      home !== undefined
        ? `write it under [${home}]`
        : meant !== undefined
          ? `did you mean [${meant}]?`
          : `there are [[inputs.NAME]], [[outputs.NAME]], ${tableNames.map((table) => `[${table}]`).join(', ')}`;
    this.faults.push({ code: 'unknown-key', ...place, message: 'unknown key', hint });
  }

  #merge(into: Table, value: unknown, path: readonly PathStep[], document: TomlDocument): void {
    const key = String(path.at(-1));
    const before = into[key];
    if (isTable(value) && (before === undefined || isTable(before))) {
      const table: Table = isTable(before) ? before : {};
      into[key] = table;
      this.#notePlace(path, document);
      for (const [name, entry] of Object.entries(value)) {
        this.#merge(table, entry, [...path, name], document);
      }
      return;
    }
    if (before === undefined) {
      into[key] = value;
      this.#notePlace(path, document);
    } else if (!isDeepStrictEqual(before, value)) {
      const other = this.#placeOf(path);
      const where = other.line === undefined ? other.file : `${other.file}:${other.line}`;
      const message = `has another value in ${where}`;
      this.faults.push({ code: 'conflict', ...document.placeOf(path), message, hint: 'keep one' });
    }
  }

  #notePlace(path: readonly PathStep[], document: TomlDocument): void {
    const key = keyPathOf(path);
    if (!this.#places.has(key)) {
      this.#places.set(key, (inner) => document.placeOf(inner));
    }
  }

  #placeOf(path: readonly PathStep[]): Place {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(keyPathOf(path.slice(0, length)));
      if (place !== undefined) {
        return place(path);
      }
    }
    return { keyPath: keyPathOf(path) };
  }

  /** Checks what was added. Where something is wrong, the defaults stand in, so that the rest can be checked too. */
  async check(where: Surroundings, env: Environment, overlays: readonly EnvironmentValue[]): Promise<Tables> {
    const schema = tables(where);
    const context = { env, directory: '.', faults: [] };
    const resolved = await resolveStrings(this.#merged, [schema], [], context);
    const value = isTable(resolved) ? resolved : {};
    for (const overlay of overlays) {
      set(value, overlay.path, overlay.value);
      set(this.#merged, overlay.path, overlay.value);
      this.#places.set(keyPathOf(overlay.path), () => ({ keyPath: overlay.variable }));
    }
    const checked = checkValue(schema, value, this.#merged);
    this.#report([
      ...beside(checked.faults, context.faults),
      ...checked.unknownKeys.map((finding) => this.#withHome(finding)),
    ]);
    return checked.value ?? schema.parse({});
  }

  /** A key that another of our tables knows is named with that table. */
  #withHome(finding: Finding): Finding {
    const key = String(finding.path.at(-1));
    const schema = tables({ inCluster: false });
    const home = tableNames.find((table) => table !== finding.path[0] && knownKeys(schema, [table])?.includes(key));
    return home === undefined ? finding : { ...finding, hint: `it belongs under [${home}]` };
  }

  #report(findings: readonly Finding[]): void {
    this.faults.push(...findings.map(({ path, ...rest }) => ({ ...this.#placeOf(path), ...rest })));
  }
}

function set(root: Table, path: readonly string[], value: unknown): void {
  let table = root;
  for (const key of path.slice(0, -1)) {
    const next = table[key];
    const made = isTable(next) ? next : {};
    table[key] = made;
    table = made;
  }
  table[path.at(-1) ?? ''] = value;
}
