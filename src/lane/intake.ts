import { BridgeError } from '../contract/errors.ts';
import type { Emission } from '../contract/input.ts';
import type { Batch, Position, Signal } from '../model/batch.ts';
import { payloadBytes } from '../record/queue-record.ts';
import type { Ages } from './ages.ts';
import { appendAll } from './append-all.ts';
import type { Cursors } from './cursors.ts';
import type { DiskFailure } from './disk-failure.ts';
import { clockKey } from './own-positions.ts';
import type { Positions } from './positions.ts';
import type { SegmentLog } from './segment-log.ts';
import type { Space } from './space.ts';

/** Memory that may wait for the disk. */
const maxWaitingBytes = 64 * 1024 * 1024;

export interface IntakeParts {
  readonly signal: Signal;
  /** The lane's cap. */
  readonly maxBytes: number;
  readonly log: SegmentLog;
  readonly positions: Positions;
  readonly cursors: Cursors;
  readonly ages: Ages;
  readonly failure: DiskFailure;
  readonly space: Space;
}

/** Takes batches into the log of a lane, and refuses them while it is full. */
export class Intake {
  readonly #parts: IntakeParts;
  #isClosed = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** See `Lane.append`. */
  append(batch: Batch, position?: Position): Promise<void> {
    const refusal = this.#refusal(payloadBytes(batch));
    if (refusal !== undefined) {
      return Promise.reject(this.#refused(refusal));
    }
    try {
      return this.#write(batch, position);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** See `Lane.appendAll`. */
  appendAll(emissions: readonly Emission[]): readonly Promise<void>[] {
    const refusal = this.#refusal(emissions.reduce((sum, { batch }) => sum + payloadBytes(batch), 0));
    return appendAll(emissions, ({ batch, position }) => {
      if (refusal !== undefined) {
        throw this.#refused(refusal);
      }
      return this.#write(batch, position);
    });
  }

  /** Why nothing is taken, as far as is known without asking the file system; undefined if something is. */
  get full(): string | undefined {
    return this.#reasonFull() ?? this.#parts.space.last;
  }

  /** The disk works, and nobody has closed it; it may be full. */
  get isOpen(): boolean {
    return this.#parts.failure.reason === undefined && !this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
  }

  #write(batch: Batch, position: Position | undefined): Promise<void> {
    const isEmpty = batch.items === 0 && payloadBytes(batch) === 0;
    const done = isEmpty ? this.#alone(position) : this.#data(batch, position);
    if (position !== undefined) {
      this.#parts.positions.append(position.key, position.value);
    }
    return done;
  }

  #data(batch: Batch, position: Position | undefined): Promise<void> {
    const { log, ages, positions } = this.#parts;
    const done = log.data(batch, position);
    const value = ages.noted(log.seq, log.segments[0]?.firstSeq ?? 0);
    if (value !== undefined) {
      void log.position({ key: clockKey, value });
      positions.append(clockKey, value);
    }
    return done;
  }

  #alone(position: Position | undefined): Promise<void> {
    const { log } = this.#parts;
    return position === undefined ? log.flush() : log.position(position);
  }

  #refusal(bytes: number): string | undefined {
    return this.#reasonFull() ?? this.#parts.space.refusal(bytes);
  }

  #refused(refusal: string): BridgeError {
    return new BridgeError('BRIDGE_OVERLOADED', `the ${this.#parts.signal} queue takes nothing: ${refusal}`);
  }

  #reasonFull(): string | undefined {
    const { log, cursors, failure, maxBytes } = this.#parts;
    if (this.#isClosed) {
      return 'it is closed';
    }
    if (failure.reason !== undefined) {
      return `the disk: ${failure.reason}`;
    }
    if (log.bytes >= maxBytes) {
      return `its cap of ${maxBytes} bytes is reached`;
    }
    if (cursors.blocking !== undefined) {
      return cursors.blocking;
    }
    return log.waitingBytes >= maxWaitingBytes ? 'the disk is slower than what comes in' : undefined;
  }
}
