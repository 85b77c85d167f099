import { randomInt } from 'node:crypto';
import type { Batch, Position } from '../model/batch.ts';
import type { Disk } from '../record/disk.ts';
import { LaneHeaderEncoder, type LaneKind } from '../record/lane-header.ts';
import { MetaEncoder, payloadParts } from '../record/queue-record.ts';
import { type CommitListener, RecordFile } from '../record/writer.ts';
import type { CursorBooks } from './lane-state.ts';
import type { SegmentIndex } from './segment-index.ts';

/** What one commit makes durable. */
export interface CommitGroup {
  /** Of its last data record; 0: it has none. */
  seq: number;
  cumItems: number;
  /** A position without value is forgotten. */
  readonly positions: { readonly key: string; readonly value: string | undefined }[];
  readonly cursors: CursorBooks[];
}

export interface SegmentListener {
  committed(segment: OpenSegment, group: CommitGroup): void;
  /** Returns the reason that those who wait are given. */
  failed(error: unknown): unknown;
}

export interface OpenSegmentOptions {
  readonly index: SegmentIndex;
  readonly disk: Disk;
  readonly listener: SegmentListener;
  readonly encoders: Encoders;
}

/** Shared by the segments of a lane. */
export class Encoders {
  readonly header = new LaneHeaderEncoder();
  readonly meta = new MetaEncoder();
}

/** The numbers of a record that the log gives. */
export interface Numbers {
  readonly seq: number;
  readonly receivedAtMs: number;
  readonly cumItems: number;
}

export interface Extras {
  readonly meta?: Buffer;
  readonly position?: Position;
  readonly payload?: readonly Uint8Array[];
}

/** The end of an earlier life to go on behind. */
export interface OpenEnd {
  readonly bytes: number;
  readonly nonce: number;
  /** Offsets by id. */
  readonly dictionaries: ReadonlyMap<string, number>;
}

/** A segment that records are appended to. */
export class OpenSegment {
  readonly index: SegmentIndex;
  readonly #encoders: Encoders;
  readonly #nonce: number;
  readonly #dictionaries: Map<string, number>;
  readonly #file: RecordFile;
  #snapshotEnd = 0;
  #filling = newGroup();
  #flying = newGroup();

  private constructor(
    options: OpenSegmentOptions,
    end: Omit<OpenEnd, 'bytes'>,
    file: (listener: CommitListener) => RecordFile,
  ) {
    this.index = options.index;
    this.#encoders = options.encoders;
    this.#nonce = end.nonce;
    this.#dictionaries = new Map(end.dictionaries);
    this.#file = file(this.#listener(options.listener));
    this.index.bytes = this.#file.bytes;
  }

  /** A new one, written once `after` has resolved, which begins with that snapshot. */
  static create(options: OpenSegmentOptions, after: Promise<void>): OpenSegment {
    const { index, disk } = options;
    const fresh = { nonce: randomInt(2 ** 32), dictionaries: new Map() };
    return new OpenSegment(options, fresh, (listener) => RecordFile.create(index.path, { disk, after, listener }));
  }

  static async resume(options: OpenSegmentOptions, end: OpenEnd): Promise<OpenSegment> {
    const { index, disk } = options;
    // The file is there before the segment that listens to it.
    const late: { listener: CommitListener } = { listener: {} };
    const listener: CommitListener = {
      began: () => late.listener.began?.(),
      committed: (bytes) => late.listener.committed?.(bytes),
      failed: (error) => late.listener.failed?.(error),
    };
    const file = await RecordFile.open(index.path, end.bytes, { disk, listener });
    return new OpenSegment(options, end, (heard) => {
      late.listener = heard;
      return file;
    });
  }

  get durableBytes(): number {
    return this.#file.durableBytes;
  }

  get waitingBytes(): number {
    return this.#file.bytes - this.#file.durableBytes;
  }

  /** Bytes behind its snapshot. */
  get grownBytes(): number {
    return this.#file.bytes - this.#snapshotEnd;
  }

  snapshot(numbers: Numbers, state: Buffer): Promise<void> {
    const done = this.#append('snapshot', numbers, { payload: [state] });
    this.#snapshotEnd = this.#file.bytes;
    return done;
  }

  /** `numbers` include the batch. Throws BRIDGE_TOO_LARGE, having changed nothing. */
  data(numbers: Numbers, batch: Batch, position: Position | undefined): Promise<void> {
    const dictionaryOffset = this.#dictionary(numbers, batch);
    const offset = this.#file.bytes;
    const facts = { ...numbers, kind: 'data', nonce: this.#nonce, items: batch.items, dictionaryOffset } as const;
    const header = this.#encoders.header.encode(facts, this.#encoders.meta.encode(batch), position);
    const done = this.#file.append(header, payloadParts(batch.payload));
    this.index.bytes = this.#file.bytes;
    const { seq, receivedAtMs } = numbers;
    this.index.mark({ seq, offset, receivedAtMs, cumItems: numbers.cumItems - batch.items });
    this.#filling.seq = numbers.seq;
    this.#filling.cumItems = numbers.cumItems;
    if (position !== undefined) {
      this.#filling.positions.push(position);
    }
    return done;
  }

  position(numbers: Numbers, position: Position): Promise<void> {
    const done = this.#append('position', numbers, { position });
    this.#filling.positions.push(position);
    return done;
  }

  forget(numbers: Numbers, key: string): Promise<void> {
    const done = this.#append('forget', numbers, { position: { key, value: '' } });
    this.#filling.positions.push({ key, value: undefined });
    return done;
  }

  cursor(numbers: Numbers, books: CursorBooks, payload: Buffer): Promise<void> {
    const done = this.#append('cursor', numbers, { payload: [payload] });
    this.#filling.cursors.push(books);
    return done;
  }

  detach(numbers: Numbers, payload: Buffer): Promise<void> {
    return this.#append('detach', numbers, { payload: [payload] });
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #append(kind: LaneKind, numbers: Numbers, { meta, position, payload }: Extras): Promise<void> {
    const facts = { ...numbers, kind, nonce: this.#nonce, items: 0, dictionaryOffset: 0 };
    const done = this.#file.append(this.#encoders.header.encode(facts, meta, position), payload);
    this.index.bytes = this.#file.bytes;
    return done;
  }

  #dictionary(numbers: Numbers, batch: Batch): number {
    if (batch.dictionary === undefined) {
      return 0;
    }
    const { id, bytes } = batch.dictionary;
    const known = this.#dictionaries.get(id);
    if (known !== undefined) {
      return known;
    }
    const offset = this.#file.bytes;
    const before = { ...numbers, seq: numbers.seq - 1, cumItems: numbers.cumItems - batch.items };
    void this.#append('dictionary', before, { meta: Buffer.from(JSON.stringify({ id })), payload: [bytes] });
    this.#dictionaries.set(id, offset);
    return offset;
  }

  #listener(heard: SegmentListener): CommitListener {
    return {
      began: () => {
        this.#flying = this.#filling;
        this.#filling = newGroup();
      },
      committed: () => heard.committed(this, this.#flying),
      failed: (error) => heard.failed(error),
    };
  }
}

function newGroup(): CommitGroup {
  return { seq: 0, cumItems: 0, positions: [], cursors: [] };
}
