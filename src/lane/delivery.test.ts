import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { batchOf, openLane, TestDisk } from '../../test/crash/segment-lane.ts';
import { HeldClock, turns } from '../../test/fakes/clock.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { stateAfter, until, within } from '../../test/fakes/until.ts';
import { BridgeError } from '../contract/errors.ts';
import type { Output, WriteRequest, WriteResult } from '../contract/output.ts';
import type { CursorStatus } from '../contract/status.ts';
import type { QueueRecord } from '../model/batch.ts';
import { RecordReader } from '../record/reader.ts';
import { LaneTail } from '../record/tail.ts';
import { DeadLetters } from './dead-letters.ts';
import { Delivery } from './delivery.ts';
import type { DeliveryLimits } from './delivery-parts.ts';
import type { Lane } from './lane.ts';
import type { LaneOptions } from './lane-options.ts';
import { Pace } from './pace.ts';

type Answer = WriteResult | ((request: WriteRequest, signal: AbortSignal) => WriteResult | Promise<WriteResult>);

const delivered: WriteResult = { status: 'delivered' };
const away: WriteResult = { status: 'retry', reason: 'connection refused', cause: 'unreachable' };
const never = (): Promise<WriteResult> => new Promise(() => undefined);

function textsOf(request: WriteRequest): string {
  return request.records.map(({ payload }) => Buffer.from(payload).toString().split('.')[0]).join(' ');
}

/** Answers as it is told, and keeps what it was given. */
class ScriptedOutput implements Output {
  readonly requests: WriteRequest[] = [];
  readonly #next: Answer[];
  always: Answer = delivered;
  underWay = 0;
  mostUnderWay = 0;

  constructor(answers: readonly Answer[]) {
    this.#next = [...answers];
  }

  async start(): Promise<void> {}

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    this.requests.push(request);
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    const answer = this.#next.shift() ?? this.always;
    try {
      return await (typeof answer === 'function' ? answer(request, signal) : answer);
    } finally {
      this.underWay -= 1;
    }
  }

  async check(): Promise<{ ok: true }> {
    return { ok: true };
  }

  async stop(): Promise<void> {}

  get texts(): readonly string[] {
    return this.requests.map(textsOf);
  }
}

interface RigOptions {
  readonly answers?: readonly Answer[];
  readonly limits?: Partial<DeliveryLimits>;
  readonly lane?: Partial<LaneOptions>;
  readonly random?: () => number;
  readonly choose?: (record: QueueRecord) => QueueRecord | undefined;
  readonly onFull?: 'block' | 'drop_oldest';
  readonly pace?: (clock: HeldClock) => Pace;
  readonly orderKey?: (record: QueueRecord) => string | undefined;
}

interface Rig {
  readonly dir: string;
  readonly lane: Lane;
  readonly clock: HeldClock;
  readonly log: MemoryLog;
  readonly output: ScriptedOutput;
  readonly delivery: Delivery;
  append(...texts: readonly string[]): Promise<void>;
  books(): CursorStatus;
  requests(count: number): Promise<readonly string[]>;
  /** How long it waits before it tries again. */
  retryWaitMs(): Promise<number>;
}

const roomy: DeliveryLimits = {
  batchItems: 1000,
  batchBytes: 1_000_000,
  batchWaitMs: 0,
  timeoutMs: 30_000,
  concurrency: 1,
};

/** A delivery over a real lane in a directory of its own, on a clock that the test holds. */
function withDelivery(options: RigOptions, use: (rig: Rig) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const rig = await rigIn(dir, options);
    rig.delivery.start();
    try {
      await use(rig);
    } finally {
      await within(rig.delivery.stop(AbortSignal.abort(new Error('the test is over'))), 5_000, 'stop');
      await rig.lane.close();
    }
  });
}

