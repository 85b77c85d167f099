import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { OutputDefinition } from '../contract/output.ts';
import { parseSelector } from '../lib/selector.ts';
import type { Signal } from '../model/batch.ts';
import { type ComponentTable, componentTables } from './component-tables.ts';
import { type Delivery, delivery, httpFields } from './delivery-fields.ts';
import { type Fault, keyPathOf, type PathStep } from './fault.ts';
import { plannedOutputs } from './known-names.ts';
import { versioned } from './module-settings.ts';
import { nearest } from './nearest.ts';
import { beside, type Checked, checkValue, type Finding, listed, unknownKey } from './schema-check.ts';
import { type Environment, resolveStrings } from './strings.ts';
import type { TomlDocument } from './toml-document.ts';

/** The keys of every output, with the name and the signals that follow when they are left out. */
export type LoadedDelivery = Omit<Delivery, 'name' | 'signals'> & {
  readonly name: string;
  readonly signals: readonly Signal[];
};

/** An output that is to run, with its checked configuration. */
export interface LoadedOutput {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly definition: OutputDefinition;
  readonly config: ReturnType<OutputDefinition['config']['parse']>;
  readonly delivery: LoadedDelivery;
  readonly file?: string;
}

export interface OutputLoading {
  readonly documents: readonly TomlDocument[];
  readonly definitions: readonly OutputDefinition[];
  readonly env: Environment;
  readonly cwd: string;
}

export async function loadOutputs(loading: OutputLoading): Promise<{
  readonly outputs: readonly LoadedOutput[];
  /** Types of all tables, also of those that are wrong. */
  readonly types: ReadonlySet<string>;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}> {
  const reading = new OutputReading(loading);
  await reading.files();
  return reading;
}

class OutputReading {
  readonly outputs: LoadedOutput[] = [];
  readonly types = new Set<string>();
  readonly faults: Fault[] = [];
  readonly warnings: Fault[] = [];
  readonly #loading: OutputLoading;

  constructor(loading: OutputLoading) {
    this.#loading = loading;
  }

  async files(): Promise<void> {
    for (const table of componentTables(this.#loading.documents, 'outputs', this.faults)) {
      this.types.add(table.type);
      const definition = this.#loading.definitions.find((candidate) => candidate.type === table.type);
      if (definition === undefined) {
        this.#unknown(table);
      } else {
        await this.#table(table, definition);
      }
    }
  }

  #unknown(table: ComponentTable): void {
    const known = this.#loading.definitions.map((definition) => definition.type);
    const planned = plannedOutputs.includes(table.type);
    const message = planned ? 'this output is not part of this version' : 'there is no such output';
    const meant = planned ? undefined : nearest(table.type, [...plannedOutputs, ...known]);
    const hint = meant === undefined ? `there are ${listed(known)}` : `did you mean "${meant}"?`;
    const code = planned ? 'not-yet' : 'unknown-component';
    this.faults.push({ code, ...table.document.placeOf(table.path), message, hint });
  }

  async #table(table: ComponentTable, known: OutputDefinition): Promise<void> {
    let definition = known;
    const directory = dirname(resolve(this.#loading.cwd, table.document.file));
    const context = { env: this.#loading.env, directory, faults: [] };
    const resolved = await resolveStrings(table.value, [wholeSchema(definition)], [], context);
    const unresolved: Finding[] = context.faults;
    const value = { ...definition.defaults, ...(typeof resolved === 'object' ? resolved : {}) };
    const misspelt = misspeltKeys(table, definition);
    const part = <T extends z.ZodObject>(schema: T): Checked<z.output<T>> => {
      const checked = checkValue(schema, only(value, Object.keys(schema.shape)), table.value);
      const mine = unresolved.filter(({ path }) => Object.hasOwn(schema.shape, String(path[0])));
      const faults = checked.faults.filter(
        ({ code, path }) => code !== 'missing-key' || !misspelt.has(String(path[0])),
      );
      this.#report(table, [...beside(faults, mine), ...checked.unknownKeys]);
      return checked;
    };
    const common = part(delivery).value;
    const config = part(definition.config).value;
    this.#rest(table, definition);
    if (common === undefined || config === undefined) {
      return;
    }
    const looked = await definition.look?.(config);
    this.#report(
      table,
      (looked?.faults ?? []).map((fault) => ({ ...fault, code: 'value' })),
    );
    definition = looked?.definition ?? definition;
    const full: LoadedDelivery = {
      ...common,
      name: common.name ?? definition.type,
      signals: common.signals ?? definition.signals,
    };
    this.#signals(table, definition, full);
    this.#order(table, definition, full);
    this.#login(table, config);
    this.#match(table, full);
    this.#name(table, full.name);
    const count = this.outputs.filter((output) => output.type === definition.type).length;
    this.outputs.push({
      id: keyPathOf(['outputs', definition.type, count]),
      type: definition.type,
      name: full.name,
      definition,
      config: versioned(config, looked?.version),
      delivery: full,
      file: table.document.file,
    });
  }

  /** Keys that neither delivery nor the output itself acts on. */
  #rest(table: ComponentTable, definition: OutputDefinition): void {
    const whole = wholeSchema(definition);
    const acting = { ...delivery.shape, ...definition.config.shape };
    for (const key of Object.keys(table.value).filter((one) => !Object.hasOwn(acting, one))) {
      if (Object.hasOwn(httpFields, key)) {
        const place = table.document.placeOf([...table.path, key]);
        const message = 'has no effect, since this output speaks to no server';
        this.warnings.push({ code: 'no-effect', ...place, message, hint: 'remove it' });
      } else {
        this.#report(table, [unknownKey(whole, [], key)]);
      }
    }
  }

