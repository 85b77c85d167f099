import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Lane } from '../../src/lane/lane.ts';
import { type Disk, systemDisk } from '../../src/record/disk.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { batchOf, openLane, readAll } from './segment-lane.ts';

/** What a file has on disk for sure, and what the kernel was given beyond that. */
interface Known {
  writtenBytes: number;
  syncedBytes: number;
}

/**
 * A disk that remembers what was made durable, so that the power can fail: of the rest, any part may be there, with holes.
 * Its datasync can be held back.
 */
class PowerDisk implements Disk {
  readonly files = new Map<string, Known>();
  held = false;
  #release = Promise.withResolvers<void>();

  async file(path: string, how: 'create' | 'open'): ReturnType<Disk['file']> {
    const file = await systemDisk.file(path, how);
    const known = this.files.get(basename(path)) ?? { writtenBytes: 0, syncedBytes: 0 };
    this.files.set(basename(path), known);
    return {
      ...file,
      write: async (bytes, position) => {
        await file.write(bytes, position);
        known.writtenBytes = Math.max(known.writtenBytes, position + bytes.length);
      },
      truncate: async (bytes) => {
        await file.truncate(bytes);
        known.writtenBytes = Math.min(known.writtenBytes, bytes);
        known.syncedBytes = Math.min(known.syncedBytes, bytes);
      },
      datasync: async () => {
        const length = known.writtenBytes;
        while (this.held) {
          await this.#release.promise;
        }
        known.syncedBytes = Math.max(known.syncedBytes, length);
      },
    };
  }

  async remove(path: string): Promise<void> {
    await systemDisk.remove(path);
  }

  async syncDirOf(): Promise<void> {}

  letGo(): void {
    this.held = false;
    this.#release.resolve();
    this.#release = Promise.withResolvers<void>();
  }

  /** The directory as a machine would find it that lost its power now; `survives` [0, 1) says what is there of the rest. */
  async lose(from: string, to: string, survives: readonly number[]): Promise<PowerDisk> {
    const after = new PowerDisk();
    await mkdir(to);
    let draw = 0;
    const next = (): number => survives[draw++ % survives.length] ?? 0;
    for (const [name, bytes] of await filesOf(from)) {
      const synced = Math.min(bytes.length, this.files.get(name)?.syncedBytes ?? bytes.length);
      const kept = Buffer.from(bytes.subarray(0, synced + Math.floor(next() * (bytes.length - synced + 1))));
      for (let block = synced; block < kept.length; block += 64) {
        if (next() < 0.2) {
          kept.fill(0, block, Math.min(kept.length, block + 64));
        }
      }
      await writeFile(join(to, name), kept);
      after.files.set(name, { writtenBytes: kept.length, syncedBytes: kept.length });
    }
    return after;
  }

  /** The same after a kill -9: the kernel still has all that it was given, durable or not. */
  async copy(from: string, to: string): Promise<PowerDisk> {
    const after = new PowerDisk();
    await mkdir(to);
    for (const [name, bytes] of await filesOf(from)) {
      await writeFile(join(to, name), bytes);
      const syncedBytes = Math.min(bytes.length, this.files.get(name)?.syncedBytes ?? 0);
      after.files.set(name, { writtenBytes: bytes.length, syncedBytes });
    }
    return after;
  }
}

/** A segment may be removed meanwhile. */
async function filesOf(dir: string): Promise<[string, Buffer][]> {
  const files: [string, Buffer][] = [];
  for (const name of await readdir(dir)) {
    const bytes = await readFile(join(dir, name)).catch(() => undefined);
    if (bytes !== undefined) {
      files.push([name, bytes]);
    }
  }
  return files;
}

