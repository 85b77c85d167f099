import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { LaneLoss } from '../../src/contract/status.ts';
import type { Lane } from '../../src/lane/lane.ts';
import { prefixBytes } from '../../src/record/frame.ts';
import { type LaneKind, readFacts, readPosition } from '../../src/record/lane-header.ts';
import { scan } from '../../src/record/scanner.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { batchOf, openLane, quickDisk, readAll } from './segment-lane.ts';

/** A record of the sound file, as the test knows it. */
interface Piece {
  readonly kind: LaneKind;
  readonly offset: number;
  readonly end: number;
  readonly headerBytes: number;
  readonly items: number;
  readonly seq: number;
  readonly payload: string;
  readonly needsDictionary: boolean;
  readonly position: { readonly key: string; readonly value: string } | undefined;
}

const options = { disk: quickDisk };
let sound: Buffer;
let name: string;
let pieces: readonly Piece[];
let soundQueueId: string;

function piecesOf(bytes: Buffer): Piece[] {
  return [...scan(bytes)].map((event) => {
    if (event.kind !== 'record') {
      throw new Error('the sound file is not sound');
    }
    const { kind, items, seq, dictionaryOffset } = readFacts(event.header);
    return {
      kind,
      offset: event.offset,
      end: event.end,
      headerBytes: event.header.length,
      items,
      seq,
      payload: event.payload.toString(),
      needsDictionary: dictionaryOffset !== 0,
      position: readPosition(event.header),
    };
  });
}

/** One segment with a record of every kind, data at its begin, middle and end. */
async function writeSound(dir: string): Promise<void> {
  const lane = await openLane(dir, options);
  soundQueueId = lane.queueId;
  const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'beginning' });
  const dictionary = { id: 'd', bytes: Buffer.from('DICTIONARY') };
  await lane.append(batchOf('first', { items: 2 }), { key: 'a', value: '1' });
  await lane.append(batchOf('with dictionary', { items: 3, dictionary }), { key: 'b', value: '1' });
  await lane.append(batchOf('', { items: 0 }), { key: 'c', value: '1' });
  await cursor.advance({ seq: 1, cumItems: 2, delivered: 2 });
  await lane.append(batchOf('middle', { items: 5 }), { key: 'a', value: '2' });
  lane.forget('b');
  await lane.append(batchOf('with dictionary again', { items: 7, dictionary }), { key: 'a', value: '3' });
  await lane.append(batchOf('last', { items: 11 }), { key: 'd', value: '1' });
  await lane.close();
}

beforeAll(() =>
  inTempDir(async (dir) => {
    await writeSound(dir);
    [name = ''] = await readdir(dir);
    sound = await readFile(join(dir, name));
    pieces = piecesOf(sound);
    expect(pieces.map(({ kind }) => kind)).toEqual([
      'snapshot',
      'cursor',
      'data',
      'dictionary',
      'data',
      'position',
      'cursor',
      'data',
      'forget',
      'data',
      'data',
    ]);
  }),
);

function positionsOf(list: readonly Piece[]): Record<string, string> {
  const positions = new Map<string, string>();
  for (const { kind, position } of list) {
    if (position !== undefined && kind === 'forget') {
      positions.delete(position.key);
    } else if (position !== undefined) {
      positions.set(position.key, position.value);
    }
  }
  return Object.fromEntries([...positions].sort());
}

function readablePayloads(list: readonly Piece[]): string[] {
  const dictionary = list.some(({ kind }) => kind === 'dictionary');
  return list
    .filter(({ kind, needsDictionary }) => kind === 'data' && (dictionary || !needsDictionary))
    .map(({ payload }) => payload);
}

function itemsOf(list: readonly Piece[]): number {
  return list.reduce((sum, { items }) => sum + items, 0);
}

function namedItems(losses: readonly LaneLoss[]): number {
  return losses.reduce((sum, { items }) => sum + (items ?? 0), 0);
}

/** A lane that finds exactly these bytes. */
async function opened(dir: string, bytes: Buffer): Promise<Lane> {
  await mkdir(dir);
  await writeFile(join(dir, name), bytes);
  return openLane(dir, options);
}

/** After whatever happened: new records get numbers of their own, and nothing is found damaged once more. */
async function goesOn(lane: Lane, before: readonly string[]): Promise<void> {
  await lane.append(batchOf('new one', { items: 1 }));
  const read = await readAll(lane);
  expect(read.payloads).toEqual([...before, 'new one']);
  const numbers = read.records.map(({ seq }) => seq);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const { queueId, cumItems } = lane;
  await lane.close();
  const again = await openLane(lane.dir, options);
  expect([again.queueId, again.cumItems]).toEqual([queueId, cumItems]);
  expect((await readAll(again)).payloads).toEqual(read.payloads);
  await again.close();
}

