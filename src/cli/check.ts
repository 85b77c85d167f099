import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Fault, formatFault } from '../config/fault.ts';
import { type FoundFiles, readConfigFiles, whyUnreadable } from '../config/files.ts';
import { type LoadedConfig, type LoadOptions, loadConfig, loadFrom } from '../config/load.ts';
import { foreignFormat } from '../config/toml-syntax.ts';
import { hasCode } from '../contract/errors.ts';
import type { DefaultsContext } from '../contract/input.ts';
import type { CheckOptions } from './command-line.ts';
import { connectFaults } from './connect.ts';
import { exitCodes } from './exit-codes.ts';
import { readManifest } from './manifest.ts';
import { type ExplainedPod, type ManifestPod, manifestPods } from './manifest-pods.ts';
import type { Terminal } from './terminal.ts';

export interface CheckContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly definitions: LoadOptions['definitions'];
  readonly where: DefaultsContext;
  readonly version: string;
  readonly dataDir: string;
  readonly terminal: Terminal;
  /** What would be scraped of a pod of that template. */
  readonly explainPod: (pod: ManifestPod) => ExplainedPod;
  /** Throws BRIDGE_CONFIG where the daemon could not follow that file. */
  readonly readKubeconfig: (path: string) => Promise<void>;
}

/** `meshbridge check`: what was read, what is wrong with it, what would run. Resolves with the exit code. */
export async function check(options: CheckOptions, context: CheckContext): Promise<number> {
  const checking = new Checking(options, context);
  await checking.read();
  if (options.connect) {
    await checking.connect();
  }
  return checking.report();
}

/** What only the inputs themselves can tell. */
async function faultsWithin({ inputs }: LoadedConfig): Promise<readonly Fault[]> {
  const found = await Promise.all(
    inputs.map(async ({ id, file, definition, config }) => {
      const lines = (await definition.faults?.(config)) ?? [];
      return lines.map((line): Fault => {
        const [key = '', ...message] = line.split(': ');
        const place = { ...(file !== undefined && { file }), keyPath: `${id}.${key}` };
        return { code: 'value', ...place, message: message.join(': ') };
      });
    }),
  );
  return found.flat();
}

class Checking {
  readonly #options: CheckOptions;
  readonly #context: CheckContext;
  readonly #files: string[] = [];
  readonly #faults: Fault[] = [];
  readonly #warnings: Fault[] = [];
  #loaded: LoadedConfig | undefined;

  constructor(options: CheckOptions, context: CheckContext) {
    this.#options = options;
    this.#context = context;
  }

