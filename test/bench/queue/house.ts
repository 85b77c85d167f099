import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Output, WriteRequest, WriteResult } from '../../../src/contract/output.ts';
import { DeadLetters } from '../../../src/lane/dead-letters.ts';
import { Delivery } from '../../../src/lane/delivery.ts';
import { Lane } from '../../../src/lane/lane.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Batch } from '../../../src/model/batch.ts';
import { LaneTail } from '../../../src/record/tail.ts';
import { TimedDisk } from '../lane/timed-disk.ts';
import { groupsOf, recordedGroups } from '../zipkin/requests.ts';

const silent = (): void => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** Takes everything at once and counts it, while it is not away. */
export class CountingOutput implements Output {
  isAway = false;
  records = 0;
  bytes = 0;

  async start(): Promise<void> {}

  async write({ records }: WriteRequest): Promise<WriteResult> {
    if (this.isAway) {
      return { status: 'retry', reason: 'away', cause: 'unreachable', afterMs: 100 };
    }
    this.records += records.length;
    for (const { payload } of records) {
      this.bytes += payload.length;
    }
    return { status: 'delivered' };
  }

  async check(): Promise<{ ok: true }> {
    return { ok: true };
  }

  async stop(): Promise<void> {}
}

/** A lane of spans with one output, as the daemon has them. */
export class QueueHouse {
  readonly disk = new TimedDisk();
  readonly output = new CountingOutput();
  readonly lane: Lane;
  readonly batch: Batch;
  readonly batchBytes: number;
  readonly #folder: string;
  readonly #delivery: Delivery;

  private constructor(
    opened: { folder: string; lane: Lane; delivery: Delivery; spans: number },
    parts: Pick<QueueHouse, 'disk' | 'output'>,
  ) {
    this.#folder = opened.folder;
    this.lane = opened.lane;
    this.#delivery = opened.delivery;
    this.disk = parts.disk;
    this.output = parts.output;
    const payload = Buffer.from(JSON.stringify(groupsOf(recordedGroups(), 0, opened.spans).flat()));
    this.batchBytes = payload.length;
    this.batch = {
      signal: 'traces',
      origin: { node: 'bench' },
      format: 'zipkin-json-v2',
      items: opened.spans,
      payload,
    };
  }

  static async open(dir: string, spans: number): Promise<QueueHouse> {
    const folder = mkdtempSync(join(dir, 'meshbridge-bench-queue-'));
    const parts = { disk: new TimedDisk(), output: new CountingOutput() };
    const lane = await Lane.open({
      signal: 'traces',
      dir: join(folder, 'traces'),
      segmentBytes: 64 * 1024 * 1024,
      maxBytes: 64e9,
      freeBytes: () => 1e12,
      minFreeBytes: 0,
      clock: systemClock,
      log,
      disk: parts.disk,
    });
    const cursor = await lane.attach({ output: 'far', onFull: 'block', start: 'beginning' });
    const delivery = new Delivery({
      source: lane,
      cursor,
      tail: new LaneTail({ dir: lane.dir, signal: 'traces', afterSeq: cursor.seq, afterCumItems: cursor.cumItems }),
      output: parts.output,
      deadLetters: new DeadLetters({ dir: join(folder, 'dead-letters'), signal: 'traces', now: systemClock.now }),
      choose: (record) => record,
      limits: { batchItems: 10_000, batchBytes: 4 * 1024 * 1024, batchWaitMs: 200, timeoutMs: 30_000, concurrency: 1 },
      orderKey: () => undefined,
      clock: systemClock,
      log,
      random: Math.random,
    });
    delivery.start();
    return new QueueHouse({ folder, lane, delivery, spans }, parts);
  }

  /** So many appenders, each of which waits for its record, until `isOver`. */
  async appendUntil(appenders: number, isOver: () => boolean): Promise<number> {
    let records = 0;
    const work = async (): Promise<void> => {
      while (!isOver()) {
        await this.lane.append(this.batch);
        records += 1;
      }
    };
    await Promise.all(Array.from({ length: appenders }, work));
    return records;
  }

  async close(): Promise<void> {
    await this.#delivery.stop(AbortSignal.timeout(10_000));
    await this.lane.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
