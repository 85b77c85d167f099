import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { encodeRumPoints } from '../../src/codec/rum-points/rum-points.ts';
import type { QueueRecord } from '../../src/model/batch.ts';
import type { EmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { requestOf } from '../fakes/requests.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { blockNumber, cutsOf, flip, placesOf, recordsOf } from './block-damage.ts';
import { askJson, hourMs, openStore } from './store-rig.ts';

jest.setTimeout(120_000);

const commits = [1, 2, 3, 4];
const pointsEach = 20;
const startMs = Date.UTC(2026, 10, 21, 12);

function recordAt(seq: number, receivedAtMs = startMs): QueueRecord {
  const points = Array.from({ length: pointsEach }, (_, i) => ({
    measurement: 'action',
    tags: { app_id: 'shop', session_id: `session-${seq}`, n: `${seq}-${i}` },
    fields: { duration: seq * 1000 + i, action_name: `buy ${i}` },
    timeNanos: BigInt(startMs + seq * 100 + i) * 1_000_000n,
  }));
  return {
    seq,
    signal: 'rum',
    format: 'rum-points',
    receivedAtMs,
    items: pointsEach,
    cumItems: seq * pointsEach,
    origin: {},
    payload: encodeRumPoints(points),
  };
}

/** A store with one commit of one block for each record. With `sealed`, all but the last stand in a sealed partition. */
async function fill(dir: string, how: 'active' | 'sealed'): Promise<void> {
  const store = await openStore(dir);
  for (const seq of commits) {
    const later = how === 'sealed' && seq === commits.at(-1) ? 7 * hourMs : 0;
    await store.commit(requestOf([recordAt(seq, startMs + later)]));
  }
  await store.expire();
  await store.close();
}

function fileOf(dir: string, which: number, ends: string): string {
  const names = readdirSync(join(dir, 'rum')).sort();
  const partition = join(dir, 'rum', names.at(which) ?? '');
  return join(partition, readdirSync(partition).find((file) => file.endsWith(ends)) ?? '');
}

interface Found {
  readonly counts: readonly number[];
  readonly doubles: number;
}

/** How many different points of each commit are found, and how many more times than once; also by session, which asks the filter. */
async function found(store: EmbeddedStore): Promise<Found> {
  const of = async (matchers: object[]): Promise<readonly string[]> => {
    const { points } = await askJson<{ points: { tags: { n: string }; fields: { duration: number } }[] }>(store, {
      kind: 'rum.points',
      query: { startMs: 0, endMs: 4e12, matchers: matchers as never },
      limit: 1000,
    });
    for (const { tags, fields } of points) {
      const [seq, i] = tags.n.split('-').map(Number);
      expect(fields.duration).toBe((seq ?? 0) * 1000 + (i ?? 0));
    }
    return points.map(({ tags }) => tags.n);
  };
  const all = await of([]);
  const bySession = await Promise.all(
    commits.map((seq) => of([{ name: 'session_id', op: '=', value: `session-${seq}` }])),
  );
  const different = new Set(all);
  const counts = commits.map((seq) => [...different].filter((n) => n.startsWith(`${seq}-`)).length);
  expect(bySession.map(({ length }) => length)).toEqual(
    commits.map((seq) => all.filter((n) => n.startsWith(`${seq}-`)).length),
  );
  return { counts, doubles: all.length - different.size };
}

const everything: Found = { counts: commits.map(() => pointsEach), doubles: 0 };

async function again(store: EmbeddedStore): Promise<void> {
  const position = await store.position('rum');
  for (const seq of commits.filter((one) => one > (position?.seq ?? 0))) {
    await store.commit(requestOf([recordAt(seq)]));
  }
}

describe('the file that grows', () => {
  test('cut anywhere, is whole again when the lane has given what is missing', () =>
    inTempDir(async (dir) => {
      const whole = join(dir, 'whole');
      await fill(whole, 'active');
      const records = recordsOf(fileOf(whole, -1, '.rec'));
      for (const [i, size] of cutsOf(records).entries()) {
        const copy = join(dir, `cut-${i}`);
        cpSync(whole, copy, { recursive: true });
        truncateSync(fileOf(copy, -1, '.rec'), size);
        const store = await openStore(copy);
        await again(store);
        expect({ size, ...(await found(store)) }).toEqual({ size, ...everything });
        await store.close();
      }
    }));

  test('bitten anywhere, loses at most that block, names it, and doubles nothing', () =>
    inTempDir(async (dir) => {
      const whole = join(dir, 'whole');
      await fill(whole, 'active');
      const records = recordsOf(fileOf(whole, -1, '.rec'));
      for (const [i, { what, offset, record }] of placesOf(records).entries()) {
        const copy = join(dir, `bite-${i}`);
        cpSync(whole, copy, { recursive: true });
        flip(fileOf(copy, -1, '.rec'), offset);
        const store = await openStore(copy);
        await again(store);
        const { counts, doubles } = await found(store);
        const lost = blockNumber(records, record);
        const absent = commits.filter((seq) => counts[seq - 1] !== pointsEach);
        expect({ what, doubles, absent: absent.filter((seq) => seq !== lost) }).toEqual({
          what,
          doubles: 0,
          absent: [],
        });
        if (absent.length > 0) {
          expect({ what, damage: (await store.status()).damage.length > 0 }).toEqual({ what, damage: true });
        }
        await store.close();
      }
    }));
});

describe('a sealed partition', () => {
  test('is read from its blocks where its index is bitten, all over it', () =>
    inTempDir(async (dir) => {
      await fill(dir, 'sealed');
      const path = fileOf(dir, 0, 'index');
      const good = readFileSync(path);
      for (let offset = 0; offset < good.length; offset += 7) {
        flip(path, offset);
        const store = await openStore(dir);
        expect({ offset, ...(await found(store)) }).toEqual({ offset, ...everything });
        const { damage } = await store.status();
        expect({ offset, named: damage.map(({ file }) => file) }).toEqual({ offset, named: [path] });
        await store.close();
        writeFileSync(path, good);
      }
    }));

  test('goes on without the block that is bitten, and names it', () =>
    inTempDir(async (dir) => {
      await fill(dir, 'sealed');
      const path = fileOf(dir, 0, '.rec');
      const block = recordsOf(path).find(({ kind }) => kind === 'B');
      flip(path, (block?.payloadAt ?? 0) + 5);
      const store = await openStore(dir);
      // The three commits were packed into one block when they were sealed.
      expect(await found(store)).toEqual({ counts: [0, 0, 0, pointsEach], doubles: 0 });
      expect((await store.status()).damage).toMatchObject([{ file: path, offset: block?.offset }]);
      await store.close();
    }));
});