async function rigIn(dir: string, options: RigOptions): Promise<Rig> {
  const clock = new HeldClock();
  const log = new MemoryLog();
  const lane = await openLane(join(dir, 'lane'), options.lane);
  const cursor = await lane.attach({ output: 'far', onFull: options.onFull ?? 'block', start: 'end' });
  const output = new ScriptedOutput(options.answers ?? []);
  const delivery = new Delivery({
    source: lane,
    cursor,
    tail: new LaneTail({ dir: lane.dir, signal: lane.signal, afterSeq: cursor.seq, afterCumItems: cursor.cumItems }),
    output,
    deadLetters: new DeadLetters({ dir: join(dir, 'dead-letters'), signal: lane.signal, now: () => clock.now() }),
    choose: options.choose ?? ((record) => record),
    limits: { ...roomy, ...options.limits, ...(options.pace && { pace: options.pace(clock) }) },
    orderKey: options.orderKey ?? (() => undefined),
    clock,
    log,
    random: options.random ?? (() => 0.5),
  });
  const books = (): CursorStatus => {
    const [found] = lane.status().outputs;
    if (found === undefined) {
      throw new Error('the cursor is gone');
    }
    return found;
  };
  return {
    dir,
    lane,
    clock,
    log,
    output,
    delivery,
    books,
    append: async (...texts) => {
      await Promise.all(texts.map((text) => lane.append(batchOf(text))));
    },
    requests: async (count) => {
      await until(() => output.requests.length >= count, { what: `${count} requests, of ${output.requests.length}` });
      return output.texts;
    },
    retryWaitMs: async () => {
      await until(() => books().state === 'retrying' && clock.sleepers === 1, { what: 'waiting for another attempt' });
      expect(books().nextAttemptMs).toBeCloseTo(clock.nextWakeMs ?? 0, 6);
      return (clock.nextWakeMs ?? 0) - clock.now();
    },
  };
}

async function settled({ books, lane }: Rig): Promise<CursorStatus> {
  await until(() => books().queuedItems === 0 && books().state === 'idle' && books().seq === lane.durableSeq, {
    what: 'everything done with',
  });
  return books();
}

describe('a limit of bytes a second', () => {
  test('makes each batch wait for what the last one took', () =>
    withDelivery({ limits: { batchItems: 1 }, pace: (clock) => new Pace(10, clock) }, async (rig) => {
      await rig.append('0123456789', '0123456789', '0123456789');
      await rig.requests(1);
      await until(() => rig.clock.sleepers === 1, { what: 'rest' });
      await rig.clock.advance(999);
      expect(rig.output.requests).toHaveLength(1);
      await rig.clock.advance(1);
      await rig.requests(2);
      await until(() => rig.clock.sleepers === 1, { what: 'rest' });
      await rig.clock.advance(1_000);
      expect(await settled(rig)).toMatchObject({ delivered: 3 });
    }));
});

describe('one request', () => {
  test('takes consecutive records up to batch_items, and goes out at once when it is full', () =>
    withDelivery({ limits: { batchItems: 3, batchWaitMs: 1000 } }, async (rig) => {
      await rig.append('a', 'b', 'c', 'd', 'e', 'f');
      expect(await rig.requests(2)).toEqual(['a b c', 'd e f']);
      expect(rig.output.requests.map(({ items, signal }) => [items, signal])).toEqual([
        [3, 'traces'],
        [3, 'traces'],
      ]);
    }));

  test('counts the items of a record, and takes one that has too many by itself', () =>
    withDelivery({ limits: { batchItems: 10 } }, async (rig) => {
      const sizes = [4, 6, 1, 25, 2];
      await Promise.all(sizes.map((items, i) => rig.lane.append(batchOf(`r${i}`, { items }))));
      await settled(rig);
      expect(rig.output.texts).toEqual(['r0 r1', 'r2', 'r3', 'r4']);
    }));

  test('takes up to batch_bytes, and a larger record by itself', () =>
    withDelivery({ limits: { batchBytes: 100 } }, async (rig) => {
      await rig.append(...[60, 40, 1, 300, 50].map((bytes, i) => `r${i}`.padEnd(bytes, '.')));
      await settled(rig);
      expect(rig.output.texts).toEqual(['r0 r1', 'r2', 'r3', 'r4']);
    }));

  test('waits for more no longer than batch_wait after the first record came', () =>
    withDelivery({ limits: { batchWaitMs: 200 } }, async (rig) => {
      await rig.append('first');
      await rig.requests(1);
      await settled(rig);
      await rig.append('a');
      await until(() => rig.clock.sleepers === 1);
      await rig.clock.advance(150);
      await rig.append('b');
      await rig.clock.advance(49);
      expect(rig.output.texts).toEqual(['first']);
      await rig.clock.advance(1);
      expect(await rig.requests(2)).toEqual(['first', 'a b']);
    }));

  test('is named by the queue and the records in it, the same on every attempt', () =>
    withDelivery({ answers: [away], random: () => 0 }, async (rig) => {
      await rig.append('a', 'b');
      await rig.retryWaitMs();
      await rig.clock.advance(0);
      await rig.requests(2);
      const ids = rig.output.requests.map(({ id }) => id);
      expect(ids).toEqual([`${rig.lane.queueId}:1-2`, `${rig.lane.queueId}:1-2`]);
    }));

  test('is the only one under way, and the next waits until the cursor is on disk', () => {
    const disk = new TestDisk();
    return withDelivery({ limits: { batchItems: 1 }, lane: { disk } }, async (rig) => {
      const gate = Promise.withResolvers<void>();
      rig.output.always = () => {
        disk.hold = gate.promise;
        return delivered;
      };
      await rig.append('a', 'b', 'c');
      await rig.requests(1);
      expect(await stateAfter(rig.requests(2), 30)).toBe('pending');
      gate.resolve();
      await rig.requests(3);
      await settled(rig);
      expect([rig.output.texts, rig.output.mostUnderWay]).toEqual([['a', 'b', 'c'], 1]);
    });
  });
});

