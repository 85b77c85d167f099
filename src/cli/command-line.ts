import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import { parseHostPort } from '../config/units.ts';
import { type CommandName, commands, isCommand } from './help.ts';

export interface RunOptions {
  readonly configDir?: string;
  readonly dataDir?: string;
  readonly listen?: string;
  readonly demo: boolean;
}

export interface CheckOptions {
  readonly configDir?: string;
  readonly strict: boolean;
  readonly connect: boolean;
  readonly json: boolean;
  readonly files: readonly string[];
}

export const queueActions = ['inspect', 'verify', 'repair'] as const;
export type QueueAction = (typeof queueActions)[number];

export interface QueueOptions {
  readonly action: QueueAction;
  readonly dataDir?: string;
  readonly json: boolean;
}

export type CommandLine =
  | { readonly command: 'run'; readonly options: RunOptions }
  | { readonly command: 'check'; readonly options: CheckOptions }
  | { readonly command: 'queue'; readonly options: QueueOptions }
  | { readonly command: 'version' }
  | { readonly command: 'help'; readonly about?: CommandName }
  /** What was typed makes no command; `message` says why. */
  | { readonly command: 'usage'; readonly message: string; readonly about?: CommandName };

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const help = { type: 'boolean', short: 'h', default: false } as const;

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
  try {
    return rest.includes('--help') || rest.includes('-h') ? { command: 'help', about: name } : parseCommand(name, rest);
  } catch (error) {
    return { command: 'usage', message: usageMessage(error, name), about: name };
  }
}

function parseCommand(name: CommandName, args: readonly string[]): CommandLine {
  switch (name) {
    case 'run':
      return parseRun(args);
    case 'check':
      return parseCheck(args);
    case 'queue':
      return parseQueue(args);
    case 'version':
      parse(args, {}, 'none');
      return { command: 'version' };
    case 'help':
      return parseHelp(args);
    default:
      return { command: 'usage', message: `"${name}" is not part of this version`, about: name };
  }
}

function parse<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T, positionals: 'none' | 'any') {
  return parseArgs({ args: [...args], options: { ...options, help }, allowPositionals: positionals === 'any' });
}

function parseRun(args: readonly string[]): CommandLine {
  const { values } = parse(args, { 'config-dir': text, 'data-dir': text, listen: text, demo: flag }, 'none');
  if (values.listen !== undefined && parseHostPort(values.listen) === undefined) {
    const message = `--listen wants HOST:PORT, such as 127.0.0.1:9529, and got "${values.listen}"`;
    return { command: 'usage', message, about: 'run' };
  }
  return {
    command: 'run',
    options: {
      ...given('configDir', values['config-dir']),
      ...given('dataDir', values['data-dir']),
      ...given('listen', values.listen),
      demo: values.demo,
    },
  };
}

function parseCheck(args: readonly string[]): CommandLine {
  const options = { 'config-dir': text, strict: flag, connect: flag, json: flag };
  const { values, positionals } = parse(args, options, 'any');
  const { strict, connect, json } = values;
  return {
    command: 'check',
    options: { ...given('configDir', values['config-dir']), strict, connect, json, files: positionals },
  };
}

function parseQueue(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args, { 'data-dir': text, json: flag }, 'any');
  const action = queueActions.find((candidate) => candidate === positionals[0]);
  if (action === undefined || positionals.length !== 1) {
    return { command: 'usage', message: `queue wants one of ${queueActions.join(', ')}`, about: 'queue' };
  }
  return { command: 'queue', options: { action, ...given('dataDir', values['data-dir']), json: values.json } };
}

function parseHelp(args: readonly string[]): CommandLine {
  const about = parse(args, {}, 'any').positionals[0];
  if (about === undefined) {
    return { command: 'help' };
  }
  return isCommand(about)
    ? { command: 'help', about }
    : { command: 'usage', message: `there is no command "${about}"` };
}

function given<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  const entry: { [P in K]?: string } = {};
  if (value !== undefined) {
    entry[key] = value;
  }
  return entry;
}

const optionNames: Partial<Record<CommandName, readonly string[]>> = {
  run: ['--config-dir', '--data-dir', '--listen', '--demo', '--help'],
  check: ['--config-dir', '--strict', '--connect', '--json', '--help'],
  queue: ['--data-dir', '--json', '--help'],
};

/** Node's messages, in our words. */
function usageMessage(error: unknown, command: CommandName): string {
  const message = error instanceof Error ? error.message : String(error);
  const option = /'(-[^\s'=]*)/.exec(message)?.[1];
  if (/^Unknown option/.test(message) && option !== undefined) {
    const known = optionNames[command] ?? ['--help'];
    const meant = nearest(option, known);
    return `"${command}" has no option ${option}; ${meant === undefined ? `it has ${known.join(', ')}` : `did you mean ${meant}?`}`;
  }
  if (/argument missing|argument is ambiguous/.test(message) && option !== undefined) {
    return `${option} wants a value`;
  }
  if (/^Unexpected argument/.test(message)) {
    return `"${command}" takes no ${option ?? /'([^']*)'/.exec(message)?.[1] ?? 'further words'}`;
  }
  return message.split('\n')[0] ?? message;
}
