import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { batchOf, openLane, readAll, TestDisk } from '../../test/crash/segment-lane.ts';
import { HeldClock } from '../../test/fakes/clock.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { stateAfter, until } from '../../test/fakes/until.ts';
import type { Lane } from './lane.ts';
import { balanced } from './lane-cursor.ts';

const overloaded = expect.objectContaining({ code: 'BRIDGE_OVERLOADED' });

async function appendMany(lane: Lane, count: number, bytes = 100): Promise<void> {
  for (let i = 0; i < count; i++) {
    await lane.append(batchOf(`${i} `.padEnd(bytes, '.')));
  }
}

async function segmentsIn(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith('.seg')).sort();
}

describe('append', () => {
  test('resolves only when the record is on disk', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const lane = await openLane(dir, { disk });
      const gate = Promise.withResolvers<void>();
      disk.hold = gate.promise;
      const done = lane.append(batchOf('a'), { key: 'k', value: '1' });
      expect(await stateAfter(done, 10)).toBe('pending');
      expect([lane.durableSeq, lane.position('k')]).toEqual([0, undefined]);
      gate.resolve();
      await done;
      expect([lane.durableSeq, lane.position('k')]).toEqual([1, '1']);
      await lane.close();
    }));

  test('copies before it returns', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      const payload = Buffer.from('payload');
      const bytes = Buffer.from('dictionary');
      const done = lane.append(batchOf('', { payload, dictionary: { id: 'd', bytes } }));
      payload.fill(0);
      bytes.fill(0);
      await done;
      const { records, payloads } = await readAll(lane);
      expect(payloads).toEqual(['payload']);
      expect(Buffer.from(records[0]?.dictionary?.bytes ?? []).toString()).toBe('dictionary');
      await lane.close();
    }));

  test('many senders share a commit', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const lane = await openLane(dir, { disk });
      const before = disk.datasyncs;
      await Promise.all(Array.from({ length: 200 }, (_, i) => lane.append(batchOf(`b${i}`))));
      expect(disk.datasyncs - before).toBe(1);
      expect((await readAll(lane)).payloads).toEqual(Array.from({ length: 200 }, (_, i) => `b${i}`));
      await lane.close();
    }));

  test('an empty batch makes its position durable and is no record', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      await lane.append(batchOf('', { items: 0 }), { key: 'k', value: 'v' });
      await lane.append(batchOf('', { items: 0 }));
      expect([lane.position('k'), lane.durableSeq]).toEqual(['v', 0]);
      await lane.close();
      const again = await openLane(dir);
      expect(again.position('k')).toBe('v');
      await again.close();
    }));

  test('a batch that no record can hold is refused as too large, and nothing else is', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { maxBytes: 1024 ** 3 });
      const payload = Buffer.alloc(129 * 1024 * 1024);
      await expect(lane.append(batchOf('', { payload }))).rejects.toMatchObject({ code: 'BRIDGE_TOO_LARGE' });
      await lane.append(batchOf('fits'));
      expect((await readAll(lane)).payloads).toEqual(['fits']);
      expect(lane.cumItems).toBe(1);
      await lane.close();
    }));

  test('the time of receipt never runs backwards, also over a restart', () =>
    inTempDir(async (dir) => {
      const clock = new HeldClock(5_000);
      const lane = await openLane(dir, { clock });
      await lane.append(batchOf('a'));
      clock.step(-3_000);
      await lane.append(batchOf('b'));
      await lane.close();
      const again = await openLane(dir, { clock });
      await again.append(batchOf('c'));
      clock.step(10_000);
      await again.append(batchOf('d'));
      expect((await readAll(again)).records.map(({ receivedAtMs }) => receivedAtMs)).toEqual([
        5000, 5000, 5000, 12_000,
      ]);
      await again.close();
    }));

  test('those who wait for durable data are told once a commit, after it', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      const told: number[] = [];
      const end = lane.onDurable((seq) => told.push(seq));
      await Promise.all([lane.append(batchOf('a')), lane.append(batchOf('b'))]);
      await lane.append(batchOf('', { items: 0 }), { key: 'k', value: 'v' });
      expect(told).toEqual([2]);
      end();
      await lane.append(batchOf('c'));
      expect(told).toEqual([2]);
      await lane.close();
    }));

  test('a closed lane takes nothing, and closing waits for what it has taken', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      const last = lane.append(batchOf('last'));
      await lane.close();
      await last;
      await expect(lane.append(batchOf('late'))).rejects.toEqual(overloaded);
      await lane.close();
    }));
});