describe('an output that takes nothing now', () => {
  test('is asked again after a random part of a wait that doubles to 30 s', () =>
    withDelivery({ random: () => 0.5 }, async (rig) => {
      rig.output.always = away;
      await rig.append('a');
      const waits: number[] = [];
      for (let i = 0; i < 11; i++) {
        waits.push(await rig.retryWaitMs());
        await rig.clock.advance(waits.at(-1) ?? 0);
        await rig.requests(i + 2);
      }
      expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
      expect(rig.books()).toMatchObject({ delivered: 0, queuedItems: 1, lastError: 'connection refused' });
    }));

  test('is asked again at any time from at once to the whole wait', () => {
    const parts = [0, 0.995, 0.25];
    return withDelivery({ random: () => parts.shift() ?? 0.5 }, async (rig) => {
      rig.output.always = away;
      await rig.append('a');
      for (const [i, waitMs] of [0, 199, 100].entries()) {
        expect(await rig.retryWaitMs()).toBe(waitMs);
        await rig.clock.advance(waitMs);
        await rig.requests(i + 2);
      }
    });
  });

  test.each([
    ['not before it said', 7_000, 7_000],
    ['after five minutes at most', 3_600_000, 300_000],
    ['by the usual wait if that is longer', 1, 50],
  ])('is asked again %s', (_, afterMs, waitMs) =>
    withDelivery({ answers: [{ ...away, afterMs }] }, async (rig) => {
      await rig.append('a');
      expect(await rig.retryWaitMs()).toBe(waitMs);
      await rig.clock.advance(waitMs - 1);
      expect(rig.output.requests.length).toBe(1);
      await rig.clock.advance(1);
      expect(await rig.requests(2)).toEqual(['a', 'a']);
    }),
  );

  test('gets what came meanwhile afterwards, in order, and the wait begins anew', () =>
    withDelivery({ answers: [away, away] }, async (rig) => {
      await rig.append('a');
      await rig.clock.advance(await rig.retryWaitMs());
      await rig.append('b', 'c');
      await rig.clock.advance(await rig.retryWaitMs());
      await settled(rig);
      expect(rig.output.texts).toEqual(['a', 'a', 'a', 'b c']);
      rig.output.always = away;
      await rig.append('d');
      expect(await rig.retryWaitMs()).toBe(50);
      expect(rig.books()).toMatchObject({ delivered: 3, retries: 3, retriesByCause: { unreachable: 3 } });
    }));

  test('is named in the log once, and once more when it takes data again', () =>
    withDelivery({ answers: [away, away, away] }, async (rig) => {
      await rig.append('a');
      for (let i = 0; i < 3; i++) {
        await rig.clock.advance(await rig.retryWaitMs());
        await rig.requests(i + 2);
      }
      await settled(rig);
      expect(rig.log.entries.map(({ level, fields }) => [level, fields])).toEqual([
        ['warn', { output: 'far', reason: 'connection refused' }],
        ['info', { output: 'far' }],
      ]);
    }));

  test('and does not answer at all, is cut off after its timeout and asked again', () =>
    withDelivery({ limits: { timeoutMs: 5_000 } }, async (rig) => {
      const cut = Promise.withResolvers<void>();
      rig.output.always = (_, signal) => {
        signal.addEventListener('abort', () => cut.resolve());
        return never();
      };
      await rig.append('a');
      await rig.requests(1);
      await rig.clock.advance(4_999);
      expect(await stateAfter(cut.promise, 5)).toBe('pending');
      await rig.clock.advance(1);
      await within(cut.promise, 5_000, 'the end of the attempt');
      await rig.retryWaitMs();
      expect(rig.books()).toMatchObject({
        lastError: 'no answer within 5000 ms',
        retriesByCause: { timeout: 1 },
      });
    }));

  test('since it broke, is asked again', () =>
    withDelivery({ answers: [() => Promise.reject(new Error('a bug'))] }, async (rig) => {
      await rig.append('a');
      await rig.clock.advance(await rig.retryWaitMs());
      await settled(rig);
      expect(rig.books()).toMatchObject({ delivered: 1, retries: 1, retriesByCause: { failed: 1 } });
      expect(rig.log.at('error').length).toBe(1);
    }));
});

