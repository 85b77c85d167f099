import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../contract/runtime.ts';
import type { Disk } from '../../../record/disk.ts';
import type { HeldPosition } from '../position.ts';
import type { StoredPartition } from '../signal-store.ts';
import type { BlockFormat, FoundBlock, PackedBlock } from './block-format.ts';
import type { BlockScan } from './block-scan.ts';
import { BlockWriter } from './block-writer.ts';
import { patientDisk, unlessDiskFull } from './disk-full.ts';

export interface SeriesOptions {
  /** `<store>/<signal>` */
  readonly dir: string;
  /** Partitions whose last item came longer ago than this are unlinked. */
  readonly retentionMs: number;
  /** A partition is sealed when its blocks take this much, or its first item came `sealMs` ago. */
  readonly sealBytes: number;
  readonly sealMs: number;
  readonly clock: Clock;
}

/** One directory `<startMs>`: `blocks.rec`, which grows while the partition is active, and what its signal makes of it when it is sealed. */
export interface BlockPartition<S> extends StoredPartition {
  readonly startMs: number;
  /** Of the file that grows. */
  readonly blocksPath: string;
  readonly sealed: boolean;
  readonly items: number;
  /** Has it so many blocks that it should be sealed for that? */
  readonly crowded?: boolean;
  /** What the store had when the last commit was made here. */
  readonly position: HeldPosition | undefined;
  /** Is anything of it on disk? One whose life ended before its file was made holds nothing. */
  exists(): boolean;
  /** Takes it as sealed; false when it is not, or no longer readable as such, which is named. */
  openSealed(): boolean;
  /** Takes it as it grew. Throws BRIDGE_START at a later version's file. */
  openLive(): BlockScan<S>;
  /** Takes durable blocks in, so that questions find them. */
  grow(
    blocks: readonly FoundBlock<S>[],
    position: HeldPosition | undefined,
    fileBytes: number,
    arrivedMs?: number,
  ): void;
  seal(): Promise<void>;
  /** Unlinks it. Questions that still hold it find nothing more. */
  remove(): Promise<void>;
}

export interface SeriesParts<S, P extends BlockPartition<S>> {
  readonly format: BlockFormat<S>;
  partition(dir: string, startMs: number): P;
  /** Before the file of a partition that is read is written to, and at the end. */
  releaseFiles(path?: string): void;
}

/** What a commit says of the lane. */
export interface TakenLane {
  readonly position: HeldPosition;
  /** When the lane took the first and the last record, ms since 1970. */
  readonly firstArrivedMs: number;
  readonly arrivedMs: number;
}

/** What goes to disk together. */
export interface Commit<S> extends TakenLane {
  readonly blocks: readonly PackedBlock<S>[];
}

/** Where a store stands after recovery. */
export interface Recovered<S> {
  readonly position: HeldPosition | undefined;
  /** Intact blocks that lie beyond the position: the lane gives their items again. */
  readonly beyond: readonly FoundBlock<S>[];
  /** The queue of the blocks beyond, and the partition that they stand in. */
  readonly beyondQueueId: string | undefined;
}

interface Active<S, P> {
  readonly partition: P;
  readonly writer: BlockWriter<S>;
}

