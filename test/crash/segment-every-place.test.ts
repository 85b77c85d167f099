import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Lane } from '../../src/lane/lane.ts';
import { recover } from '../../src/lane/recover.ts';
import { type LaneKind, readFacts } from '../../src/record/lane-header.ts';
import { scan } from '../../src/record/scanner.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { batchOf, openLane, quickDisk, type ReadBack, readAll } from './segment-lane.ts';

const segmentBytes = 64 * 1024;
const flips = 10_000;
/** Lanes that are open at once. */
const sideBySide = 4;

interface Piece {
  readonly kind: LaneKind;
  readonly offset: number;
  readonly end: number;
  readonly seq: number;
  readonly items: number;
  readonly payload: string;
  readonly needsDictionary: boolean;
}

let sound: Buffer;
let name: string;
let pieces: readonly Piece[];
let queueId: string;

/** The same numbers at each run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One segment of 64 KiB with records of every kind and many lengths. */
async function writeSound(dir: string): Promise<void> {
  const random = randomFrom(7);
  const lane = await openLane(dir, { disk: quickDisk });
  queueId = lane.queueId;
  const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'beginning' });
  const dictionary = { id: 'd', bytes: Buffer.from('DICTIONARY'.repeat(20)) };
  for (let i = 1; lane.status().bytes < segmentBytes - 1_000; i++) {
    const text = `${i}:`.padEnd(Math.floor(random() * 900), String(i));
    const items = 1 + Math.floor(random() * 9);
    const needed = random() < 0.2 ? { dictionary } : {};
    await lane.append(batchOf(text, { items, ...needed }), { key: `k${i % 5}`, value: `${i}` });
    if (i % 10 === 5) {
      await lane.append(batchOf('', { items: 0 }), { key: 'alone', value: `${i}` });
    }
    if (i % 10 === 0) {
      await cursor.advance({ seq: i / 10, cumItems: cursor.cumItems + 1, delivered: 1 });
      lane.forget(`k${i % 5}`);
    }
  }
  const last = segmentBytes - lane.status().bytes;
  await lane.append(batchOf('x'.repeat(Math.max(1, last - 130))));
  await lane.close();
}

beforeAll(() =>
  inTempDir(async (dir) => {
    await writeSound(dir);
    [name = ''] = await readdir(dir);
    sound = await readFile(join(dir, name));
    pieces = [...scan(sound)].map((event) => {
      if (event.kind !== 'record') {
        throw new Error('the sound file is not sound');
      }
      const { kind, items, seq, dictionaryOffset } = readFacts(event.header);
      const payload = event.payload.toString();
      return {
        kind,
        offset: event.offset,
        end: event.end,
        seq,
        items,
        payload,
        needsDictionary: dictionaryOffset !== 0,
      };
    });
    expect(sound.length).toBeGreaterThanOrEqual(segmentBytes - 200);
    expect(new Set(pieces.map(({ kind }) => kind)).size).toBe(6);
  }),
);

/** What can be read of those records: `seq payload`. */
function readable(list: readonly Piece[]): readonly string[] {
  const hasDictionary = list.some(({ kind }) => kind === 'dictionary');
  return list
    .filter(({ kind, needsDictionary }) => kind === 'data' && (hasDictionary || !needsDictionary))
    .map(({ seq, payload }) => `${seq} ${payload}`);
}

function recordsOf({ records, payloads }: ReadBack): readonly string[] {
  return records.map(({ seq }, i) => `${seq} ${payloads[i]}`);
}

function itemsOf(list: readonly { readonly items: number }[]): number {
  return list.reduce((sum, { items }) => sum + items, 0);
}

