import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CheckContext } from './cli/check.ts';
import { type CommandLine, parseCommandLine, type RunOptions } from './cli/command-line.ts';
import { exitCodes } from './cli/exit-codes.ts';
import { helpText } from './cli/help.ts';
import { defaultDataDir, defaultsContext } from './cli/surroundings.ts';
import type { TapWords } from './cli/tap-words.ts';
import type { Terminal } from './cli/terminal.ts';
import type { TestOptions } from './cli/test.ts';
import { ConfigOnDisk } from './config/config-on-disk.ts';
import { formatFault, type LoadedConfig, loadConfig } from './config/load.ts';
import { ConfigWatch } from './config/watch.ts';
import { BridgeError, hasCode } from './contract/errors.ts';
import { inputs } from './inputs/index.ts';
import { systemClock } from './lib/clock.ts';
import { outputs } from './outputs/index.ts';

const terminal: Terminal = {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
};
const definitions = { inputs, outputs };
const where = defaultsContext(process.env);

async function version(): Promise<string> {
  const about: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof about === 'object' && about !== null && 'version' in about ? String(about.version) : 'unknown';
}

function dataDirOf(options: { readonly dataDir?: string }): string {
  return resolve(options.dataDir ?? defaultDataDir(process.env));
}

function load(options: RunOptions): Promise<LoadedConfig> {
  return loadConfig({
    flags: options.listen === undefined ? {} : { listen: options.listen },
    env: process.env,
    cwd: process.cwd(),
    ...(options.configDir === undefined ? {} : { configDir: options.configDir }),
    definitions,
    where,
  });
}

const lingerMs = 1_000;

async function run(options: RunOptions): Promise<number> {
  const configSource = new ConfigOnDisk({
    clock: systemClock,
    load: () => load(options),
    onHangUp: (listener) => process.on('SIGHUP', listener),
    watch: new ConfigWatch({
      cwd: process.cwd(),
      ...(options.configDir !== undefined && { configDir: options.configDir }),
    }),
  });
  const config = await configSource.load();
  say(config);
  if (config.faults.length > 0) {
    return exitCodes.config;
  }
  const { runBridge } = await import('./bridge.ts');
  const code = await runBridge(config, {
    dataDir: dataDirOf(options),
    demo: options.demo,
    ...(options.demoNamespace !== undefined && { demoNamespace: options.demoNamespace }),
    version: await version(),
    where,
    env: process.env,
    configSource,
    signal: endSignal(),
    print: terminal.out,
  });
  // What does not stop by then holds nothing that is not on disk.
  setTimeout(() => process.exit(code), lingerMs).unref();
  return code;
}

function say({ warnings, faults }: LoadedConfig): void {
  for (const warning of warnings) {
    terminal.err(`warning  ${formatFault(warning)}`);
  }
  for (const fault of faults) {
    terminal.err(`fault    ${formatFault(fault)}`);
  }
}

/** One Ctrl-C under npm arrives twice at once: from the terminal and from npm. */
const sameSignalWithinMs = 500;

