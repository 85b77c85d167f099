import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { batchOf, openLane, readAll, TestDisk } from '../../test/crash/segment-lane.ts';
import { HeldClock } from '../../test/fakes/clock.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { until } from '../../test/fakes/until.ts';
import type { Lane } from '../lane/lane.ts';
import { LaneTail } from './tail.ts';

async function filled(dir: string, count: number, segmentBytes = 1024 * 1024): Promise<Lane> {
  const lane = await openLane(dir, { segmentBytes });
  await lane.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
  for (let i = 1; i <= count; i++) {
    await lane.append(batchOf(`p${i}`, { items: i }), i % 2 === 0 ? { key: 'k', value: `${i}` } : undefined);
  }
  return lane;
}

function tailOf(lane: Lane, afterSeq = 0, afterCumItems?: number): LaneTail {
  const known = afterCumItems === undefined ? {} : { afterCumItems };
  return new LaneTail({ dir: lane.dir, signal: lane.signal, afterSeq, ...known });
}

test('a record comes back as it was handed over, with its number, time, books and position', () =>
  inTempDir(async (dir) => {
    const lane = await openLane(dir);
    await lane.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
    const origin = { node: 'n', namespace: 'shop', pod: 'p', app: 'a' };
    const edits = { add: { zone: 'z' }, drop: ['secret'] };
    const parts = [Buffer.from('first '), Buffer.from('second')];
    await lane.append(batchOf('before', { items: 4 }));
    await lane.append(batchOf('', { payload: parts, items: 3, origin, edits }), {
      key: 'file:ä',
      value: '{"offset":7}',
    });
    const { records } = await readAll(lane);
    expect({ ...records[1], payload: Buffer.from(records[1]?.payload ?? []).toString() }).toEqual({
      seq: 2,
      signal: 'traces',
      format: 'zipkin-json-v2',
      receivedAtMs: Date.UTC(2026, 10, 21, 12),
      items: 3,
      cumItems: 7,
      origin,
      edits,
      payload: 'first second',
      position: { key: 'file:ä', value: '{"offset":7}' },
    });
    await lane.close();
  }));

test('a dictionary is written once a segment and comes with every record that needs it, wherever reading begins', () =>
  inTempDir(async (dir) => {
    const lane = await openLane(dir, { segmentBytes: 3000 });
    await lane.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
    const shape = Buffer.from('the shape of a page '.repeat(20));
    for (let i = 0; i < 20; i++) {
      const dictionary = { id: i % 2 === 0 ? 'even' : 'odd', bytes: Buffer.concat([shape, Buffer.from([i % 2])]) };
      await lane.append(batchOf(`p${i} ${'x'.repeat(200)}`, { dictionary }));
    }
    const segments = (await readdir(dir)).filter((name) => name.endsWith('.seg'));
    expect(segments.length).toBeGreaterThan(1);
    const bytes = Buffer.concat(await Promise.all(segments.map((name) => readFile(join(dir, name)))));
    expect(bytes.toString('latin1').split(shape.toString()).length - 1).toBeLessThanOrEqual(segments.length * 2);
    for (const afterSeq of [0, 3, 11, 19]) {
      const { records } = await readAll(lane, afterSeq, afterSeq);
      expect(records.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 - afterSeq }, (_, i) => afterSeq + i + 1));
      for (const { seq, dictionary } of records) {
        const odd = (seq - 1) % 2;
        expect(dictionary?.id).toBe(odd === 1 ? 'odd' : 'even');
        expect(Buffer.compare(dictionary?.bytes ?? new Uint8Array(), Buffer.concat([shape, Buffer.from([odd])]))).toBe(
          0,
        );
      }
    }
    await lane.close();
  }));