/** Opens a lane on each of the files, in a directory of its own, and has it looked at. */
async function eachOpened<T>(
  root: string,
  cases: readonly T[],
  bytesOf: (one: T) => Buffer,
  look: (lane: Lane, one: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (worker: number): Promise<void> => {
    for (let one = cases[next++]; one !== undefined; one = cases[next++]) {
      const dir = join(root, `${worker}`);
      mkdirSync(dir);
      writeFileSync(join(dir, name), bytesOf(one));
      const lane = await openLane(dir, { disk: quickDisk });
      try {
        await look(lane, one);
      } finally {
        await lane.close();
        rmSync(dir, { recursive: true });
      }
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, (_, worker) => work(worker)));
}

/** What went wrong, in few words: `expect` costs more than opening a lane does. */
function faultOf(found: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(expected)
    .filter(([key, value]) => found[key] !== value)
    .map(([key, value]) => `${key}: ${found[key]}, not ${value}`);
}

/** Where two lists differ first. */
function difference(found: readonly string[], expected: readonly string[]): number {
  const at = expected.findIndex((text, i) => found[i] !== text);
  return at < 0 && found.length !== expected.length ? expected.length : at;
}

/** What recovery makes of the file cut to that length, which is shorter than it was before. */
async function recoveryFaults(dir: string, length: number): Promise<readonly string[]> {
  if (length === sound.length) {
    mkdirSync(dir);
    writeFileSync(join(dir, name), sound);
  }
  truncateSync(join(dir, name), length);
  const whole = pieces.filter(({ end }) => end <= length);
  const goodEnd = whole.at(-1)?.end ?? 0;
  const { end, losses, cuts, survivingSeq } = await recover(dir);
  const found = {
    cumItems: end.cumItems,
    survivingSeq,
    cutTo: cuts[0]?.bytes,
    lostBytes: losses.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  const expected = {
    cumItems: itemsOf(whole),
    survivingSeq: whole.at(-1)?.seq ?? 0,
    cutTo: goodEnd < length ? goodEnd : undefined,
    lostBytes: length - goodEnd,
  };
  return faultOf(found, expected).map((fault) => `recovery at ${length}: ${fault}`);
}

describe('a segment of 64 KiB', () => {
  test(
    'cut off at every offset: it opens, has exactly the whole records before the cut, and names the rest in bytes',
    () =>
      inTempDir(async (root) => {
        const faults: string[] = [];
        const lengths = Array.from({ length: sound.length + 1 }, (_, length) => length);
        const seen = new Set<number>();
        const look = async (lane: Lane, length: number): Promise<void> => {
          const whole = pieces.filter(({ end }) => end <= length);
          const goodEnd = whole.at(-1)?.end ?? 0;
          const { losses, cumItems } = lane.status();
          // Before the first cursor nobody waits for what there is: the whole file goes.
          const isNeeded = whole.some(({ kind }) => kind === 'cursor');
          const kept = isNeeded ? await readFile(join(lane.dir, name)) : sound.subarray(0, goodEnd);
          const found = {
            cumItems,
            keptBytes: kept.length,
            areAsWritten: kept.equals(sound.subarray(0, goodEnd)),
            lostBytes: losses.reduce((sum, { bytes }) => sum + bytes, 0),
            losses: losses.length,
            same: lane.queueId === queueId,
            // Of files that are equal byte for byte one is read.
            difference: seen.has(goodEnd) ? -1 : difference(recordsOf(await readAll(lane)), readable(whole)),
          };
          seen.add(goodEnd);
          const expected = {
            cumItems: itemsOf(whole),
            keptBytes: goodEnd,
            areAsWritten: true,
            lostBytes: length - goodEnd,
            losses: goodEnd < length ? 1 : 0,
            same: goodEnd === length && length > 0,
            difference: -1,
          };
          faults.push(...faultOf(found, expected).map((fault) => `cut at ${length}: ${fault}`));
        };
        // What opening reads is held against every offset; what it then does, against all that are near a border, and others.
        const near = lengths.filter(
          (length) => length % 16 === 0 || pieces.some(({ end }) => Math.abs(end - length) <= 4),
        );
        for (let length = sound.length; length >= 0; length--) {
          faults.push(...(await recoveryFaults(join(root, 'shrinking'), length)));
        }
        await eachOpened(root, near, (length) => sound.subarray(0, length), look);
        expect(faults.slice(0, 5)).toEqual([]);
      }),
    600_000,
  );

  test(
    'with a bit flipped at 10,000 places: it opens, every other record is there and none is wrong, and the loss is named to the record',
    () =>
      inTempDir(async (root) => {
        const random = randomFrom(42);
        const places = Array.from({ length: flips }, () => Math.floor(random() * sound.length * 8));
        const faults: string[] = [];
        const bitten = (bit: number): Buffer => {
          const bytes = Buffer.from(sound);
          bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          return bytes;
        };
        const look = async (lane: Lane, bit: number): Promise<void> => {
          const hit = pieces.findIndex(({ end }) => bit >> 3 < end);
          const others = pieces.filter((_, i) => i !== hit);
          const isTail = hit === pieces.length - 1;
          const read = await readAll(lane);
          const [loss, ...more] = lane.status().losses;
          const missing = itemsOf(pieces) - itemsOf(read.records);
          const found = {
            difference: difference(recordsOf(read), readable(others)),
            at: loss?.offset,
            more: more.length,
            // Of the last record the loss is known where its header is intact.
            items: loss?.items ?? (isTail ? pieces[hit]?.items : undefined),
            named: isTail ? missing : itemsOf(read.losses.map(({ items = 0 }) => ({ items }))),
          };
          const expected = {
            difference: -1,
            at: pieces[hit]?.offset,
            more: 0,
            items: pieces[hit]?.items,
            named: missing,
          };
          faults.push(...faultOf(found, expected).map((fault) => `bit ${bit}: ${fault}`));
        };
        await eachOpened(root, places, bitten, look);
        expect(faults.slice(0, 5)).toEqual([]);
      }),
    300_000,
  );
});
