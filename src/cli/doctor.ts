import { z } from 'zod';
import { BridgeError } from '../contract/errors.ts';
import { DaemonAway, DaemonClient, type DaemonPlace } from './daemon-client.ts';
import { exitCodes } from './exit-codes.ts';
import { coloured, harmless, type Paint, plain } from './paint.ts';
import type { Terminal } from './terminal.ts';

export interface DoctorOptions extends DaemonPlace {
  readonly json: boolean;
}

export interface DoctorTerminal extends Terminal {
  readonly hasColours: boolean;
  /** Width in characters; undefined where it is no terminal. */
  readonly columns?: number;
}

const lightSchema = z.object({
  id: z.string(),
  state: z.enum(['green', 'yellow', 'red', 'unknown']),
  seen: z.string(),
  todo: z.string().optional(),
  snippet: z.string().optional(),
});
type Light = z.output<typeof lightSchema>;
const setupSchema = z.object({ node: z.string(), version: z.string(), lights: z.array(lightSchema) });

const states = ['green', 'yellow', 'red', 'unknown'] as const;

/** `meshbridge doctor`: what the set-up of a running daemon lacks, and what mends it. Resolves with the exit code. */
export async function doctor(options: DoctorOptions, terminal: DoctorTerminal): Promise<number> {
  const answer = await ask(options);
  const setup = setupSchema.safeParse(answer).data;
  if (setup === undefined) {
    throw new BridgeError(
      'BRIDGE_START',
      `what answers at ${options.to} is no meshbridge, or is of another version: ask that with a doctor of its own`,
    );
  }
  const { node, version, lights } = setup;
  if (options.json) {
    terminal.out(JSON.stringify(answer, undefined, 2));
  } else {
    const paint = terminal.hasColours ? coloured : plain;
    terminal.out(`${paint.strong('meshbridge')} ${harmless(version)} on ${harmless(node)}, ${options.to}\n`);
    const width = Math.max(...lights.map(({ id }) => id.length));
    for (const light of lights) {
      terminal.out(linesOf(light, { paint, width, columns: terminal.columns ?? usualColumns }).join('\n'));
    }
    const counts = states.map((state) => `${lights.filter((light) => light.state === state).length} ${state}`);
    terminal.out(`\n${counts.join(', ')}`);
  }
  return lights.some(({ state }) => state === 'red') ? exitCodes.failed : exitCodes.good;
}

const usualColumns = 120;
const leastText = 40;
const stateWidth = 7;

async function ask(options: DoctorOptions): Promise<unknown> {
  try {
    return await new DaemonClient(options).get('/api/native/setup');
  } catch (cause) {
    if (!(cause instanceof DaemonAway)) {
      throw cause;
    }
    const hint = cause.isElsewhere ? '; name another with --to' : '';
    throw new BridgeError('BRIDGE_START', `no answer from the daemon at ${options.to}: ${cause.message}${hint}`, {
      cause,
    });
  }
}

interface Layout {
  readonly paint: Paint;
  /** Of the longest name. */
  readonly width: number;
  readonly columns: number;
}

function linesOf({ id, state, seen, todo, snippet }: Light, { paint, width, columns }: Layout): readonly string[] {
  const tone = { green: paint.good, yellow: paint.warn, red: paint.bad, unknown: paint.dim }[state];
  const left = stateWidth + 2 + width + 2;
  const room = Math.max(leastText, columns - left);
  const margin = ' '.repeat(left);
  const [first = '', ...rest] = wrapped(harmless(seen), room);
  const advised = state === 'green' || todo === undefined ? [] : wrapped(`→ ${harmless(todo)}`, room);
  const shown = state === 'green' || snippet === undefined ? [] : snippet.split('\n');
  return [
    `${tone(state.padEnd(stateWidth))}  ${harmless(id).padEnd(width)}  ${first}`,
    ...rest.map((line) => margin + line),
    ...advised.map((line) => margin + line),
    ...shown.map((line) => `${margin}  ${paint.strong(harmless(line))}`),
  ];
}

/** At spaces; a word that is longer than the room stays whole, so that it can be copied. */
function wrapped(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