describe('limits', () => {
  test('a read ends before the record that passes a limit, but gives at least one', () =>
    inTempDir(async (dir) => {
      const lane = await filled(dir, 6);
      const tail = tailOf(lane);
      const sizes = { maxBytes: 1000, throughSeq: 6 };
      expect((await tail.read({ ...sizes, maxItems: 6 })).records.map(({ seq }) => seq)).toEqual([1, 2, 3]);
      expect((await tail.read({ ...sizes, maxItems: 1 })).records.map(({ seq }) => seq)).toEqual([4]);
      expect((await tail.read({ ...sizes, maxItems: 99, maxBytes: 3 })).records.map(({ seq }) => seq)).toEqual([5]);
      await tail.close();
      await lane.close();
    }));

  test('nothing past the watermark is given, although it is on disk already', () =>
    inTempDir(async (dir) => {
      const lane = await filled(dir, 6);
      const tail = tailOf(lane);
      const wide = { maxItems: 1000, maxBytes: 1000 };
      expect((await tail.read({ ...wide, throughSeq: 2 })).records.map(({ seq }) => seq)).toEqual([1, 2]);
      expect((await tail.read({ ...wide, throughSeq: 2 })).records).toEqual([]);
      expect((await tail.read({ ...wide, throughSeq: 5 })).records.map(({ seq }) => seq)).toEqual([3, 4, 5]);
      await tail.close();
      await lane.close();
    }));
});

test('records that were read ahead of the watermark are read again before they are believed', () =>
  inTempDir(async (dir) => {
    const lane = await filled(dir, 4);
    await lane.close();
    const [name = ''] = await readdir(dir);
    const path = join(dir, name);
    const whole = await readFile(path);
    const tail = tailOf(lane);
    const wide = { maxItems: 1000, maxBytes: 1000 };
    expect((await tail.read({ ...wide, throughSeq: 2 })).records).toHaveLength(2);
    // What the writer does after a failed fdatasync: takes back what was not durable, and writes something else there.
    const text = whole.toString('latin1');
    await writeFile(path, Buffer.from(text.slice(0, text.lastIndexOf('p3')), 'latin1'));
    const read = await tail.read({ ...wide, throughSeq: 4 });
    expect(read.records).toEqual([]);
    await tail.close();
  }));

test('half a record that the disk had no room for, and that was taken back, is no loss to whoever has read it', () =>
  inTempDir(async (dir) => {
    const [disk, clock] = [new TestDisk(), new HeldClock()];
    const lane = await openLane(dir, { disk, clock });
    await lane.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
    await lane.append(batchOf('a'));
    disk.failing = { call: 'write', code: 'ENOSPC', missingBytes: 100 };
    await expect(lane.append(batchOf('x'.repeat(500), { items: 5 }))).rejects.toThrow('ENOSPC');
    const tail = tailOf(lane);
    const wide = { maxItems: 1000, maxBytes: 100_000 };
    expect((await tail.read({ ...wide, throughSeq: lane.durableSeq })).records).toHaveLength(1);
    disk.failing = undefined;
    await clock.advance(1000);
    await until(() => lane.status().full === undefined);
    await lane.append(batchOf('b', { items: 2 }));
    const { records, cumItems, losses } = await tail.read({ ...wide, throughSeq: lane.durableSeq });
    expect(records.map(({ items }) => items)).toEqual([2]);
    expect({ cumItems, losses }).toEqual({ cumItems: 3, losses: [] });
    await tail.close();
    await lane.close();
  }));

test('half a record that an earlier life left is no loss, although the life that began to cut it off ended before it had', () =>
  inTempDir(async (dir) => {
    const full = new TestDisk();
    const first = await openLane(dir, { disk: full });
    await first.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
    await first.append(batchOf('a'));
    full.failing = { call: 'write', code: 'ENOSPC', missingBytes: 100 };
    await expect(first.append(batchOf('x'.repeat(500), { items: 5 }))).rejects.toThrow('ENOSPC');
    await first.close().catch(() => undefined);
    const breaking = new TestDisk();
    breaking.failing = { call: 'truncate', code: 'EIO' };
    await expect(openLane(dir, { disk: breaking })).rejects.toThrow('EIO');
    const lane = await openLane(dir);
    const tail = tailOf(lane, 1, 1);
    const wide = { maxItems: 1000, maxBytes: 100_000 };
    const before = await tail.read({ ...wide, throughSeq: lane.durableSeq });
    expect([before.items, before.cumItems]).toEqual([0, 1]);
    await lane.append(batchOf('b', { items: 2 }));
    const { items, cumItems } = await tail.read({ ...wide, throughSeq: lane.durableSeq });
    expect([items, cumItems]).toEqual([2, 3]);
    expect((await readAll(lane)).losses.map((loss) => loss.items)).toEqual([0]);
    await tail.close();
    await lane.close();
  }));

