import { z } from 'zod';
import { BridgeError } from '../contract/errors.ts';
import type { Format, Origin, QueueRecord, TagEdits } from '../model/batch.ts';
import { checkFrame, encodeRecord, prefixBytes, recordBytes } from './frame.ts';
import { isLaneHeader, LaneHeaderEncoder, type LaneKind, laneVersion, readFacts, readMeta } from './lane-header.ts';
import { MetaEncoder } from './queue-record.ts';
import { tagEditsSchema, tagsSchema } from './tag-edits.ts';

/**
 * Records of one lane on their way to another machine: frames as on disk (`frame.ts`, `lane-header.ts`), one behind the
 * other, of the kinds `data` and `dictionary` alone. The nonce and the offset of the dictionary are 0: a parcel is walked from
 * its first byte to its last, never searched, and a dictionary is found by its id. It may be left out where the receiver
 * is known to have it. Positions stay at home.
 */
export const parcelType = 'application/vnd.meshbridge.records';
/** Of the framing above; the layout of a header has a version of its own, `laneVersion`. */
/** Says which process sends: who gets its own has been told to send to itself. */
export const instanceHeader = 'x-meshbridge-instance';
export const parcelVersion = 1;
/** A hub takes the version before its own too, so that it can be upgraded before its agents. The first one has none before it. */
export const oldestParcelVersion = 1;

export interface ParcelRecord {
  readonly seq: number;
  readonly receivedAtMs: number;
  readonly items: number;
  readonly format: Format;
  readonly origin: Origin;
  readonly edits?: TagEdits;
  /** Without bytes where the sender takes them for known. */
  readonly dictionary?: { readonly id: string; readonly bytes: Uint8Array | undefined };
  /** A view. */
  readonly payload: Uint8Array;
}

/** Builds parcels. One at a time. */
export class ParcelWriter {
  readonly #headers = new LaneHeaderEncoder();
  readonly #metas = new MetaEncoder();

  /** Dictionaries are put in, before the first record that needs them, where `wanted` says so. */
  pack(records: readonly QueueRecord[], wanted: (dictionaryId: string) => boolean): Buffer {
    const frames: { readonly header: Buffer; readonly payload: Uint8Array }[] = [];
    const seen = new Set<string>();
    let bytes = 0;
    const add = (header: Buffer, payload: Uint8Array): void => {
      frames.push({ header: Buffer.from(header), payload });
      bytes += recordBytes(header.length, payload.length);
    };
    for (const record of records) {
      const { dictionary } = record;
      if (dictionary !== undefined && !seen.has(dictionary.id)) {
        seen.add(dictionary.id);
        if (wanted(dictionary.id)) {
          add(this.#dictionary(record, dictionary.id), dictionary.bytes);
        }
      }
      add(this.#headers.encode(factsOf(record, 'data'), this.#metas.encode(record)), record.payload);
    }
    const parcel = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (const { header, payload } of frames) {
      at = encodeRecord(parcel, at, header, [payload]);
    }
    return parcel;
  }

  #dictionary(record: QueueRecord, id: string): Buffer {
    return this.#headers.encode({ ...factsOf(record, 'dictionary'), items: 0 }, Buffer.from(JSON.stringify({ id })));
  }
}

function factsOf({ seq, receivedAtMs, cumItems, items }: QueueRecord, kind: LaneKind) {
  return { kind, nonce: 0, seq, receivedAtMs, cumItems, items, dictionaryOffset: 0 };
}

const metaSchema = z.object({
  format: z.string(),
  origin: tagsSchema,
  edits: tagEditsSchema.optional(),
  dictionary: z.string().optional(),
});
const dictionaryMeta = z.object({ id: z.string() });
type Meta = z.output<typeof metaSchema>;

export interface ParcelReaderOptions {
  /** Tells the formats that this version can read. */
  readonly isFormat: (name: string) => name is Format;
}

/** Different metas that are kept parsed: one for each stream and target of some agents. */
const keptMetas = 4096;

/** Takes parcels apart. Metas come again and again; equal ones give the same object. */
export class ParcelReader {
  readonly #isFormat: ParcelReaderOptions['isFormat'];
  readonly #metas = new Map<string, Meta>();