/** The first SIGTERM or SIGINT asks it to finish; the second ends it as it is. */
function endSignal(): AbortSignal {
  const ending = new AbortController();
  let firstMs = Number.POSITIVE_INFINITY;
  const end = (name: NodeJS.Signals): void => {
    if (ending.signal.aborted) {
      if (performance.now() - firstMs > sameSignalWithinMs) {
        process.exit(exitCodes.failed);
      }
      return;
    }
    firstMs = performance.now();
    ending.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  return ending.signal;
}

async function checkContext(): Promise<CheckContext> {
  const { explainManifestPod: explainPod } = await import('./bridge/rehearsal/explain.ts');
  return {
    explainPod,
    readKubeconfig: async (path) => {
      await (await import('./kube/kubeconfig.ts')).kubeconfigAccess(path);
    },
    env: process.env,
    cwd: process.cwd(),
    definitions,
    where,
    version: await version(),
    dataDir: dataDirOf({}),
    terminal,
  };
}

async function tested(options: TestOptions): Promise<number> {
  const [{ test }, { Rehearsal, rehearsedConfig }] = await Promise.all([
    import('./cli/test.ts'),
    import('./bridge/rehearsal/rehearsal.ts'),
  ]);
  const cwd = process.cwd();
  return test(options, {
    ...{ cwd, terminal },
    load: (config) => rehearsedConfig(config, { flags: {}, env: process.env, cwd, definitions }),
    stage: (config, dataDir) => new Rehearsal(config, dataDir),
  });
}

async function tapped(options: TapWords): Promise<number> {
  const [{ tap }, { pacedPrint, processScreen }, { itemLines }] = await Promise.all([
    import('./cli/tap.ts'),
    import('./cli/screen.ts'),
    import('./bridge/item-lines.ts'),
  ]);
  const { err, hasColours } = processScreen(process.env);
  const context = { print: pacedPrint, err, hasColours, itemLines, signal: endSignal() };
  return tap({ ...options, dataDir: dataDirOf(options) }, context);
}

async function main(line: CommandLine): Promise<number> {
  switch (line.command) {
    case 'run':
      return run(line.options);
    case 'check': {
      const { check } = await import('./cli/check.ts');
      return check(line.options, await checkContext());
    }
    case 'queue': {
      const { queue } = await import('./cli/queue.ts');
      return queue({ ...line.options, dataDir: dataDirOf(line.options) }, terminal);
    }
    case 'explain': {
      const [{ explain }, { explainManifestPod: explainPod }] = await Promise.all([
        import('./cli/explain.ts'),
        import('./bridge/rehearsal/explain.ts'),
      ]);
      return explain(line.options, { cwd: process.cwd(), terminal, definitions, where, explainPod });
    }
    case 'migrate': {
      const { migrate } = await import('./cli/migrate.ts');
      const template = fileURLToPath(new URL('../deploy/kubernetes/meshbridge.yaml', import.meta.url));
      return migrate(line.options, { cwd: process.cwd(), terminal, definitions, where, template });
    }
    case 'monitor': {
      const [{ monitor }, { processScreen }] = await Promise.all([
        import('./cli/monitor.ts'),
        import('./cli/screen.ts'),
      ]);
      const place = { ...line.options, dataDir: dataDirOf(line.options) };
      return monitor(place, { screen: processScreen(process.env), signal: endSignal() });
    }
    case 'doctor': {
      const [{ doctor }, { processScreen }] = await Promise.all([import('./cli/doctor.ts'), import('./cli/screen.ts')]);
      const { out, err, hasColours, isLive, columns } = processScreen(process.env);
      const place = { ...line.options, dataDir: dataDirOf(line.options) };
      return doctor(place, { out, err, hasColours, ...(isLive && { columns: columns() }) });
    }
    case 'tap':
      return tapped(line.options);
    case 'demo': {
      const [{ demo }, { processScreen }] = await Promise.all([import('./cli/demo.ts'), import('./cli/screen.ts')]);
      return demo({ ...line.options, dataDir: dataDirOf(line.options) }, processScreen(process.env));
    }
    case 'test':
      return tested(line.options);
    case 'version':
      terminal.out(`meshbridge ${await version()} (node ${process.versions.node})`);
      return exitCodes.good;
    case 'help':
      terminal.out(helpText(line.about));
      return exitCodes.good;
    case 'usage':
      terminal.err(`meshbridge: ${line.message}`);
      terminal.err(helpText(line.about));
      return exitCodes.usage;
    default:
      return line satisfies never;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Who reads what a command prints may stop early, as `head` does. The daemon goes on without a reader. */
function endWithReader({ command }: CommandLine): void {
  process.stdout.on('error', (error) => {
    if (!('code' in error) || error.code !== 'EPIPE') {
      throw error;
    }
    if (command !== 'run') {
      process.exit();
    }
  });
}

try {
  const line = parseCommandLine(process.argv.slice(2));
  endWithReader(line);
  process.exitCode = await main(line);
} catch (error) {
  const expected = error instanceof BridgeError;
  terminal.err(`meshbridge: ${expected ? error.message : describe(error)}`);
  process.exitCode = hasCode(error, 'BRIDGE_CONFIG') ? exitCodes.config : exitCodes.failed;
}
