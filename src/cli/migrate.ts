import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { formatFault } from '../config/fault.ts';
import { whyUnreadable } from '../config/files.ts';
import { type LoadOptions, loadFrom } from '../config/load.ts';
import { BridgeError } from '../contract/errors.ts';
import { exitCodes } from './exit-codes.ts';
import { readManifest } from './manifest.ts';
import { migrateEnvironment } from './migrate-environment.ts';
import { configurationOf, lostPorts, migratedManifest } from './migrate-objects.ts';
import { type DataKitSetup, dataKitSetup } from './migrate-setup.ts';
import type { Terminal } from './terminal.ts';

export interface MigrateOptions {
  /** Manifests of DataKit and of its ConfigMaps. */
  readonly files: readonly string[];
}

export interface MigrateContext {
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly definitions: LoadOptions['definitions'];
  readonly where: LoadOptions['where'];
  /** Path of our own manifest. */
  readonly template: string;
}

/** `meshbridge migrate`: our manifest in the place of DataKit's, and what has no twin. Resolves with the exit code. */
export async function migrate({ files }: MigrateOptions, context: MigrateContext): Promise<number> {
  const { cwd, terminal, template } = context;
  const texts = await Promise.all(
    files.map(async (file) => ({ file, text: await readText(resolve(cwd, file), file) })),
  );
  const faults = texts.flatMap(({ file, text }) => readManifest(file, text).faults);
  if (faults.length > 0) {
    for (const fault of faults) {
      terminal.err(`fault    ${formatFault(fault)}`);
    }
    return exitCodes.config;
  }
  const setup = dataKitSetup(texts.flatMap(({ text }) => objectsOf(text)));
  if (setup === undefined) {
    throw new BridgeError(
      'BRIDGE_CONFIG',
      `${files.join(', ')}: no DaemonSet runs DataKit here (an image named datakit, or the label app: daemonset-datakit); name the file that has it too, such as datakit.yaml`,
    );
  }
  const { definitions } = context;
  const environment = migrateEnvironment(setup.container.env, definitions.inputs);
  const notes = [...environment.notes, ...(await configurationNotes(texts, context)), ...setupNotes(setup)];
  terminal.out([...head(setup), ...notes.map((note) => `# - ${note}`)].join('\n'));
  terminal.out(migratedManifest(await readText(template, template), { setup, environment: environment.kept }));
  return exitCodes.good;
}

async function readText(path: string, shown: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new BridgeError('BRIDGE_CONFIG', `${shown} can't be read: ${whyUnreadable(cause)}`, { cause });
  });
}

function objectsOf(text: string): readonly unknown[] {
  const documents = parseAllDocuments(text);
  return (Array.isArray(documents) ? documents : []).map((document): unknown => document.toJS());
}

function head({ daemonSet: { metadata } }: DataKitSetup): readonly string[] {
  return [
    `# meshbridge in the place of the DaemonSet ${metadata.name} of namespace ${metadata.namespace}: kubectl apply -f this over DataKit's own.`,
    '# What is not taken over:',
  ];
}

/** What the daemon will say about DataKit's files of configuration. */
async function configurationNotes(
  texts: readonly { readonly file: string; readonly text: string }[],
  { cwd, definitions, where }: MigrateContext,
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const { file, text } of texts) {
    for (const sources of readManifest(file, text).configurations) {
      const loaded = await loadFrom({ sources, faults: [] }, { flags: {}, env: {}, cwd, definitions, where });
      const faults = loaded.faults.filter(({ code }) => code !== 'environment' && code !== 'secret');
      notes.push(...[...faults, ...loaded.warnings].map(formatFault));
    }
  }
  return notes;
}

function setupNotes(setup: DataKitSetup): readonly string[] {
  const { daemonSet, container, others, services, obsolete } = setup;
  const pod = daemonSet.spec.template.spec;
  const rights = ['hostNetwork', 'hostPID', 'hostIPC'].filter((key) => pod[key] === true);
  const isPrivileged = container.securityContext?.privileged === true;
  const config = new Set(configurationOf(setup).mounts);
  const mounts = container.volumeMounts.filter((mount) => !config.has(mount)).map(({ mountPath }) => mountPath);
  const lost = services.flatMap((service) => lostPorts(service).map((port) => `${service.metadata.name}:${port}`));
  return [
    ...said('ports of Services that nothing answers here', lost),
    ...said("mounts that are not needed, since only the kubelet's log files are read", mounts),
    ...said('rights on the node that are not needed', [...rights, ...(isPrivileged ? ['privileged'] : [])]),
    ...said("the container's command, which is the image's own business", container.command ?? []),
    ...said('other containers of the pod', others),
    ...said('objects that nothing needs any more; when it runs, delete them', obsolete),
    'what DataKit still had in its own cache on the nodes is not sent any more; meshbridge keeps its data in /var/lib/meshbridge',
  ];
}

function said(what: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [`${what}: ${items.join(', ')}`];
}