describe('positions', () => {
  test('are found by key and by prefix in this and in later lives, and over many segments', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { segmentBytes: 400 });
      for (let i = 0; i < 30; i++) {
        await lane.append(batchOf(`${i}`), { key: `file:${i % 3}`, value: `${i}` });
      }
      await lane.append(batchOf('x'), { key: 'hub:1', value: 'h' });
      const expected = new Map([
        ['file:0', '27'],
        ['file:1', '28'],
        ['file:2', '29'],
      ]);
      expect(lane.positions('file:')).toEqual(expected);
      await lane.close();
      const again = await openLane(dir, { segmentBytes: 400 });
      expect(again.positions('file:')).toEqual(expected);
      expect(again.position('hub:1')).toBe('h');
      await again.close();
    }));

  test('a forgotten one stays forgotten, and may come back', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { segmentBytes: 400 });
      await lane.append(batchOf('a'), { key: 'gone', value: '1' });
      await lane.append(batchOf('b'), { key: 'back', value: '1' });
      lane.forget('gone');
      lane.forget('back');
      await lane.append(batchOf('c'), { key: 'back', value: '2' });
      expect([lane.position('gone'), lane.position('back')]).toEqual([undefined, '2']);
      await lane.close();
      const again = await openLane(dir);
      expect([again.position('gone'), again.position('back')]).toEqual([undefined, '2']);
      await again.close();
    }));
});

describe('cursors', () => {
  test('a new output begins at the end, or at the beginning if it asks for that', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      await lane.append(batchOf('a', { items: 5 }));
      const atEnd = await lane.attach({ output: 'end', onFull: 'block', start: 'end' });
      const atStart = await lane.attach({ output: 'start', onFull: 'block', start: 'beginning' });
      expect([atEnd.seq, atStart.seq]).toEqual([1, 0]);
      expect(
        lane.status().outputs.map(({ output, queuedItems, routedAway }) => [output, queuedItems, routedAway]),
      ).toEqual([
        ['end', 0, 5],
        ['start', 5, 0],
      ]);
      await lane.close();
    }));

  test('are durable when attach and advance resolve, with their books', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
      for (let i = 0; i < 4; i++) {
        await lane.append(batchOf('a', { items: 10 }));
      }
      await cursor.advance({ seq: 3, cumItems: 30, delivered: 15, dropped: { rejected: 4 }, routedAway: 5 });
      await lane.close();
      const again = await openLane(dir);
      await again.attach({ output: 'o', onFull: 'block', start: 'end' });
      expect(again.status().outputs[0]).toMatchObject({
        seq: 3,
        cumItems: 30,
        delivered: 15,
        dropped: { rejected: 4 },
        routedAway: 5,
        lost: 6,
        queuedItems: 10,
      });
      await again.close();
    }));

  test('refuse to go back, and balance whatever they are told', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
      await appendMany(lane, 3);
      await cursor.advance({ seq: 2, cumItems: 2, delivered: 2 });
      await expect(cursor.advance({ seq: 1, cumItems: 1 })).rejects.toThrow(RangeError);
      expect([cursor.seq, cursor.cumItems]).toEqual([2, 2]);
      await cursor.advance({ seq: 3, cumItems: 3, delivered: 2 });
      expect(balanced(cursor.books)).toBe(true);
      await lane.close();
    }));

  test('of outputs that are taken out while the lane is open hold nothing back any more, whatever they still try to keep', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { segmentBytes: 500 });
      const [old, stays] = await Promise.all(
        ['old', 'stays'].map((output) => lane.attach({ output, onFull: 'block', start: 'end' })),
      );
      await appendMany(lane, 30);
      await stays?.advance({ seq: 30, cumItems: 30, delivered: 30 });
      expect((await segmentsIn(dir)).length).toBeGreaterThan(5);
      expect(await lane.detachMissing(new Set(['stays']))).toEqual([{ output: 'old', queuedItems: 30 }]);
      await until(async () => (await segmentsIn(dir)).length <= 2);
      await old?.advance({ seq: 3, cumItems: 3, delivered: 3 });
      expect(lane.status().outputs.map(({ output }) => output)).toEqual(['stays']);
      const anew = await lane.attach({ output: 'old', onFull: 'block', start: 'end' });
      expect(anew.seq).toBe(30);
      await lane.close();
      const again = await openLane(dir);
      expect(again.status().outputs.map(({ output, seq }) => [output, seq])).toEqual([
        ['stays', 30],
        ['old', 30],
      ]);
      await again.close();
    }));

  test('of outputs that are gone keep the segments until they are detached, and do not come back', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { segmentBytes: 500 });
      await lane.attach({ output: 'old', onFull: 'block', start: 'end' });
      await appendMany(lane, 30);
      await lane.close();
      const again = await openLane(dir, { segmentBytes: 500 });
      await again.attach({ output: 'new', onFull: 'block', start: 'end' });
      expect((await segmentsIn(dir)).length).toBeGreaterThan(5);
      expect(await again.detachMissing()).toEqual([{ output: 'old', queuedItems: 30 }]);
      await until(async () => (await segmentsIn(dir)).length <= 2);
      await again.close();
      const third = await openLane(dir);
      expect(third.status().outputs.map(({ output }) => output)).toEqual(['new']);
      await third.close();
    }));
});

