import { dirname, resolve } from 'node:path';
import type { DefaultsContext, InputDefinition } from '../contract/input.ts';
import { type ComponentTable, componentTables, isRepeated } from './component-tables.ts';
import type { EnvironmentSettings } from './environment.ts';
import { type Fault, keyPathOf, type PathStep, type Place } from './fault.ts';
import { idleKeys, together } from './idle-keys.ts';
import { dataKitInputs, plannedInputs } from './known-names.ts';
import { versioned } from './module-settings.ts';
import { nearest } from './nearest.ts';
import { inputSwitch } from './schema.ts';
import { beside, checkValue, type Finding, listed } from './schema-check.ts';
import { type Environment, resolveStrings } from './strings.ts';
import type { TomlDocument } from './toml-document.ts';

/** An input that is to run, with its checked configuration. */
export interface LoadedInput {
  /** `inputs.zipkin[0]`: counts the instances of its type. */
  readonly id: string;
  readonly type: string;
  readonly definition: InputDefinition;
  readonly config: ReturnType<InputDefinition['config']['parse']>;
  readonly file?: string;
  /** Nobody configured it. */
  readonly byDefault: boolean;
}

export interface InputLoading {
  readonly documents: readonly TomlDocument[];
  readonly definitions: readonly InputDefinition[];
  readonly environment: EnvironmentSettings;
  readonly env: Environment;
  readonly where: DefaultsContext;
  /** Relative names of files are under it. */
  readonly cwd: string;
}