  async read(): Promise<void> {
    const { files, configDir } = this.#options;
    const kinds = await Promise.all(files.map(async (file) => ({ file, yaml: await this.#isYaml(file) })));
    const conf = kinds.filter(({ yaml }) => yaml === false).map(({ file }) => file);
    const { env, cwd, definitions, where } = this.#context;
    const load = { flags: {}, env, cwd, definitions, where };
    if (files.length === 0 || configDir !== undefined) {
      await this.#take(await loadConfig({ ...load, ...(configDir === undefined ? {} : { configDir }) }));
    }
    if (conf.length > 0) {
      await this.#take(await loadFrom(await readConfigFiles(cwd, conf), load));
    }
    for (const { file, yaml } of kinds) {
      if (typeof yaml === 'string') {
        await this.#manifest(file, yaml);
      }
    }
  }

  async #take(loaded: LoadedConfig): Promise<void> {
    this.#loaded = loaded;
    this.#files.push(...loaded.files);
    this.#faults.push(...loaded.faults, ...(await faultsWithin(loaded)), ...(await this.#kubeconfigFaults(loaded)));
    this.#warnings.push(...loaded.warnings);
  }

  /** A daemon with a kubeconfig that it cannot follow does not start. */
  async #kubeconfigFaults({ kubernetes }: LoadedConfig): Promise<readonly Fault[]> {
    const { kubeconfig, discovery, api_server: otherWay } = kubernetes;
    try {
      if (kubeconfig !== undefined && otherWay === undefined && discovery !== 'off') {
        await this.#context.readKubeconfig(kubeconfig);
      }
      return [];
    } catch (error) {
      if (!hasCode(error, 'BRIDGE_CONFIG')) {
        throw error;
      }
      const message = error.message.replace('[kubernetes] kubeconfig: ', '');
      return [{ code: 'value', keyPath: 'kubernetes.kubeconfig', message }];
    }
  }

  /** The text of a YAML file; false for any other, which is then read as TOML. */
  async #isYaml(file: string): Promise<string | false | undefined> {
    try {
      const text = await readFile(resolve(this.#context.cwd, file), 'utf8');
      return /\.ya?ml$/.test(file) || (!file.endsWith('.conf') && foreignFormat(text) !== undefined) ? text : false;
    } catch (error) {
      this.#faults.push({ code: 'file', file, keyPath: '', message: `can't be read: ${whyUnreadable(error)}` });
      return undefined;
    }
  }

  async #manifest(file: string, text: string): Promise<void> {
    const manifest = readManifest(file, text);
    this.#files.push(file);
    this.#faults.push(...manifest.faults);
    this.#warnings.push(...manifest.warnings);
    for (const pod of manifestPods(file, text)) {
      const found = this.#context.explainPod(pod);
      this.#faults.push(...found.faults);
      this.#warnings.push(...found.warnings);
    }
    for (const sources of manifest.configurations) {
      await this.#configMap({ sources, faults: [] });
    }
  }

  /** It will run somewhere else: what is missing in this environment and on this disk is only worth a warning. */
  async #configMap(found: FoundFiles): Promise<void> {
    const { cwd, definitions, where } = this.#context;
    const loaded = await loadFrom(found, { flags: {}, env: {}, cwd, definitions, where });
    const elsewhere = (fault: Fault): boolean => fault.code === 'environment' || fault.code === 'secret';
    this.#faults.push(...loaded.faults.filter((fault) => !elsewhere(fault)), ...(await faultsWithin(loaded)));
    this.#warnings.push(...loaded.warnings, ...loaded.faults.filter(elsewhere));
  }

  async connect(): Promise<void> {
    this.#faults.push(...(await connectFaults(this.#loaded?.outputs ?? [], this.#context)));
  }

  report(): number {
    const { strict, json } = this.#options;
    const faults = strict ? [...this.#faults, ...this.#warnings] : this.#faults;
    const warnings = strict ? [] : this.#warnings;
    const { out } = this.#context.terminal;
    const runs = [...(this.#loaded?.inputs ?? []), ...(this.#loaded?.outputs ?? [])];
    if (json) {
      const components = runs.map(({ id, file }) => ({ id, ...(file === undefined ? {} : { file }) }));
      out(
        JSON.stringify({ good: faults.length === 0, files: this.#files, faults, warnings, components }, undefined, 2),
      );
    } else {
      for (const line of this.#lines(faults, warnings)) {
        out(line);
      }
    }
    return faults.length === 0 ? exitCodes.good : exitCodes.config;
  }

  #lines(faults: readonly Fault[], warnings: readonly Fault[]): readonly string[] {
    const loaded = this.#loaded;
    const ids = (components: readonly { readonly id: string; readonly file?: string }[]): string =>
      components.map(({ id, file }) => (file === undefined ? `${id} (by default)` : id)).join(', ');
    const store = loaded?.store.enabled ? ['the store'] : [];
    return [
      ...(this.#files.length === 0
        ? ['no file was found: the defaults hold']
        : this.#files.map((file) => `read     ${file}`)),
      ...(loaded === undefined ? [] : [`inputs   ${ids(loaded.inputs) || 'none'}`]),
      ...(loaded === undefined
        ? []
        : [`outputs  ${[...store, ids(loaded.outputs)].filter(Boolean).join(', ') || 'none'}`]),
      ...warnings.map((warning) => `warning  ${formatFault(warning)}`),
      ...faults.map((fault) => `fault    ${formatFault(fault)}`),
      faults.length === 0
        ? 'good'
        : `not good: ${counted(faults.length, 'fault')}, ${counted(warnings.length, 'warning')}`,
    ];
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
