import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import type { QueueRecord } from '../model/batch.ts';
import { readDeadLetters } from './dead-letter-file.ts';
import { DeadLetters } from './dead-letters.ts';

function recordOf(seq: number, more: Partial<QueueRecord> = {}): QueueRecord {
  return {
    seq,
    signal: 'metrics',
    format: 'metric-frame',
    receivedAtMs: 1_000 + seq,
    items: 2,
    cumItems: 2 * seq,
    origin: { node: 'n1' },
    payload: Buffer.from(`payload ${seq} `.padEnd(200, '.')),
    ...more,
  };
}

async function lettersIn(path: string) {
  const letters = [];
  for await (const letter of readDeadLetters(path, 'metrics')) {
    letters.push(letter);
  }
  return letters;
}

test('a letter is read as it was refused, with its dictionary and edits', () =>
  inTempDir(async (dir) => {
    const letters = new DeadLetters({ dir, signal: 'metrics', now: () => 5 });
    const dictionary = { id: 'shape', bytes: Buffer.from('SHAPE') };
    const edits = { add: { cluster: 'a' }, drop: ['b'], dropFields: ['c'] };
    await letters.add(recordOf(7, { dictionary, edits, position: { key: 'k', value: 'v' } }), 'HTTP 400');
    await letters.close();
    const [letter] = await lettersIn(join(dir, 'metrics.seg'));
    expect(letter).toMatchObject({ reason: 'HTTP 400', atMs: 5, receivedAtMs: 1_007 });
    const { payload, ...batch } = letter?.batch ?? { payload: Buffer.alloc(0) };
    expect(Buffer.from(payload).toString()).toMatch(/^payload 7 \.+$/);
    expect(batch).toEqual({
      signal: 'metrics',
      format: 'metric-frame',
      items: 2,
      origin: { node: 'n1' },
      edits,
      dictionary: { id: 'shape', bytes: Buffer.from('SHAPE') },
    });
  }));

test('what is there from an earlier life counts, and a torn end is cut off when more comes', () =>
  inTempDir(async (dir) => {
    const first = new DeadLetters({ dir, signal: 'metrics', now: () => 5 });
    expect(first.status).toBeUndefined();
    await first.add(recordOf(1), 'one');
    await first.add(recordOf(2), 'two');
    await first.close();
    const path = join(dir, 'metrics.seg');
    await appendFile(path, (await readFile(path)).subarray(0, 100));
    const again = new DeadLetters({ dir, signal: 'metrics', now: () => 6 });
    await again.look();
    expect(again.status).toMatchObject({ records: 2, items: 4, lastReason: 'two', lastMs: 5, discardedItems: 0 });
    await again.add(recordOf(3), 'three');
    expect(again.status).toMatchObject({ records: 3, items: 6, lastReason: 'three', lastMs: 6 });
    expect(again.status?.bytes).toBe((await readFile(path)).length);
    await again.close();
    expect((await lettersIn(path)).map(({ reason }) => reason)).toEqual(['one', 'two', 'three']);
  }));

test('past the cap the oldest go, counted and said; the newest stay', () =>
  inTempDir(async (dir) => {
    const log = new MemoryLog();
    const letters = new DeadLetters({ dir, signal: 'metrics', now: () => 5, log, maxFileBytes: 2_000 });
    for (let seq = 1; seq <= 30; seq++) {
      await letters.add(recordOf(seq), `refusal ${seq}`);
    }
    const { status } = letters;
    await letters.close();
    const kept = [...(await lettersIn(join(dir, 'metrics.old.seg'))), ...(await lettersIn(join(dir, 'metrics.seg')))];
    expect((await readdir(dir)).sort()).toEqual(['metrics.old.seg', 'metrics.seg']);
    expect(kept.length).toBeGreaterThan(5);
    expect(kept.map(({ reason }) => reason)).toEqual(
      Array.from({ length: kept.length }, (_, i) => `refusal ${31 - kept.length + i}`),
    );
    expect(status).toMatchObject({
      records: kept.length,
      items: 2 * kept.length,
      discardedItems: 60 - 2 * kept.length,
    });
    expect(log.at('error').length).toBeGreaterThan(0);
  }));

test('a damaged letter is passed over', () =>
  inTempDir(async (dir) => {
    const letters = new DeadLetters({ dir, signal: 'metrics', now: () => 5 });
    for (let seq = 1; seq <= 3; seq++) {
      await letters.add(recordOf(seq), `refusal ${seq}`);
    }
    await letters.close();
    const path = join(dir, 'metrics.seg');
    const bytes = await readFile(path);
    bytes[bytes.indexOf('payload 2')] = 0;
    await writeFile(path, bytes);
    expect((await lettersIn(path)).map(({ reason }) => reason)).toEqual(['refusal 1', 'refusal 3']);
  }));