  #report(table: ComponentTable, findings: readonly Finding[]): void {
    this.faults.push(
      ...findings.map(({ path, ...rest }) => ({ ...table.document.placeOf([...table.path, ...path]), ...rest })),
    );
  }

  #signals(table: ComponentTable, definition: OutputDefinition, full: LoadedDelivery): void {
    const impossible = full.signals.filter((signal) => !definition.signals.includes(signal));
    if (impossible.length > 0) {
      const message = `an output of type ${definition.type} can't take ${listed(impossible)}`;
      this.#report(table, [
        { code: 'value', path: ['signals'], message, hint: `it takes ${listed(definition.signals)}` },
      ]);
    }
  }

  #order(table: ComponentTable, definition: OutputDefinition, { concurrency }: LoadedDelivery): void {
    if (definition.inOrder === true && concurrency > 1) {
      const message = `an output of type ${definition.type} keeps all records in order: it sends one request at a time`;
      this.#report(table, [{ code: 'value', path: ['concurrency'], message, hint: 'remove it' }]);
    }
  }

  /** One request has one `authorization`. */
  #login(table: ComponentTable, config: LoadedOutput['config']): void {
    const [used, ...unused] = loginKeys(config);
    for (const path of unused) {
      const message = `is not used to log in: ${used?.join('.')} is`;
      const place = table.document.placeOf([...table.path, ...path]);
      this.warnings.push({ code: 'no-effect', ...place, message, hint: 'keep one of them' });
    }
  }

  #match(table: ComponentTable, { match }: LoadedDelivery): void {
    const { fault } = match === undefined ? {} : parseSelector(match);
    if (fault !== undefined) {
      const message = `${JSON.stringify(match)} is no selector: ${fault.message}`;
      this.#report(table, [{ code: 'value', path: ['match'], message, hint: 'write such as {namespace="prod"}' }]);
    }
  }

  #name(table: ComponentTable, name: string): void {
    const other = this.outputs.find((output) => output.name === name);
    if (other !== undefined) {
      const message = `another output is called "${name}" already`;
      const hint = 'give each a name of its own, such as name = "second"';
      this.#report(table, [{ code: 'conflict', path: ['name'], message, hint }]);
    }
  }
}

/** The keys of every output and its own, in one table, as the user sees it. */
export function wholeSchema(definition: OutputDefinition): z.ZodObject {
  const shape: z.core.$ZodLooseShape = { ...delivery.shape, ...httpFields, ...definition.config.shape };
  return z.strictObject(shape);
}

/** What the unknown keys of a table mean. One mistake is one line: such a key is not also said to be missing. */
function misspeltKeys(table: ComponentTable, definition: OutputDefinition): ReadonlySet<string> {
  const known = Object.keys(wholeSchema(definition).shape);
  const strange = Object.keys(table.value).filter((key) => !known.includes(key));
  return new Set(strange.flatMap((key) => nearest(key, known) ?? []));
}

/** What says who we are, the one that is used first. */
function loginKeys(config: LoadedOutput['config']): readonly (readonly string[])[] {
  const { url, headers } = config;
  const hasLogin = typeof url === 'string' && (URL.parse(url)?.username ?? '') !== '';
  const named = Object.keys(typeof headers === 'object' && headers !== null ? headers : {});
  return [
    ...named.filter((name) => name.toLowerCase() === 'authorization').map((name) => ['headers', name]),
    ...['bearer_token_file', 'basic_auth'].filter((key) => config[key] !== undefined).map((key) => [key]),
    ...(hasLogin ? [['url']] : []),
  ];
}

function only(value: Readonly<Record<string, unknown>>, keys: readonly PathStep[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)));
}