describe('segments', () => {
  test('go when every cursor has passed them, and not before', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { segmentBytes: 500 });
      const fast = await lane.attach({ output: 'fast', onFull: 'block', start: 'end' });
      const slow = await lane.attach({ output: 'slow', onFull: 'block', start: 'end' });
      await appendMany(lane, 30);
      const all = await segmentsIn(dir);
      await fast.advance({ seq: 30, cumItems: 30, delivered: 30 });
      expect(await segmentsIn(dir)).toEqual(all);
      const third = Number(all[2]?.slice(0, 20));
      await slow.advance({ seq: third, cumItems: third, delivered: third });
      await until(async () => (await segmentsIn(dir))[0] === all[2]);
      expect((await readAll(lane, slow.seq, slow.cumItems)).records).toHaveLength(30 - third);
      await slow.advance({ seq: 30, cumItems: 30, delivered: 30 - third });
      await until(async () => (await segmentsIn(dir)).length <= 2);
      expect(lane.status().bytes).toBeLessThan(3000);
      await lane.close();
    }));

  test('of a lane that no output reads do not pile up, and its positions stay', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { segmentBytes: 500 });
      for (let i = 0; i < 60; i++) {
        await lane.append(batchOf('x'.repeat(90)), { key: 'k', value: `${i}` });
      }
      await until(async () => (await segmentsIn(dir)).length <= 2);
      await lane.close();
      const again = await openLane(dir);
      expect([again.position('k'), again.cumItems, again.durableSeq]).toEqual(['59', 60, 60]);
      await again.close();
    }));

  test('numbers, books and queue id go on over a restart, in the same file', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir);
      await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
      const dictionary = { id: 'd', bytes: Buffer.from('DICTIONARY') };
      await lane.append(batchOf('a', { items: 3, dictionary }));
      const { queueId } = lane;
      await lane.close();
      const again = await openLane(dir);
      expect(again.queueId).toBe(queueId);
      await again.append(batchOf('b', { items: 4, dictionary }));
      const { records } = await readAll(again);
      expect(records.map(({ seq, cumItems, dictionary }) => [seq, cumItems, dictionary?.id])).toEqual([
        [1, 3, 'd'],
        [2, 7, 'd'],
      ]);
      expect(await segmentsIn(dir)).toHaveLength(1);
      expect(again.status().losses).toEqual([]);
      await again.close();
    }));
});

