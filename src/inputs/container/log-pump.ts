import { hasCode } from '../../contract/errors.ts';
import type { InputRuntime } from '../../contract/input.ts';
import type { Counter } from '../../contract/runtime.ts';
import type { Batch } from '../../model/batch.ts';
import type { ContainerLog } from './container-log.ts';
import { LineFramer } from './line-framer.ts';
import type { TakenBatch } from './taken-batch.ts';

/** One block of one file; the records of a block make one batch. */
const blockBytes = 262_144;
/** Blocks that are read side by side, each with a buffer of its own. */
const parallelBlocks = 2;
/** Batches that wait for the disk at once, one a log at most. */
const maxEmitting = 32;
/** The same in bytes: the lane’s buffers are as large as what waits at once. */
const maxEmittingBytes = 1_048_576;
/** How long to leave a lane alone that had no room; then one batch is tried. */
const retryMs = 1_000;

/** Reads logs a block at a time and in turns, and emits what it read. A log has one batch under way at most. */
export class LogPump {
  readonly #runtime: InputRuntime;
  readonly #leftOut: Readonly<Record<'lines' | 'bytes', Counter>>;
  readonly #queue = new Set<ContainerLog>();
  readonly #stepping = new Set<ContainerLog>();
  readonly #framers = Array.from({ length: parallelBlocks }, () => new LineFramer(blockBytes));
  readonly #problems = new WeakMap<ContainerLog, string>();
  readonly #stop = new AbortController();
  #emitting = 0;
  #emittingBytes = 0;
  #emittingLimit = maxEmitting;
  #isPaused = false;
  #waiting: (() => void)[] = [];

  constructor(runtime: InputRuntime) {
    this.#runtime = runtime;
    const counter = (reason: string): Counter =>
      runtime.meter.counter(
        'meshbridge_log_limit_left_out_lines_total',
        'Log lines that were left out since their container wrote more than its limit allows.',
        { reason },
      );
    this.#leftOut = { lines: counter('lines'), bytes: counter('bytes') };
  }

  /** Reads on in a log, after those that wait already. */
  enqueue(log: ContainerLog): void {
    if (!this.#stop.signal.aborted && !log.isEmitting && !this.#stepping.has(log)) {
      this.#queue.add(log);
    }
    this.#pump();
  }

  /** It is not to be read any more. */
  drop(log: ContainerLog): void {
    this.#queue.delete(log);
  }

  isAt(log: ContainerLog): boolean {
    return this.#stepping.has(log) || log.isEmitting;
  }

  /** Resolves when nothing more is to be read now, and all that was emitted is on disk or refused. */
  async settled(): Promise<void> {
    while (this.#emitting > 0 || this.#stepping.size > 0 || (this.#queue.size > 0 && !this.#isPaused)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Takes nothing more, and waits for what was emitted. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#queue.clear();
    await this.settled();
  }

  #pump(): void {
    while (!this.#isPaused && this.#hasRoom) {
      const [log] = this.#queue;
      const framer = log === undefined ? undefined : this.#framers.pop();
      if (log === undefined || framer === undefined) {
        break;
      }
      this.#queue.delete(log);
      this.#stepping.add(log);
      void this.#step(log, framer).finally(() => {
        this.#pump();
        this.#tellWaiting();
      });
    }
  }

  get #hasRoom(): boolean {
    const isFew = this.#emitting + this.#stepping.size < this.#emittingLimit;
    return isFew && this.#emittingBytes < maxEmittingBytes;
  }

  async #step(log: ContainerLog, framer: LineFramer): Promise<void> {
    let more = false;
    try {
      const step = await log.step(framer, this.#runtime.clock.now());
      more = step.more;
      if (step.taken !== undefined) {
        // The lane has copied the records when `emit` returns its promise, so the framer is free.
        void this.#emit(log, step.taken, more);
      }
      this.#note(log, log.problem);
    } catch (error) {
      this.#note(log, error instanceof Error ? error.message : String(error));
    }
    this.#framers.push(framer);
    this.#stepping.delete(log);
    if (more) {
      this.enqueue(log);
    }
  }

  async #emit(log: ContainerLog, taken: TakenBatch, more: boolean): Promise<void> {
    const bytes = bytesOf(taken.batch);
    this.#emitting += 1;
    this.#emittingBytes += bytes;
    try {
      await this.#runtime.emit(taken.batch, taken.position);
      log.commit();
      this.#count(log, taken);
      this.#emittingLimit = maxEmitting;
      this.#emitting -= 1;
      this.#emittingBytes -= bytes;
      if (more) {
        this.enqueue(log);
      }
    } catch (error) {
      log.rollback();
      this.#emitting -= 1;
      this.#emittingBytes -= bytes;
      this.#pause(log, error);
    }
    this.#pump();
    this.#tellWaiting();
  }

  #count(log: ContainerLog, { leftOut }: TakenBatch): void {
    if (leftOut !== undefined) {
      log.counts.leftOut += leftOut.lines;
      this.#runtime.dropped('logs', leftOut.lines, 'rate_limit');
      this.#leftOut[leftOut.reason].add(leftOut.lines);
    }
  }

  /** Nothing is lost: the bytes stay in their files and are read again. */
  #pause(log: ContainerLog, error: unknown): void {
    if (!hasCode(error, 'BRIDGE_OVERLOADED')) {
      this.#runtime.log.error({ log: log.key, error }, 'log lines could not be queued: they are read again');
    }
    this.#emittingLimit = 1;
    if (this.#stop.signal.aborted) {
      return;
    }
    this.#queue.add(log);
    if (!this.#isPaused) {
      this.#isPaused = true;
      this.#runtime.clock.sleep(retryMs, this.#stop.signal).then(
        () => {
          this.#isPaused = false;
          this.#pump();
        },
        () => undefined,
      );
    }
  }

  /** Says once what keeps a log from being read. */
  #note(log: ContainerLog, problem: string | undefined): void {
    if (problem === undefined) {
      this.#problems.delete(log);
    } else if (this.#problems.get(log) !== problem) {
      this.#problems.set(log, problem);
      this.#runtime.log.warn({ log: log.key, problem }, 'a log can not be read now: it is tried again');
    }
  }

  #tellWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }
}

function bytesOf({ payload }: Batch): number {
  return payload instanceof Uint8Array ? payload.length : payload.reduce((sum, part) => sum + part.length, 0);
}
