import { cpSync, statSync, truncateSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inTempDir } from '../fakes/temp-dir.ts';
import { blockNumber, cutsOf, flip, placesOf, recordsOf } from './block-damage.ts';
import { commitSpans, hourMs, openStore, spanCounts, traceIdOf, traceOf } from './store-rig.ts';

const traces = [1, 2, 3, 4, 5, 6];
const spansEach = 20;
const startMs = Date.UTC(2026, 10, 21, 12);

/** A store with one commit of one block for each trace. With `sealed`, all but the last stand in a sealed partition. */
async function fill(dir: string, how: 'active' | 'sealed'): Promise<void> {
  const store = await openStore(dir);
  for (const n of traces) {
    const later = how === 'sealed' && n === traces.at(-1) ? 7 * hourMs : 0;
    await commitSpans(store, n, traceOf(n, spansEach), startMs + later);
  }
  await store.close();
}

async function partitionDir(dir: string, which: number): Promise<string> {
  // Pinned traces stand beside the partitions.
  const names = (await readdir(join(dir, 'traces'))).filter((name) => /^\d+$/.test(name)).sort();
  return join(dir, 'traces', names.at(which) ?? '');
}

/** Commits all traces again, as a lane would that gives everything behind the position once more. */
async function giveAgain(dir: string): Promise<number[]> {
  const store = await openStore(dir);
  const position = await store.position('traces');
  for (const n of traces.filter((trace) => trace > (position?.seq ?? 0))) {
    await commitSpans(store, n, traceOf(n, spansEach), startMs);
  }
  const counts = await spanCounts(store, traces);
  const items = (await store.status()).partitions.reduce((sum, partition) => sum + partition.items, 0);
  await store.close();
  return [...counts, items];
}

test(
  'an active partition that is cut anywhere keeps every whole commit, and takes the rest again once',
  () =>
    inTempDir(async (dir) => {
      const whole = join(dir, 'whole');
      await fill(whole, 'active');
      const records = recordsOf(join(await partitionDir(whole, -1), 'blocks.rec'));
      for (const cut of cutsOf(records)) {
        const copy = join(dir, `cut-${cut}`);
        cpSync(whole, copy, { recursive: true });
        truncateSync(join(await partitionDir(copy, -1), 'blocks.rec'), cut);
        const commits = records.filter(({ kind, end }) => kind === 'C' && end <= cut).length;
        const store = await openStore(copy);
        expect({ cut, counts: await spanCounts(store, traces) }).toEqual({
          cut,
          counts: traces.map((n) => (n <= commits ? spansEach : 0)),
        });
        expect((await store.position('traces'))?.seq ?? 0).toBe(commits);
        await store.close();
        expect({ cut, again: await giveAgain(copy) }).toEqual({
          cut,
          again: [...traces.map(() => spansEach), traces.length * spansEach],
        });
      }
    }),
  60_000,
);

describe('a flipped bit in an active partition', () => {
  test(
    'costs at most the block that it hits, which is named or given again by the lane',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, 'active');
        const records = recordsOf(join(await partitionDir(whole, -1), 'blocks.rec'));
        for (const { what, offset, record } of placesOf(records)) {
          const copy = join(dir, `flip-${offset}`);
          cpSync(whole, copy, { recursive: true });
          flip(join(await partitionDir(copy, -1), 'blocks.rec'), offset);
          const hit = blockNumber(records, record);
          const store = await openStore(copy);
          const counts = await spanCounts(store, traces);
          const { damage } = await store.status();
          const seq = (await store.position('traces'))?.seq ?? 0;
          await store.close();
          expect({ what, counts }).toEqual({ what, counts: traces.map((n) => (n === hit ? 0 : spansEach)) });
          expect({ what, named: damage.length > 0 }).toEqual({ what, named: true });
          if (hit > 0) {
            expect(damage.map(({ reason }) => reason).join()).toContain(`${spansEach} spans lost`);
          }
          // The last commit is known to be bitten: the lane gives it again, and nothing of it is taken twice.
          const again = await giveAgain(copy);
          const lost = hit > 0 && seq >= hit;
          expect({ what, again }).toEqual({
            what,
            again: [
              ...traces.map((n) => (n === hit && lost ? 0 : spansEach)),
              (traces.length - (lost ? 1 : 0)) * spansEach,
            ],
          });
        }
      }),
    60_000,
  );
});