describe('caps', () => {
  test('a lane at its cap refuses, says so, and takes again when the blocking output has caught up', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { maxBytes: 40_000 });
      const cursor = await lane.attach({ output: 'store', onFull: 'block', start: 'end' });
      await expect(appendMany(lane, 1000, 400)).rejects.toEqual(overloaded);
      const { durableSeq } = lane;
      expect(durableSeq).toBeGreaterThan(30);
      expect(lane.status().full).toContain('cap of 40000 bytes');
      expect(lane.status().bytes).toBeLessThan(42_000);
      await cursor.advance({ seq: durableSeq, cumItems: durableSeq, delivered: durableSeq });
      expect(lane.status().full).toBeUndefined();
      await lane.append(batchOf('again'));
      await lane.close();
    }));

  test('one record larger than the cap does not stop the lane for ever', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { maxBytes: 40_000 });
      const cursor = await lane.attach({ output: 'store', onFull: 'block', start: 'end' });
      await lane.append(batchOf('x'.repeat(100_000)));
      await expect(lane.append(batchOf('b'))).rejects.toEqual(overloaded);
      await cursor.advance({ seq: 1, cumItems: 1, delivered: 1 });
      await until(() => lane.status().full === undefined);
      await lane.append(batchOf('b'));
      await lane.close();
    }));

  test('an output that may drop loses its oldest at half of the cap, counted, and never makes the lane refuse', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { maxBytes: 80_000 });
      const dead = await lane.attach({ output: 'dead', onFull: 'drop_oldest', start: 'end' });
      const live = await lane.attach({ output: 'live', onFull: 'block', start: 'end' });
      for (let i = 1; i <= 500; i++) {
        await lane.append(batchOf('x'.repeat(400)));
        await live.advance({ seq: i, cumItems: i, delivered: 1 });
      }
      const status = lane.status().outputs.find(({ output }) => output === 'dead');
      expect(status?.dropped['queue_full']).toBe(dead.seq);
      expect(status?.queuedItems).toBe(500 - dead.seq);
      expect(status?.queuedBytes).toBeLessThanOrEqual(40_000);
      expect(status?.queuedBytes).toBeGreaterThan(20_000);
      expect(balanced(dead.books)).toBe(true);
      expect(lane.status().outputs.find(({ output }) => output === 'live')?.dropped).toEqual({});
      expect((await readAll(lane, dead.seq, dead.cumItems)).records.map(({ seq }) => seq)).toEqual(
        Array.from({ length: 500 - dead.seq }, (_, i) => dead.seq + 1 + i),
      );
      await lane.close();
    }));

  test('nothing is dropped from under a request that is under way', () =>
    inTempDir(async (dir) => {
      const lane = await openLane(dir, { maxBytes: 40_000 });
      const cursor = await lane.attach({ output: 'dead', onFull: 'drop_oldest', start: 'end' });
      await cursor.during(async () => {
        await appendMany(lane, 55, 400);
        expect(cursor.seq).toBe(0);
        await cursor.advance({ seq: 3, cumItems: 3, delivered: 3 });
      });
      expect(cursor.seq).toBeGreaterThan(3);
      expect(cursor.books.delivered).toBe(3);
      expect(cursor.books.dropped['queue_full']).toBe(cursor.seq - 3);
      await lane.close();
    }));

  test('too little free disk refuses, and is asked again a second later', () =>
    inTempDir(async (dir) => {
      let free = 1000;
      const clock = new HeldClock();
      const lane = await openLane(dir, { clock, minFreeBytes: 500, freeBytes: () => free });
      await lane.append(batchOf('a'));
      free = 499;
      clock.step(1000);
      await expect(lane.append(batchOf('b'))).rejects.toEqual(overloaded);
      expect(lane.status().full).toContain('min_free');
      const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'beginning' });
      await cursor.advance({ seq: 1, cumItems: 1, delivered: 1 });
      free = 501;
      clock.step(1000);
      await lane.append(batchOf('c'));
      expect(lane.status().full).toBeUndefined();
      await lane.close();
    }));
});

