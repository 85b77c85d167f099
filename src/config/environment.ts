import { hostname, networkInterfaces } from 'node:os';
import { z } from 'zod';
import type { InputDefinition } from '../contract/input.ts';
import type { Fault } from './fault.ts';
import { isDataKitVariable } from './known-names.ts';
import { listed } from './schema-check.ts';
import { bare, metaOf } from './schema-walk.ts';
import type { Environment } from './strings.ts';
import { isFault, parseToml, type TomlDocument } from './toml-document.ts';

/** A value that stands in the environment instead of a file. */
export interface EnvironmentValue {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** What DataKit's variables ask for, as far as there is something here that can do it. */
export interface EnvironmentSettings {
  /** Over our own tables: `server.listen`. */
  readonly tables: readonly EnvironmentValue[];
  /** Over every instance of an input, by its type. */
  readonly inputs: ReadonlyMap<string, readonly EnvironmentValue[]>;
  /** Inputs that run by being named, and those that are switched off (`-NAME`), with the variable that says so. */
  readonly enabled: ReadonlyMap<string, string>;
  readonly disabled: ReadonlyMap<string, string>;
  /** `ENV_DATAKIT_INPUTS`: TOML as it would stand in a file. */
  readonly documents: readonly TomlDocument[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

export function readEnvironment(env: Environment, inputs: readonly InputDefinition[]): EnvironmentSettings {
  const reading = new EnvironmentReading(env);
  reading.ownTables();
  reading.election();
  reading.globalTags();
  reading.inputLists();
  reading.inputOptions(inputs);
  reading.rum(inputs);
  reading.dataway();
  reading.rest();
  return reading;
}

const rumVariables: Readonly<Record<string, string>> = {
  ENV_RUM_ORIGIN_IP_HEADER: 'origin_ip_header',
  ENV_RUM_APP_ID_WHITE_LIST: 'app_id_white_list',
  ENV_HTTP_ALLOWED_CORS_ORIGINS: 'allowed_cors_origins',
  ENV_REQUEST_RATE_LIMIT: 'rate_limit',
  ENV_REQUEST_RATE_LIMIT_BURST: 'rate_limit_burst',
};

class EnvironmentReading implements EnvironmentSettings {
  readonly tables: EnvironmentValue[] = [];
  readonly inputs = new Map<string, EnvironmentValue[]>();
  readonly enabled = new Map<string, string>();
  readonly disabled = new Map<string, string>();
  readonly documents: TomlDocument[] = [];
  readonly faults: Fault[] = [];
  readonly warnings: Fault[] = [];
  readonly #env: Environment;
  readonly #used = new Set<string>();

  constructor(env: Environment) {
    this.#env = env;
  }

  /** The first of those variables that has a value. */
  #take(...names: readonly string[]): { variable: string; text: string } | undefined {
    let found: { variable: string; text: string } | undefined;
    for (const variable of names) {
      const text = this.#env[variable]?.trim() ?? '';
      this.#used.add(variable);
      if (text !== '' && found === undefined) {
        found = { variable, text };
      }
    }
    return found;
  }

  ownTables(): void {
    const listen = this.#take('ENV_HTTP_LISTEN');
    if (listen !== undefined) {
      this.tables.push({ variable: listen.variable, path: ['server', 'listen'], value: listen.text });
    }
    const level = this.#take('ENV_LOG_LEVEL');
    if (level !== undefined) {
      this.tables.push({ variable: level.variable, path: ['log', 'level'], value: level.text.toLowerCase() });
    }
    const node = this.#take('ENV_K8S_NODE_NAME', 'NODE_NAME');
    if (node !== undefined) {
      this.tables.push({ variable: node.variable, path: ['kubernetes', 'node_name'], value: node.text });
    }
    const address = this.#take('ENV_K8S_NODE_IP');
    if (address !== undefined) {
      this.tables.push({ variable: address.variable, path: ['kubernetes', 'node_ip'], value: address.text });
    }
  }

  /** In DataKit whatever stands there switches elections on. */
  election(): void {
    const switched = this.#take('ENV_ENABLE_ELECTION');
    if (switched !== undefined) {
      const value = /^(?:false|off|no|0|disable)$/i.test(switched.text) ? 'off' : 'on';
      this.tables.push({ variable: switched.variable, path: ['kubernetes', 'election'], value });
    }
    const group = this.#take('ENV_NAMESPACE');
    if (group !== undefined) {
      this.tables.push({ variable: group.variable, path: ['kubernetes', 'election_group'], value: group.text });
    }
  }

  globalTags(): void {
    this.#tags(this.#take('ENV_GLOBAL_HOST_TAGS', 'ENV_GLOBAL_TAGS'), ['global_tags']);
    this.#tags(this.#take('ENV_GLOBAL_ELECTION_TAGS', 'ENV_GLOBAL_ENV_TAGS'), ['kubernetes', 'election_tags']);
    const cluster = this.#take('ENV_CLUSTER_NAME_K8S');
    if (cluster !== undefined) {
      this.tables.push({ variable: cluster.variable, path: ['global_tags', 'cluster_name_k8s'], value: cluster.text });
    }
  }

  /** DataKit: an item without exactly one `=` is no tag; `__datakit_hostname` and `__datakit_ip` are filled in. */
  #tags(tags: { readonly variable: string; readonly text: string } | undefined, path: readonly string[]): void {
    for (const item of tags?.text.split(',') ?? []) {
      const [key = '', value = '', more] = item.split('=').map((part) => part.trim());
      if (tags === undefined || item.trim() === '') {
        continue;
      }
      if (key === '' || value === '' || more !== undefined) {
        this.#warn(tags.variable, 'value', 'has an item that is not a tag', 'write name=value,name=value');
        continue;
      }
      this.tables.push({ variable: tags.variable, path: [...path, key], value: this.#placeholder(value) });
    }
  }

  #placeholder(value: string): string {
    const name = /^(?:__|\$)datakit_(hostname|ip)$/.exec(value)?.[1];
    if (name === 'hostname') {
      return this.#take('ENV_K8S_NODE_NAME', 'NODE_NAME')?.text ?? hostname();
    }
    return name === 'ip' ? (this.#take('ENV_K8S_NODE_IP')?.text ?? ownAddress()) : value;
  }

  inputLists(): void {
    const names = this.#take('ENV_DEFAULT_ENABLED_INPUTS', 'ENV_ENABLE_INPUTS');
    for (const name of names?.text.split(/[\s,]+/) ?? []) {
      if (names !== undefined && /^-./.test(name)) {
        this.disabled.set(name.slice(1), names.variable);
      } else if (names !== undefined && name !== '' && name !== '-') {
        this.enabled.set(name, names.variable);
      }
    }
    const inputs = this.#take('ENV_DATAKIT_INPUTS');
    if (inputs !== undefined) {
      const parsed = parseToml({ file: inputs.variable, text: this.#env[inputs.variable] ?? '' });
      if (isFault(parsed)) {
        this.faults.push(parsed);
      } else {
        this.documents.push(parsed);
      }
    }
  }

  /** `ENV_INPUT_ZIPKIN_PATH_V1` means `pathV1` of `[[inputs.zipkin]]`: any key of an input, in capitals. */
  inputOptions(definitions: readonly InputDefinition[]): void {
    const hostRoot = this.#take('HOST_ROOT');
    const container = definitions.find(({ type }) => type === 'container');
    if (hostRoot !== undefined && hostRoot.text !== '/' && container?.config.shape['host_root'] !== undefined) {
      this.inputs.set('container', [{ variable: hostRoot.variable, path: ['host_root'], value: hostRoot.text }]);
    }
    for (const [variable, text] of Object.entries(this.#env)) {
      const option = /^ENV_INPUT_(.+)$/
        .exec(variable)?.[1]
        ?.toLowerCase()
        .replace(/^otel_/, 'opentelemetry_')
        .replace(/^container_enable_auto_(?=discovery_of_prometheus_)/, 'kubernetesprometheus_enable_');
      const definition = definitions.find((candidate) => option?.startsWith(`${candidate.type}_`));
      if (option === undefined || definition === undefined || text === undefined || text.trim() === '') {
        continue;
      }
      const key = keyOf(definition, option.slice(definition.type.length + 1));
      const schema = key === undefined ? undefined : definition.config.shape[key];
      // What has no effect is named with what is not known at all.
      if (key === undefined || schema === undefined || 'idle' in metaOf(schema)) {
        continue;
      }
      this.#used.add(variable);
      const values = this.inputs.get(definition.type) ?? [];
      values.push({ variable, path: [key], value: environmentValue(schema, text.trim()) });
      this.inputs.set(definition.type, values);
    }
  }

  /** Of DataKit's HTTP server; here they belong to the input. */
  rum(definitions: readonly InputDefinition[]): void {
    const definition = definitions.find(({ type }) => type === 'rum');
    const values = this.inputs.get('rum') ?? [];
    for (const [variable, key] of Object.entries(rumVariables)) {
      const schema = definition?.config.shape[key];
      const found = schema === undefined ? undefined : this.#take(variable);
      if (schema !== undefined && found !== undefined) {
        values.push({ variable, path: [key], value: environmentValue(schema, found.text) });
      }
    }
    if (values.length > 0) {
      this.inputs.set('rum', values);
    }
  }

  /** An `[[outputs.dataway]]` for each address. */
  dataway(): void {
    const dataway = this.#take('ENV_DATAWAY');
    if (dataway === undefined) {
      return;
    }
    if (/<your-token>|token=(?:&|,|$)/.test(dataway.text) || !dataway.text.includes('token=')) {
      this.#warn(
        dataway.variable,
        'no-effect',
        'has no token yet, so nothing is sent there',
        'put the token of your workspace in the place of <your-token>, or remove the variable',
      );
      return;
    }
    const parsed = parseToml({ file: dataway.variable, text: datawayTables(dataway.text) });
    if (isFault(parsed)) {
      this.faults.push(parsed);
    } else {
      this.documents.push(parsed);
    }
  }

  /** One line for all that DataKit knows and nothing here uses. */
  rest(): void {
    const unused = Object.keys(this.#env)
      .filter((name) => isDataKitVariable(name) && !this.#used.has(name) && (this.#env[name] ?? '') !== '')
      .sort();
    if (unused.length > 0) {
      const verb = unused.length === 1 ? 'is' : 'are';
      this.#warn(
        'environment',
        'not-yet',
        `${listed(unused)} ${verb} known from DataKit and not used yet`,
        'no harm is done',
      );
    }
  }

  #warn(keyPath: string, code: Fault['code'], message: string, hint: string): void {
    this.warnings.push({ code, keyPath, message, hint });
  }
}

/** Some of DataKit's variables say `_JSON` at the end, of keys that do not. */
function keyOf({ config }: InputDefinition, option: string): string | undefined {
  const wanted = [option, option.replace(/_json$/, '')].map((name) => name.replaceAll('_', ''));
  return Object.keys(config.shape).find((one) => wanted.includes(one.toLowerCase().replaceAll('_', '')));
}

/** DataKit's variables are JSON for lists and tables, or `a,b` and `k=v,k2=v2`. What fits no better stays text. */
function environmentValue(schema: z.core.$ZodType, text: string): unknown {
  const wanted = bare(schema);
  if (wanted instanceof z.ZodNumber) {
    return Number.isFinite(Number(text)) ? Number(text) : text;
  }
  if (wanted instanceof z.ZodBoolean) {
    return !/^(?:false|off|no|0|disable)$/i.test(text);
  }
  if (!(wanted instanceof z.ZodArray || wanted instanceof z.ZodRecord || wanted instanceof z.ZodObject)) {
    return text;
  }
  if (/^[[{]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  const items = text.split(',').map((item) => item.trim());
  return wanted instanceof z.ZodArray ? items : Object.fromEntries(items.map((item) => splitTag(item)));
}

function splitTag(item: string): [string, string] {
  const equals = item.indexOf('=');
  return equals === -1 ? [item, ''] : [item.slice(0, equals), item.slice(equals + 1)];
}

function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}

function datawayTables(addresses: string): string {
  const urls = addresses.split(',').map((url) => url.trim());
  const tables = urls
    .filter((url) => url !== '')
    .map((url, index) => {
      const name = index === 0 ? 'dataway' : `dataway-${index + 1}`;
      return `[[outputs.dataway]]\nname = "${name}"\nurl = ${JSON.stringify(url)}\n`;
    });
  return tables.join('');
}
