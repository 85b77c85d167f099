import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatFault } from '../config/fault.ts';
import { whyUnreadable } from '../config/files.ts';
import { type LoadOptions, loadFrom } from '../config/load.ts';
import { BridgeError } from '../contract/errors.ts';
import type { PodExplanation, PodLogsExplanation, PodTargetExplanation } from '../contract/status.ts';
import { exitCodes } from './exit-codes.ts';
import { askDaemon, type ConfiguredPageState, type TargetState } from './explain-running.ts';
import { readManifest } from './manifest.ts';
import { type ExplainedPod, type ManifestPod, manifestPods, snippetTitle } from './manifest-pods.ts';
import type { Terminal } from './terminal.ts';

export interface ExplainOptions {
  /** A manifest to read, without any cluster. */
  readonly file?: string;
  /** `NAMESPACE/NAME` of a pod that a running daemon knows; undefined: all of them. */
  readonly pod?: string;
  /** URL of that daemon. */
  readonly to: string;
  readonly json: boolean;
}

export interface ExplainContext {
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly definitions: LoadOptions['definitions'];
  readonly where: LoadOptions['where'];
  /** What would be scraped of a pod of that template. */
  readonly explainPod: (pod: ManifestPod) => ExplainedPod;
}

interface Explained {
  readonly title: string;
  readonly line?: number;
  readonly explanation: Omit<PodExplanation, 'namespace' | 'pod'>;
}

interface Answer {
  readonly pods: readonly Explained[];
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  /** Pages of the configuration of a running daemon. */
  readonly configured: readonly ConfiguredPageState[];
  /** Of a running daemon, by URL. */
  readonly states: ReadonlyMap<string, TargetState>;
}

const legendLine =
  'The cluster fills in $IP (the address of the pod), $NAMESPACE and $PODNAME (its name), and $NODENAME (its node).';

/** `meshbridge explain`: which targets follow from annotations, and why. Resolves with the exit code. */
export async function explain(options: ExplainOptions, context: ExplainContext): Promise<number> {
  const answer = options.file === undefined ? await running(options) : await offline(options.file, context);
  const { out } = context.terminal;
  const faults = [...answer.faults, ...answer.pods.flatMap(({ explanation }) => explanation.faults)];
  const warnings = [...answer.warnings, ...answer.pods.flatMap(({ explanation }) => explanation.warnings)];
  const lists = [
    ...answer.pods.map(({ explanation }) => explanation.targets),
    ...answer.configured.map((page) => page.targets),
  ];
  const targets = lists.reduce((sum, list) => sum + list.length, 0);
  if (options.json) {
    const pods = answer.pods.map(({ title, line, explanation }) => ({ title, line, ...explanation }));
    const { configured } = answer;
    out(
      JSON.stringify({ targets, pods, ...(configured.length > 0 && { configured }), faults, warnings }, undefined, 2),
    );
  } else {
    const notes = [...warnings.map((text) => `warning  ${text}`), ...faults.map((text) => `fault    ${text}`)];
    const found = [
      ...answer.configured.flatMap((page) => pageLines(page, answer.states)),
      ...answer.pods.flatMap((pod) => linesOf(pod, answer.states)),
    ];
    const legend = /\$(?:IP|PODNAME)/.test(found.join('\n')) ? [legendLine] : [];
    for (const line of [
      ...found,
      ...legend,
      ...notes,
      `${counted(targets, 'target')}, ${counted(faults.length, 'fault')}`,
    ]) {
      out(line);
    }
  }
  return faults.length === 0 || options.file === undefined ? exitCodes.good : exitCodes.config;
}

async function offline(file: string, { cwd, explainPod, definitions, where }: ExplainContext): Promise<Answer> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((cause: unknown) => {
    throw new BridgeError('BRIDGE_CONFIG', `${file} can't be read: ${whyUnreadable(cause)}`, { cause });
  });
  const manifest = readManifest(file, text);
  const pods = manifestPods(file, text).map((pod) => {
    const { explanation, faults, warnings } = explainPod(pod);
    const placed = { faults: faults.map(formatFault), warnings: warnings.map(formatFault) };
    return { title: pod.title, line: pod.line, explanation: { ...explanation, ...placed } };
  });
  const configured: Explained[] = [];
  const isSnippet = pods.some(({ title }) => title === snippetTitle);
  const faults = manifest.faults.filter(({ code }) => !(isSnippet && code === 'missing-key'));
  for (const sources of manifest.configurations) {
    const loaded = await loadFrom({ sources, faults: [] }, { flags: {}, env: {}, cwd, definitions, where });
    faults.push(...loaded.faults.filter(({ code }) => code !== 'environment' && code !== 'secret'));
    configured.push(...loaded.inputs.filter(({ type }) => type === 'prom').map(configuredTargets));
  }
  return {
    pods: [...configured, ...pods],
    faults: faults.map(formatFault),
    warnings: manifest.warnings.map(formatFault),
    configured: [],
    states: new Map(),
  };
}