test('a reader follows the writer through appends and new segments', () =>
  inTempDir(async (dir) => {
    const lane = await openLane(dir, { segmentBytes: 500 });
    await lane.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
    const tail = tailOf(lane);
    const seen: number[] = [];
    for (let i = 1; i <= 40; i++) {
      await lane.append(batchOf(`p${i} ${'y'.repeat(60)}`));
      const read = await tail.read({ throughSeq: lane.durableSeq, maxItems: 1000, maxBytes: 100_000 });
      expect(read.losses).toEqual([]);
      seen.push(...read.records.map(({ seq }) => seq));
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(lane.status().segments).toBeGreaterThan(5);
    await tail.close();
    await lane.close();
  }));

describe('damage', () => {
  const wide = { maxItems: 1000, maxBytes: 100_000 };

  test('a bitten end of an older segment is bounded by the segment behind it', () =>
    inTempDir(async (dir) => {
      const lane = await filled(dir, 30, 600);
      const names = (await readdir(dir)).sort();
      const first = join(dir, names[0] ?? '');
      const size = (await readFile(first)).length;
      await truncate(first, size - 1);
      const tail = tailOf(lane);
      const read = await tail.read({ ...wide, throughSeq: 30 });
      const lastOfFirst = Number(names[1]?.slice(0, 20)) - 1;
      expect(read.records.map(({ seq }) => seq)).toEqual(
        Array.from({ length: 30 }, (_, i) => i + 1).filter((seq) => seq !== lastOfFirst),
      );
      expect(read.losses).toEqual([
        {
          segment: names[0],
          offset: expect.any(Number),
          bytes: expect.any(Number),
          items: lastOfFirst,
          reason: expect.any(String),
        },
      ]);
      await tail.close();
      await lane.close();
    }));

  test('a segment that is gone is passed over, and what is missing is counted', () =>
    inTempDir(async (dir) => {
      const lane = await filled(dir, 30, 600);
      const names = (await readdir(dir)).sort();
      await rm(join(dir, names[1] ?? ''));
      const from = Number(names[1]?.slice(0, 20));
      const to = Number(names[2]?.slice(0, 20)) - 1;
      const tail = tailOf(lane);
      const read = await tail.read({ ...wide, throughSeq: 30 });
      const missing = Array.from({ length: to - from + 1 }, (_, i) => from + i);
      expect(read.records).toHaveLength(30 - missing.length);
      expect(read.losses).toEqual([
        expect.objectContaining({ segment: names[2], bytes: 0, items: missing.reduce((a, b) => a + b, 0) }),
      ]);
      await tail.close();
      await lane.close();
    }));

  test('a damaged dictionary costs the records that need it, by the item, and no others', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      await lane.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
      const dictionary = { id: 'd', bytes: Buffer.from('DICTIONARY') };
      await lane.append(batchOf('a', { items: 2 }));
      await lane.append(batchOf('b', { items: 3, dictionary }));
      await lane.append(batchOf('c', { items: 5, dictionary }));
      await lane.append(batchOf('d', { items: 7 }));
      await lane.close();
      const [name = ''] = await readdir(dir);
      const bytes = await readFile(join(dir, name));
      bytes[bytes.indexOf('DICTIONARY')] = 0;
      await writeFile(join(dir, name), bytes);
      const tail = tailOf(lane);
      const read = await tail.read({ ...wide, throughSeq: 4 });
      expect(read.records.map(({ seq }) => seq)).toEqual([1, 4]);
      expect(read.losses.map(({ items }) => items)).toEqual([0, 3, 5]);
      await tail.close();
    }));

  test('the last record damaged, with nothing behind it: reading waits; with one behind it, it goes on and counts', () =>
    inTempDir(async (dir) => {
      const lane = await filled(dir, 3);
      const [name = ''] = await readdir(dir);
      const path = join(dir, name);
      const bytes = await readFile(path);
      const magic = bytes.lastIndexOf(Buffer.from('fe4d4201', 'hex'));
      bytes[magic] = 0;
      await writeFile(path, bytes);
      const tail = tailOf(lane);
      expect((await tail.read({ ...wide, throughSeq: 3 })).records.map(({ seq }) => seq)).toEqual([1, 2]);
      expect((await tail.read({ ...wide, throughSeq: 3 })).losses).toEqual([]);
      await lane.append(batchOf('p4', { items: 4 }));
      const read = await tail.read({ ...wide, throughSeq: 4 });
      expect(read.records.map(({ seq }) => seq)).toEqual([4]);
      expect(read.losses).toEqual([expect.objectContaining({ offset: magic, items: 3 })]);
      await tail.close();
      await lane.close();
    }));
});
