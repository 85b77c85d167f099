import { dirname } from 'node:path';
import type { InputRuntime } from '../../contract/input.ts';
import type { Counter } from '../../contract/runtime.ts';
import type { LogSteps } from '../../pipeline/logs/settings.ts';
import { StepsCache } from '../../pipeline/logs/steps-cache.ts';
import { ContainerLog, type ContainerLogOptions } from './container-log.ts';
import { type Gap, momentOf } from './gap.ts';
import { Inflaters } from './inflated-bytes.ts';
import { LeftOutLogs, leftOutPosition } from './left-out-logs.ts';
import type { SeenLog } from './log-chain.ts';
import type { LogDescriber, LogDescription } from './log-description.ts';
import { pathInContainer } from './log-path.ts';
import { LogPump } from './log-pump.ts';
import type { TreeLook } from './log-tree.ts';
import { overPinned, type PinLimits, pinnedFiles } from './pinned-files.ts';
import { decodePosition, type LogPosition } from './position.ts';
import { skippedRestarts } from './skipped-restarts.ts';

export type CollectorOptions = Pick<ContainerLogOptions, 'maxLineBytes' | 'flushAfterMs' | 'from' | 'times'> & {
  /** What the keys of positions begin with; the log's path below the root follows. */
  readonly keyPrefix: string;
  /** Of deleted files that are held open. */
  readonly pinned: PinLimits;
  readonly describer: Pick<LogDescriber, 'describe' | 'forget'> & Partial<Pick<LogDescriber, 'knows'>>;
};

/** So long, a place in a file of a pod that nobody knows yet is kept. */
const podPatienceMs = 600_000;

function isFileLog(path: string): boolean {
  return pathInContainer(path) !== undefined;
}

const nothing: SeenLog = { files: [] };
const gone: SeenLog = { files: [], hasSiblings: true };

/** All logs of a tree: finds out which come, change and go, and has them read. */
export class LogCollector {
  readonly #options: CollectorOptions;
  readonly #runtime: InputRuntime;
  readonly #pump: LogPump;
  readonly #steps: StepsCache;
  readonly #startedMs: number;
  readonly #logs = new Map<string, ContainerLog>();
  readonly #earlier = new Map<string, LogPosition>();
  readonly #withMalformed = new Set<string>();
  readonly #failing = new Set<string>();
  readonly #leftOut: LeftOutLogs;
  readonly #paused = new Set<ContainerLog>();
  readonly #pauses: Readonly<Record<'lines' | 'bytes', Counter>>;
  readonly #missedBytes: Counter;
  readonly #inflaters = new Inflaters();
  /** Of the first life too. */
  #isFirstLook = true;

