import { parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import { parseHostPort } from '../config/units.ts';
import { type AskOptions, daemonWords, given, usualDaemon } from './daemon-words.ts';
import { type DemoWords, demoWords } from './demo-words.ts';
import type { ExplainOptions } from './explain.ts';
import { type CommandName, commands, isCommand } from './help.ts';
import type { MigrateOptions } from './migrate.ts';
import { type QueueOptions, queueWords } from './queue-words.ts';
import { type TapWords, tapWords } from './tap-words.ts';
import type { TestOptions } from './test.ts';

export interface RunOptions {
  readonly configDir?: string;
  readonly dataDir?: string;
  readonly listen?: string;
  readonly demo: boolean;
  /** Of Bookinfo in the demo. */
  readonly demoNamespace?: string;
}

export interface CheckOptions {
  readonly configDir?: string;
  readonly strict: boolean;
  readonly connect: boolean;
  readonly json: boolean;
  readonly files: readonly string[];
}

export type CommandLine =
  | { readonly command: 'run'; readonly options: RunOptions }
  | { readonly command: 'check'; readonly options: CheckOptions }
  | { readonly command: 'queue'; readonly options: QueueOptions }
  | { readonly command: 'explain'; readonly options: ExplainOptions }
  | { readonly command: 'migrate'; readonly options: MigrateOptions }
  | { readonly command: 'monitor'; readonly options: AskOptions }
  | { readonly command: 'doctor'; readonly options: AskOptions & { readonly json: boolean } }
  | { readonly command: 'tap'; readonly options: TapWords }
  | { readonly command: 'demo'; readonly options: DemoWords }
  | { readonly command: 'test'; readonly options: TestOptions }
  | { readonly command: 'version' }
  | { readonly command: 'help'; readonly about?: CommandName }
  /** What was typed makes no command; `message` says why. */
  | { readonly command: 'usage'; readonly message: string; readonly about?: CommandName };

/** Reads what stands behind the program's name. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const [name, ...rest] = args;
  if (name === undefined) {
    return { command: 'usage', message: 'no command was given' };
  }
  if (name === '--help' || name === '-h') {
    return { command: 'help' };
  }
  if (name === '--version' || name === '-v' || name === '-V') {
    return { command: 'version' };
  }
  if (!isCommand(name)) {
    const meant = nearest(name, Object.keys(commands));
    const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
    return { command: 'usage', message: `there is no command "${name}"${hint}` };
  }
  return rest.includes('--help') || rest.includes('-h') ? { command: 'help', about: name } : parseCommand(name, rest);
}

interface Words {
  readonly texts: ReadonlyMap<string, string>;
  readonly flags: ReadonlySet<string>;
  readonly others: readonly string[];
}

interface Grammar {
  /** Options with a value. */
  readonly texts?: readonly string[];
  readonly flags?: readonly string[];
  /** One letter for an option with a value. */
  readonly short?: Readonly<Record<string, string>>;
  /** Options whose values stand among the other words. */
  readonly repeated?: readonly string[];
  readonly others?: 'any';
}

const grammars: Partial<Record<CommandName, Grammar>> = {
  run: { texts: ['config-dir', 'data-dir', 'listen', 'demo-namespace'], flags: ['demo'] },
  check: { texts: ['config-dir'], flags: ['strict', 'connect', 'json'], others: 'any' },
  queue: { texts: ['data-dir', 'output', 'signal'], flags: ['json', 'requeue'], others: 'any' },
  explain: { texts: ['pod', 'file', 'to'], flags: ['all', 'json'], short: { file: 'f' } },
  migrate: { others: 'any' },
  monitor: { texts: ['to', 'token-file', 'data-dir'] },
  doctor: { texts: ['to', 'token-file', 'data-dir'], flags: ['json'] },
  tap: { texts: ['signal', 'match', 'record', 'limit', 'to', 'token-file', 'data-dir'], flags: ['json'] },
  demo: {
    texts: ['to', 'token-file', 'data-dir', 'file'],
    flags: ['json'],
    short: { file: 'f' },
    repeated: ['file'],
    others: 'any',
  },
  test: { flags: ['json'], others: 'any' },
  version: {},
  help: { others: 'any' },
};

function parseCommand(name: CommandName, args: readonly string[]): CommandLine {
  const grammar = grammars[name];
  if (grammar === undefined) {
    return { command: 'usage', message: `"${name}" is not part of this version`, about: name };
  }
  const words = read(name, grammar, args);
  if (typeof words === 'string') {
    return { command: 'usage', message: words, about: name };
  }
  switch (name) {
    case 'run':
      return runLine(words);
    case 'check':
      return { command: 'check', options: checkOptions(words) };
    case 'queue':
      return queueLine(words);
    case 'explain':
      return explainLine(words);
    case 'migrate':
      return words.others.length === 0
        ? { command: 'usage', message: 'migrate wants the file that DataKit is deployed by', about: 'migrate' }
        : { command: 'migrate', options: { files: words.others } };
    case 'monitor':
    case 'doctor':
      return askLine(name, words);
    case 'tap':
      return tapLine(words);
    case 'demo':
      return demoLine(words);
    case 'test':
      return words.others.length === 0
        ? { command: 'usage', message: 'test wants a file of tests', about: 'test' }
        : { command: 'test', options: { files: words.others, json: words.flags.has('json') } };
    case 'help':
      return helpLine(words);
    default:
      return { command: 'version' };
  }
}

