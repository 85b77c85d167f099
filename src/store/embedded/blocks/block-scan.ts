import type { Damage } from '../../../contract/store.ts';
import { prefixBytes, type ScanEvent } from '../../../record/frame.ts';
import { FrameScanner } from '../../../record/scanner.ts';
import type { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { BlockFormat, BlockPlace, FoundBlock } from './block-format.ts';
import {
  type CommitFacts,
  commitRecordBytes,
  decodeCommit,
  isBlockFileRecord,
  nonceAt,
  recordKinds,
} from './block-records.ts';

const windowBytes = 1024 * 1024;

export interface BlockScan<S> {
  /** Undefined when the file holds no intact record. */
  readonly nonce: number | undefined;
  /** Every readable block of a commit, whole or bitten, in order. */
  readonly blocks: readonly FoundBlock<S>[];
  /** Of the last whole commit; else what the partition began with. */
  readonly position: HeldPosition | undefined;
  /** Of the last commit, ms since 1970. */
  readonly arrivedMs: number | undefined;
  /** Where the next record goes; what stands behind is the rest of a write that never ended. */
  readonly keepBytes: number;
  readonly fileBytes: number;
  /** `blocks` from this index on are beyond `position`: the lane gives their items again. */
  readonly beyond: number;
  /** The queue of the blocks beyond. */
  readonly beyondQueueId: string | undefined;
  readonly damage: readonly Damage[];
}

type Unreadable = Extract<ScanEvent, { kind: 'damage' | 'torn' }>;

/** Reads all of `blocks.rec` but inflates nothing. Throws BRIDGE_START at a later version's file. */
export function scanBlocks<S>(files: FileCache, path: string, format: BlockFormat<S>): BlockScan<S> {
  const walk = new Walk(path, format);
  for (const event of readEvents(files, path, walk.accept)) {
    walk.take(event);
  }
  return walk.end();
}

function* readEvents(
  files: FileCache,
  path: string,
  accept: (header: Buffer) => boolean,
): Generator<ScanEvent, void, undefined> {
  const scanner = new FrameScanner(0, accept);
  for (;;) {
    for (let event = scanner.next(); event !== undefined; event = scanner.next()) {
      yield event;
    }
    const rest = scanner.rest;
    const target = Buffer.allocUnsafeSlow(Math.max(windowBytes, scanner.needBytes, rest.length * 2));
    target.set(rest);
    const read = files.readUpTo(path, scanner.offset + rest.length, target.subarray(rest.length));
    scanner.window(target.subarray(0, rest.length + read));
    if (read === 0) {
      break;
    }
  }
  for (let event = scanner.finish(); event !== undefined; event = scanner.finish()) {
    yield event;
  }
}

class Walk<S> {
  readonly #path: string;
  readonly #format: BlockFormat<S>;
  readonly #blocks: FoundBlock<S>[] = [];
  readonly #damage: Damage[] = [];
  #nonce: number | undefined;
  #position: HeldPosition | undefined;
  #arrivedMs: number | undefined;
  #beyond = 0;
  #queueId: string | undefined;
  /** Blocks and unreadable places since the last commit record. */
  #open: FoundBlock<S>[] = [];
  #unreadable: Unreadable[] = [];
  #keepBytes = 0;
  #fileBytes = 0;

  constructor(path: string, format: BlockFormat<S>) {
    this.#path = path;
    this.#format = format;
  }

  readonly accept = (header: Buffer): boolean => {
    if (!isBlockFileRecord(header, this.#nonce)) {
      return false;
    }
    this.#nonce ??= header.readUInt32LE(nonceAt);
    return true;
  };

  take(event: ScanEvent): void {
    this.#fileBytes = event.kind === 'record' ? event.end : event.offset + event.bytes;
    if (event.kind !== 'record') {
      this.#unreadable.push(event);
      return;
    }
    switch (event.header[0]) {
      case recordKinds.partition:
        this.#position = readBegin(event.payload);
        this.#queueId = this.#position?.queueId;
        this.#keepBytes = event.end;
        break;
      case recordKinds.block:
        this.#open.push({
          place: { offset: event.offset, headerBytes: event.header.length, payloadBytes: event.payload.length },
          summary: this.#format.decode(event.header),
        });
        break;
      default:
        this.#commit(decodeCommit(event.header), event.offset);
        this.#keepBytes = event.end;
    }
  }

  end(): BlockScan<S> {
    this.#endTail();
    return {
      nonce: this.#nonce,
      blocks: this.#blocks,
      position: this.#position,
      arrivedMs: this.#arrivedMs,
      keepBytes: this.#keepBytes,
      fileBytes: this.#fileBytes,
      beyond: this.#beyond,
      beyondQueueId: this.#queueId,
      damage: this.#damage,
    };
  }

  #commit(facts: CommitFacts, offset: number): void {
    const begin = offset - facts.blockBytes;
    const own = this.#open.filter(({ place }) => place.offset >= begin);
    const items = own.reduce((sum, { summary }) => sum + this.#format.itemsOf(summary), 0);
    this.#blocks.push(...this.#open);
    this.#arrivedMs = facts.arrivedMs;
    this.#queueId = facts.position.queueId;
    if (own.length === facts.blocks && items === facts.items) {
      this.#position = facts.position;
      this.#beyond = this.#blocks.length;
    }
    this.#name(facts.items - items);
    this.#open = [];
  }

  /**
   * Behind the last commit record. A write that was cut off is cut away whole, for the lane gives it again. But where the
   * blocks are intact and only the commit record behind them is bitten, nothing was cut off: they stay.
   */
  #endTail(): void {
    const [last] = this.#unreadable;
    const bitten = this.#unreadable.length === 1 && last?.bytes === commitRecordBytes && this.#open.length > 0;
    if (bitten && last.offset + last.bytes === this.#fileBytes) {
      this.#blocks.push(...this.#open);
      this.#keepBytes = last.offset;
      this.#name(0);
    }
    if (this.#keepBytes === 0 && this.#fileBytes > 0) {
      this.#name(0);
    }
  }

  /** Writes the unreadable places since the last commit down, with the number of items that went with them. */
  #name(lostItems: number): void {
    for (const [index, { offset, bytes, reason }] of this.#unreadable.entries()) {
      const lost = index === 0 && lostItems > 0 ? `; ${lostItems} ${this.#format.noun} lost` : '';
      this.#damage.push({ file: this.#path, offset, bytes, reason: `${reason}${lost}` });
    }
    this.#unreadable = [];
  }
}

function readBegin(payload: Buffer): HeldPosition | undefined {
  return payload.length === 0 ? undefined : JSON.parse(payload.toString());
}

/** Bytes of the whole record of a block. */
export function recordBytesOf({ headerBytes, payloadBytes }: BlockPlace): number {
  return prefixBytes + headerBytes + payloadBytes;
}