function configuredTargets({
  id,
  config,
}: {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
}) {
  const urls = Array.isArray(config['urls']) ? config['urls'] : [];
  const all = urls.length > 0 ? urls : [config['url']];
  const measurement = String(config['measurement_name'] ?? '');
  const targets = all.map(
    (url): PodTargetExplanation => ({
      url: String(url),
      rule: `[[inputs.prom]]`,
      source: String(config['source']),
      intervalMs: Number(config['interval']),
      ...(measurement !== '' && { measurement }),
      labels: Object.fromEntries(Object.entries(config['tags'] ?? {}).map(([name, value]) => [name, String(value)])),
      leftOut: [],
    }),
  );
  return { title: `configuration ${id}`, explanation: { targets, faults: [], warnings: [] } };
}

async function running({ to, pod }: ExplainOptions): Promise<Answer> {
  const { pods, targets, configured, warnings } = await askDaemon(to);
  const wanted = pods.filter((one) => pod === undefined || pod === `${one.namespace}/${one.pod}`);
  if (pod !== undefined && wanted.length === 0) {
    throw new BridgeError(
      'BRIDGE_NOT_FOUND',
      `the daemon at ${to} knows no pod ${pod}; it knows those of its own node: ask with --all`,
    );
  }
  return {
    pods: wanted.map((explanation) => ({ title: `pod ${explanation.namespace}/${explanation.pod}`, explanation })),
    faults: [],
    warnings,
    configured: pod === undefined ? configured : [],
    states: new Map(targets.map((target) => [target.url, target])),
  };
}

function linesOf({ title, line, explanation }: Explained, states: Answer['states']): readonly string[] {
  const head = line === undefined ? title : `${title} (line ${line})`;
  const skipped = explanation.skipped === undefined ? [] : [`  not collected: ${explanation.skipped}`];
  const targets = explanation.targets.flatMap((target) => targetLines(target, states.get(target.url)));
  return [head, ...targets, ...skipped, ...(explanation.logs ?? []).flatMap(logLines)];
}

function logLines({ container, rule, leftOut, source, tags, done }: PodLogsExplanation): readonly string[] {
  const by = rule === undefined ? '' : ` by ${rule},`;
  if (leftOut !== undefined) {
    return [`  logs of ${container}: not collected: ${leftOut}`];
  }
  const pairs = Object.entries(tags).map(([name, value]) => `${name}=${value}`);
  return [
    `  logs of ${container}:${by} source ${source}`,
    ...(pairs.length === 0 ? [] : [`    tags ${pairs.join(' ')}`]),
    ...done.map((text) => `    ${text}`),
  ];
}

function pageLines(
  { url, said, targets, error, hint }: ConfiguredPageState,
  states: Answer['states'],
): readonly string[] {
  const problem = error === undefined ? [] : [`  ${error}${hint === undefined ? '' : `; ${hint}`}`];
  const lines = targets.flatMap((target) => {
    const state = states.get(target);
    return [`  ${target}`, ...(state === undefined ? [] : [`    ${stateLine(state)}`])];
  });
  return [`configuration ${url}`, `  ${said}`, ...lines, ...problem];
}

function targetLines(target: PodTargetExplanation, state: TargetState | undefined): readonly string[] {
  const { url, written, rule, source, intervalMs, measurement, labels, leftOut } = target;
  const as = measurement === undefined ? '' : `, measurement ${measurement}`;
  const from = written === undefined || written === url ? '' : `  (written ${written})`;
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [
    `  ${url}${from}`,
    `    by ${rule}, every ${intervalMs / 1000}s, source ${source}${as}`,
    ...(pairs.length === 0 ? [] : [`    labels ${pairs.join(' ')}`]),
    ...(state?.leftOut ?? leftOut).map((text) => `    ${text}`),
    ...(state === undefined ? [] : [`    ${stateLine(state)}`]),
  ];
}

function stateLine({ state, samples, bytes, durationMs, error, hint }: TargetState): string {
  switch (state) {
    case 'waiting':
      return 'not scraped yet';
    case 'up':
      return `up: ${samples ?? 0} samples, ${bytes ?? 0} bytes, in ${Math.round(durationMs ?? 0)} ms`;
    case 'down':
      return `down: ${error ?? 'no reason is known'}${hint === undefined ? '' : `; ${hint}`}`;
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