/** Reads the inputs of all files, and adds what runs by default (interfaces.md, "What runs"). */
export async function loadInputs(loading: InputLoading): Promise<{
  readonly inputs: readonly LoadedInput[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}> {
  const reading = new InputReading(loading);
  await reading.files();
  await reading.defaults();
  return reading;
}

class InputReading {
  readonly inputs: LoadedInput[] = [];
  readonly faults: Fault[] = [];
  readonly warnings: Fault[] = [];
  readonly #loading: InputLoading;
  readonly #byType: ReadonlyMap<string, InputDefinition>;
  /** Types that some table speaks of: their default instance does not run. */
  readonly #configured = new Set<string>();

  constructor(loading: InputLoading) {
    this.#loading = loading;
    this.#byType = new Map(loading.definitions.map((definition) => [definition.type, definition]));
  }

  async files(): Promise<void> {
    const read: ComponentTable[] = [];
    const tables = componentTables(this.#loading.documents, 'inputs', this.faults);
    for (const table of tables) {
      const definition = this.#byType.get(table.type);
      if (definition === undefined) {
        this.#unknown(table.type, table.document.placeOf(table.path));
        continue;
      }
      const twin = isRepeated(table, read);
      if (twin !== undefined) {
        this.#repeated(table, twin);
        continue;
      }
      read.push(table);
      this.#configured.add(table.type);
      await this.#table(table, definition);
    }
  }

  #repeated(table: ComponentTable, twin: ComponentTable): void {
    const other = twin.document.placeOf(twin.path);
    const message = `is the same as in ${other.file}:${other.line}, and is read once`;
    this.warnings.push({ code: 'conflict', ...table.document.placeOf(table.path), message, hint: 'remove one' });
  }

  #unknown(type: string, place: Place): void {
    if (plannedInputs.includes(type)) {
      this.warnings.push({
        code: 'not-yet',
        ...place,
        message: 'this input is not part of this version',
        hint: 'the table is left out',
      });
    } else if (dataKitInputs.has(type)) {
      const message = "this input of DataKit's is not part of meshbridge";
      this.warnings.push({ code: 'unknown-component', ...place, message, hint: 'the table is left out' });
    } else {
      const known = [...this.#byType.keys()];
      const meant = nearest(type, [...plannedInputs, ...known, ...dataKitInputs]);
      const hint = meant === undefined ? `there are ${listed(known)}` : `did you mean "${meant}"?`;
      this.faults.push({ code: 'unknown-component', ...place, message: 'there is no such input', hint });
    }
  }

  async #table(table: ComponentTable, definition: InputDefinition): Promise<void> {
    const { enabled, ...shown } = table.value;
    const place = (path: readonly PathStep[]): Place => table.document.placeOf([...table.path, ...path]);
    const wanted = checkValue(inputSwitch.enabled, enabled, enabled);
    this.#report(
      this.faults,
      wanted.faults.map((finding) => ({ ...finding, path: ['enabled'] })),
      place,
    );
    if (wanted.value === false || this.#switchedOff(definition.type)) {
      return;
    }
    await this.#instance(definition, shown, { place, file: table.document.file });
  }

  #switchedOff(type: string): boolean {
    return this.#loading.environment.disabled.has(type);
  }

  async #instance(
    definition: InputDefinition,
    shown: Readonly<Record<string, unknown>>,
    from: { readonly place: (path: readonly PathStep[]) => Place; readonly file?: string },
  ): Promise<void> {
    const overlays = this.#loading.environment.inputs.get(definition.type) ?? [];
    const place = (path: readonly PathStep[]): Place => {
      const overlay = overlays.find((one) => one.path[0] === path[0]);
      return overlay === undefined ? from.place(path) : { keyPath: overlay.variable };
    };
    const directory = from.file === undefined ? this.#loading.cwd : dirname(resolve(this.#loading.cwd, from.file));
    const context = { env: this.#loading.env, directory, faults: [] };
    const overlaid = Object.fromEntries(overlays.map((overlay) => [overlay.path[0], overlay.value]));
    const resolved = await resolveStrings(shown, [definition.config], [], context);
    const value = { ...(typeof resolved === 'object' ? resolved : {}), ...overlaid };
    const checked = checkValue(definition.config, value, { ...shown, ...overlaid });
    this.#report(this.faults, beside(checked.faults, context.faults), place);
    this.#report(definition.datakit === true ? this.warnings : this.faults, checked.unknownKeys, place);
    this.#report(this.warnings, together(idleKeys(definition.config, shown)), place);
    if (checked.value !== undefined) {
      const looked = await definition.look?.(checked.value);
      const faults = (looked?.faults ?? []).map((fault) => ({ ...fault, code: 'value' as const }));
      this.#report(this.faults, faults, place);
      const count = this.inputs.filter((input) => input.type === definition.type).length;
      this.inputs.push({
        id: keyPathOf(['inputs', definition.type, count]),
        type: definition.type,
        definition: looked?.definition ?? definition,
        config: versioned(checked.value, looked?.version),
        ...(from.file === undefined ? {} : { file: from.file }),
        byDefault: from.file === undefined,
      });
    }
  }

  #report(into: Fault[], findings: readonly Finding[], place: (path: readonly PathStep[]) => Place): void {
    into.push(...findings.map(({ path, ...rest }) => ({ ...place(path), ...rest })));
  }

  async defaults(): Promise<void> {
    const { environment, where, definitions } = this.#loading;
    for (const definition of definitions) {
      if (this.#configured.has(definition.type) || environment.disabled.has(definition.type)) {
        continue;
      }
      const named = environment.enabled.get(definition.type);
      const config = definition.byDefault?.(where) ?? (named === undefined ? undefined : {});
      if (config !== undefined) {
        const place = (path: readonly PathStep[]): Place => ({
          keyPath: [named, keyPathOf(['inputs', definition.type, ...path])]
            .filter((part) => part !== undefined)
            .join(': '),
        });
        await this.#instance(definition, config, { place });
      }
    }
    const names = [...environment.enabled].filter(([name]) => !this.#byType.has(name));
    const unknown = names.map(([name]) => name).sort();
    if (unknown.length > 0) {
      const message = `${listed(unknown)} ${unknown.length === 1 ? 'is' : 'are'} not part of this version`;
      this.warnings.push({ code: 'not-yet', keyPath: names[0]?.[1] ?? '', message, hint: 'the other inputs run' });
    }
  }
}
