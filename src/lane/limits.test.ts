import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { batchOf, openLane, readAll } from '../../test/crash/segment-lane.ts';
import { HeldClock, turns } from '../../test/fakes/clock.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { until, within } from '../../test/fakes/until.ts';
import type { Output, WriteRequest, WriteResult } from '../contract/output.ts';
import type { CursorStatus } from '../contract/status.ts';
import { LaneTail } from '../record/tail.ts';
import type { AttachOptions } from './cursors.ts';
import { DeadLetters } from './dead-letters.ts';
import { Delivery } from './delivery.ts';
import type { Lane } from './lane.ts';
import { balanced } from './lane-cursor.ts';
import { Replay } from './replay.ts';

const overloaded = expect.objectContaining({ code: 'BRIDGE_OVERLOADED' });

/** A far side that can be away, and keeps what it got. */
class FarSide implements Output {
  isUp = true;
  readonly got: string[] = [];
  readonly gotAtMs: number[] = [];
  readonly #clock: HeldClock;

  constructor(clock: HeldClock) {
    this.#clock = clock;
  }

  async start(): Promise<void> {}

  async write({ records }: WriteRequest): Promise<WriteResult> {
    if (!this.isUp) {
      return { status: 'retry', reason: 'away', cause: 'unreachable' };
    }
    for (const { payload } of records) {
      this.got.push(Buffer.from(payload).toString().trim());
      this.gotAtMs.push(this.#clock.steady());
    }
    return { status: 'delivered' };
  }

  async check(): Promise<{ ok: true }> {
    return { ok: true };
  }

  async stop(): Promise<void> {}
}

type Limits = Omit<AttachOptions, 'start'>;

/** A lane with its deliveries, which can be started again on the same directory. */
class House {
  readonly clock = new HeldClock();
  readonly log = new MemoryLog();
  readonly far: ReadonlyMap<string, FarSide>;
  readonly #dir: string;
  readonly #outputs: readonly Limits[];
  readonly #maxBytes: number;
  #lane: Lane | undefined;
  #deliveries: readonly Delivery[] = [];

  constructor(dir: string, outputs: readonly Limits[], maxBytes: number) {
    this.#dir = dir;
    this.#outputs = outputs;
    this.#maxBytes = maxBytes;
    this.far = new Map(outputs.map(({ output }) => [output, new FarSide(this.clock)]));
  }

  get lane(): Lane {
    if (this.#lane === undefined) {
      throw new Error('the lane is not open');
    }
    return this.#lane;
  }

  farSide(output: string): FarSide {
    return this.far.get(output) ?? new FarSide(this.clock);
  }