type Step =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'large' }
  | { readonly do: 'advance' }
  | { readonly do: 'restart' }
  | { readonly do: 'kill'; readonly waiting: number }
  | { readonly do: 'power loss'; readonly waiting: number; readonly survives: readonly number[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('large' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('kill' as const), waiting: fc.integer({ min: 0, max: 5 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('power loss' as const),
      waiting: fc.integer({ min: 0, max: 5 }),
      survives: fc.array(
        fc.integer({ min: 0, max: 999 }).map((n) => n / 1000),
        { minLength: 3, maxLength: 7 },
      ),
    }),
  },
);

/** One lane through its lives, and what must be true of it. */
class Lives {
  readonly #root: string;
  #life = 0;
  #disk = new PowerDisk();
  #lane: Lane | undefined;
  #written = 0;
  /** Texts whose append resolved, in order. */
  readonly acknowledged: string[] = [];
  /** What anyone could read: it has passed the watermark, so it stays. */
  readonly #seen = new Set<string>();
  /** What anyone ever read under a number: a number means one record for ever. */
  readonly #meaning = new Map<string, string>();
  /** The output has been given records up to here; those may be removed from the log. */
  #doneSeq = 0;
  readonly #delivered: string[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  get dir(): string {
    return join(this.#root, `${this.#life}`);
  }

  async open(): Promise<Lane> {
    const lane = await openLane(this.dir, { disk: this.#disk, segmentBytes: 700 });
    this.#lane = lane;
    const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'beginning' });
    expect(cursor.seq).toBe(this.#doneSeq);
    return lane;
  }

  async run(action: Step): Promise<void> {
    const lane = this.#lane ?? (await this.open());
    if (action.do === 'append' || action.do === 'large') {
      const texts = Array.from({ length: action.do === 'append' ? action.count : 1 }, () => this.#text(action.do));
      await Promise.all(texts.map((text) => lane.append(batchOf(text), { key: 'last', value: text.trim() })));
      this.acknowledged.push(...texts);
      expect(lane.position('last')).toBe(texts.at(-1)?.trim());
    } else if (action.do === 'advance') {
      await this.#deliver(lane);
    } else if (action.do === 'restart') {
      await lane.close();
      await this.open();
    } else {
      await this.#crash(lane, action);
    }
    await this.check();
  }

  async check(): Promise<void> {
    const lane = this.#lane ?? (await this.open());
    const { records, payloads } = await readAll(lane, this.#doneSeq);
    const all = [...this.#delivered, ...payloads];
    expect(new Set(all).size).toBe(all.length);
    const wanted = new Set(this.acknowledged);
    expect(all.filter((text) => wanted.has(text))).toEqual(this.acknowledged);
    const there = new Set(all);
    expect([...this.#seen].filter((text) => !there.has(text))).toEqual([]);
    for (const [i, record] of records.entries()) {
      this.#seen.add(payloads[i] ?? '');
      const number = `${lane.queueId}:${record.seq}`;
      expect(this.#meaning.get(number) ?? payloads[i]).toBe(payloads[i]);
      this.#meaning.set(number, payloads[i] ?? '');
    }
    // The position is that of the last record that is there: what is behind it will be read from its source again.
    expect(lane.position('last')).toBe(all.at(-1)?.trim());
  }

  async close(): Promise<void> {
    this.#disk.letGo();
    await this.#lane?.close();
  }

  async #deliver(lane: Lane): Promise<void> {
    const { records, payloads } = await readAll(lane, this.#doneSeq);
    const half = Math.ceil(records.length / 2);
    const last = records[half - 1];
    if (last !== undefined) {
      const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'beginning' });
      await cursor.advance({ seq: last.seq, cumItems: last.cumItems, delivered: half });
      this.#delivered.push(...payloads.slice(0, half));
      this.#doneSeq = last.seq;
    }
  }

  async #crash(lane: Lane, crash: Extract<Step, { do: 'kill' | 'power loss' }>): Promise<void> {
    this.#disk.held = true;
    const lost = Array.from({ length: crash.waiting }, () => this.#text('append'));
    const pending = lost.map((text) => lane.append(batchOf(text), { key: 'last', value: text.trim() }));
    for (let turn = 0; turn < 10; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const from = this.dir;
    this.#life += 1;
    const before = this.#disk;
    this.#disk =
      crash.do === 'kill' ? await before.copy(from, this.dir) : await before.lose(from, this.dir, crash.survives);
    before.letGo();
    await Promise.all(pending);
    await lane.close();
    await this.open();
  }

  #text(kind: 'append' | 'large'): string {
    this.#written += 1;
    return `w${this.#written}`.padEnd(kind === 'large' ? 3000 : 8 + (this.#written % 90), ' ');
  }
}

test('whatever order of appends, deliveries, restarts and power losses: nothing acknowledged or read goes missing, nothing comes twice, and no number means two records', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) =>
      inTempDir(async (root) => {
        const lives = new Lives(root);
        try {
          for (const one of steps) {
            await lives.run(one);
          }
          await lives.check();
        } finally {
          await lives.close();
        }
      }),
    ),
    { numRuns: 150 },
  );
}, 120_000);