/** What stands in the dead letters: header and payload. */
async function deadLetters({ dir }: Rig): Promise<readonly { reason: string; seq: number; text: string }[]> {
  const reader = await RecordReader.open(join(dir, 'dead-letters', 'traces.seg'));
  const found: { reason: string; seq: number; text: string }[] = [];
  try {
    for (let events = await reader.read(); events.length > 0; events = await reader.read()) {
      for (const event of events) {
        if (event.kind === 'record') {
          const { reason, seq } = JSON.parse(Buffer.from(event.header).toString());
          found.push({ reason, seq, text: Buffer.from(event.payload).toString() });
        }
      }
    }
  } finally {
    await reader.close();
  }
  return found;
}

const tooLarge = { status: 'split', reason: 'HTTP 413' } as const;

describe('an output that refuses', () => {
  test('a request for its size gets halves, in order, down to the one record that is at fault', () =>
    withDelivery({}, async (rig) => {
      rig.output.always = (request) => (textsOf(request).includes('BAD') ? tooLarge : delivered);
      await rig.append('a', 'b', 'c', 'BAD', 'e', 'f', 'g');
      await settled(rig);
      expect(rig.output.texts).toEqual(['a b c BAD e f g', 'a b c BAD', 'a b', 'c BAD', 'c', 'BAD', 'e f g']);
      expect(rig.books()).toMatchObject({ delivered: 6, dropped: { rejected: 1 }, cumItems: 7, retries: 0 });
      expect(await deadLetters(rig)).toEqual([{ reason: 'HTTP 413', seq: 4, text: 'BAD' }]);
    }));

  test('and then goes away, keeps what it took: the rest alone is tried again', () =>
    withDelivery({ answers: [tooLarge, delivered, away] }, async (rig) => {
      await rig.append('a', 'b', 'c', 'd');
      await rig.clock.advance(await rig.retryWaitMs());
      await settled(rig);
      expect(rig.output.texts).toEqual(['a b c d', 'a b', 'c d', 'c d']);
    }));

  test('a request for good has all its records in the dead letters, with the reason, and goes on', () =>
    withDelivery({ answers: [{ status: 'rejected', reason: 'HTTP 400: no such tenant' }] }, async (rig) => {
      await rig.append('a', 'b');
      await rig.requests(1);
      await settled(rig);
      await rig.append('c');
      await settled(rig);
      expect(rig.books()).toMatchObject({ delivered: 1, dropped: { rejected: 2 } });
      expect(await deadLetters(rig)).toEqual([
        { reason: 'HTTP 400: no such tenant', seq: 1, text: 'a' },
        { reason: 'HTTP 400: no such tenant', seq: 2, text: 'b' },
      ]);
      expect(rig.log.at('error')).toHaveLength(1);
    }));

  test('some items is not sent them again', () =>
    withDelivery({ answers: [{ status: 'partial', rejected: 2, reason: 'out of order' }] }, async (rig) => {
      await rig.lane.append(batchOf('a', { items: 10 }));
      await settled(rig);
      expect(rig.books()).toMatchObject({ delivered: 8, dropped: { rejected: 2 } });
      expect(rig.output.requests).toHaveLength(1);
    }));

  test.each(['BRIDGE_DECODE', 'BRIDGE_CORRUPT', 'BRIDGE_TOO_LARGE'] as const)(
    'with %s has met a record that nobody can send: it goes to the dead letters alone',
    (code) =>
      withDelivery({}, async (rig) => {
        rig.output.always = (request) => {
          if (textsOf(request).includes('BAD')) {
            throw new BridgeError(code, 'cannot be read');
          }
          return delivered;
        };
        await rig.append('a', 'BAD', 'c');
        await settled(rig);
        expect((await deadLetters(rig)).map(({ text }) => text)).toEqual(['BAD']);
        expect(rig.books()).toMatchObject({ delivered: 2, dropped: { rejected: 1 } });
      }),
  );

  test('is asked again while the dead letters cannot be written: nothing is given up unseen', () =>
    withDelivery({ answers: [{ status: 'rejected', reason: 'HTTP 400' }] }, async (rig) => {
      const path = join(rig.dir, 'dead-letters');
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'in the way');
      await rig.append('a');
      await until(() => rig.log.at('error').some(({ message }) => message.includes('begins again')));
      expect(rig.books()).toMatchObject({ seq: 0, queuedItems: 1 });
      await rig.clock.advance(1_000);
      await settled(rig);
      expect(rig.output.texts).toEqual(['a', 'a']);
    }));
});

