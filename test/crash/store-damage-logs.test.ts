import { cpSync, existsSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { LogQuery } from '../../src/contract/store.ts';
import type { QueueRecord } from '../../src/model/batch.ts';
import type { EmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { logRecord } from '../fakes/log-records.ts';
import { requestOf } from '../fakes/requests.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { blockNumber, cutsOf, flip, placesOf, recordsOf } from './block-damage.ts';
import { askJson, hourMs, openStore } from './store-rig.ts';

const commits = [1, 2, 3, 4];
const linesEach = 20;
const startMs = Date.UTC(2026, 10, 21, 12);
const everything: LogQuery = { startMs: 0, endMs: 4e12, matchers: [], texts: [], levels: [] };

function idOf(seq: number, i: number): string {
  return `${seq.toString(16).padStart(8, '0')}${i.toString(16).padStart(8, '0')}${'5eed'.repeat(4)}`;
}

/** Of some lines of some commits, so that blocks of both versions stand in the file. */
function hasAttributes(seq: number, i: number): boolean {
  return (seq === 2 || seq === 3) && i % 3 === 0;
}

/** Lines of one of two streams; `textBytes` makes each so long. */
function recordAt(seq: number, receivedAtMs = startMs, textBytes = 60): QueueRecord {
  const lines = Array.from({ length: linesEach }, (_, i) => ({
    message: `commit ${seq}, line ${i}, id ${idOf(seq, i)}`.padEnd(textBytes, '.'),
    timeNanos: BigInt(startMs + seq * 100 + i) * 1_000_000n,
    ...(hasAttributes(seq, i) ? { attributes: { request: idOf(seq, i) } } : {}),
  }));
  const itemsBefore = (seq - 1) * linesEach;
  return logRecord(lines, { seq, receivedAtMs, itemsBefore, origin: { pod: `pod-${seq % 2}` } });
}

/** A store with one commit of one block for each record. With `sealed`, all but the last stand in a sealed partition. */
async function fill(dir: string, how: 'active' | 'sealed' | 'sealed as it was'): Promise<void> {
  const store = await openStore(dir);
  // Blocks with so much text are not packed anew.
  const textBytes = how === 'sealed as it was' ? 8000 : 60;
  for (const seq of commits) {
    const later = how !== 'active' && seq === commits.at(-1) ? 7 * hourMs : 0;
    await store.commit(requestOf([recordAt(seq, startMs + later, textBytes)]));
  }
  await store.expire();
  await store.close();
}

function partitionDir(dir: string, which: number): string {
  const names = readdirSync(join(dir, 'logs')).sort();
  return join(dir, 'logs', names.at(which) ?? '');
}

function dataFile(dir: string, which: number): string {
  const partition = partitionDir(dir, which);
  const name = readdirSync(partition).find((file) => file.endsWith('.rec'));
  return join(partition, name ?? '');
}

/** How many different lines of each commit are found, and how many more times than once. */
async function found(store: EmbeddedStore): Promise<{ counts: number[]; doubles: number; byWord: number }> {
  const { lines } = await askJson<{ lines: { message: string; attributes?: { request: string } }[] }>(store, {
    kind: 'logs.search',
    query: everything,
    limit: 1000,
  });
  for (const { message, attributes } of lines) {
    const [, seq, i, id] = /^commit (\d+), line (\d+), id (\w+)/.exec(message) ?? [];
    expect({ message, request: attributes?.request }).toEqual({
      message,
      request: hasAttributes(Number(seq), Number(i)) ? id : undefined,
    });
  }
  const messages = new Set(lines.map(({ message }) => message));
  const counts = commits.map((seq) => [...messages].filter((each) => each.startsWith(`commit ${seq},`)).length);
  let byWord = 0;
  for (const seq of commits) {
    byWord += (await store.ask({ kind: 'logs.search', query: { ...everything, texts: [idOf(seq, 7)] }, limit: 10 }))
      .count;
  }
  return { counts, doubles: lines.length - messages.size, byWord };
}

/** What is found when that commit is lost (0: none). */
function allBut(lost: number): { counts: number[]; doubles: number; byWord: number } {
  const counts = commits.map((seq) => (seq === lost ? 0 : linesEach));
  return { counts, doubles: 0, byWord: commits.length - (lost === 0 ? 0 : 1) };
}

/** Opens, commits what the lane would give again, and says what is found, and how many lines the store counts. */
async function giveAgain(dir: string): Promise<{ found: Awaited<ReturnType<typeof found>>; items: number }> {
  const store = await openStore(dir);
  const seq = (await store.position('logs'))?.seq ?? 0;
  for (const next of commits.filter((commit) => commit > seq)) {
    await store.commit(requestOf([recordAt(next)]));
  }
  const again = { found: await found(store), items: await itemsIn(store) };
  await store.close();
  return again;
}

async function itemsIn(store: EmbeddedStore): Promise<number> {
  return (await store.status()).partitions.reduce((sum, partition) => sum + partition.items, 0);
}

test(
  'lines of an active partition that is cut anywhere: every whole commit stays, and the rest is taken again once',
  () =>
    inTempDir(async (dir) => {
      const whole = join(dir, 'whole');
      await fill(whole, 'active');
      const records = recordsOf(dataFile(whole, -1));
      for (const cut of cutsOf(records)) {
        const copy = join(dir, `cut-${cut}`);
        cpSync(whole, copy, { recursive: true });
        truncateSync(dataFile(copy, -1), cut);
        const kept = records.filter(({ kind, end }) => kind === 'C' && end <= cut).length;
        const store = await openStore(copy);
        expect({ cut, counts: (await found(store)).counts }).toEqual({
          cut,
          counts: commits.map((seq) => (seq <= kept ? linesEach : 0)),
        });
        expect((await store.position('logs'))?.seq ?? 0).toBe(kept);
        await store.close();
        expect({ cut, ...(await giveAgain(copy)) }).toEqual({
          cut,
          found: allBut(0),
          items: commits.length * linesEach,
        });
      }
    }),
  120_000,
);

test(
  'a flipped bit in an active partition costs at most the lines of the block that it hits, which is named or given again',
  () =>
    inTempDir(async (dir) => {
      const whole = join(dir, 'whole');
      await fill(whole, 'active');
      const records = recordsOf(dataFile(whole, -1));
      for (const { what, offset, record } of placesOf(records)) {
        const copy = join(dir, `flip-${offset}`);
        cpSync(whole, copy, { recursive: true });
        flip(dataFile(copy, -1), offset);
        const hit = blockNumber(records, record);
        const store = await openStore(copy);
        expect({ what, found: await found(store) }).toEqual({ what, found: allBut(hit) });
        const reasons = (await store.status()).damage.map(({ reason }) => reason).join();
        expect({ what, named: reasons !== '' }).toEqual({ what, named: true });
        expect({ what, lost: reasons.includes(`${linesEach} lines lost`) }).toEqual({ what, lost: hit > 0 });
        const seq = (await store.position('logs'))?.seq ?? 0;
        await store.close();
        const lost = hit > 0 && seq >= hit ? hit : 0;
        const items = (commits.length - (lost > 0 ? 1 : 0)) * linesEach;
        expect({ what, ...(await giveAgain(copy)) }).toEqual({ what, found: allBut(lost), items });
      }
    }),
  120_000,
);

test(
  'a block that is bitten within the last commit comes again from the lane, and the lines beside it are not taken twice',
  () =>
    inTempDir(async (dir) => {
      const big = (seq: number): QueueRecord => ({ ...recordAt(seq, startMs, 20_000) });
      const store = await openStore(dir);
      await store.commit(requestOf([recordAt(1)]));
      // 400 kB of one stream are a block, and the rest, which shares one with the other stream.
      await store.commit(requestOf([big(2), recordAt(3)]));
      await store.close();
      const path = dataFile(dir, -1);
      const blocks = recordsOf(path).filter(({ kind }) => kind === 'B');
      expect(blocks).toHaveLength(3);
      flip(path, (blocks[1]?.payloadAt ?? 0) + 40);
      const bitten = await openStore(dir);
      expect(await bitten.position('logs')).toEqual({ queueId: 'queue1', seq: 1 });
      const left = (await found(bitten)).counts;
      expect(left[1]).toBeGreaterThan(0);
      expect(left[1]).toBeLessThan(linesEach);
      expect(left[2]).toBe(linesEach);
      await bitten.commit(requestOf([big(2), recordAt(3)]));
      expect(await bitten.position('logs')).toEqual({ queueId: 'queue1', seq: 3 });
      expect((await found(bitten)).counts).toEqual([linesEach, linesEach, linesEach, 0]);
      expect((await found(bitten)).doubles).toBe(0);
      expect(await itemsIn(bitten)).toBe(3 * linesEach);
      await bitten.close();
    }),
  120_000,
);

describe.each(['sealed', 'sealed as it was'] as const)('a partition, %s,', (how) => {
  test(
    'with a flipped bit in a block loses that block, and names it when it is read',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, how);
        const path = dataFile(whole, 0);
        expect(path.endsWith(how === 'sealed' ? 'blocks-1.rec' : 'blocks.rec')).toBe(true);
        const records = recordsOf(path);
        const blocks = records.filter(({ kind }) => kind === 'B').length;
        expect(blocks).toBe(how === 'sealed' ? 1 : 3);
        for (const { what, offset, record } of placesOf(records)) {
          const copy = join(dir, `flip-${offset}`);
          cpSync(whole, copy, { recursive: true });
          flip(dataFile(copy, 0), offset);
          const hit = blockNumber(records, record);
          const store = await openStore(copy);
          const { counts } = await found(store);
          expect({ what, counts }).toEqual({
            what,
            counts: commits.map((seq) => (hit > 0 && seq < 4 && (blocks === 1 || seq === hit) ? 0 : linesEach)),
          });
          const { damage } = await store.status();
          expect({ what, offsets: damage.map((each) => each.offset) }).toEqual({
            what,
            offsets: hit > 0 ? [records[record]?.offset] : [],
          });
          expect((await store.position('logs'))?.seq).toBe(commits.length);
          await store.close();
        }
      }),
    120_000,
  );

  test(
    'with a flipped bit or a cut anywhere in its index is read all the same, and its index written anew',
    () =>
      inTempDir(async (dir) => {
        const whole = join(dir, 'whole');
        await fill(whole, how);
        const index = join(partitionDir(whole, 0), 'index');
        const { size } = statSync(index);
        const places = Array.from({ length: 16 }, (_, i) => Math.floor((i * (size - 1)) / 15));
        for (const damage of ['flip', 'cut'] as const) {
          for (const offset of places) {
            const copy = join(dir, `${damage}-${offset}`);
            cpSync(whole, copy, { recursive: true });
            const path = join(partitionDir(copy, 0), 'index');
            (damage === 'flip' ? flip : truncateSync)(path, offset);
            const store = await openStore(copy);
            expect({ damage, offset, found: await found(store) }).toEqual({ damage, offset, found: allBut(0) });
            expect((await store.status()).damage.map(({ file }) => file)).toContain(path);
            await store.expire();
            await store.close();
            const again = await openStore(copy);
            expect((await again.status()).partitions.map(({ sealed }) => sealed)).toEqual([true, false]);
            expect((await again.status()).damage).toEqual([]);
            expect(await found(again)).toEqual(allBut(0));
            await again.close();
          }
        }
      }),
    120_000,
  );
});

