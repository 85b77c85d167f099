/**
 * A lane on a small file system of its own, which becomes full, read-only and good again under it: `node failing-disk.ts DIR`, in a
 * mount namespace of its own. Prints a DiskReport as JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Lane } from '../../../src/lane/lane.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { LaneTail } from '../../../src/record/tail.ts';

export interface DiskReport {
  /** Numbers of the records whose append resolved, in order. */
  readonly acknowledged: readonly number[];
  /** What a later life of the lane reads. */
  readonly found: readonly number[];
  readonly losses: readonly object[];
  readonly sameQueue: boolean;
  /** By phase: what senders were told, and what the status said. */
  readonly told: Readonly<
    Record<string, { readonly refusal: string; readonly diskError: string; readonly seconds: number }>
  >;
  /** What a lane is told that is to be opened on a disk that takes nothing. */
  readonly openedOnFull: string;
  readonly delivered: number;
}

const silent = (): void => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };
const deadlineMs = 60_000;

class SmallDisk {
  readonly mount: string;
  readonly #image: string;

  constructor(folder: string) {
    this.mount = join(folder, 'disk');
    this.#image = join(folder, 'image');
    mkdirSync(this.mount);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, 12 * 1024 * 1024);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image]);
  }

  up(): void {
    execFileSync('mount', ['-o', 'loop,errors=remount-ro', this.#image, this.mount]);
  }

  /** As the kernel does it when the disk below reports an error: for those too that have files open. */
  breaks(): void {
    execFileSync('mount', ['-o', 'remount,abort', this.mount], { stdio: 'ignore' });
  }

  /** False while somebody has a file open there. */
  down(): boolean {
    try {
      execFileSync('umount', [this.mount], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }

  fill(): void {
    for (const [ballast, block] of [
      ['ballast', '64k'],
      ['more-ballast', '1k'],
    ]) {
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${join(this.mount, ballast ?? '')}`, `bs=${block}`], {
          stdio: 'ignore',
        });
      } catch {
        // It is full now.
      }
    }
  }

  relieve(): void {
    execFileSync('rm', [join(this.mount, 'ballast'), join(this.mount, 'more-ballast')]);
  }
}

function openLane(mount: string): Promise<Lane> {
  return Lane.open({
    signal: 'logs',
    dir: join(mount, 'queue', 'logs'),
    segmentBytes: 256 * 1024,
    maxBytes: 64 * 1024 * 1024,
    freeBytes: () => Number.POSITIVE_INFINITY,
    minFreeBytes: 0,
    clock: systemClock,
    log,
  });
}

async function eventually(what: string, condition: () => boolean): Promise<void> {
  for (const endMs = performance.now() + deadlineMs; !condition(); await delay(20)) {
    if (performance.now() > endMs) {
      throw new Error(`not seen: ${what}`);
    }
  }
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

async function main(folder: string): Promise<DiskReport> {
  const disk = new SmallDisk(folder);
  disk.up();
  let lane = await openLane(disk.mount);
  let cursor = await lane.attach({ output: 'far', onFull: 'block', start: 'beginning' });
  const { queueId } = lane;
  const acknowledged: number[] = [];
  const told: Record<string, DiskReport['told'][string]> = {};
  let next = 0;
  const append = async (): Promise<void> => {
    const number = next++;
    const payload = Buffer.from(`${number}`.padEnd(1_000));
    await lane.append(
      { signal: 'logs', format: 'log-block', payload, items: 1, origin: {} },
      { key: 'at', value: `${number}` },
    );
    acknowledged.push(number);
  };
  /** Appends until it is refused, and waits until it is taken again after `mend`. */
  const through = async (phase: string, mend: () => boolean): Promise<void> => {
    let refusal: string | undefined;
    for (let i = 0; i < 20_000 && refusal === undefined; i++) {
      await append().catch((error: unknown) => {
        refusal = messageOf(error);
      });
    }
    const startedMs = performance.now();
    const diskError = lane.status().diskError ?? '';
    await eventually(`mended after ${phase}`, mend);
    await eventually(`writing again after ${phase}`, () => lane.status().full === undefined);
    told[phase] = { refusal: refusal ?? '', diskError, seconds: (performance.now() - startedMs) / 1000 };
    for (let i = 0; i < 50; i++) {
      await append();
    }
  };
  for (let i = 0; i < 50; i++) {
    await append();
  }
  disk.fill();
  await through('full', () => {
    disk.relieve();
    return true;
  });
  disk.breaks();
  await through('read-only', () => {
    if (!disk.down()) {
      return false;
    }
    disk.up();
    return true;
  });
  // Within the first segment, which therefore stays.
  await cursor.advance({ seq: 10, cumItems: 10, delivered: 10 });
  await lane.close();

  disk.fill();
  const fresh = await openLane(join(disk.mount, 'another')).then(
    async (opened) => {
      await opened.close();
      return 'opened';
    },
    (error: unknown) => messageOf(error),
  );
  disk.relieve();
  lane = await openLane(disk.mount);
  cursor = await lane.attach({ output: 'far', onFull: 'block', start: 'beginning' });
  const tail = new LaneTail({ dir: lane.dir, signal: 'logs', afterSeq: 0 });
  const found: number[] = [];
  for (let before = -1; tail.seq !== before; ) {
    before = tail.seq;
    const { records } = await tail.read({ throughSeq: lane.durableSeq, maxItems: 10_000, maxBytes: 1e7 });
    found.push(...records.map(({ payload }) => Number(Buffer.from(payload).toString())));
  }
  await tail.close();
  const report = {
    acknowledged,
    found,
    losses: lane.status().losses,
    sameQueue: lane.queueId === queueId,
    told,
    openedOnFull: fresh,
    delivered: cursor.books.delivered,
  };
  await lane.close();
  disk.down();
  return report;
}

console.log(JSON.stringify(await main(process.argv[2] ?? '')));
