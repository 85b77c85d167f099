import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BridgeError } from '../contract/errors.ts';
import { DaemonAway, DaemonClient, type DaemonPlace } from './daemon-client.ts';
import type { DemoWords } from './demo-words.ts';
import { exitCodes } from './exit-codes.ts';
import { coloured, harmless, type Paint, plain } from './paint.ts';
import type { Terminal } from './terminal.ts';

export type DemoOptions = DemoWords & DaemonPlace;

export interface DemoTerminal extends Terminal {
  readonly hasColours: boolean;
}

const viewSchema = z.object({
  productpage: z.string(),
  kubeconfig: z.string(),
  pagesPerSecond: z.number(),
  switches: z.array(z.object({ name: z.string(), group: z.string(), summary: z.string(), isOn: z.boolean() })),
  rules: z.array(z.string()),
  notes: z.array(z.string()),
});
type View = z.output<typeof viewSchema>;
const refusedSchema = z.object({ refused: z.array(z.string()) });
const errorSchema = z.object({ error: z.string() });

/** `meshbridge demo`: shows and turns the switches of a running demo. Resolves with the exit code. */
export async function demo(options: DemoOptions, terminal: DemoTerminal): Promise<number> {
  const answer = await asked(options);
  const refused = refusedSchema.safeParse(answer).data?.refused;
  if (refused !== undefined) {
    for (const line of refused) {
      terminal.err(harmless(line));
    }
    return exitCodes.failed;
  }
  const view = viewSchema.safeParse(answer).data;
  if (view === undefined) {
    const why = errorSchema.safeParse(answer).data?.error ?? 'it answers in another way';
    throw new BridgeError('BRIDGE_START', `the demo of the daemon at ${options.to} cannot be asked: ${harmless(why)}`);
  }
  if (options.json) {
    terminal.out(JSON.stringify(answer, undefined, 2));
  } else if (options.action === 'list') {
    terminal.out(listOf(view, terminal.hasColours ? coloured : plain));
  } else {
    terminal.out(view.notes.map(harmless).join('\n'));
  }
  return exitCodes.good;
}

async function asked(options: DemoOptions): Promise<unknown> {
  const client = new DaemonClient(options);
  const body = options.action === 'apply' || options.action === 'delete' ? await bodyOf(options.files) : undefined;
  try {
    switch (options.action) {
      case 'list':
        return await client.ask('/api/native/demo');
      case 'set':
        return await client.ask(`/api/native/demo/switches/${encodeURIComponent(options.name)}`, { on: options.on });
      case 'load':
        return await client.ask('/api/native/demo/load', { pagesPerSecond: options.pagesPerSecond });
      default:
        return await client.ask(`/api/native/demo/${options.action}`, body);
    }
  } catch (cause) {
    throw cause instanceof DaemonAway ? away(options, cause) : cause;
  }
}

function away({ to }: DaemonPlace, cause: DaemonAway): BridgeError {
  const why =
    cause.status === 404
      ? `the daemon at ${to} runs without a demo: start one with "meshbridge run --demo"`
      : `no answer from the daemon at ${to}: ${cause.message}${cause.isElsewhere ? '; name another with --to' : ''}`;
  return new BridgeError('BRIDGE_START', why, { cause });
}

/** Throws BRIDGE_START where a file cannot be read. */
async function bodyOf(files: readonly string[]): Promise<object> {
  const read = files.map(async (file) => ({ file, text: await textOf(file) }));
  return { files: await Promise.all(read) };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
    const why = code === 'ENOENT' ? 'there is no such file' : String(code ?? cause);
    throw new BridgeError('BRIDGE_START', `${file} cannot be read: ${why}`, { cause });
  }
}

function listOf({ productpage, kubeconfig, pagesPerSecond, switches, rules }: View, paint: Paint): string {
  const width = Math.max(...switches.map(({ name }) => name.length));
  const groups = [...new Set(switches.map(({ group }) => group))];
  const blocks = groups.map((group) => [
    paint.strong(harmless(group)),
    ...switches
      .filter((one) => one.group === group)
      .map(({ name, isOn, summary }) => {
        const state = isOn ? paint.good('on ') : paint.dim('off');
        return `  ${state}  ${harmless(name).padEnd(width)}  ${harmless(summary)}`;
      }),
  ]);
  return [
    `Bookinfo is at ${harmless(productpage)}, with ${pagesPerSecond} pages a second.`,
    `kubectl --kubeconfig ${harmless(kubeconfig)} asks its cluster.\n`,
    ...blocks.flat(),
    `\n${paint.strong('rules')}`,
    ...rules.map((rule) => `  ${harmless(rule)}`),
  ].join('\n');
}