describe('a disk that fails', () => {
  test.each(['ENOSPC', 'EIO', 'EROFS'])(
    '%s refuses with its name, nothing unacknowledged stays, and writing goes on when it is over',
    (code) =>
      inTempDir(async (dir) => {
        const disk = new TestDisk();
        const clock = new HeldClock();
        const log = new MemoryLog();
        const lane = await openLane(dir, { disk, clock, log });
        const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
        await lane.append(batchOf('a'), { key: 'k', value: '1' });
        disk.failing = { call: 'datasync', code };
        await expect(lane.append(batchOf('never'), { key: 'k', value: '2' })).rejects.toEqual(overloaded);
        await expect(lane.append(batchOf('refused'))).rejects.toEqual(overloaded);
        expect(lane.status().full).toContain(code);
        expect(lane.position('k')).toBe('1');
        const advancing = cursor.advance({ seq: 1, cumItems: 1, delivered: 1 });
        await clock.advance(1000);
        expect(await stateAfter(advancing, 10)).toBe('pending');
        disk.failing = undefined;
        await clock.advance(1000);
        await until(() => lane.status().full === undefined);
        await advancing;
        await lane.append(batchOf('b', { items: 2 }), { key: 'k', value: '3' });
        const { payloads, lostItems, losses } = await readAll(lane);
        expect({ payloads, lostItems, losses }).toEqual({ payloads: ['a', 'b'], lostItems: 0, losses: [] });
        expect(log.at('error')).toHaveLength(1);
        await lane.close();
        const again = await openLane(dir);
        expect([again.position('k'), again.cumItems, again.status().losses]).toEqual(['3', 3, []]);
        expect((await again.attach({ output: 'o', onFull: 'block', start: 'end' })).books).toMatchObject({
          seq: 1,
          delivered: 1,
        });
        await again.close();
      }),
  );

  test('a new segment that cannot be made is the same', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const clock = new HeldClock();
      const lane = await openLane(dir, { disk, clock, segmentBytes: 300 });
      await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
      await appendMany(lane, 1, 400);
      disk.failing = { call: 'file', code: 'ENOSPC' };
      await expect(lane.append(batchOf('b'))).rejects.toEqual(overloaded);
      disk.failing = undefined;
      await clock.advance(1000);
      await until(() => lane.status().full === undefined);
      await lane.append(batchOf('c'));
      const { payloads, lostItems } = await readAll(lane);
      expect([payloads.map((text) => text.trim().slice(0, 1)), lostItems]).toEqual([['0', 'c'], 0]);
      await lane.close();
    }));

  test('one that takes long is no failure: what waits for it is bounded, then senders are told, and all of it arrives', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const lane = await openLane(dir, { disk, maxBytes: 1e9, segmentBytes: 1e9 });
      const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
      const slow = Promise.withResolvers<void>();
      disk.hold = slow.promise;
      const large = batchOf('x'.repeat(8 * 1024 * 1024));
      const taken: Promise<void>[] = [];
      for (let i = 0; lane.status().full === undefined && i < 20; i++) {
        taken.push(lane.append(large));
      }
      expect(lane.status()).toMatchObject({ full: 'the disk is slower than what comes in', durableSeq: 0 });
      expect(lane.status().diskError).toBeUndefined();
      await expect(lane.append(batchOf('refused'))).rejects.toEqual(overloaded);
      disk.hold = undefined;
      slow.resolve();
      await Promise.all(taken);
      await until(() => lane.status().full === undefined);
      expect(lane.durableSeq).toBe(taken.length);
      await cursor.advance({ seq: taken.length, cumItems: taken.length, delivered: taken.length });
      await lane.append(batchOf('again'));
      await lane.close();
    }));

  test('closing meanwhile ends the waiting', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const lane = await openLane(dir, { disk });
      const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
      await lane.append(batchOf('a'));
      disk.failing = { call: 'write', code: 'EIO' };
      await expect(lane.append(batchOf('b'))).rejects.toEqual(overloaded);
      const advancing = cursor.advance({ seq: 1, cumItems: 1, delivered: 1 });
      advancing.catch(() => undefined);
      await expect(lane.close()).rejects.toEqual(overloaded);
      await expect(advancing).rejects.toEqual(overloaded);
    }));
});

