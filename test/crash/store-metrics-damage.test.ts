import { cpSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Series } from '../../src/model/metric.ts';
import { scan } from '../../src/record/scanner.ts';
import type { EmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { frameRecord } from '../fakes/frames.ts';
import { requestOf } from '../fakes/requests.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { askJson, hourMs, openStore } from './store-rig.ts';

const commits = [1, 2, 3, 4, 5, 6];
const startMs = Date.UTC(2026, 10, 21, 12);
const series: readonly Series[] = ['a', 'b', 'c', 'd'].map((name) => ({
  name,
  labels: [['job', 'x']],
  type: 'gauge',
  measurement: 'm',
  field: name,
}));
const everyCommit = commits.map(() => series.length);

/** Commits `n` as one record: a sample of every series at `startMs + n` seconds. Between 3 and 4 the heads are cut. */
async function commit(store: EmbeddedStore, n: number): Promise<void> {
  const receivedAtMs = startMs + (n > 3 ? hourMs : 0) + n;
  const record = frameRecord(
    series,
    series.map((_, i) => n * 10 + i),
    { seq: n, timestampMs: startMs + n * 1000, receivedAtMs, itemsBefore: (n - 1) * series.length },
  );
  await store.commit(requestOf([record]));
}

type Stage = 'active' | 'cut' | 'sealed';

/** Six commits: in an active partition, after the third one cut to chunks, or all but the last sealed. */
async function fill(dir: string, stage: Stage): Promise<void> {
  const store = await openStore(dir);
  for (const n of commits) {
    if (stage === 'sealed' && n === commits.length) {
      const late = frameRecord(
        series,
        [0, 0, 0, 0].map((_, i) => n * 10 + i),
        {
          seq: n,
          timestampMs: startMs + n * 1000,
          receivedAtMs: startMs + 7 * hourMs,
        },
      );
      await store.commit(requestOf([late]));
    } else {
      await commit(store, n);
    }
    if (stage !== 'active' && n === 3) {
      await cut(store);
    }
  }
  await store.close();
}

async function cut(store: EmbeddedStore): Promise<void> {
  const part = store.parts.find(({ signal }) => signal === 'metrics');
  const active = part?.partitions.at(-1) as { cut?: () => Promise<void> } | undefined;
  await active?.cut?.();
}

/** How many series have their right sample of each commit; none has any other. */
async function samplesOf(store: EmbeddedStore): Promise<number[]> {
  const query = '{job="x"}[1h]';
  const question = { kind: 'prom.query', query, timeMs: startMs + 60_000 } as const;
  const { result } = await askJson<{ result: Row[] }>(store, question);
  const counts = commits.map(() => 0);
  for (const { metric, values } of result) {
    const index = series.findIndex(({ name }) => name === metric.__name__);
    for (const [seconds, value] of values) {
      const n = seconds - startMs / 1000;
      expect(value).toBe(String(n * 10 + index));
      counts[n - 1] = (counts[n - 1] ?? 0) + 1;
    }
  }
  expect(counts).toHaveLength(commits.length);
  return counts;
}

interface Row {
  readonly metric: { readonly __name__: string };
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

async function partitionDir(dir: string, which: number): Promise<string> {
  const names = (await readdir(join(dir, 'metrics'))).sort();
  return join(dir, 'metrics', names.at(which) ?? '');
}

interface Place {
  readonly what: string;
  readonly offset: number;
}

/** Places of every class within every record of the file. */
function placesOf(path: string): Place[] {
  const records = [...scan(readFileSync(path))].flatMap((event) => (event.kind === 'record' ? [event] : []));
  return records.flatMap(({ offset, end, header, payload }, number) => {
    const kind = String.fromCharCode(header[0] ?? 0);
    const places: [string, number][] = [
      ['magic', offset],
      ['header length', offset + 4],
      ['header checksum', offset + 13],
      ['payload checksum', offset + 17],
      ['begin of the header', offset + 20],
      ['end of the header', offset + 20 + header.length - 1],
      ...(payload.length > 2 ? ([['middle of the payload', (offset + 20 + header.length + end) >> 1]] as const) : []),
    ].map(([what, at]) => [String(what), Number(at)]);
    return places.map(([what, at]) => ({ what: `${what} of record ${number} (${kind})`, offset: at }));
  });
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}

/** Commits all again, as a lane would that gives everything behind the position once more. */
async function giveAgain(dir: string): Promise<{ counts: number[]; items: number }> {
  const store = await openStore(dir);
  const position = await store.position('metrics');
  for (const n of commits.filter((one) => one > (position?.seq ?? 0))) {
    await commit(store, n);
  }
  const counts = await samplesOf(store);
  const items = (await store.status()).partitions.reduce((sum, partition) => sum + partition.items, 0);
  await store.close();
  return { counts, items };
}

/** What the flip of one bit anywhere in that file costs. */
async function afterEachFlip(
  whole: string,
  file: string,
  check: (place: Place, copy: string) => Promise<void>,
): Promise<number> {
  const places = placesOf(file);
  for (const place of places) {
    const copy = `${whole}-${place.offset}`;
    cpSync(whole, copy, { recursive: true });
    flip(file.replace(whole, copy), place.offset);
    await check(place, copy);
  }
  return places.length;
}

describe('an active partition of metrics', () => {
  test(
    'that is cut anywhere keeps every whole commit, and takes the rest again once',
    () =>
      inTempDir(async (dir) => {
        for (const stage of ['active', 'cut'] as const) {
          const whole = join(dir, stage);
          await fill(whole, stage);
          const path = join(await partitionDir(whole, -1), 'blocks.rec');
          const records = [...scan(readFileSync(path))].flatMap((event) => (event.kind === 'record' ? [event] : []));
          const inChunks = stage === 'cut' ? 3 : 0;
          for (const { offset, end } of records) {
            for (const at of [offset, offset + 1, offset + 30, end - 1, end]) {
              const copy = join(dir, `${stage}-${at}`);
              cpSync(whole, copy, { recursive: true });
              truncateSync(path.replace(whole, copy), at);
              const kept = records.filter((each) => each.header[0] === 0x43 && each.end <= at).length;
              const store = await openStore(copy);
              const position = (await store.position('metrics'))?.seq ?? 0;
              expect({ stage, at, position }).toEqual({ stage, at, position: Math.max(inChunks, kept) });
              expect(await samplesOf(store)).toEqual(commits.map((n) => (n <= position ? series.length : 0)));
              await store.close();
              const again = await giveAgain(copy);
              expect({ stage, at, ...again }).toEqual({ stage, at, counts: everyCommit, items: 24 });
            }
          }
        }
      }),
    120_000,
  );

  test(
    'with a flipped bit loses at most the commit that it hits, which is named or given again by the lane',
    () =>
      inTempDir(async (dir) => {
        for (const stage of ['active', 'cut'] as const) {
          const whole = join(dir, stage);
          await fill(whole, stage);
          const file = join(await partitionDir(whole, -1), 'blocks.rec');
          const flips = await afterEachFlip(whole, file, async ({ what }, copy) => {
            const store = await openStore(copy);
            const counts = await samplesOf(store);
            const { damage } = await store.status();
            await store.close();
            const lost = counts.filter((count) => count !== series.length).length;
            expect({ stage, what, lost, few: lost <= 1 }).toMatchObject({ few: true });
            expect({ stage, what, named: damage.length > 0 || lost === 0 }).toEqual({ stage, what, named: true });
            const again = await giveAgain(copy);
            expect({ stage, what, items: again.items }).toEqual({ stage, what, items: sum(again.counts) });
            // Nothing is lost a second time, and the last commit comes back whole.
            expect({ stage, what, left: again.counts.map((count, i) => count >= (counts[i] ?? 0)) }).toEqual({
              stage,
              what,
              left: commits.map(() => true),
            });
            expect(again.counts.at(-1)).toBe(series.length);
          });
          expect(flips).toBeGreaterThan(50);
        }
      }),
    120_000,
  );

  test(
    'with a bitten file of chunks writes it anew from its frames',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, 'cut');
        const file = join(await partitionDir(whole, -1), 'chunks-1');
        const flips = await afterEachFlip(whole, file, async ({ what }, copy) => {
          const store = await openStore(copy);
          expect({ what, counts: await samplesOf(store) }).toEqual({ what, counts: everyCommit });
          expect(await store.position('metrics')).toEqual({ queueId: 'queue1', seq: 6 });
          await store.close();
          expect({ what, items: (await giveAgain(copy)).items }).toEqual({ what, items: 24 });
        });
        expect(flips).toBeGreaterThan(20);
      }),
    120_000,
  );
});