describe('a life that ended while it sealed', () => {
  /** A partition that was about to be sealed, and the same sealed. */
  async function beforeAndAfter(dir: string): Promise<{ before: string; after: string }> {
    const before = join(dir, 'before');
    const store = await openStore(before);
    for (const seq of commits) {
      await store.commit(requestOf([recordAt(seq, startMs + (seq === commits.at(-1) ? 7 * hourMs : 0))]));
    }
    await store.close();
    const after = join(dir, 'after');
    cpSync(before, after, { recursive: true });
    const sealing = await openStore(after);
    await sealing.expire();
    await sealing.close();
    return { before, after };
  }

  test(
    'in the middle of the new file, behind it, or before the old file was removed, has every line once',
    () =>
      inTempDir(async (dir) => {
        const { before, after } = await beforeAndAfter(dir);
        const rewritten = dataFile(after, 0);
        expect(rewritten.endsWith('blocks-1.rec')).toBe(true);
        const { size } = statSync(rewritten);
        for (const [cut, index] of [
          [0, 'none'],
          [100, 'none'],
          [size - 1, 'none'],
          [size, 'none'],
          [size, 'whole'],
        ] as const) {
          const copy = join(dir, `${cut}-${index}`);
          cpSync(before, copy, { recursive: true });
          const target = join(partitionDir(copy, 0), 'blocks-1.rec');
          cpSync(rewritten, target);
          truncateSync(target, cut);
          if (index === 'whole') {
            cpSync(join(partitionDir(after, 0), 'index'), join(partitionDir(copy, 0), 'index'));
          }
          const store = await openStore(copy);
          expect({ cut, found: await found(store) }).toEqual({ cut, found: allBut(0) });
          await store.expire();
          expect({ cut, found: await found(store), items: await itemsIn(store) }).toEqual({
            cut,
            found: allBut(0),
            items: commits.length * linesEach,
          });
          expect((await store.status()).damage).toEqual([]);
          await store.close();
          expect(existsSync(join(partitionDir(copy, 0), 'blocks.rec'))).toBe(false);
        }
      }),
    120_000,
  );
});