describe('an output that knows itself how far it is', () => {
  async function withStore(dir: string): Promise<Lane> {
    const lane = await openLane(dir, { segmentBytes: 500 });
    await lane.attach({ output: 'store', onFull: 'block', start: 'beginning' });
    await lane.attach({ output: 'keeps', onFull: 'block', start: 'beginning' });
    for (let i = 1; i <= 20; i++) {
      await lane.append(batchOf('x'.repeat(80), { items: 2 }));
    }
    return lane;
  }

  test('is believed, forward and back', () =>
    inTempDir(async (dir) => {
      const lane = await withStore(dir);
      const { queueId } = lane;
      const store = (): unknown => lane.status().outputs.find(({ output }) => output === 'store');
      expect(await lane.adopt('store', { queueId, seq: 13 })).toBe(13);
      expect(store()).toMatchObject({ seq: 13, cumItems: 26, delivered: 26, queuedItems: 14 });
      expect(await lane.adopt('store', { queueId, seq: 7 })).toBe(7);
      expect(store()).toMatchObject({ seq: 7, cumItems: 14, delivered: 14, lost: 0, queuedItems: 26 });
      expect(await lane.adopt('store', undefined)).toBe(7);
      expect(lane.queueId).toBe(queueId);
      await lane.close();
    }));

  test('that is ahead of the log: the lane takes a new queue id, and old places still mean what they meant', () =>
    inTempDir(async (dir) => {
      const lane = await withStore(dir);
      const { queueId } = lane;
      expect(await lane.adopt('store', { queueId, seq: 99 })).toBe(20);
      expect(lane.queueId).not.toBe(queueId);
      await lane.append(batchOf('new'));
      expect(await lane.adopt('store', { queueId, seq: 99 })).toBe(20);
      expect(await lane.adopt('store', { queueId, seq: 12 })).toBe(12);
      const renewed = lane.queueId;
      await lane.close();
      const again = await openLane(dir);
      await again.attach({ output: 'store', onFull: 'block', start: 'end' });
      expect(again.queueId).toBe(renewed);
      expect(await again.adopt('store', { queueId: renewed, seq: 20 })).toBe(20);
      expect((await readAll(again, 20, 40)).payloads).toEqual(['new']);
      await again.close();
    }));

  test('that names a queue the lane never was goes on at its cursor', () =>
    inTempDir(async (dir) => {
      const lane = await withStore(dir);
      expect(await lane.adopt('store', { queueId: 'ffffffffffffffff', seq: 3 })).toBe(0);
      await lane.close();
    }));
});

test('a log of a later version is left alone, and says what to do', () =>
  inTempDir(async (dir) => {
    const lane = await openLane(dir);
    await lane.append(batchOf('a'));
    await lane.close();
    const { LaneHeaderEncoder } = await import('../record/lane-header.ts');
    const { RecordFile } = await import('../record/writer.ts');
    const [name = ''] = await segmentsIn(dir);
    await rm(join(dir, name));
    const facts = {
      kind: 'snapshot',
      nonce: 1,
      seq: 0,
      receivedAtMs: 1,
      cumItems: 0,
      items: 0,
      dictionaryOffset: 0,
    } as const;
    const header = new LaneHeaderEncoder().encode(facts);
    header[0] = 2;
    const file = RecordFile.create(join(dir, name));
    await file.append(header);
    await file.close();
    const opening = openLane(dir);
    await expect(opening).rejects.toThrow('later version');
    await expect(opening).rejects.toMatchObject({ code: 'BRIDGE_START' });
    expect(await segmentsIn(dir)).toEqual([name]);
  }));