/** The partitions of one signal on disk: one active, the sealed ones before it. Commits, seals and unlinks take turns. */
export class PartitionSeries<S, P extends BlockPartition<S>> {
  readonly #options: SeriesOptions;
  readonly #parts: SeriesParts<S, P>;
  /** Oldest first; the active one, if there is one, is the last. */
  #partitions: readonly P[] = [];
  #active: Active<S, P> | undefined;
  #position: HeldPosition | undefined;
  readonly #disk: Disk;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SeriesOptions, parts: SeriesParts<S, P>) {
    this.#options = options;
    this.#parts = parts;
    this.#disk = patientDisk(options.clock);
  }

  get partitions(): readonly P[] {
    return this.#partitions;
  }

  /** The last record whose items are durable and found by questions. */
  get position(): HeldPosition | undefined {
    return this.#position;
  }

  /** The one that grows. */
  get active(): P | undefined {
    return this.#active?.partition;
  }

  async open(): Promise<Recovered<S>> {
    mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 });
    const names = readdirSync(this.#options.dir).filter((name) => /^\d{1,16}$/.test(name));
    this.#partitions = names
      .map(Number)
      .sort((a, b) => a - b)
      .map((startMs) => this.#parts.partition(join(this.#options.dir, String(startMs)), startMs))
      .filter((partition) => partition.exists());
    const newest = this.#partitions.at(-1);
    let scan: BlockScan<S> | undefined;
    for (const partition of this.#partitions) {
      scan = await this.#recover(partition, partition === newest ? 'newest' : 'older');
    }
    this.#position = this.#partitions.findLast(({ position }) => position !== undefined)?.position;
    return {
      position: this.#position,
      beyond: scan?.blocks.slice(scan.beyond) ?? [],
      beyondQueueId: scan?.beyondQueueId,
    };
  }

  /** Makes what `take` gives durable, and then visible; it is asked when those before are done, and may have nothing. */
  commit(take: () => Commit<S> | undefined): Promise<void> {
    return this.inTurn(async () => {
      const commit = take();
      if (commit !== undefined) {
        const { blocks, position, firstArrivedMs, arrivedMs } = commit;
        const { partition, writer } = await this.#activeFor(firstArrivedMs);
        const found = await writer.commit(blocks, position, arrivedMs);
        partition.grow(found, position, writer.bytes, arrivedMs);
        this.#position = position;
      }
    });
  }

  /** Seals what was rebuilt, and unlinks what is past its age; resolves with the bytes freed. */
  expire(): Promise<number> {
    return this.inTurn(async () => {
      const before = this.#options.clock.now() - this.#options.retentionMs;
      const active = this.#active?.partition;
      if (active !== undefined && active.items > 0 && active.arrivedMs < before) {
        await this.#roll(this.#options.clock.now());
      }
      let bytes = 0;
      for (const partition of this.#partitions.slice(0, -1)) {
        if (partition.arrivedMs >= before) {
          break;
        }
        bytes += await this.#remove(partition);
      }
      await this.#resealRebuilt();
      return bytes;
    });
  }

  /** The newest stays, for it knows the position. */
  dropOldest(): Promise<number> {
    return this.inTurn(async () => {
      const [oldest, ...others] = this.#partitions;
      return oldest === undefined || others.length === 0 ? 0 : this.#remove(oldest);
    });
  }

  async close(): Promise<void> {
    await this.inTurn(async () => {
      await this.#active?.writer.close();
      this.#active = undefined;
      this.#parts.releaseFiles();
    });
  }

  /** Runs when all that was asked for before is done. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** What the scan of the one that goes on growing found. */
  async #recover(partition: P, age: 'newest' | 'older'): Promise<BlockScan<S> | undefined> {
    if (partition.openSealed()) {
      return undefined;
    }
    const scan = partition.openLive();
    this.#parts.releaseFiles(partition.blocksPath);
    const writer = age === 'older' ? undefined : await this.#writerOf(partition, scan);
    if (writer === undefined) {
      // It takes room for a moment: on a full disk what grew is served as it is, and sealed when things expire next.
      await unlessDiskFull(partition.seal());
      return undefined;
    }
    this.#active = { partition, writer };
    return scan;
  }

  #writerOf(partition: P, scan: BlockScan<S>): Promise<BlockWriter<S> | undefined> {
    return BlockWriter.open(partition.blocksPath, this.#parts.format, scan, this.#disk);
  }

  /** The active partition, a new one where the old one is old or large enough. */
  async #activeFor(arrivedMs: number): Promise<Active<S, P>> {
    const active = this.#active;
    if (active === undefined) {
      return this.#begin(arrivedMs);
    }
    const old = arrivedMs - active.partition.startMs >= this.#options.sealMs;
    const full = active.writer.bytes >= this.#options.sealBytes || active.partition.crowded === true;
    if (active.partition.items > 0 && (old || full)) {
      return this.#roll(arrivedMs);
    }
    return active;
  }

  async #roll(arrivedMs: number): Promise<Active<S, P>> {
    const old = this.#active;
    await old?.writer.close();
    const next = await this.#begin(arrivedMs);
    if (old !== undefined) {
      await unlessDiskFull(old.partition.seal());
    }
    return next;
  }

  async #begin(arrivedMs: number): Promise<Active<S, P>> {
    const last = this.#partitions.at(-1);
    const startMs = Math.max(Math.floor(arrivedMs), (last?.startMs ?? -1) + 1);
    const partition = this.#parts.partition(join(this.#options.dir, String(startMs)), startMs);
    const writer = await BlockWriter.create(partition.blocksPath, this.#parts.format, this.#position, this.#disk);
    partition.grow([], this.#position, writer.bytes);
    this.#partitions = [...this.#partitions, partition];
    this.#active = { partition, writer };
    return this.#active;
  }

  async #remove(partition: P): Promise<number> {
    const { bytes } = partition;
    this.#partitions = this.#partitions.filter((other) => other !== partition);
    await partition.remove();
    return bytes;
  }

  async #resealRebuilt(): Promise<void> {
    for (const partition of this.#partitions) {
      if (partition !== this.#active?.partition && !partition.sealed) {
        await partition.seal();
      }
    }
  }
}