test('a block that is bitten within the last commit comes again from the lane, and its neighbours are not taken twice', () =>
  inTempDir(async (dir) => {
    // 700 spans in one record are blocks of 256, 256 and 188.
    const spans = traceOf(9, 700);
    const store = await openStore(dir);
    await commitSpans(store, 1, traceOf(1, spansEach));
    await commitSpans(store, 2, spans);
    await store.close();
    const path = join(await partitionDir(dir, -1), 'blocks.rec');
    const blocks = recordsOf(path).filter(({ kind }) => kind === 'B');
    expect(blocks).toHaveLength(4);
    flip(path, (blocks[2]?.payloadAt ?? 0) + 40);
    const bitten = await openStore(dir);
    expect(await bitten.position('traces')).toEqual({ queueId: 'queue1', seq: 1 });
    expect(await spanCounts(bitten, [9])).toEqual([700 - 256]);
    await commitSpans(bitten, 2, spans);
    expect(await bitten.position('traces')).toEqual({ queueId: 'queue1', seq: 2 });
    expect((await bitten.status()).partitions[0]?.items).toBe(700 + spansEach);
    await bitten.close();
    const again = await openStore(dir);
    expect(await spanCounts(again, [1, 9])).toEqual([spansEach, 700]);
    expect((await again.status()).partitions[0]?.items).toBe(700 + spansEach);
    await again.close();
  }));

describe('a sealed partition', () => {
  test(
    'with a flipped bit in a block loses that block, and names it when it is read',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, 'sealed');
        const records = recordsOf(join(await partitionDir(whole, 0), 'blocks.rec'));
        const sealed = traces.slice(0, -1);
        for (const { what, offset, record } of placesOf(records)) {
          const copy = join(dir, `flip-${offset}`);
          cpSync(whole, copy, { recursive: true });
          flip(join(await partitionDir(copy, 0), 'blocks.rec'), offset);
          const hit = blockNumber(records, record);
          const store = await openStore(copy);
          expect({ what, counts: await spanCounts(store, sealed) }).toEqual({
            what,
            counts: sealed.map((n) => (n === hit ? 0 : spansEach)),
          });
          const { damage } = await store.status();
          expect({ what, offsets: damage.map((each) => each.offset) }).toEqual({
            what,
            offsets: hit > 0 ? [records[record]?.offset] : [],
          });
          expect((await store.position('traces'))?.seq).toBe(traces.length);
          await store.close();
        }
      }),
    60_000,
  );

  test(
    'with a flipped bit or a cut anywhere in its index is read all the same, and its index written anew',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, 'sealed');
        const { size } = statSync(join(await partitionDir(whole, 0), 'index'));
        const places = Array.from({ length: 40 }, (_, i) => Math.floor((i * (size - 1)) / 39));
        for (const how of ['flip', 'cut'] as const) {
          for (const offset of places) {
            const copy = join(dir, `${how}-${offset}`);
            cpSync(whole, copy, { recursive: true });
            const path = join(await partitionDir(copy, 0), 'index');
            if (how === 'flip') {
              flip(path, offset);
            } else {
              truncateSync(path, offset);
            }
            const store = await openStore(copy);
            const answers = [
              await spanCounts(store, traces),
              (await store.ask({ kind: 'zipkin.services' })).count,
              (
                await store.ask({
                  kind: 'zipkin.traces',
                  query: {
                    annotations: [{ key: 'n', value: '2' }],
                    endTsMs: startMs + hourMs,
                    lookbackMs: 2 * hourMs,
                    limit: 10,
                  },
                })
              ).count,
            ];
            expect({ how, offset, answers }).toEqual({ how, offset, answers: [traces.map(() => spansEach), 5, 1] });
            await store.expire();
            await store.close();
            const again = await openStore(copy);
            expect((await again.status()).partitions.map(({ sealed }) => sealed)).toEqual([true, false]);
            expect((await again.status()).damage).toEqual([]);
            expect(await spanCounts(again, traces)).toEqual(traces.map(() => spansEach));
            await again.close();
          }
        }
      }),
    60_000,
  );

  test('whose last record was never committed elsewhere keeps the position when the active one is gone', () =>
    inTempDir(async (dir) => {
      await fill(dir, 'sealed');
      const active = await partitionDir(dir, -1);
      truncateSync(join(active, 'blocks.rec'), 0);
      const store = await openStore(dir);
      expect(await store.position('traces')).toEqual({ queueId: 'queue1', seq: 5 });
      await commitSpans(store, 6, traceOf(6, spansEach), startMs + 7 * hourMs);
      expect(await spanCounts(store, traces)).toEqual(traces.map(() => spansEach));
      await store.close();
      const again = await openStore(dir);
      expect(await spanCounts(again, [6])).toEqual([spansEach]);
      expect(traceIdOf(6)).toHaveLength(16);
      await again.close();
    }));
});
