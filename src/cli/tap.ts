import { closeSync, openSync, writeSync } from 'node:fs';
import { BridgeError } from '../contract/errors.ts';
import { type QueueRecord, type Signal, signals } from '../model/batch.ts';
import { type RecordingPart, RecordingReader } from '../record/recording.ts';
import { DaemonAway, DaemonClient, type DaemonPlace } from './daemon-client.ts';
import { exitCodes } from './exit-codes.ts';
import { coloured, harmless, plain } from './paint.ts';
import { TapLines } from './tap-lines.ts';

export interface TapOptions extends DaemonPlace {
  readonly signals: readonly Signal[];
  /** A selector, as it was written. */
  readonly match?: string;
  /** The file that keeps what comes. */
  readonly record?: string;
  readonly limit?: number;
  readonly json: boolean;
}

export interface TapContext {
  /** Writes whole lines; resolves when whoever reads them keeps up. */
  print(lines: string): Promise<void>;
  err(text: string): void;
  readonly hasColours: boolean;
  /** The items of records that are meant, as the `file` output writes them. */
  readonly itemLines: (match: string | undefined) => (records: readonly QueueRecord[]) => readonly Buffer[];
  /** Aborted to end it in good order. */
  readonly signal: AbortSignal;
}

/** `meshbridge tap`: shows what a running daemon takes, until it is stopped or has seen enough. Resolves with the exit code. */
export async function tap(options: TapOptions, context: TapContext): Promise<number> {
  const { to, record, limit } = options;
  const client = new DaemonClient(options);
  const seen = new Seen(options, context);
  let code: number = exitCodes.good;
  const file = record === undefined ? undefined : new RecordFile(record);
  try {
    const stream = await client.stream(pathOf(options), context.signal);
    context.err(`tap: looking at ${to}; Ctrl-C ends it`);
    await (file === undefined ? seen.items(stream) : seen.records(stream, file));
    if (!context.signal.aborted && seen.count < (limit ?? Number.POSITIVE_INFINITY)) {
      context.err('tap: the daemon ended it');
      code = exitCodes.failed;
    }
  } catch (cause) {
    if (!(cause instanceof DaemonAway)) {
      throw cause;
    }
    if (!seen.began) {
      throw noAnswer(to, cause);
    }
    context.err(`tap: ${cause.message}`);
    code = exitCodes.failed;
  } finally {
    file?.close();
  }
  context.err(`tap: ${seen.summary()}${file === undefined ? '' : `; recorded ${file.summary()}`}`);
  return code;
}

function pathOf({ signals: asked, match, limit, record }: TapOptions): string {
  const query = new URLSearchParams({ form: record === undefined ? 'items' : 'records' });
  query.set('signal', asked.join(','));
  if (match !== undefined) {
    query.set('match', match);
  }
  if (limit !== undefined) {
    query.set('limit', String(limit));
  }
  return `/api/native/tap?${query}`;
}

function noAnswer(to: string, cause: DaemonAway): BridgeError {
  const hint = cause.isElsewhere ? '; is it running? Name another with --to' : '';
  return new BridgeError('BRIDGE_START', `no tap at ${to}: ${cause.message}${hint}`, { cause });
}

/** Prints items, and counts them. */
class Seen {
  readonly #context: TapContext;
  readonly #options: TapOptions;
  readonly #lines: TapLines;
  readonly #counts = new Map<Signal, number>();
  #skipped = 0;
  began = false;

  constructor(options: TapOptions, context: TapContext) {
    this.#options = options;
    this.#context = context;
    this.#lines = new TapLines(context.hasColours ? coloured : plain);
  }

  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  async items(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const piece of stream) {
      this.began = true;
      rest += decoder.decode(piece, { stream: true });
      const end = rest.lastIndexOf('\n') + 1;
      await this.#print(rest.slice(0, end).split('\n'));
      rest = rest.slice(end);
    }
  }

  async records(stream: AsyncIterable<Uint8Array>, file: RecordFile): Promise<void> {
    const { match, limit = Number.POSITIVE_INFINITY } = this.#options;
    const itemLines = this.#context.itemLines(match);
    for await (const piece of stream) {
      this.began = true;
      for (const part of file.add(piece)) {
        if (part.kind === 'records') {
          const lines = itemLines(part.records).map((line) => line.toString().trimEnd());
          await this.#print(lines.slice(0, limit - this.count));
        } else if (part.kind === 'note') {
          await this.#print([JSON.stringify(part.note)]);
        }
      }
    }
  }

  summary(): string {
    const parts = signals.flatMap((signal) => {
      const count = this.#counts.get(signal);
      return count === undefined ? [] : [`${count} ${signal}`];
    });
    const skipped = this.#skipped === 0 ? '' : `, ${this.#skipped} skipped because they came too fast`;
    return `seen ${counted(this.count, 'item')}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}${skipped}`;
  }

  async #print(lines: readonly string[]): Promise<void> {
    const shown = lines.flatMap((line) => (line === '' ? [] : this.#shown(line)));
    if (shown.length > 0) {
      await this.#context.print(`${shown.join('\n')}\n`);
    }
  }

  #shown(line: string): readonly string[] {
    const item: unknown = JSON.parse(line);
    const { tap: note, signal: named, items } = itemFields(item);
    const signal = signals.find((name) => name === named);
    if (note !== undefined) {
      if (note === 'skipped' && typeof items === 'number') {
        this.#skipped += items;
        this.#context.err(`tap: ${counted(items, 'item')} of ${harmless(String(named))} came too fast and are skipped`);
      }
      return [];
    }
    if (signal === undefined) {
      return [];
    }
    this.#counts.set(signal, (this.#counts.get(signal) ?? 0) + 1);
    const text = this.#options.json ? line : this.#lines.of(item);
    return text === undefined ? [] : [text];
  }
}

function itemFields(item: unknown): { readonly tap: unknown; readonly signal: unknown; readonly items: unknown } {
  const fields: Readonly<Record<string, unknown>> =
    typeof item === 'object' && item !== null ? Object.fromEntries(Object.entries(item)) : {};
  return { tap: fields['tap'], signal: fields['signal'], items: fields['items'] };
}

/** Keeps whole parts as they came. */
class RecordFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #reader = new RecordingReader();
  #pending: Buffer = Buffer.alloc(0);
  #items = 0;
  #bytes = 0;

  /** Throws BRIDGE_START. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, 'w', 0o600);
    } catch (cause) {
      const reason = cause instanceof Object && 'message' in cause ? String(cause.message) : String(cause);
      throw new BridgeError('BRIDGE_START', `the recording cannot be written: ${reason}`, { cause });
    }
  }

  add(piece: Uint8Array): readonly RecordingPart[] {
    this.#pending = Buffer.concat([this.#pending, piece]);
    const parts = [...this.#reader.add(piece)];
    const whole = this.#pending.length - this.#reader.unfinishedBytes;
    for (let at = 0; at < whole; ) {
      at += writeSync(this.#fd, this.#pending, at, whole - at);
    }
    this.#pending = this.#pending.subarray(whole);
    this.#bytes += whole;
    for (const part of parts) {
      this.#items += part.kind === 'records' ? part.records.reduce((sum, { items }) => sum + items, 0) : 0;
    }
    return parts;
  }

  close(): void {
    closeSync(this.#fd);
  }

  summary(): string {
    return `${counted(this.#items, 'item')} in ${counted(this.#bytes, 'byte')} to ${this.#path}`;
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