  async open(): Promise<void> {
    const { clock, log } = this;
    this.#lane = await openLane(join(this.#dir, 'lane'), {
      clock,
      log,
      maxBytes: this.#maxBytes,
      segmentBytes: this.#maxBytes / 40,
    });
    this.#deliveries = await Promise.all(this.#outputs.map((limits) => this.#delivery(limits)));
    await this.lane.detachMissing();
    for (const delivery of this.#deliveries) {
      delivery.start();
    }
  }

  async close(): Promise<void> {
    const now = AbortSignal.abort(new Error('the test says so'));
    await within(Promise.all(this.#deliveries.map((delivery) => delivery.stop(now))), 30_000, 'stop');
    await this.lane.close();
  }

  status(output: string): CursorStatus {
    const found = this.lane.status().outputs.find((one) => one.output === output);
    if (found === undefined) {
      throw new Error(`there is no cursor of ${output}`);
    }
    return found;
  }

  /** Everything is done with for all outputs. */
  async settle(): Promise<void> {
    for (const far of this.far.values()) {
      far.isUp = true;
    }
    await until(
      async () => {
        await this.clock.advance(30_000);
        const { durableSeq, outputs } = this.lane.status();
        return outputs.every(({ seq, state }) => seq === durableSeq && state === 'idle');
      },
      { withinMs: 15_000, what: 'everything done with' },
    );
  }

  async #delivery({ output, ...limits }: Limits): Promise<Delivery> {
    const { lane, clock, log } = this;
    const cursor = await lane.attach({ output, start: 'beginning', ...limits });
    const { dir, signal } = lane;
    return new Delivery({
      source: lane,
      cursor,
      tail: new LaneTail({ dir, signal, afterSeq: cursor.seq, afterCumItems: cursor.cumItems }),
      output: this.farSide(output),
      deadLetters: new DeadLetters({ dir: join(this.#dir, 'dead-letters', output), signal, now: () => clock.now() }),
      choose: (record) => record,
      limits: {
        batchItems: 20,
        batchBytes: 1_000_000,
        batchWaitMs: 0,
        timeoutMs: 30_000,
        concurrency: 1,
        ...(limits.maxAgeMs === undefined ? {} : { maxAgeMs: limits.maxAgeMs }),
      },
      orderKey: () => undefined,
      clock,
      log,
      random: () => 0.5,
    });
  }
}

async function inHouse(outputs: readonly Limits[], maxBytes: number, use: (house: House) => Promise<void>) {
  await inTempDir(async (dir) => {
    const house = new House(dir, outputs, maxBytes);
    await house.open();
    try {
      await use(house);
    } finally {
      await house.close();
    }
  });
}

async function append(house: House, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    await house.lane.append(batchOf(`r${i}`.padEnd(400)));
  }
}

const names = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `r${from + i}`);

describe('drop_newest', () => {
  const outputs: readonly Limits[] = [
    { output: 'slow', onFull: 'drop_newest' },
    { output: 'store', onFull: 'block' },
  ];

  test('keeps what waits, leaves out what comes for this output alone, and counts it at once', () =>
    inHouse(outputs, 80_000, async (house) => {
      house.farSide('slow').isUp = false;
      await append(house, 0, 400);
      await until(() => house.status('store').seq === 400);
      const { dropped, queuedItems, leavesOut, cumItems } = house.status('slow');
      expect(leavesOut).toBe(true);
      expect(queuedItems).toBeGreaterThan(20);
      expect(queuedItems).toBeLessThan(60);
      expect(dropped).toEqual({ newest: 400 - queuedItems });
      expect(cumItems).toBe(400 - queuedItems);
      expect(house.farSide('store').got).toEqual(names(0, 400));
      house.farSide('slow').isUp = true;
      await house.settle();
      expect(house.farSide('slow').got).toEqual(names(0, queuedItems));
      expect(house.status('slow')).toMatchObject({ delivered: queuedItems, lost: 0, queuedItems: 0 });
      await append(house, 400, 5);
      await house.settle();
      expect(house.farSide('slow').got.slice(-5)).toEqual(names(400, 5));
      expect(house.status('slow').leavesOut).toBeUndefined();
    }));

  test('never fills the lane: segments that nobody needs go from its middle, and a later life finds nothing lost', () =>
    inHouse(outputs, 80_000, async (house) => {
      house.farSide('slow').isUp = false;
      await append(house, 0, 1500);
      await until(() => house.status('store').seq === 1500);
      expect(house.lane.status().bytes).toBeLessThan(80_000);
      const { queuedItems } = house.status('slow');
      await house.close();
      await house.open();
      expect(house.lane.status().losses).toEqual([]);
      expect(house.status('slow')).toMatchObject({
        queuedItems,
        leavesOut: true,
        dropped: { newest: 1500 - queuedItems },
      });
      await append(house, 1500, 10);
      await house.settle();
      expect(house.farSide('slow').got).toEqual(names(0, queuedItems));
      expect(house.status('slow')).toMatchObject({
        delivered: queuedItems,
        dropped: { newest: 1510 - queuedItems },
        lost: 0,
      });
    }));

  test('a gap that was made so is no loss, even where the newest snapshots are damaged', () =>
    inHouse(outputs, 80_000, async (house) => {
      house.farSide('slow').isUp = false;
      await append(house, 0, 1000);
      await until(() => house.status('store').seq === 1000);
      await house.close();
      const segments = (await readdir(house.lane.dir)).filter((name) => name.endsWith('.seg')).sort();
      const firsts = segments.map((name) => Number(name.slice(0, 20)));
      expect(Math.max(...firsts.slice(1).map((seq, i) => seq - (firsts[i] ?? 0)))).toBeGreaterThan(300);
      const replay = new Replay();
      for (const name of segments) {
        const path = join(house.lane.dir, name);
        await replay.segment({ path, firstSeq: Number(name.slice(0, 20)) }, (await stat(path)).size);
      }
      expect(replay.end().losses).toEqual([]);
    }));

  test('with another policy after a restart, what was left out stays out and what comes is taken', () =>
    inTempDir(async (dir) => {
      const before = new House(dir, outputs, 80_000);
      await before.open();
      before.farSide('slow').isUp = false;
      await append(before, 0, 400);
      await until(() => before.status('store').seq === 400);
      const { queuedItems } = before.status('slow');
      await before.close();
      const after = new House(dir, [{ output: 'slow', onFull: 'block' }, ...outputs.slice(1)], 80_000);
      await after.open();
      await append(after, 400, 10);
      await after.settle();
      expect(after.farSide('slow').got).toEqual([...names(0, queuedItems), ...names(400, 10)]);
      expect(after.status('slow')).toMatchObject({
        dropped: { newest: 400 - queuedItems },
        delivered: queuedItems + 10,
      });
      await after.close();
    }));
});

describe('queue_bytes', () => {
  test('of an output that drops its oldest: it may have less waiting than the others', () =>
    inHouse(
      [
        { output: 'small', onFull: 'drop_oldest', maxBytes: 30_000 },
        { output: 'large', onFull: 'drop_oldest' },
      ],
      300_000,
      async (house) => {
        for (const far of house.far.values()) {
          far.isUp = false;
        }
        await append(house, 0, 180);
        await until(() => house.status('small').dropped['queue_full'] !== undefined);
        await house.clock.advance(60_000);
        expect(house.status('large').dropped).toEqual({});
        const { queuedBytes, queuedItems, dropped } = house.status('small');
        expect(queuedBytes).toBeLessThanOrEqual(36_000);
        expect(dropped).toEqual({ queue_full: 180 - queuedItems });
        await house.settle();
        expect(house.farSide('small').got).toEqual(names(180 - queuedItems, queuedItems));
        expect(house.farSide('large').got).toEqual(names(0, 180));
      },
    ));

  test('of an output that blocks: the lane refuses and names it, until it has caught up', () =>
    inHouse([{ output: 'strict', onFull: 'block', maxBytes: 20_000 }], 200_000, async (house) => {
      house.farSide('strict').isUp = false;
      await expect(append(house, 0, 100)).rejects.toEqual(overloaded);
      expect(house.lane.status().full).toBe('20000 bytes wait for the output "strict", which is its queue_bytes');
      const { durableSeq } = house.lane;
      await house.settle();
      expect(house.lane.status().full).toBeUndefined();
      expect(house.farSide('strict').got).toEqual(names(0, durableSeq));
      await append(house, durableSeq, 1);
    }));
});

describe('queue_age', () => {
  const hourMs = 3_600_000;
  const aged: readonly Limits[] = [{ output: 'fresh', onFull: 'drop_oldest', maxAgeMs: hourMs }];

  test('gives up what waited longer, to the record, and sends the rest', () =>
    inHouse(aged, 10_000_000, async (house) => {
      house.farSide('fresh').isUp = false;
      await append(house, 0, 3);
      await house.clock.advance(hourMs / 2);
      await append(house, 3, 3);
      await house.clock.advance(hourMs / 2 + 60_000);
      await house.settle();
      expect(house.farSide('fresh').got).toEqual(names(3, 3));
      expect(house.status('fresh')).toMatchObject({ delivered: 3, dropped: { age: 3 }, lost: 0 });
    }));

  test('the id of a request stays when some of its records become too old between two attempts', () =>
    inHouse(aged, 10_000_000, async (house) => {
      const far = house.farSide('fresh');
      const ids: string[] = [];
      const write = far.write.bind(far);
      far.write = (request) => {
        ids.push(`${request.id} ${request.items}`);
        return write(request);
      };
      far.isUp = false;
      await append(house, 0, 1);
      await until(() => house.status('fresh').state === 'retrying');
      await house.clock.advance(hourMs / 2);
      expect(new Set(ids).size).toBe(1);
      await append(house, 1, 2);
      await house.clock.advance(hourMs / 2 + 60_000);
      await house.settle();
      const { queueId } = house.lane;
      expect([...new Set(ids)]).toEqual([`${queueId}:1-1 1`, `${queueId}:2-3 2`]);
    }));

  test.each([
    ['forwards', [400 * 24 * hourMs]],
    ['backwards', [-400 * 24 * hourMs]],
    ['to a wrong date and back', [70 * 365 * 24 * hourMs, -70 * 365 * 24 * hourMs]],
  ])('a clock that jumps %s makes nothing old, in this life or the next, and time goes on', (_, steps) =>
    inHouse(aged, 10_000_000, async (house) => {
      house.farSide('fresh').isUp = false;
      await append(house, 0, 3);
      await until(() => house.status('fresh').state === 'retrying');
      let next = 3;
      for (const step of steps) {
        house.clock.step(step);
        await append(house, next, 3);
        next += 3;
        await house.clock.advance(60_000);
      }
      expect(house.status('fresh').dropped).toEqual({});
      const times = (await readAll(house.lane)).records.map(({ receivedAtMs }) => receivedAtMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      await house.close();
      await house.open();
      await append(house, next, 3);
      await house.clock.advance(60_000);
      expect(house.status('fresh').dropped).toEqual({});
      await house.close();
      await house.open();
      await house.clock.advance(60_000);
      expect(house.status('fresh').dropped).toEqual({});
      expect([...house.lane.positions('')]).toEqual([]);
      await house.clock.advance(2 * hourMs);
      await house.settle();
      expect(house.farSide('fresh').got).toEqual([]);
      expect(house.status('fresh')).toMatchObject({ dropped: { age: next + 3 }, delivered: 0, lost: 0 });
    }),
  );

  test('time in which nothing ran does not count', () =>
    inHouse(aged, 10_000_000, async (house) => {
      house.farSide('fresh').isUp = false;
      await append(house, 0, 3);
      for (let life = 0; life < 3; life++) {
        await house.clock.advance(hourMs / 6);
        await append(house, 3 * life + 3, 3);
        await house.close();
        house.clock.step(72 * hourMs);
        await house.open();
        await append(house, 100 + life, 1);
        expect(house.status('fresh').dropped).toEqual({});
      }
      await house.clock.advance(hourMs / 2 + 60_000);
      house.farSide('fresh').isUp = true;
      await house.settle();
      expect(house.status('fresh').dropped['age']).toBeGreaterThanOrEqual(3);
      expect(house.farSide('fresh').got).not.toContain('r0');
      expect(house.farSide('fresh').got).toContain('r102');
    }));
});

type Step =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'switch'; readonly output: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('switch' as const), output: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

const four: readonly Limits[] = [
  { output: 'oldest', onFull: 'drop_oldest', maxBytes: 12_000 },
  { output: 'newest', onFull: 'drop_newest' },
  { output: 'newest, small and aged', onFull: 'drop_newest', maxBytes: 9_000, maxAgeMs: 60_000 },
  { output: 'aged', onFull: 'drop_oldest', maxAgeMs: 60_000 },
];

test('whatever comes and goes: books balance, each record arrives once or is counted as given up, in order, and none that was too old', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), (steps) =>
      inHouse([...four, { output: 'store', onFull: 'block' }], 80_000, async (house) => {
        const takenAtMs = new Map<string, number>();
        const append = async (count: number): Promise<void> => {
          for (let i = 0; i < count; i++) {
            const name = `r${takenAtMs.size}`;
            // Its store is behind for a moment: like any sender it comes back.
            await until(() => house.lane.status().full === undefined, { withinMs: 20_000, what: 'room in the lane' });
            await house.lane.append(batchOf(name.padEnd(300)));
            takenAtMs.set(name, house.clock.steady());
          }
        };
        for (const one of steps) {
          if (one.do === 'append') {
            await append(one.count);
          } else if (one.do === 'switch') {
            const far = house.farSide(four[one.output]?.output ?? '');
            far.isUp = !far.isUp;
          } else if (one.do === 'wait') {
            await house.clock.advance(one.ms);
            await turns(5);
          } else {
            // A later life knows of this one until its last record.
            await append(1);
            await house.close();
            await house.open();
          }
          for (const { output } of four) {
            const { cumItems, delivered, dropped, routedAway, lost, queuedItems } = house.status(output);
            const given = Object.values(dropped).reduce((sum, count) => sum + count, 0);
            expect([lost, routedAway, cumItems]).toEqual([0, 0, delivered + given]);
            expect(cumItems + queuedItems).toBe(house.lane.cumItems);
          }
        }
        await house.settle();
        expect(house.farSide('store').got).toEqual([...takenAtMs.keys()]);
        for (const { output, maxAgeMs = Number.POSITIVE_INFINITY } of four) {
          const { got, gotAtMs } = house.farSide(output);
          const order = got.map((name) => Number(name.slice(1)));
          expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
          const { delivered, dropped } = house.status(output);
          const given = Object.values(dropped).reduce((sum, count) => sum + count, 0);
          expect([delivered, delivered + given]).toEqual([got.length, takenAtMs.size]);
          const ages = got.map((name, i) => (gotAtMs[i] ?? 0) - (takenAtMs.get(name) ?? 0));
          expect(Math.max(0, ...ages)).toBeLessThanOrEqual(maxAgeMs + 1_000);
        }
        for (const { output } of house.lane.status().outputs) {
          const cursor = await house.lane.attach({ output, onFull: 'block', start: 'end' });
          expect(balanced(cursor.books)).toBe(true);
        }
        expect(house.lane.status().losses).toEqual([]);
      }),
    ),
    { numRuns: 40, endOnFailure: true },
  );
}, 120_000);
