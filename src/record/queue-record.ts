import { BridgeError } from '../contract/errors.ts';
import type { Batch, Format, Origin, QueueRecord, Signal, TagEdits } from '../model/batch.ts';
import { type LaneFacts, readMeta, readPosition } from './lane-header.ts';

/** Of a data record, what is neither a number nor the position. */
export interface BatchMeta {
  readonly format: Format;
  readonly origin: Origin;
  readonly edits?: TagEdits;
  /** Name of the one output that it is for. A version that does not know this gives it to all. */
  readonly only?: string;
  /** Id of the dictionary that the payload needs. */
  readonly dictionary?: string;
}

interface Encoded {
  readonly meta: BatchMeta;
  readonly bytes: Buffer;
}

/** Meta of batches as JSON. Inputs give the same origin object again and again: its bytes are kept with it. */
export class MetaEncoder {
  readonly #byOrigin = new WeakMap<Origin, Encoded>();

  encode(batch: Batch): Buffer {
    const known = this.#byOrigin.get(batch.origin);
    const dictionary = batch.dictionary?.id;
    if (
      known !== undefined &&
      known.meta.format === batch.format &&
      known.meta.edits === batch.edits &&
      known.meta.dictionary === dictionary &&
      known.meta.only === batch.only
    ) {
      return known.bytes;
    }
    const meta: BatchMeta = {
      format: batch.format,
      origin: batch.origin,
      ...(batch.edits === undefined ? {} : { edits: batch.edits }),
      ...(batch.only === undefined ? {} : { only: batch.only }),
      ...(dictionary === undefined ? {} : { dictionary }),
    };
    const bytes = Buffer.from(JSON.stringify(meta));
    this.#byOrigin.set(batch.origin, { meta, bytes });
    return bytes;
  }
}

/** The reverse; neighbours mostly have the same bytes, and then get the same object. */
export class MetaDecoder {
  #last: Encoded | undefined;

  /** Throws BRIDGE_CORRUPT. */
  decode(header: Buffer): BatchMeta {
    const bytes = readMeta(header);
    if (this.#last?.bytes.equals(bytes) === true) {
      return this.#last.meta;
    }
    const meta = parseMeta(bytes);
    this.#last = { meta, bytes: Buffer.from(bytes) };
    return meta;
  }
}

function parseMeta(bytes: Buffer): BatchMeta {
  try {
    const meta = JSON.parse(bytes.toString());
    if (typeof meta.format === 'string' && typeof meta.origin === 'object') {
      return meta;
    }
  } catch (cause) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the facts of a data record are not JSON', { cause });
  }
  throw new BridgeError('BRIDGE_CORRUPT', 'the facts of a data record lack format or origin');
}

export interface RecordParts {
  readonly signal: Signal;
  readonly facts: LaneFacts;
  readonly header: Buffer;
  readonly meta: BatchMeta;
  readonly payload: Buffer;
  readonly dictionary: Uint8Array | undefined;
}

/** `payload` stays the view that it is. */
export function toQueueRecord({ signal, facts, header, meta, payload, dictionary }: RecordParts): QueueRecord {
  const position = readPosition(header);
  return {
    seq: facts.seq,
    signal,
    format: meta.format,
    receivedAtMs: facts.receivedAtMs,
    items: facts.items,
    cumItems: facts.cumItems,
    origin: meta.origin,
    ...(meta.edits === undefined ? {} : { edits: meta.edits }),
    ...(meta.only === undefined ? {} : { only: meta.only }),
    payload,
    ...(dictionary === undefined || meta.dictionary === undefined
      ? {}
      : { dictionary: { id: meta.dictionary, bytes: dictionary } }),
    ...(position === undefined ? {} : { position }),
  };
}

export function payloadParts(payload: Batch['payload']): readonly Uint8Array[] {
  return payload instanceof Uint8Array ? [payload] : payload;
}

export function payloadBytes({ payload }: Pick<Batch, 'payload'>): number {
  if (payload instanceof Uint8Array) {
    return payload.length;
  }
  let bytes = 0;
  for (const part of payload) {
    bytes += part.length;
  }
  return bytes;
}