describe('a segment cut at every byte', () => {
  test(
    'keeps every whole record and its state, names the rest in bytes, and takes a new queue id',
    () =>
      inTempDir(async (dir) => {
        for (let length = 0; length <= sound.length; length++) {
          const whole = pieces.filter(({ end }) => end <= length);
          const goodEnd = whole.at(-1)?.end ?? 0;
          const lane = await opened(join(dir, `${length}`), sound.subarray(0, length));
          const status = lane.status();
          expect(Object.fromEntries([...lane.positions('')].sort())).toEqual(positionsOf(whole));
          expect(status.cumItems).toBe(itemsOf(whole));
          expect(status.losses.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(length - goodEnd);
          expect(status.losses).toHaveLength(goodEnd < length ? 1 : 0);
          const same = goodEnd === length && length > 0;
          expect(lane.queueId === soundQueueId).toBe(same);
          expect(status.outputs.map(({ seq }) => seq)).toEqual(
            whole.length < 2 ? [] : [whole.filter(({ kind }) => kind === 'cursor').length - 1],
          );
          const { payloads } = await readAll(lane);
          expect(payloads).toEqual(readablePayloads(whole));
          await goesOn(lane, payloads);
        }
      }),
    120_000,
  );
});

type PositionClass = 'magic' | 'header length' | 'payload length' | 'header crc' | 'payload crc' | 'header' | 'payload';

function classOf(piece: Piece, byte: number): PositionClass {
  const within = byte - piece.offset;
  const fixed = (['magic', 'header length', 'payload length', 'header crc', 'payload crc'] as const)[within >> 2];
  if (within < prefixBytes && fixed !== undefined) {
    return fixed;
  }
  return within < prefixBytes + piece.headerBytes ? 'header' : 'payload';
}

describe('a segment with one bit flipped, at every byte', () => {
  test(
    'keeps every other record, and names what is lost to the item where anything intact tells it',
    () =>
      inTempDir(async (dir) => {
        const seen = new Set<string>();
        for (let byte = 0; byte < sound.length; byte++) {
          const bitten = Buffer.from(sound);
          bitten[byte] = (bitten[byte] ?? 0) ^ (1 << (byte % 8));
          const hit = pieces.findIndex(({ end }) => byte < end);
          const piece = pieces[hit];
          if (piece === undefined) {
            throw new Error('no record there');
          }
          const others = pieces.filter((_, i) => i !== hit);
          const kind = classOf(piece, byte);
          seen.add(`${piece.kind} ${kind}`);
          const lane = await opened(join(dir, `${byte}`), bitten);
          const status = lane.status();
          const tail = hit === pieces.length - 1;
          const headerIntact = kind === 'payload' || kind === 'payload crc';
          expect(status.losses).toHaveLength(1);
          expect(status.losses[0]).toMatchObject({ segment: name, offset: piece.offset });
          expect(status.losses[0]?.items).toBe(tail && !headerIntact ? undefined : piece.items);
          expect(Object.fromEntries([...lane.positions('')].sort())).toEqual(positionsOf(others));
          const cut = tail || piece.kind === 'snapshot';
          expect(lane.queueId === soundQueueId).toBe(!cut);
          const read = await readAll(lane);
          expect(read.payloads).toEqual(readablePayloads(others));
          const missing = itemsOf(pieces) - itemsOf(read.records.map(({ items }) => ({ items }) as Piece));
          expect(read.lostItems).toBe(tail ? 0 : missing);
          if (!tail) {
            expect(namedItems(read.losses)).toBe(missing);
          }
          await goesOn(lane, read.payloads);
        }
        const kinds = [...new Set(pieces.map(({ kind }) => kind))];
        expect(seen.size).toBeGreaterThanOrEqual(kinds.length * 6);
      }),
    120_000,
  );
});

describe('a log of several segments', () => {
  const many = { ...options, segmentBytes: 500 };

  async function severalSegments(dir: string): Promise<string[]> {
    const lane = await openLane(dir, many);
    await lane.attach({ output: 'o', onFull: 'block', start: 'beginning' });
    for (let i = 1; i <= 12; i++) {
      await lane.append(batchOf(`p${i} ${'z'.repeat(100)}`, { items: i }), { key: `k${i % 4}`, value: `${i}` });
    }
    soundQueueId = lane.queueId;
    await lane.close();
    return (await readdir(dir)).sort();
  }

  async function flip(path: string, byte: number): Promise<void> {
    const bytes = await readFile(path);
    bytes[byte] = (bytes[byte] ?? 0) ^ 1;
    await writeFile(path, bytes);
  }

  test('takes its state from further back when the newest snapshot is damaged', () =>
    inTempDir(async (dir) => {
      const names = await severalSegments(dir);
      expect(names.length).toBeGreaterThan(3);
      await flip(join(dir, names.at(-1) ?? ''), 30);
      const lane = await openLane(dir, many);
      expect(Object.fromEntries([...lane.positions('')].sort())).toEqual({ k0: '12', k1: '9', k2: '10', k3: '11' });
      expect(lane.queueId).toBe(soundQueueId);
      expect([lane.cumItems, lane.status().outputs[0]?.seq]).toEqual([78, 0]);
      expect(lane.status().losses).toEqual([expect.objectContaining({ segment: names.at(-1), offset: 0, items: 0 })]);
      await lane.append(batchOf('new'));
      expect((await readAll(lane)).records.map(({ seq }) => seq)).toEqual([...Array(13).keys()].map((i) => i + 1));
      await lane.close();
    }));

  test('reads what is good with every snapshot damaged, under a new queue id', () =>
    inTempDir(async (dir) => {
      for (const segment of await severalSegments(dir)) {
        await flip(join(dir, segment), 30);
      }
      const lane = await openLane(dir, many);
      expect(lane.queueId).not.toBe(soundQueueId);
      expect(lane.positions('').size).toBe(4);
      expect((await readAll(lane)).records).toHaveLength(12);
      await lane.close();
    }));

  test('falls back to the segment before when the newest is rubbish as a whole', () =>
    inTempDir(async (dir) => {
      const names = await severalSegments(dir);
      const newest = names.at(-1) ?? '';
      await writeFile(join(dir, newest), Buffer.alloc(300));
      const lane = await openLane(dir, many);
      const lastSeq = Number(newest.slice(0, 20)) - 1;
      expect(lane.status().losses).toEqual([expect.objectContaining({ segment: newest, offset: 0, bytes: 300 })]);
      expect(lane.queueId).not.toBe(soundQueueId);
      await lane.append(batchOf('new'));
      const { records } = await readAll(lane);
      expect(records.slice(0, -1).map(({ seq }) => seq)).toEqual(Array.from({ length: lastSeq }, (_, i) => i + 1));
      expect(records.at(-1)?.seq).toBeGreaterThan(lastSeq + 1);
      expect(await readdir(dir)).not.toContain(newest);
      await lane.close();
    }));

  test('an empty newest segment, as a crash between two calls leaves it, is no loss', () =>
    inTempDir(async (dir) => {
      const names = await severalSegments(dir);
      await writeFile(join(dir, '00000000000000000013.seg'), '');
      const lane = await openLane(dir, many);
      expect([lane.queueId, lane.status().losses, lane.durableSeq]).toEqual([soundQueueId, [], 12]);
      await lane.append(batchOf('new'));
      expect((await readAll(lane)).records).toHaveLength(13);
      expect((await readdir(dir)).length).toBeLessThanOrEqual(names.length + 1);
      await lane.close();
    }));

  test('damage in an old segment is passed over when it is read, and what reading tells is kept once', () =>
    inTempDir(async (dir) => {
      const names = await severalSegments(dir);
      const path = join(dir, names[0] ?? '');
      const piece = piecesOf(await readFile(path)).find(({ kind }) => kind === 'data');
      await flip(path, piece?.offset ?? 0);
      const lane = await openLane(dir, many);
      expect(lane.queueId).toBe(soundQueueId);
      const read = await readAll(lane);
      expect(read.records).toHaveLength(11);
      lane.lost(read.losses);
      lane.lost(read.losses);
      expect(lane.status().losses).toEqual([expect.objectContaining({ segment: names[0], items: piece?.items })]);
      await lane.close();
    }));
});

test('bytes of another log inside a payload never pass for records, even when the record around them is damaged', () =>
  inTempDir(async (dir) => {
    const lane = await openLane(dir, options);
    await lane.attach({ output: 'o', onFull: 'block', start: 'beginning' });
    await lane.append(batchOf('before'));
    await lane.append(batchOf('', { payload: sound, items: 5 }));
    await lane.append(batchOf('after'));
    await lane.close();
    const [segment = ''] = await readdir(dir);
    const bytes = await readFile(join(dir, segment));
    const at = piecesOf(bytes).findLast(({ payload }) => payload.includes('DICTIONARY'))?.offset ?? 0;
    bytes[at + 5] = 0xff;
    await writeFile(join(dir, segment), bytes);
    const again = await openLane(dir, options);
    const { payloads, lostItems } = await readAll(again);
    expect([payloads, lostItems]).toEqual([['before', 'after'], 5]);
    expect([...again.positions('')]).toEqual([]);
    await again.close();
  }));