describe('records that are not for this output', () => {
  test('are counted as routed away, and never asked about', () =>
    withDelivery({ choose: (record) => (record.origin.namespace === 'prod' ? record : undefined) }, async (rig) => {
      const namespaced = (text: string, namespace: string): Promise<void> =>
        rig.lane.append(batchOf(text, { items: 5, origin: { namespace } }));
      await Promise.all([namespaced('a', 'dev'), namespaced('b', 'prod'), namespaced('c', 'dev')]);
      await settled(rig);
      await Promise.all([namespaced('d', 'dev')]);
      await settled(rig);
      expect(rig.output.texts).toEqual(['b']);
      expect(rig.books()).toMatchObject({ delivered: 5, routedAway: 15, cumItems: 20 });
    }));
});

describe('stop', () => {
  test('lets the attempt under way end, and keeps the rest in the lane', () =>
    withDelivery({ limits: { batchItems: 1 } }, async (rig) => {
      const answer = Promise.withResolvers<WriteResult>();
      rig.output.always = () => answer.promise;
      await rig.append('a', 'b');
      await rig.requests(1);
      const stopped = rig.delivery.stop(new AbortController().signal);
      expect(await stateAfter(stopped, 20)).toBe('pending');
      answer.resolve(delivered);
      await within(stopped, 5_000, 'stop');
      expect(rig.output.texts).toEqual(['a']);
      expect(rig.books()).toMatchObject({ delivered: 1, queuedItems: 1, state: 'stopped' });
    }));

  test('cuts the attempt off when there is no time left, and does not count it', () =>
    withDelivery({}, async (rig) => {
      const seen = Promise.withResolvers<unknown>();
      rig.output.always = (_, signal) => {
        signal.addEventListener('abort', () => seen.resolve(signal.reason));
        return never();
      };
      await rig.append('a');
      await rig.requests(1);
      const noTime = new AbortController();
      const stopped = rig.delivery.stop(noTime.signal);
      expect(await stateAfter(stopped, 20)).toBe('pending');
      noTime.abort(new Error('no time'));
      await within(stopped, 5_000, 'stop');
      expect(await seen.promise).toEqual(new Error('no time'));
      expect(rig.books()).toMatchObject({ delivered: 0, queuedItems: 1 });
    }));

  test('does not wait for the next attempt', () =>
    withDelivery({ answers: [{ ...away, afterMs: 300_000 }] }, async (rig) => {
      await rig.append('a');
      await rig.retryWaitMs();
      await within(rig.delivery.stop(new AbortController().signal), 5_000, 'stop');
      expect(rig.output.texts).toEqual(['a']);
    }));

  test('does not wait for a request to become full', () =>
    withDelivery({ limits: { batchWaitMs: 60_000 } }, async (rig) => {
      await rig.append('a');
      await turns();
      await within(rig.delivery.stop(new AbortController().signal), 5_000, 'stop');
    }));

  test('may come without start, and twice', () =>
    inTempDir(async (dir) => {
      const rig = await rigIn(dir, {});
      const { signal } = new AbortController();
      await within(
        rig.delivery.stop(signal).then(() => rig.delivery.stop(signal)),
        5_000,
        'stop',
      );
      await rig.lane.close();
    }));
});

