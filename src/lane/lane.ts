import { mkdir } from 'node:fs/promises';
import { BridgeError } from '../contract/errors.ts';
import type { Emission } from '../contract/input.ts';
import type { LaneLoss, LaneStatus } from '../contract/status.ts';
import type { StorePosition } from '../contract/store.ts';
import type { Batch, Position, Signal } from '../model/batch.ts';
import { systemDisk } from '../record/disk.ts';
import { Ages } from './ages.ts';
import { cumItemsAt } from './cum-items-at.ts';
import { type AttachOptions, Cursors, type Missing } from './cursors.ts';
import { DiskFailure } from './disk-failure.ts';
import { Intake } from './intake.ts';
import type { LaneCursor } from './lane-cursor.ts';
import type { LaneOptions } from './lane-options.ts';
import { encodeState } from './lane-state.ts';
import { Losses } from './losses.ts';
import { cutOff, needsNewId, settle, survivingEnd } from './mend.ts';
import type { CommitGroup } from './open-segment.ts';
import { clockKey, ownPrefix } from './own-positions.ts';
import { Positions } from './positions.ts';
import { QueueIdentity } from './queue-identity.ts';
import { type Recovered, recover } from './recover.ts';
import { SegmentLog } from './segment-log.ts';
import { Space } from './space.ts';

/** A cap is at least this many segments, so that dropping the oldest is no coarse step. */
const segmentsPerCap = 8;

/**
 * The durable log of one signal (design.md §3): batches in, records out, with the positions of sources and the cursors
 * of outputs as records among them.
 */
export class Lane {
  readonly signal: Signal;
  readonly dir: string;
  readonly #options: LaneOptions;
  readonly #log: SegmentLog;
  readonly #positions: Positions;
  readonly #cursors: Cursors;
  readonly #identity: QueueIdentity;
  readonly #losses = new Losses();
  readonly #failure: DiskFailure;
  readonly #intake: Intake;
  readonly #ages: Ages;
  readonly #listeners = new Set<(durableSeq: number) => void>();
  #toldSeq: number;
  #closed: Promise<void> | undefined;

