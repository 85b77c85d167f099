import { open } from 'node:fs/promises';
import { Lane } from '../../src/lane/lane.ts';
import type { LaneOptions } from '../../src/lane/lane-options.ts';
import type { Batch, QueueRecord } from '../../src/model/batch.ts';
import { type Disk, systemDisk } from '../../src/record/disk.ts';
import { LaneTail } from '../../src/record/tail.ts';
import { HeldClock } from '../fakes/clock.ts';
import { MemoryLog } from '../fakes/runtime.ts';

/** A lane in `dir` that takes whatever comes, on a clock that stands still. */
export function openLane(dir: string, options: Partial<LaneOptions> = {}): Promise<Lane> {
  return Lane.open({
    signal: 'traces',
    dir,
    segmentBytes: 1024 * 1024,
    maxBytes: 64 * 1024 * 1024,
    freeBytes: () => Number.POSITIVE_INFINITY,
    minFreeBytes: 0,
    clock: new HeldClock(),
    log: new MemoryLog(),
    ...options,
  });
}

/** A batch whose payload is that text. */
export function batchOf(text: string, options: Partial<Batch> = {}): Batch {
  return {
    signal: 'traces',
    format: 'zipkin-json-v2',
    payload: Buffer.from(text),
    items: 1,
    origin: { node: 'n1' },
    ...options,
  };
}

/** For tests that open thousands of lanes, where no power fails: what makes things durable is left out. */
export const quickDisk: Disk = {
  ...systemDisk,
  file: async (path, how) => {
    const handle = await open(path, how === 'create' ? 'wx' : 'r+');
    return {
      write: async (bytes, position) => {
        await handle.write(bytes, 0, bytes.length, position);
      },
      datasync: async () => undefined,
      truncate: (bytes) => handle.truncate(bytes),
      close: () => handle.close(),
    };
  },
  syncDirOf: async () => undefined,
};

export interface ReadBack {
  readonly records: readonly QueueRecord[];
  readonly payloads: readonly string[];
  readonly lostItems: number;
  readonly losses: Awaited<ReturnType<LaneTail['read']>>['losses'];
}

/** All that a reader behind `afterSeq` finds. */
export async function readAll(lane: Lane, afterSeq = 0, afterCumItems = 0): Promise<ReadBack> {
  const tail = new LaneTail({ dir: lane.dir, signal: lane.signal, afterSeq, afterCumItems });
  const records: QueueRecord[] = [];
  const losses: ReadBack['losses'][number][] = [];
  let cumItems = afterCumItems;
  try {
    for (;;) {
      const limits = { throughSeq: lane.durableSeq, maxItems: 10_000, maxBytes: 1024 * 1024 };
      const before = tail.seq;
      const read = await tail.read(limits);
      records.push(...read.records);
      losses.push(...read.losses);
      cumItems = read.cumItems ?? cumItems;
      if (tail.seq === before) {
        break;
      }
    }
  } finally {
    await tail.close();
  }
  const items = records.reduce((sum, record) => sum + record.items, 0);
  return {
    records,
    losses,
    payloads: records.map(({ payload }) => Buffer.from(payload).toString()),
    lostItems: cumItems - afterCumItems - items,
  };
}

/** A disk that counts, and that fails when it is told to. */
export class TestDisk implements Disk {
  writes = 0;
  datasyncs = 0;
  dirSyncs = 0;
  /** Thrown by whatever call it names, until it is taken away. */
  failing:
    | {
        readonly call: 'write' | 'datasync' | 'file' | 'truncate';
        readonly code: string /** A write leaves so many bytes out. */;
        readonly missingBytes?: number;
      }
    | undefined;
  /** When set, a datasync waits for it. */
  hold: Promise<void> | undefined;

  async file(path: string, how: 'create' | 'open'): ReturnType<Disk['file']> {
    this.#check('file');
    const file = await systemDisk.file(path, how);
    return {
      write: async (bytes, position) => {
        this.writes += 1;
        const { call, missingBytes } = this.failing ?? {};
        if (call === 'write' && missingBytes !== undefined) {
          await file.write(bytes.subarray(0, bytes.length - missingBytes), position);
        }
        this.#check('write');
        await file.write(bytes, position);
      },
      datasync: async () => {
        this.datasyncs += 1;
        await this.hold;
        this.#check('datasync');
        await file.datasync();
      },
      truncate: async (bytes) => {
        this.#check('truncate');
        await file.truncate(bytes);
      },
      close: () => file.close(),
    };
  }

  remove(path: string): Promise<void> {
    return systemDisk.remove(path);
  }

  async syncDirOf(path: string): Promise<void> {
    this.dirSyncs += 1;
    await systemDisk.syncDirOf(path);
  }

  #check(call: string): void {
    if (this.failing?.call === call) {
      throw Object.assign(new Error(`${this.failing.code}: planted`), { code: this.failing.code });
    }
  }
}
