import { z } from 'zod';
import { BridgeError } from '../contract/errors.ts';
import { isFormat, type QueueRecord, type Signal, signalOf } from '../model/batch.ts';
import { ParcelReader, type ParcelRecord, ParcelWriter } from './parcel.ts';

/**
 * Records on their way to a file, as `meshbridge tap --record` writes it: lines of JSON, of which those of the kind `records` are
 * followed by so many bytes of a parcel (`parcel.ts`). The first line is of the kind `open`. A dictionary comes once, before the
 * first record that needs it. Lines of other kinds hold nothing that a reader needs.
 */
export const recordingType = 'application/vnd.meshbridge.recording';
export const recordingVersion = 1;

export interface RecordingHead {
  readonly atMs: number;
  readonly node: string;
  /** The selector that was asked for, as it was written. */
  readonly match?: string;
}

export class RecordingWriter {
  readonly #parcels = new ParcelWriter();
  readonly #known = new Set<string>();

  head(head: RecordingHead): Buffer {
    return line({ tap: 'open', recording: recordingVersion, ...head });
  }

  /** Of one signal, in order. */
  records(signal: Signal, records: readonly QueueRecord[]): Buffer {
    const parcel = this.#parcels.pack(records, (id) => !this.#known.has(id));
    for (const { dictionary } of records) {
      if (dictionary !== undefined) {
        this.#known.add(dictionary.id);
      }
    }
    const items = records.reduce((sum, record) => sum + record.items, 0);
    return Buffer.concat([line({ tap: 'records', signal, items, bytes: parcel.length }), parcel]);
  }
}

/** What else a stream says between its records. */
export type TapNote =
  | { readonly tap: 'skipped'; readonly signal: Signal; readonly items: number }
  /** Nothing came for a while. */
  | { readonly tap: 'alive' }
  /** The daemon ends. */
  | { readonly tap: 'end' };

export function noteLine(note: TapNote): Buffer {
  return line(note);
}

function line(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

const headSchema = z.object({
  tap: z.literal('open'),
  recording: z.number(),
  atMs: z.number(),
  node: z.string(),
  match: z.string().optional(),
});
const signalSchema = z.enum(['metrics', 'traces', 'logs', 'rum']) satisfies z.ZodType<Signal>;
const partSchema = z.discriminatedUnion('tap', [
  z.object({ tap: z.literal('records'), signal: signalSchema, items: z.int(), bytes: z.int().min(0) }),
  z.object({ tap: z.literal('skipped'), signal: signalSchema, items: z.int() }),
  z.object({ tap: z.literal('alive') }),
  z.object({ tap: z.literal('end') }),
]);

export type RecordingPart =
  | { readonly kind: 'head'; readonly head: RecordingHead }
  /** Of one signal. `cumItems` and `position` mean nothing here. */
  | { readonly kind: 'records'; readonly signal: Signal; readonly records: readonly QueueRecord[] }
  | { readonly kind: 'note'; readonly note: TapNote };

/** Lines are short: what is longer is no recording. */
const maxLineBytes = 65_536;
const newline = 0x0a;

/** Takes a recording apart, as it comes. */
export class RecordingReader {
  readonly #parcels = new ParcelReader({ isFormat });
  readonly #dictionaries = new Map<string, Uint8Array>();
  #rest: Buffer = Buffer.alloc(0);
  #begun = false;

  /** Bytes that are no whole part yet. */
  get unfinishedBytes(): number {
    return this.#rest.length;
  }

  /** The whole parts up to now. Throws BRIDGE_DECODE, and BRIDGE_UNSUPPORTED at what a later version wrote. */
  *add(bytes: Uint8Array): Generator<RecordingPart> {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    for (let part = this.#next(); part !== undefined; part = this.#next()) {
      yield part;
    }
  }

  #next(): RecordingPart | undefined {
    const end = this.#rest.indexOf(newline);
    if (end < 0 || end > maxLineBytes) {
      if (this.#rest.length > maxLineBytes) {
        throw notOne();
      }
      return undefined;
    }
    const text = this.#rest.toString('utf8', 0, end);
    if (!this.#begun) {
      this.#begun = true;
      this.#rest = this.#rest.subarray(end + 1);
      return { kind: 'head', head: headOf(text) };
    }
    const part = parsed(partSchema, text);
    if (part === undefined) {
      throw new BridgeError('BRIDGE_DECODE', `a line of the recording is not what a tap says: ${text.slice(0, 80)}`);
    }
    if (part.tap !== 'records') {
      this.#rest = this.#rest.subarray(end + 1);
      return { kind: 'note', note: part };
    }
    const after = end + 1 + part.bytes;
    if (this.#rest.length < after) {
      return undefined;
    }
    const parcel = this.#rest.subarray(end + 1, after);
    this.#rest = this.#rest.subarray(after);
    return { kind: 'records', signal: part.signal, records: this.#records(parcel, part.signal) };
  }

  #records(parcel: Buffer, signal: Signal): readonly QueueRecord[] {
    return this.#parcels.read(parcel).map((record) => {
      if (signalOf[record.format] !== signal) {
        throw new BridgeError('BRIDGE_DECODE', `a record of ${record.format} stands among ${signal}`);
      }
      const { dictionary, ...rest } = record;
      return { ...rest, signal, cumItems: 0, ...(dictionary && { dictionary: this.#dictionary(dictionary) }) };
    });
  }

  #dictionary({ id, bytes }: NonNullable<ParcelRecord['dictionary']>): { id: string; bytes: Uint8Array } {
    if (bytes !== undefined) {
      this.#dictionaries.set(id, bytes);
    }
    const known = this.#dictionaries.get(id);
    if (known === undefined) {
      throw new BridgeError('BRIDGE_DECODE', 'the recording lacks a dictionary that one of its records needs');
    }
    return { id, bytes: known };
  }
}

function headOf(text: string): RecordingHead {
  const head = parsed(headSchema, text);
  if (head === undefined) {
    throw notOne();
  }
  const { recording, atMs, node, match } = head;
  if (recording > recordingVersion) {
    throw new BridgeError('BRIDGE_UNSUPPORTED', `recordings of version ${recording} are not known here`);
  }
  return { atMs, node, ...(match === undefined ? {} : { match }) };
}

function notOne(): BridgeError {
  return new BridgeError('BRIDGE_DECODE', 'it is no recording of meshbridge tap');
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