/** The words by their kind, or what is wrong with them. */
function read(command: CommandName, grammar: Grammar, args: readonly string[]): Words | string {
  const options = Object.fromEntries((grammar.texts ?? []).map((name) => [name, textOption(grammar, name)]));
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const found = { texts: new Map<string, string>(), flags: new Set<string>(), others: [] as string[] };
  for (const token of tokens) {
    if (token.kind === 'positional') {
      found.others.push(token.value);
    } else if (token.kind === 'option') {
      const wrong = wrongOption(command, grammar, token);
      if (wrong !== undefined) {
        return wrong;
      }
      found.others.push(...valueAsWord(grammar, token));
      found.flags.add(token.name);
      found.texts.set(token.name, token.value ?? '');
    }
  }
  const [first] = found.others;
  return grammar.others === undefined && first !== undefined ? `"${command}" takes no ${first}` : found;
}

function valueAsWord({ repeated }: Grammar, { name, value }: OptionToken): readonly string[] {
  return repeated?.includes(name) === true && value !== undefined ? [value] : [];
}

function textOption({ short = {} }: Grammar, name: string) {
  const letter = short[name];
  return { type: 'string' as const, ...(letter !== undefined && { short: letter }) };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function wrongOption(
  command: CommandName,
  { texts = [], flags = [] }: Grammar,
  option: OptionToken,
): string | undefined {
  const { name, rawName, value, inlineValue } = option;
  if (texts.includes(name)) {
    const missing = value === undefined || value === '' || (inlineValue !== true && value.startsWith('-'));
    return missing ? `${rawName} wants a value` : undefined;
  }
  if (!flags.includes(name)) {
    return unknownOption(command, rawName, [...texts, ...flags, 'help']);
  }
  return value === undefined ? undefined : `${rawName} takes no value`;
}

function unknownOption(command: CommandName, option: string, names: readonly string[]): string {
  const known = names.map((name) => `--${name}`);
  const meant = nearest(option, known);
  const hint = meant === undefined ? `it has ${known.join(', ')}` : `did you mean ${meant}?`;
  return `"${command}" has no option ${option}; ${hint}`;
}

function runLine({ texts, flags }: Words): CommandLine {
  const listen = texts.get('listen');
  if (listen !== undefined && parseHostPort(listen) === undefined) {
    const message = `--listen wants HOST:PORT, such as 127.0.0.1:9529, and got "${listen}"`;
    return { command: 'usage', message, about: 'run' };
  }
  const namespace = texts.get('demo-namespace');
  if (namespace !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    const message = `--demo-namespace wants the name of a namespace, such as prod, and got "${namespace}"`;
    return { command: 'usage', message, about: 'run' };
  }
  return {
    command: 'run',
    options: {
      ...given('configDir', texts.get('config-dir')),
      ...given('dataDir', texts.get('data-dir')),
      ...given('listen', listen),
      demo: flags.has('demo') || namespace !== undefined,
      ...given('demoNamespace', namespace),
    },
  };
}

function checkOptions({ texts, flags, others }: Words): CheckOptions {
  return {
    ...given('configDir', texts.get('config-dir')),
    strict: flags.has('strict'),
    connect: flags.has('connect'),
    json: flags.has('json'),
    files: others,
  };
}

function queueLine({ texts, flags, others }: Words): CommandLine {
  const options = queueWords(texts, flags, others);
  return typeof options === 'string'
    ? { command: 'usage', message: options, about: 'queue' }
    : { command: 'queue', options };
}

function explainLine({ texts, flags }: Words): CommandLine {
  const asked = [texts.has('pod'), texts.has('file'), flags.has('all')].filter(Boolean).length;
  const pod = texts.get('pod');
  const to = texts.get('to') ?? usualDaemon;
  const message =
    asked !== 1
      ? 'explain wants one of --pod NS/NAME, -f MANIFEST.yaml and --all'
      : pod !== undefined && !/^[^/]+\/[^/]+$/.test(pod)
        ? `--pod wants NAMESPACE/NAME, and got "${pod}"`
        : URL.canParse(to)
          ? undefined
          : `--to wants a URL such as ${usualDaemon}, and got "${to}"`;
  return message === undefined
    ? {
        command: 'explain',
        options: { ...given('file', texts.get('file')), ...given('pod', pod), to, json: flags.has('json') },
      }
    : { command: 'usage', message, about: 'explain' };
}

function askLine(command: 'monitor' | 'doctor', { texts, flags }: Words): CommandLine {
  const options = daemonWords(texts);
  if (typeof options === 'string') {
    return { command: 'usage', message: options, about: command };
  }
  return command === 'monitor' ? { command, options } : { command, options: { ...options, json: flags.has('json') } };
}

function tapLine({ texts, flags }: Words): CommandLine {
  const options = tapWords(texts, flags);
  return typeof options === 'string'
    ? { command: 'usage', message: options, about: 'tap' }
    : { command: 'tap', options };
}

function demoLine({ texts, flags, others }: Words): CommandLine {
  const options = demoWords(texts, flags, others);
  return typeof options === 'string'
    ? { command: 'usage', message: options, about: 'demo' }
    : { command: 'demo', options };
}

function helpLine({ others: [about] }: Words): CommandLine {
  if (about === undefined) {
    return { command: 'help' };
  }
  return isCommand(about)
    ? { command: 'help', about }
    : { command: 'usage', message: `there is no command "${about}"` };
}