  constructor(options: ParcelReaderOptions) {
    this.#isFormat = options.isFormat;
  }

  /**
   * All records of a parcel, whose checksums are good and whose `seq` grows. Throws BRIDGE_DECODE, and BRIDGE_UNSUPPORTED
   * for what a later version may have made.
   */
  read(parcel: Buffer): readonly ParcelRecord[] {
    const records: ParcelRecord[] = [];
    const dictionaries = new Map<string, Uint8Array>();
    let lastSeq = 0;
    for (let at = 0; at < parcel.length; ) {
      const { header, payload, end } = frameAt(parcel, at);
      const { kind, ...facts } = readFacts(header);
      if (kind === 'dictionary') {
        dictionaries.set(dictionaryId(header), payload);
      } else if (kind === 'data' && facts.seq > lastSeq) {
        lastSeq = facts.seq;
        records.push({ ...this.#record(header, payload, dictionaries), ...numbersOf(facts) });
      } else {
        throw new BridgeError(
          'BRIDGE_DECODE',
          `offset ${at}: a record of kind ${kind} and seq ${facts.seq} has no place here`,
        );
      }
      at = end;
    }
    return records;
  }

  #record(
    header: Buffer,
    payload: Uint8Array,
    dictionaries: ReadonlyMap<string, Uint8Array>,
  ): Omit<ParcelRecord, keyof ReturnType<typeof numbersOf>> {
    const { format, origin, edits, dictionary } = this.#meta(header);
    if (!this.#isFormat(format)) {
      throw new BridgeError('BRIDGE_UNSUPPORTED', `the format ${format} is not known here`);
    }
    return {
      format,
      origin,
      ...(edits === undefined ? {} : { edits: edits as TagEdits }),
      ...(dictionary === undefined ? {} : { dictionary: { id: dictionary, bytes: dictionaries.get(dictionary) } }),
      payload,
    };
  }

  #meta(header: Buffer): Meta {
    const text = readMeta(header).toString('latin1');
    const known = this.#metas.get(text);
    if (known !== undefined) {
      return known;
    }
    const meta = parsed(metaSchema, readMeta(header));
    if (this.#metas.size >= keptMetas) {
      this.#metas.clear();
    }
    this.#metas.set(text, meta);
    return meta;
  }
}

function numbersOf({ seq, receivedAtMs, items }: { seq: number; receivedAtMs: number; items: number }) {
  return { seq, receivedAtMs, items };
}

function frameAt(parcel: Buffer, at: number): { header: Buffer; payload: Uint8Array; end: number } {
  const check = checkFrame(parcel, at);
  if (check.kind !== 'record') {
    const reason =
      check.kind === 'bad' ? check.reason : check.kind === 'short' ? 'it is cut off' : 'its checksum fails';
    throw new BridgeError('BRIDGE_DECODE', `offset ${at}: ${reason}`);
  }
  const header = parcel.subarray(at + prefixBytes, check.payloadAt);
  if (!isLaneHeader(header)) {
    const version = header[0] ?? 0;
    throw version > laneVersion
      ? new BridgeError('BRIDGE_UNSUPPORTED', `records of version ${version} are not known here`)
      : new BridgeError('BRIDGE_DECODE', `offset ${at}: not the header of a lane's record`);
  }
  return { header, payload: parcel.subarray(check.payloadAt, check.end), end: check.end };
}

function dictionaryId(header: Buffer): string {
  return parsed(dictionaryMeta, readMeta(header)).id;
}

function parsed<T>(schema: z.ZodType<T>, bytes: Buffer): T {
  try {
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', 'the facts of a record are not what its kind says', { cause });
  }
}