  constructor(options: CollectorOptions, runtime: InputRuntime) {
    this.#options = options;
    this.#runtime = runtime;
    this.#pump = new LogPump(runtime);
    this.#steps = new StepsCache(runtime.meter);
    this.#startedMs = runtime.clock.now();
    this.#leftOut = new LeftOutLogs(runtime, options.keyPrefix);
    this.#missedBytes = runtime.meter.counter(
      'meshbridge_log_missed_bytes_total',
      'Bytes of log files that were rotated away, truncated or deleted before they were read.',
    );
    const pauses = (reason: string): Counter =>
      runtime.meter.counter(
        'meshbridge_log_limit_pauses_total',
        'Times that the reading of a container’s log waited, since it wrote more than its limit allows.',
        { reason },
      );
    this.#pauses = { lines: pauses('lines'), bytes: pauses('bytes') };
  }

  /** Logs that are there and are not read: path below the root → why. */
  get leftOut(): ReadonlyMap<string, string> {
    return this.#leftOut.reasons;
  }

  get logs(): readonly ContainerLog[] {
    return [...this.#logs.values()];
  }

  /** Remembers how far an earlier life had read. Once, before the first look. */
  resume(): void {
    const { keyPrefix } = this.#options;
    for (const [key, value] of this.#runtime.positions('logs', keyPrefix)) {
      const position = decodePosition(value);
      if (value === leftOutPosition) {
        this.#leftOut.inherit(key.slice(keyPrefix.length));
      } else if (position === undefined) {
        this.#runtime.log.warn({ key }, 'the position of a log is unreadable: its files are read from the beginning');
      } else {
        this.#earlier.set(key.slice(keyPrefix.length), position);
      }
      this.#isFirstLook = false;
    }
  }

  /** Takes note of what is there now, and begins to read what is new. */
  async see(look: TreeLook): Promise<void> {
    const nowMs = this.#runtime.clock.now();
    const found = new Map<string, SeenLog>(look.logs.map((log) => [log.path, log]));
    const skipped = skippedRestarts([...this.#logs.keys(), ...this.#earlier.keys()], found.keys());
    for (const path of [...found.keys(), ...this.#earlier.keys(), ...[...this.#logs.keys()].filter(isFileLog)]) {
      if (found.has(path) || !this.#isUnsure(path, nowMs)) {
        await this.#ensureOrLog(path, nowMs);
      }
    }
    this.#isFirstLook = false;
    const directories = new Set([...found.keys()].map((path) => dirname(path)));
    for (const { before, behind, names } of skipped) {
      const from = this.#logs.get(before)?.lastMoment;
      this.#logs.get(behind)?.addGap({ name: names, bytes: undefined, reason: 'restarts', from, to: momentOf(nowMs) });
    }
    for (const [path, log] of this.#logs) {
      const seen = found.get(path) ?? (directories.has(dirname(path)) ? gone : nothing);
      for (const missed of await log.see(seen, nowMs)) {
        this.#report(path, missed);
      }
      if (log.isOver && !found.has(path) && !this.#pump.isAt(log)) {
        this.#remove(path, log);
        this.#options.describer.forget(path);
      }
    }
    this.#forgetWhatWent(found);
    await this.#unpin(nowMs);
    this.poke();
  }

  /** Where a file inside a container is, only its pod says, and the API server may be slow to speak of that. */
  #isUnsure(path: string, nowMs: number): boolean {
    const isEarly = nowMs - this.#startedMs < podPatienceMs;
    return isEarly && this.#earlier.has(path) && isFileLog(path) && this.#options.describer.knows?.(path) === false;
  }

  async #unpin(nowMs: number): Promise<void> {
    for (const { log, file } of overPinned(pinnedFiles(this.#logs.values()), this.#options.pinned, nowMs)) {
      await log.abandon(file, nowMs);
    }
  }

  /** Reads on in the logs that may have more. */
  poke(): void {
    const nowMs = this.#runtime.clock.now();
    for (const [path, log] of this.#logs) {
      this.#notePause(log, nowMs);
      if (log.isBusy(nowMs)) {
        this.#pump.enqueue(log);
      }
      if (log.counts.malformed > 0 && !this.#withMalformed.has(path)) {
        this.#withMalformed.add(path);
        this.#runtime.log.warn({ log: path }, 'a log has lines of no known format: they are kept as they are');
      }
    }
  }

  /** Resolves when nothing more is to be read now, and all that was emitted is on disk or refused. */
  settled(): Promise<void> {
    return this.#pump.settled();
  }

  async stop(): Promise<void> {
    await this.#pump.stop();
    await Promise.all(this.logs.map((log) => log.close()));
  }

  /** Of logs that are not read there is nothing else to wait for. */
  #forgetWhatWent(found: ReadonlyMap<string, SeenLog>): void {
    for (const path of [...this.#failing, ...this.#leftOut.paths].filter((one) => !found.has(one))) {
      this.#failing.delete(path);
      this.#leftOut.forget(path);
      this.#options.describer.forget(path);
    }
  }

  /** One log that is more than this can take must not keep the others waiting. */
  async #ensureOrLog(path: string, nowMs: number): Promise<void> {
    try {
      await this.#ensure(path, nowMs);
      this.#failing.delete(path);
    } catch (error) {
      if (!this.#failing.has(path)) {
        this.#failing.add(path);
        this.#runtime.log.error({ log: path, error }, 'what is wanted of a log could not be understood');
      }
    }
  }

  /** What was not wanted for a while is read from then on, and not what was written meanwhile. */
  async #ensure(path: string, nowMs: number): Promise<void> {
    const { keyPrefix, maxLineBytes, flushAfterMs, times, describer } = this.#options;
    const description = describer.describe(path, nowMs);
    const known = this.#logs.get(path);
    if (description.leftOut !== undefined) {
      await this.#leaveOut(path, description);
    } else if (this.#leftOut.isInherited(path) && describer.knows?.(path) === false) {
      // What was disabled stays so until its pod says otherwise.
    } else if (known !== undefined) {
      known.description = description;
      known.steps = this.#stepsOf(description);
    } else {
      const from = this.#leftOut.take(path) ? 'end' : this.#isFirstLook ? this.#options.from : 'beginning';
      const key = keyPrefix + path;
      const inflaters = this.#inflaters;
      const plain = isFileLog(path);
      const begin = this.#options.from;
      const options = { key, description, maxLineBytes, flushAfterMs, from, times, plain, inflaters, begin } as const;
      const log = new ContainerLog(options, nowMs, this.#earlier.get(path));
      log.steps = this.#stepsOf(description);
      this.#logs.set(path, log);
      this.#earlier.delete(path);
    }
  }

  #stepsOf({ settings }: LogDescription): LogSteps {
    return this.#steps.of(settings).steps;
  }

  async #leaveOut(path: string, description: LogDescription): Promise<void> {
    const log = this.#logs.get(path);
    if (log !== undefined) {
      // It takes no further step.
      log.description = description;
      if (this.#pump.isAt(log)) {
        return;
      }
      this.#remove(path, log);
      await log.close();
    }
    this.#earlier.delete(path);
    this.#leftOut.put(path, description.leftOut ?? '', description.origin);
  }

  #remove(path: string, log: ContainerLog): void {
    this.#pump.drop(log);
    this.#logs.delete(path);
    this.#paused.delete(log);
    this.#withMalformed.delete(path);
    this.#runtime.forget('logs', log.key);
  }

  /** Counts once that a limit was reached. */
  #notePause(log: ContainerLog, nowMs: number): void {
    const reason = log.pausedBy(nowMs);
    if (reason === undefined) {
      this.#paused.delete(log);
    } else if (!this.#paused.has(log)) {
      this.#paused.add(log);
      this.#pauses[reason].add(1);
    }
  }

  #report(path: string, { name, bytes, reason }: Gap): void {
    if (bytes === 0) {
      this.#runtime.log.debug({ log: path, file: name, reason }, 'a log file went that had been read to its known end');
      return;
    }
    this.#missedBytes.add(bytes ?? 0);
    if (bytes === undefined && reason === 'deleted') {
      this.#runtime.log.info(
        { log: path, file: name },
        'a log went while nobody looked: it may have held more than was read',
      );
      return;
    }
    this.#runtime.log.error({ log: path, file: name, reason, bytes }, 'bytes of a log went before they were read');
  }
}