describe('a lane that is full', () => {
  test('gives up the oldest between two attempts, never under one, and they are not sent afterwards', () =>
    withDelivery({ limits: { batchItems: 5 }, lane: { maxBytes: 40_000 }, onFull: 'drop_oldest' }, async (rig) => {
      const fill = async (from: number): Promise<void> => {
        for (let i = from; i < from + 60; i++) {
          await rig.append(`r${i}`.padEnd(400, '.'));
        }
      };
      const answer = Promise.withResolvers<WriteResult>();
      rig.output.always = () => answer.promise;
      await rig.append('r0');
      await rig.requests(1);
      await fill(1);
      expect(rig.books().seq).toBe(0);
      rig.output.always = delivered;
      answer.resolve(away);
      const waitMs = await rig.retryWaitMs();
      const { seq, dropped } = rig.books();
      expect(seq).toBeGreaterThan(20);
      expect(dropped['queue_full']).toBe(seq);
      await rig.clock.advance(waitMs);
      await settled(rig);
      const sent = rig.output.texts.slice(1).join(' ').split(' ');
      expect(sent).toEqual(Array.from({ length: 61 - seq }, (_, i) => `r${seq + i}`));
      const { delivered: arrived, cumItems } = rig.books();
      expect([arrived, cumItems]).toEqual([61 - seq, 61]);
    }));
});

test('a request of which the lane gave up the beginning is made anew of the rest', () =>
  withDelivery({ limits: { batchWaitMs: 1_000 }, lane: { maxBytes: 40_000 }, onFull: 'drop_oldest' }, async (rig) => {
    const texts = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, i) => `r${from + i}`.padEnd(400, '.'));
    await rig.append('first');
    await settled(rig);
    rig.output.always = away;
    await rig.append(...texts(0, 30));
    await until(() => rig.clock.sleepers === 1);
    await rig.clock.advance(1_000);
    await rig.requests(2);
    const waitMs = await rig.retryWaitMs();
    for (const text of texts(30, 50)) {
      await rig.append(text);
    }
    const { seq } = rig.books();
    expect(seq).toBeGreaterThan(1);
    expect(seq).toBeLessThan(31);
    rig.output.always = delivered;
    await rig.clock.advance(waitMs);
    await settled(rig);
    const arrived = rig.output.texts.slice(2).join(' ').split(' ');
    expect(arrived).toEqual(Array.from({ length: 51 - seq }, (_, i) => `r${seq - 1 + i}`));
  }));

test('what the far side said last is shown until it takes data again', () =>
  withDelivery({ answers: [{ status: 'rejected', reason: 'HTTP 400' }] }, async (rig) => {
    await rig.append('a');
    await rig.requests(1);
    await settled(rig);
    expect(rig.books().lastError).toBe('HTTP 400');
    await rig.append('b');
    await rig.requests(2);
    await settled(rig);
    expect(rig.books().lastError).toBeUndefined();
  }));