describe('a sealed partition of metrics', () => {
  test(
    'with a flipped bit in a file of chunks answers what is good, and names what is not',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, 'sealed');
        expect(existsSync(join(await partitionDir(whole, 0), 'blocks.rec'))).toBe(false);
        for (const [name, own] of [
          ['chunks-1', [1, 2, 3]],
          ['chunks-2', [4, 5]],
        ] as const) {
          const file = join(await partitionDir(whole, 0), name);
          await afterEachFlip(`${whole}`, file, async ({ what }, copy) => {
            const store = await openStore(copy);
            const counts = await samplesOf(store);
            const { damage } = await store.status();
            const lost = commits.filter((n) => counts[n - 1] !== series.length);
            expect({ name, what, others: lost.filter((n) => !own.includes(n as never)) }).toEqual({
              name,
              what,
              others: [],
            });
            expect({ name, what, named: damage.length > 0 }).toEqual({ name, what, named: lost.length > 0 });
            expect((await store.position('metrics'))?.seq).toBe(6);
            await store.close();
          });
        }
      }),
    120_000,
  );

  test(
    'with a flipped bit or a cut anywhere in its index is read all the same, and its index written anew',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, 'sealed');
        const path = join(await partitionDir(whole, 0), 'index');
        const { size } = statSync(path);
        const places = Array.from({ length: 40 }, (_, i) => Math.floor((i * (size - 1)) / 39));
        for (const how of ['flip', 'cut'] as const) {
          for (const offset of places) {
            const copy = join(dir, `${how}-${offset}`);
            cpSync(whole, copy, { recursive: true });
            const own = path.replace(whole, copy);
            if (how === 'flip') {
              flip(own, offset);
            } else {
              truncateSync(own, offset);
            }
            const store = await openStore(copy);
            expect({ how, offset, counts: await samplesOf(store) }).toEqual({ how, offset, counts: everyCommit });
            expect((await store.status()).damage.map(({ file }) => file)).toEqual([own]);
            await store.expire();
            await store.close();
            const again = await openStore(copy);
            expect((await again.status()).partitions.map(({ sealed }) => sealed)).toEqual([true, false]);
            expect(await samplesOf(again)).toEqual(everyCommit);
            expect((await again.status()).damage).toEqual([]);
            await again.close();
          }
        }
      }),
    120_000,
  );
});
