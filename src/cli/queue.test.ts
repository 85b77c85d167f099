import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { batchOf, openLane, readAll } from '../../test/crash/segment-lane.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { DeadLetters } from '../lane/dead-letters.ts';
import { lockDirectory } from '../lib/data-dir-lock.ts';
import { LaneTail } from '../record/tail.ts';
import { queue } from './queue.ts';
import type { QueueAction, RequeueWords } from './queue-words.ts';

async function ask(action: QueueAction, dataDir: string, json = false, requeue?: RequeueWords) {
  const out: string[] = [];
  const err: string[] = [];
  const question = { action, dataDir, json, ...(requeue === undefined ? {} : { requeue }) };
  const code = await queue(question, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** A lane of ten records for one output; gives the path of its segment. */
async function filled(dataDir: string): Promise<string> {
  const dir = join(dataDir, 'queue', 'traces');
  await mkdir(dir, { recursive: true });
  const lane = await openLane(dir);
  await lane.attach({ output: 'far-side', onFull: 'drop_oldest', start: 'beginning' });
  for (let i = 0; i < 10; i++) {
    await lane.append(batchOf(`record ${i} `.padEnd(200, '.'), { items: 3 }));
  }
  await lane.close();
  const [name = ''] = await readdir(dir).then((names) => names.filter((one) => one.endsWith('.seg')));
  return join(dir, name);
}

test('inspect says what a lane holds and how far its outputs are', () =>
  inTempDir(async (dir) => {
    const segment = await filled(dir);
    const { code, out } = await ask('inspect', dir);
    expect(code).toBe(0);
    const { size } = await stat(segment);
    expect(out).toMatch(
      new RegExp(`^traces   30 items in 10 records so far; on disk 1 segment, ${size} bytes; queue [\\w-]+\\n`),
    );
    expect(out).toContain('         far-side: 0 delivered, 30 waiting, 0 lost, 0 not for it');
  }));

test('verify of a sound queue is good, and says the same as JSON', () =>
  inTempDir(async (dir) => {
    await filled(dir);
    const { code, out } = await ask('verify', dir, true);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      lanes: [
        {
          signal: 'traces',
          segments: 1,
          seq: 10,
          cumItems: 30,
          losses: [],
          tornBytes: 0,
          outputs: [{ queuedItems: 30 }],
        },
      ],
    });
    expect((await ask('verify', dir)).out.split('\n').at(-1)).toBe('good: every record can be read');
  }));

test('verify names damage to the item, changes nothing, and ends with 1', () =>
  inTempDir(async (dir) => {
    const segment = await filled(dir);
    const bytes = await readFile(segment);
    const at = bytes.indexOf('record 4 ');
    bytes[at] = 0;
    await writeFile(segment, bytes);
    const { code, out } = await ask('verify', dir);
    expect(code).toBe(1);
    expect(out).toMatch(/^ {9}damaged: \d{20}\.seg at byte \d+, \d+ bytes, 3 items: \S/m);
    expect(out.split('\n').at(-1)).toMatch(/^not good: 1 damaged place, 3 items; the daemon passes over them/);
    expect(await readFile(segment)).toEqual(bytes);
  }));

test('a torn end is named', () =>
  inTempDir(async (dir) => {
    const segment = await filled(dir);
    const bytes = await readFile(segment);
    await writeFile(segment, bytes.subarray(0, bytes.length - 1));
    const { out } = await ask('verify', dir);
    expect(out).toMatch(/the end, \d+ bytes, is no whole record; the daemon cuts it off when it starts/);
  }));

test('where there is no queue, that is said', () =>
  inTempDir(async (dir) => {
    expect(await ask('inspect', dir)).toEqual({
      code: 1,
      out: '',
      err: `meshbridge: there is no queue in ${dir}; say where it is with --data-dir`,
    });
    expect((await ask('repair', dir)).code).toBe(1);
  }));

/** What the far side would not have: every second record of the lane. */
async function refuseSome(dataDir: string, output = 'far-side'): Promise<void> {
  const tail = new LaneTail({ dir: join(dataDir, 'queue', 'traces'), signal: 'traces', afterSeq: 0 });
  const { records } = await tail.read({ throughSeq: 10, maxItems: 1_000, maxBytes: 1e9 });
  await tail.close();
  const dir = join(dataDir, 'dead-letters', output);
  const letters = new DeadLetters({ dir, signal: 'traces', now: () => Date.UTC(2026, 10, 21, 12) });
  for (const [i, record] of records.entries()) {
    if (i % 2 === 1) {
      await letters.add(record, i < 4 ? 'HTTP 400: no such field' : 'HTTP 413');
    }
  }
  await letters.close();
}