  private constructor(options: LaneOptions, recovered: Recovered) {
    this.signal = options.signal;
    this.dir = options.dir;
    this.#options = options;
    this.#positions = new Positions(recovered.positions);
    this.#identity = new QueueIdentity(recovered.queueId, recovered.ancestors);
    this.#losses.add(recovered.losses);
    const { clock, log, signal } = options;
    this.#log = new SegmentLog(
      {
        dir: options.dir,
        segmentBytes: Math.min(options.segmentBytes, options.maxBytes / segmentsPerCap),
        clock,
        disk: options.disk ?? systemDisk,
        listener: {
          snapshot: () => this.#snapshot(),
          committed: (group) => this.#committed(group),
          failed: (error) => this.#failed(error),
        },
      },
      survivingEnd(recovered),
    );
    this.#toldSeq = this.#log.durableSeq;
    this.#failure = new DiskFailure({ fields: { signal }, clock, log, revive: () => this.#log.revive() });
    const { maxBytes } = options;
    this.#cursors = new Cursors({ log: this.#log, failure: this.#failure, maxBytes }, recovered.cursors.values());
    const { seq, receivedAtMs } = recovered.end;
    this.#ages = new Ages({ clock, end: { seq, receivedAtMs }, known: recovered.positions.get(clockKey) });
    this.#intake = new Intake({
      ...{ signal, maxBytes, log: this.#log, positions: this.#positions, cursors: this.#cursors },
      ...{ ages: this.#ages, failure: this.#failure, space: new Space(options) },
    });
  }

  /**
   * Recovers what an earlier life left: damaged bytes are passed over and named in `status().losses`; if the end was
   * cut the lane takes a new queue id. Throws BRIDGE_START when the directory cannot be used or a later version wrote there.
   */
  static async open(options: LaneOptions): Promise<Lane> {
    try {
      await mkdir(options.dir, { recursive: true, mode: 0o700 });
      const recovered = await recover(options.dir);
      const lane = new Lane(options, recovered);
      await lane.#start(recovered);
      return lane;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new BridgeError('BRIDGE_START', `the queue in ${options.dir} cannot be opened: ${message}`, { cause });
    }
  }

  /** Names this lane's records together with `seq`; a new one whenever records may have been lost at the end. */
  get queueId(): string {
    return this.#identity.queueId;
  }

  /** The ids that it had before, oldest first, and the last record of each that survived. */
  get ancestors(): readonly StorePosition[] {
    return this.#identity.ancestors;
  }

  /** The last data record that is on disk. */
  get durableSeq(): number {
    return this.#log.durableSeq;
  }

  /** `cumItems` at `durableSeq`. */
  get cumItems(): number {
    return this.#log.durableCumItems;
  }

  /**
   * Copies the batch before it returns, and resolves when it is on disk together with the position. A batch without
   * items and bytes writes the position alone. Rejects with BRIDGE_OVERLOADED when the lane is full or the disk fails,
   * with BRIDGE_TOO_LARGE when no record can hold the batch.
   */
  append(batch: Batch, position?: Position): Promise<void> {
    return this.#intake.append(batch, position);
  }

  /** As `append`, of batches that stand one behind the other: behind one that is refused none is taken. */
  appendAll(emissions: readonly Emission[]): readonly Promise<void>[] {
    return this.#intake.appendAll(emissions);
  }

  /** What the key of a position begins with that is no source's; `positions` does not show those. */
  get ownPrefix(): string {
    return ownPrefix;
  }

  /** The last durable value of that key, of this or an earlier life. */
  position(key: string): string | undefined {
    return this.#positions.durable(key);
  }

  positions(prefix: string): ReadonlyMap<string, string> {
    return new Map([...this.#positions.durableWith(prefix)].filter(([key]) => !key.startsWith(ownPrefix)));
  }

  /** How long a record has waited; in doubt less (`ages.ts`). */
  ageMs(record: { readonly seq: number; readonly receivedAtMs: number }): number {
    return this.#ages.ageMs(record);
  }

  /** The source is gone for good. Becomes durable with the next commit. */
  forget(key: string): void {
    if (this.#intake.isOpen) {
      void this.#log.forget(key);
      this.#positions.append(key, undefined);
    }
  }

  /**
   * The cursor of that output; when it resolves, a new one is on disk, so that nothing taken later passes it by.
   * Attach all outputs before inputs open, then call `detachMissing`.
   */
  attach(options: AttachOptions): Promise<LaneCursor> {
    return this.#cursors.attach(options);
  }

  /**
   * Forgets the cursors of outputs that have not attached, and of those that are not among `wanted`, whose deliveries must have
   * stopped: they would keep segments for ever. Resolves with what they missed.
   */
  async detachMissing(wanted?: ReadonlySet<string>): Promise<readonly Missing[]> {
    const gone = await this.#cursors.detachMissing(wanted);
    this.#relieve();
    return gone;
  }

  /**
   * For an output that itself knows how far it is, such as the store: moves its cursor there, and resolves with the seq
   * behind which reading must go on. Call it before inputs open. An output that is ahead of the log has records that the
   * log lost: the lane takes a new queue id, so that it never mistakes new records for those. One that names a queue the
   * lane never was goes on at its cursor.
   */
  async adopt(output: string, position: StorePosition | undefined): Promise<number> {
    const cursor = this.#cursors.get(output);
    if (cursor === undefined) {
      throw new RangeError(`no output ${output} is attached to the ${this.signal} lane`);
    }
    const place = position === undefined ? undefined : this.#identity.resolve(position);
    if (place === undefined || place === cursor.seq) {
      return cursor.seq;
    }
    if (place > this.#log.seq) {
      this.#identity.renew(this.#log.seq);
      await this.#log.roll();
    }
    const oldestSeq = (this.#log.segments[0]?.firstSeq ?? 1) - 1;
    const seq = Math.max(oldestSeq, Math.min(place, this.#log.seq));
    const { dir, signal } = this;
    await cursor.moveTo(seq, await cumItemsAt({ dir, signal, segments: this.#log.segments }, seq));
    return seq;
  }

  /** Damage that a reader met; it is shown in the status, once however many readers meet it. */
  lost(losses: readonly LaneLoss[]): void {
    for (const loss of this.#losses.add(losses)) {
      this.#options.log.error({ signal: this.signal, ...loss }, 'Records of the queue are damaged.');
    }
  }

  /** Called after each commit that brought data, with the new `durableSeq`. Returns what ends it. */
  onDurable(listener: (durableSeq: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): LaneStatus {
    const { full } = this.#intake;
    return {
      signal: this.signal,
      queueId: this.queueId,
      segments: this.#log.segments.length,
      bytes: this.#log.bytes,
      maxBytes: this.#options.maxBytes,
      seq: this.#log.seq,
      durableSeq: this.#log.durableSeq,
      cumItems: this.#log.durableCumItems,
      ...(full === undefined ? {} : { full }),
      ...(this.#failure.reason === undefined ? {} : { diskError: this.#failure.reason }),
      losses: this.#losses.all(),
      outputs: this.#cursors.status(),
    };
  }

  /** Resolves when all that was appended is on disk and the files are closed. May be called more than once. */
  close(): Promise<void> {
    this.#intake.close();
    this.#closed ??= this.#failure.stop().then(() => this.#log.close());
    return this.#closed;
  }

  async #start(recovered: Recovered): Promise<void> {
    const disk = this.#options.disk ?? systemDisk;
    await settle(disk, recovered);
    const anew = needsNewId(recovered);
    if (recovered.open !== undefined && !anew) {
      await this.#log.resume(recovered.open);
    } else {
      if (anew) {
        this.#identity.renew(recovered.survivingSeq);
      }
      await this.#log.roll();
      await cutOff(disk, recovered);
    }
    for (const loss of recovered.losses) {
      this.#options.log.error({ signal: this.signal, ...loss }, 'Records of the queue are damaged.');
    }
  }

  #snapshot(): Buffer {
    return encodeState({
      signal: this.signal,
      queueId: this.#identity.queueId,
      ancestors: [...this.#identity.ancestors],
      positions: this.#positions.appended(),
      cursors: this.#cursors.books(),
    });
  }

  #committed(group: CommitGroup): void {
    for (const { key, value } of group.positions) {
      this.#positions.commit(key, value);
    }
    this.#cursors.committed(group.cursors);
    this.#relieve();
    if (this.#log.durableSeq !== this.#toldSeq) {
      this.#toldSeq = this.#log.durableSeq;
      for (const listener of this.#listeners) {
        listener(this.#toldSeq);
      }
    }
  }

  #failed(error: unknown): BridgeError {
    const told = this.#failure.begin(error);
    this.#log.rollBack();
    this.#positions.rollBack();
    return told;
  }

  /** Drops for outputs that lag too far behind, and removes segments that nobody needs. */
  #relieve(): void {
    this.#cursors.limit();
    const doneSeq = this.#cursors.doneSeq();
    if (doneSeq >= this.#log.seq && this.#intake.isOpen) {
      this.#log.rollIfFull();
    }
    this.#log.removeThrough(doneSeq);
    if (this.#cursors.leavesOut) {
      this.#log.removeUnneeded((afterSeq, throughSeq) => this.#cursors.needs(afterSeq, throughSeq));
    }
  }
}