describe('several requests under way', () => {
  /** `k:1`: the first record of key k. */
  const orderKey = ({ payload }: QueueRecord): string | undefined => {
    const [key] = Buffer.from(payload).toString().split(':');
    return key === '' ? undefined : key;
  };

  test('are as many as concurrency says, and the cursor moves when all are answered', () =>
    withDelivery({ limits: { concurrency: 3, batchItems: 2 } }, async (rig) => {
      const gates = Array.from({ length: 3 }, () => Promise.withResolvers<WriteResult>());
      let next = 0;
      rig.output.always = () => gates[next++]?.promise ?? delivered;
      await rig.append('a', 'b', 'c', 'd', 'e', 'f', 'g');
      await rig.requests(3);
      expect(rig.output.underWay).toBe(3);
      gates[1]?.resolve(delivered);
      gates[2]?.resolve(delivered);
      await until(() => rig.output.underWay === 1);
      await turns();
      expect(rig.books()).toMatchObject({ seq: 0, delivered: 0 });
      expect(rig.output.requests).toHaveLength(3);
      gates[0]?.resolve(delivered);
      await settled(rig);
      expect(rig.books()).toMatchObject({ seq: 7, delivered: 7 });
      expect(rig.output.texts.join(' ').split(' ').sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
      expect(rig.output.requests.every(({ items }) => items <= 2)).toBe(true);
      expect(new Set(rig.output.requests.map(({ id }) => id)).size).toBe(rig.output.requests.length);
    }));

  test('keep the records of one key in their order, also over failures, and never two of it at once', () =>
    withDelivery({ limits: { concurrency: 4, batchItems: 3 }, orderKey }, async (rig) => {
      let asked = 0;
      const busy = new Set<string>();
      const arrived: string[] = [];
      rig.output.always = async (request) => {
        const keys = [...new Set(request.records.map((record) => orderKey(record) ?? ''))];
        expect(keys.filter((key) => busy.has(key))).toEqual([]);
        for (const key of keys) {
          busy.add(key);
        }
        await turns(1 + (asked % 3));
        for (const key of keys) {
          busy.delete(key);
        }
        asked += 1;
        if (asked % 5 === 0) {
          return away;
        }
        arrived.push(...textsOf(request).split(' '));
        return delivered;
      };
      const sent = Array.from({ length: 60 }, (_, i) => `k${(i * 7) % 5}:${i}`);
      for (let from = 0; from < sent.length; from += 20) {
        await rig.append(...sent.slice(from, from + 20));
      }
      await until(
        async () => {
          await rig.clock.advance(1_000);
          return rig.books().queuedItems === 0;
        },
        { withinMs: 20_000, what: 'everything delivered' },
      );
      expect(arrived.toSorted()).toEqual(sent.toSorted());
      for (const key of ['k0', 'k1', 'k2', 'k3', 'k4']) {
        const isOfKey = (text: string): boolean => text.startsWith(`${key}:`);
        expect(arrived.filter(isOfKey)).toEqual(sent.filter(isOfKey));
      }
      expect(rig.output.mostUnderWay).toBeGreaterThan(1);
      expect(rig.books()).toMatchObject({ delivered: 60, cumItems: 60 });
    }));

  test('ask again only for what was not answered, after the longest wait that was asked for', () =>
    withDelivery({ limits: { concurrency: 3, batchItems: 1 } }, async (rig) => {
      const tries = new Map<string, number>();
      rig.output.always = (request) => {
        const text = textsOf(request);
        const count = (tries.get(text) ?? 0) + 1;
        tries.set(text, count);
        if (count > 1 || text === 'b') {
          return delivered;
        }
        return { ...away, ...(text === 'c' ? { afterMs: 9_000 } : {}) };
      };
      await rig.append('a', 'b', 'c');
      expect(await rig.retryWaitMs()).toBe(9_000);
      await rig.clock.advance(9_000);
      await settled(rig);
      expect(Object.fromEntries(tries)).toEqual({ a: 2, b: 1, c: 2 });
      expect(rig.books()).toMatchObject({ delivered: 3, retriesByCause: { unreachable: 2 } });
    }));

  test('after a failure go one by one until one is answered, and then together again', () =>
    withDelivery({ limits: { concurrency: 3, batchItems: 1 }, answers: [away, away, away, away] }, async (rig) => {
      await rig.append('a', 'b', 'c');
      const firstWaitMs = await rig.retryWaitMs();
      expect([rig.output.requests.length, rig.books().circuit]).toEqual([3, 'open']);
      await rig.clock.advance(firstWaitMs);
      await until(() => rig.output.requests.length === 4, { what: 'one request' });
      const probe = Promise.withResolvers<WriteResult>();
      rig.output.always = () => probe.promise;
      await rig.clock.advance(await rig.retryWaitMs());
      await rig.requests(5);
      expect([rig.output.underWay, rig.books().circuit]).toEqual([1, 'half_open']);
      rig.output.always = delivered;
      probe.resolve(delivered);
      expect(await settled(rig)).toMatchObject({ delivered: 3, circuit: 'closed' });
    }));

  test('are halved, given up and routed away as one alone is', () => {
    const choose = (record: QueueRecord): QueueRecord | undefined =>
      Buffer.from(record.payload).toString().includes('other') ? undefined : record;
    return withDelivery({ limits: { concurrency: 2 }, choose }, async (rig) => {
      rig.output.always = (request) => (textsOf(request).includes('BAD') ? tooLarge : delivered);
      await rig.append('a', 'BAD1', 'c', 'other', 'e', 'BAD2', 'g');
      await settled(rig);
      expect(rig.books()).toMatchObject({ delivered: 4, dropped: { rejected: 2 }, routedAway: 1, cumItems: 7 });
      expect((await deadLetters(rig)).map(({ text }) => text).sort()).toEqual(['BAD1', 'BAD2']);
    });
  });

  test('are no larger than one alone may be, and one at a time where all is of one key', () =>
    withDelivery({ limits: { concurrency: 3, batchItems: 2 }, orderKey: () => 'k' }, async (rig) => {
      await rig.append('a', 'b', 'c', 'd', 'e', 'f');
      await settled(rig);
      expect([rig.output.texts, rig.output.mostUnderWay]).toEqual([['a b', 'c d', 'e f'], 1]);
    }));

  test('are no larger in bytes either, but for a record that is', () =>
    withDelivery({ limits: { concurrency: 3, batchBytes: 100 }, orderKey: () => 'k' }, async (rig) => {
      await rig.append(...[60, 40, 1, 90].map((bytes, i) => `r${i}`.padEnd(bytes, '.')));
      await settled(rig);
      expect(rig.output.texts).toEqual(['r0 r1', 'r2 r3']);
      await rig.append(...[30, 500, 20].map((bytes, i) => `s${i}`.padEnd(bytes, '.')));
      await settled(rig);
      expect(rig.output.texts.slice(2).join(' | ')).toBe('s0 | s1 | s2');
    }));

  test('of one key are not gone on with when it stops', () =>
    withDelivery({ limits: { concurrency: 3, batchItems: 1 }, orderKey: () => 'k' }, async (rig) => {
      const answer = Promise.withResolvers<WriteResult>();
      rig.output.always = () => answer.promise;
      await rig.append('a', 'b', 'c');
      await rig.requests(1);
      const stopped = rig.delivery.stop(new AbortController().signal);
      answer.resolve(delivered);
      await within(stopped, 5_000, 'stop');
      expect(rig.output.texts).toEqual(['a']);
      expect(rig.books()).toMatchObject({ delivered: 0, queuedItems: 3 });
    }));

  test('are all waited for by stop, and none is begun any more', () =>
    withDelivery({ limits: { concurrency: 2, batchItems: 1 } }, async (rig) => {
      const answer = Promise.withResolvers<WriteResult>();
      rig.output.always = () => answer.promise;
      await rig.append('a', 'b', 'c', 'd');
      await rig.requests(2);
      const stopped = rig.delivery.stop(new AbortController().signal);
      expect(await stateAfter(stopped, 20)).toBe('pending');
      answer.resolve(delivered);
      await within(stopped, 5_000, 'stop');
      expect(rig.output.requests).toHaveLength(2);
      const { delivered: arrived, queuedItems } = rig.books();
      expect(arrived + queuedItems).toBe(4);
    }));
});

describe('at the end of the process', () => {
  test('what is queued is sent at once, batch after batch, without waiting for more', () =>
    withDelivery({ limits: { batchItems: 2, batchWaitMs: 60_000 } }, async (rig) => {
      await rig.append('a', 'b', 'c', 'd', 'e');
      await rig.requests(2);
      await within(rig.delivery.drain(AbortSignal.timeout(60_000)), 30_000, 'drain');
      expect(rig.output.texts).toEqual(['a b', 'c d', 'e']);
      expect(rig.books()).toMatchObject({ delivered: 5, queuedItems: 0, state: 'stopped' });
    }));

  test('what an output does not take stays queued, after one attempt', () =>
    withDelivery({ limits: { batchItems: 1 } }, async (rig) => {
      const hold = Promise.withResolvers<WriteResult>();
      rig.output.always = () => hold.promise;
      await rig.append('a', 'b');
      await rig.requests(1);
      const drained = rig.delivery.drain(AbortSignal.timeout(60_000));
      hold.resolve(away);
      await within(drained, 30_000, 'drain');
      expect(rig.output.texts).toEqual(['a']);
      expect(rig.books()).toMatchObject({ delivered: 0, queuedItems: 2, state: 'stopped' });
    }));

  test('an output that is being retried is not waited for', () =>
    withDelivery({}, async (rig) => {
      rig.output.always = away;
      await rig.append('a');
      await rig.retryWaitMs();
      await within(rig.delivery.drain(AbortSignal.timeout(60_000)), 30_000, 'drain');
      expect(rig.output.requests).toHaveLength(1);
      expect(rig.books().queuedItems).toBe(1);
    }));

  test('an attempt that does not end is cut off when the time is over', () =>
    withDelivery({}, async (rig) => {
      rig.output.always = never;
      await rig.append('a');
      await rig.requests(1);
      const end = new AbortController();
      const drained = rig.delivery.drain(end.signal);
      expect(await stateAfter(drained, 20)).toBe('pending');
      end.abort(new Error('the time is over'));
      await within(drained, 30_000, 'drain');
      expect(rig.books()).toMatchObject({ delivered: 0, queuedItems: 1 });
    }));

  test('nothing queued ends at once', () =>
    withDelivery({}, async (rig) => {
      await within(rig.delivery.drain(AbortSignal.timeout(60_000)), 30_000, 'drain');
      expect(rig.output.requests).toEqual([]);
    }));
});