describe('dead letters', () => {
  test('inspect shows how many, why, since when, and a few of them', () =>
    inTempDir(async (dir) => {
      await filled(dir);
      await refuseSome(dir);
      const { code, out } = await ask('inspect', dir);
      expect(code).toBe(0);
      expect(out).toMatch(
        /^refused {2}far-side, traces: 5 dead letters of 15 items, \d+ bytes, 2026-11-21T12:00:00.000Z to /m,
      );
      expect(out).toContain(
        '         3 records, 9 items: HTTP 413\n         2 records, 6 items: HTTP 400: no such field\n',
      );
      expect(out).toMatch(/^ {9}such as 3 items of zipkin-json-v2 from node=n1: record 9 \.{10}/m);
      const { deadLetters } = JSON.parse((await ask('inspect', dir, true)).out);
      expect(deadLetters).toMatchObject([
        { output: 'far-side', records: 5, items: 15, reasons: [{ items: 9 }, { items: 6 }] },
      ]);
    }));

  test('repair --requeue queues them again for the output that refused them, takes them away, and does it once', () =>
    inTempDir(async (dir) => {
      await filled(dir);
      await refuseSome(dir);
      const { code, out } = await ask('repair', dir, false, {});
      expect(out).toBe('traces   good as it was\n         queued again for far-side alone: 5 records of 15 items');
      expect(code).toBe(0);
      expect(await readdir(join(dir, 'dead-letters', 'far-side'))).toEqual([]);
      expect((await ask('repair', dir, false, {})).out).toBe('traces   good as it was');
      const lane = await openLane(join(dir, 'queue', 'traces'));
      const { records, payloads } = await readAll(lane);
      expect(records.map(({ only }) => only)).toEqual([...Array(10).fill(undefined), ...Array(5).fill('far-side')]);
      expect(payloads.slice(10).map((text) => text.slice(0, 8))).toEqual([1, 3, 5, 7, 9].map((i) => `record ${i}`));
      expect([...lane.positions('')]).toEqual([]);
      await lane.close();
    }));

  test('what a crash left half done is gone on with, and none is queued twice', () =>
    inTempDir(async (dir) => {
      await filled(dir);
      await refuseSome(dir);
      const letters = join(dir, 'dead-letters', 'far-side', 'traces.seg');
      const bytes = await readFile(letters);
      await ask('repair', dir, false, {});
      // The records were durable, and the file was not yet gone.
      const lane = await openLane(join(dir, 'queue', 'traces'));
      await writeFile(letters, bytes);
      const { ino, size } = await stat(letters);
      await lane.append(batchOf('', { items: 0 }), { key: 'lane:requeued:far-side', value: `${ino}:${size}` });
      await lane.close();
      const { out } = await ask('repair', dir, false, { output: 'far-side', signal: 'traces' });
      expect(out).toContain('queued again for far-side alone: 0 records of 0 items');
      expect(await readdir(join(dir, 'dead-letters', 'far-side'))).toEqual([]);
    }));

  test('of an output that has no place in the queue they stay, and that is said', () =>
    inTempDir(async (dir) => {
      await filled(dir);
      await refuseSome(dir, 'gone');
      const { code, out } = await ask('repair', dir, false, {});
      expect([code, out]).toEqual([1, expect.stringContaining('not queued again: gone has no place in this queue')]);
      expect(await readdir(join(dir, 'dead-letters', 'gone'))).toEqual(['traces.seg']);
    }));

  test('of other outputs and signals than those asked for they stay', () =>
    inTempDir(async (dir) => {
      await filled(dir);
      await refuseSome(dir);
      await ask('repair', dir, false, { output: 'another' });
      await ask('repair', dir, false, { signal: 'logs' });
      expect(await readdir(join(dir, 'dead-letters', 'far-side'))).toEqual(['traces.seg']);
    }));
});

describe('repair', () => {
  test('cuts a torn end off, names it and the new queue, and then all is good', () =>
    inTempDir(async (dir) => {
      const segment = await filled(dir);
      const bytes = await readFile(segment);
      await writeFile(segment, bytes.subarray(0, bytes.length - 1));
      const { code, out } = await ask('repair', dir);
      expect(code).toBe(0);
      expect(out).toMatch(
        /^traces {3}repaired\n {9}cut off: \d+ bytes at the end of \d{20}\.seg\n {9}lost: .*\n {9}goes on under a new name, \w+$/,
      );
      expect((await ask('repair', dir)).out).toBe('traces   good as it was');
      expect((await ask('verify', dir)).code).toBe(0);
    }));

  test('leaves a directory alone that a daemon uses, and says what to do', () =>
    inTempDir(async (dir) => {
      const segment = await filled(dir);
      const bytes = await readFile(segment);
      await writeFile(segment, bytes.subarray(0, bytes.length - 1));
      const lock = await lockDirectory(dir);
      const { code, err } = await ask('repair', dir);
      await lock?.release();
      expect([code, err]).toEqual([1, expect.stringMatching(/^meshbridge: a daemon is using .*stop it first$/)]);
      expect((await readFile(segment)).length).toBe(bytes.length - 1);
    }));
});
