import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HeldClock } from '../../../../test/fakes/clock.ts';
import { type LogRecordOptions, logRecord, type TestLine } from '../../../../test/fakes/log-records.ts';
import { inTempDir } from '../../../../test/fakes/temp-dir.ts';
import type { LogQuery, Question } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import { DamageBook } from '../damage-book.ts';
import { Slice } from '../slice.ts';
import { LogStore, type LogStoreOptions } from './log-store.ts';

const startMs = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;
const calm = { clear: async () => {} };

interface Line {
  readonly id: string;
  readonly time: string;
  readonly timeMs: number;
  readonly message: string;
  readonly level: string;
  readonly stream: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly traceId?: string;
}

class Rig {
  readonly clock = new HeldClock();
  readonly damage = new DamageBook();
  readonly #dir: string;
  readonly #options: Partial<LogStoreOptions>;
  store: LogStore;
  #seq = 0;

  constructor(dir: string, options: Partial<LogStoreOptions> = {}) {
    this.#dir = join(dir, 'logs');
    this.#options = options;
    this.store = this.#create();
  }

  #create(): LogStore {
    return new LogStore({
      dir: this.#dir,
      retentionMs: 7 * 24 * hourMs,
      sealBytes: 128 * 1024 * 1024,
      sealMs: 6 * hourMs,
      clock: this.clock,
      damage: this.damage,
      ...this.#options,
    });
  }

  async commit(...records: QueueRecord[]): Promise<void> {
    this.store.append('queue1', records);
    await this.store.flush();
  }

  /** One commit of one record; `lines` are messages, one each ms from `atMs` on. */
  add(lines: readonly string[], options: Partial<LogRecordOptions> & { atMs?: number } = {}): Promise<void> {
    this.#seq += 1;
    const atMs = options.atMs ?? startMs;
    const made = lines.map((message, i) => line(message, atMs + i));
    return this.commit(logRecord(made, { receivedAtMs: atMs, seq: this.#seq, ...options }));
  }

  async reopen(): Promise<void> {
    await this.store.close();
    this.store = this.#create();
    await this.store.open();
  }

  async ask<T>(question: Question): Promise<T> {
    const answer = await this.store.answer(question, new Slice(calm));
    return JSON.parse(Buffer.from(answer?.body ?? '').toString());
  }

  search(
    query: Partial<LogQuery> = {},
    more: { limit?: number; before?: string } = {},
  ): Promise<{ lines: Line[]; next?: string }> {
    return this.ask({ kind: 'logs.search', query: { ...everything, ...query }, limit: 1000, ...more });
  }

  async messages(query: Partial<LogQuery> = {}): Promise<string[]> {
    return (await this.search(query)).lines.map(({ message }) => message);
  }

  tail(
    after: string | undefined,
    query: Partial<LogQuery> = {},
    limit = 1000,
  ): Promise<{ lines: Line[]; next: string }> {
    const cursor = after === undefined ? {} : { after };
    return this.ask({ kind: 'logs.tail', query: { ...everything, ...query }, limit, ...cursor });
  }
}

const everything: LogQuery = { startMs: 0, endMs: 4e12, matchers: [], texts: [], levels: [] };

function line(message: string, atMs: number, more: Partial<TestLine> = {}): TestLine {
  return { message, timeNanos: BigInt(atMs) * 1_000_000n, ...more };
}

function withRig(run: (rig: Rig) => Promise<void>, options: Partial<LogStoreOptions> = {}): () => Promise<void> {
  return () =>
    inTempDir(async (dir) => {
      const rig = new Rig(dir, options);
      await rig.store.open();
      try {
        await run(rig);
      } finally {
        await rig.store.close();
      }
    });
}

/** All before the newest partition is sealed. */
async function sealAll(rig: Rig): Promise<void> {
  await rig.add(['the last'], { atMs: startMs + 7 * hourMs });
  await rig.store.expire();
  expect(rig.store.partitions.map(({ sealed }) => sealed)).toEqual([true, false]);
}

describe('a search', () => {
  test(
    'gives every part of a line',
    withRig(async (rig) => {
      const origin = { namespace: 'shop', pod: 'web-1', podUid: 'u1', container: 'web', app: 'web', node: 'n1' };
      const lines: TestLine[] = [
        {
          message: '{"level":"error","trace_id":"4BF92f3577b34da6a3ce929d0e0e4736","msg":"no"}',
          timeNanos: 1_795_262_400_123_456_789n,
          level: 'error',
          stream: 'stderr',
        },
      ];
      await rig.commit(logRecord(lines, { seq: 7, origin, edits: { add: { team: 'a', app: 'x' }, drop: ['node'] } }));
      expect(await rig.search()).toEqual({
        lines: [
          {
            id: `${startMs}-7-0`,
            time: '2026-11-21T12:00:00.123456789Z',
            timeMs: 1_795_262_400_123,
            message: lines[0]?.message,
            level: 'error',
            stream: 'stderr',
            labels: { app: 'web', container: 'web', namespace: 'shop', pod: 'web-1', stream: 'stderr', team: 'a' },
            traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
          },
        ],
      });
    }),
  );

  test(
    'finds newest first, and goes on where it ended',
    withRig(async (rig) => {
      await rig.add(['a', 'b', 'c'], { origin: { pod: 'one' } });
      await rig.add(['d', 'e', 'f'], { origin: { pod: 'two' }, atMs: startMs + 1 });
      const all = ['f', 'e', 'c', 'd', 'b', 'a'];
      expect(await rig.messages()).toEqual(all);
      const pages: string[] = [];
      let before: string | undefined;
      do {
        const page = await rig.search({}, { limit: 2, ...(before === undefined ? {} : { before }) });
        pages.push(...page.lines.map(({ message }) => message));
        before = page.next;
      } while (before !== undefined);
      expect(pages).toEqual(all);
    }),
  );

  test(
    'orders lines of one millisecond by their nanoseconds, wherever they stand',
    withRig(async (rig) => {
      for (const [seq, nanos] of [900n, 100n, 500n].entries()) {
        const timeNanos = BigInt(startMs) * 1_000_000n + nanos;
        await rig.commit(logRecord([{ message: `${nanos}`, timeNanos }], { seq: seq + 1, origin: { pod: `${seq}` } }));
      }
      const newest = await rig.search({}, { limit: 1 });
      expect(newest.lines.map(({ message }) => message)).toEqual(['900']);
      expect(await rig.messages()).toEqual(['900', '500', '100']);
    }),
  );

  test(
    'finds texts in letters of either case, also where a word only begins or ends with them',
    withRig(async (rig) => {
      const id = '4bf92f3577b34da6a3ce929d0e0e4736';
      const long = 'x'.repeat(40);
      const lines = [
        `GET /Reviews ${id}`,
        `prefix${id.slice(0, 20)}suffix`,
        `${long}y${long}`,
        'Größe ÜBER 日本語',
        'a\nb',
      ];
      await rig.add(lines);
      for (const [text, found] of [
        ['get /reviews', [0]],
        [id.toUpperCase(), [0]],
        [id.slice(0, 20), [1, 0]],
        [id.slice(4, 20), [1, 0]],
        [`${'x'.repeat(35)}Y${'x'.repeat(35)}`, [2]],
        ['größe über', [3]],
        ['日本', [3]],
        ['über 日', [3]],
        ['A\nB', [4]],
        ['7366', []],
        [`${id}x`, []],
      ] as const) {
        expect({ text, found: await rig.messages({ texts: [text] }) }).toEqual({
          text,
          found: found.map((i) => lines[i]),
        });
      }
      expect(await rig.messages({ texts: ['reviews', 'get'] })).toEqual([lines[0]]);
    }),
  );

  test(
    'does not find a text that goes over the end of a line',
    withRig(async (rig) => {
      await rig.add(['one two', 'three four', 'two three']);
      expect(await rig.messages({ texts: ['two three'] })).toEqual(['two three']);
      expect(await rig.messages({ texts: ['twothree'] })).toEqual([]);
      await rig.add(['four five', ' six'], { atMs: startMs + 10 });
      expect(await rig.messages({ texts: ['five six'] })).toEqual([]);
      expect(await rig.messages({ texts: ['six'] })).toEqual([' six']);
    }),
  );

  test(
    'keeps both edges of a range, and levels, streams and labels apart',
    withRig(async (rig) => {
      const at = (ms: number, more: Partial<TestLine>): TestLine => line(`${ms}`, startMs + ms, more);
      await rig.commit(
        logRecord(
          [at(0, { level: 'error' }), at(1, { stream: 'stderr' }), at(2, { level: 'warn', stream: 'stderr' })],
          {
            seq: 1,
            origin: { namespace: 'a', app: 'web' },
          },
        ),
        logRecord([at(3, { level: 'error' })], { seq: 2, origin: { namespace: 'b' } }),
      );
      const matching = (name: string, op: '=' | '!=' | '=~' | '!~', value: string): Promise<string[]> =>
        rig.messages({ matchers: [{ name, op, value }] });
      expect(await rig.messages({ startMs: startMs + 1, endMs: startMs + 2 })).toEqual(['2', '1']);
      expect(await rig.messages({ levels: ['error', 'warn'] })).toEqual(['3', '2', '0']);
      expect(await matching('stream', '=', 'stderr')).toEqual(['2', '1']);
      expect(await matching('stream', '!~', 'std.*')).toEqual([]);
      expect(await matching('namespace', '=~', 'a|c')).toEqual(['2', '1', '0']);
      expect(await matching('namespace', '=~', 'A|C')).toEqual([]);
      expect(await matching('app', '!=', 'web')).toEqual(['3']);
      expect(await matching('app', '=', '')).toEqual(['3']);
    }),
  );

  test(
    'refuses a wrong expression, level or cursor',
    withRig(async (rig) => {
      await rig.add(['a']);
      const wrong = { code: 'BRIDGE_DECODE' };
      await expect(rig.messages({ matchers: [{ name: 'a', op: '=~', value: '(' }] })).rejects.toMatchObject(wrong);
      await expect(rig.messages({ levels: ['loud'] })).rejects.toMatchObject(wrong);
      await expect(rig.search({}, { before: 'x' })).rejects.toMatchObject(wrong);
      await expect(rig.tail('x')).rejects.toMatchObject(wrong);
      await expect(rig.ask({ kind: 'logs.counts', query: { ...everything }, stepMs: 1 })).rejects.toMatchObject(wrong);
    }),
  );
});

describe('a tail', () => {
  test(
    'begins at the end, and gives what comes in the order of its arrival, once',
    withRig(async (rig) => {
      expect(await rig.tail(undefined)).toEqual({ lines: [], next: '0-0-0' });
      await rig.add(['before']);
      let { next } = await rig.tail(undefined);
      const seen: string[] = [];
      const poll = async (): Promise<void> => {
        const answer = await rig.tail(next, {}, 2);
        seen.push(...answer.lines.map(({ message }) => message));
        next = answer.next;
      };
      await poll();
      expect(seen).toEqual([]);
      await rig.add(['late a', 'late b', 'late c'], { atMs: startMs - 5_000, receivedAtMs: startMs + 1 });
      await rig.add(['new'], { atMs: startMs + 2 });
      await poll();
      await poll();
      await poll();
      expect(seen).toEqual(['late a', 'late b', 'late c', 'new']);
      await rig.reopen();
      await sealAll(rig);
      await poll();
      expect(seen.at(-1)).toBe('the last');
      expect(seen).toHaveLength(5);
    }),
  );

  test(
    'gives only what the query means, and moves on over the rest',
    withRig(async (rig) => {
      await rig.add(['first']);
      const { next } = await rig.tail(undefined);
      await rig.add(['yes 1', 'no', 'yes 2'], { atMs: startMs + 1 });
      const found = await rig.tail(next, { texts: ['yes'] });
      expect(found.lines.map(({ message }) => message)).toEqual(['yes 1', 'yes 2']);
      expect((await rig.tail(found.next)).lines).toEqual([]);
    }),
  );
});

describe('counts', () => {
  test(
    'fall into the bucket of their time, per level',
    withRig(async (rig) => {
      const at = (ms: number, level: TestLine['level']): TestLine =>
        line('x', startMs + ms, level === undefined ? {} : { level });
      await rig.commit(logRecord([at(0, 'info'), at(9, 'info'), at(10, 'error'), at(29, 'info')], { seq: 1 }));
      const query = { ...everything, startMs, endMs: startMs + 29 };
      const expected = { startMs, stepMs: 10, total: 4, levels: { info: [2, 0, 1], error: [0, 1, 0] } };
      expect(await rig.ask({ kind: 'logs.counts', query, stepMs: 10 })).toEqual(expected);
      expect(await rig.ask({ kind: 'logs.counts', query: { ...query, levels: ['error'] }, stepMs: 40 })).toEqual({
        startMs,
        stepMs: 40,
        total: 1,
        levels: { error: [1] },
      });
    }),
  );
});

test(
  'label names and values are those of the streams that have lines in the range, sorted',
  withRig(async (rig) => {
    await rig.add(['a'], { origin: { namespace: 'shop', pod: 'b' } });
    await rig.add(['b'], { origin: { namespace: 'shop', pod: 'a' } });
    await rig.add(['c'], { origin: { namespace: 'late' }, atMs: startMs + hourMs });
    const range = { startMs, endMs: startMs + 1000 };
    expect(await rig.ask({ kind: 'logs.labels', range })).toEqual(['namespace', 'pod', 'stream']);
    expect(await rig.ask({ kind: 'logs.labelValues', name: 'pod', range })).toEqual(['a', 'b']);
    expect(await rig.ask({ kind: 'logs.labelValues', name: 'namespace', range })).toEqual(['shop']);
    expect(await rig.ask({ kind: 'logs.labelValues', name: 'stream', range })).toEqual(['stdout']);
    expect(await rig.ask({ kind: 'logs.labelValues', name: 'app', range })).toEqual([]);
  }),
);

describe('a partition that no longer grows', () => {
  test(
    'is packed anew when its blocks are small, and answers the same',
    withRig(async (rig) => {
      for (let i = 0; i < 40; i++) {
        const lines = Array.from({ length: 5 }, (_, k) => `request ${i * 5 + k} took ${k} ms, all is well`);
        await rig.add(lines, { origin: { pod: `p${i % 3}` }, atMs: startMs + i * 10 });
      }
      const before = await rig.search({ endMs: startMs + hourMs });
      expect(before.lines).toHaveLength(200);
      const [bytes] = rig.store.partitions.map((partition) => partition.bytes);
      await sealAll(rig);
      expect((await rig.search({ endMs: startMs + hourMs })).lines).toEqual(before.lines);
      expect(rig.store.partitions[0]?.bytes).toBeLessThan((bytes ?? 0) / 5);
      await rig.reopen();
      expect((await rig.search({ endMs: startMs + hourMs })).lines).toEqual(before.lines);
      expect(rig.store.partitions.map(({ sealed, items }) => [sealed, items])).toEqual([
        [true, 200],
        [false, 1],
      ]);
      expect(rig.damage.list()).toEqual([]);
    }),
  );

  test(
    'is read to its end by a question that began before',
    withRig(async (rig) => {
      for (let i = 0; i < 20; i++) {
        await rig.add([`line ${i}`], { atMs: startMs + i });
      }
      await rig.add(['the last'], { atMs: startMs + 7 * hourMs });
      let sealing: Promise<number> | undefined;
      const impatient = new Slice({
        clear: async () => {
          sealing ??= rig.store.expire();
          await sealing;
        },
      });
      Object.defineProperty(impatient, 'over', { get: () => true });
      const question: Question = { kind: 'logs.search', query: { ...everything, texts: ['line'] }, limit: 100 };
      const answer = await rig.store.answer(question, impatient);
      expect(answer?.count).toBe(20);
      expect(rig.store.partitions[0]?.sealed).toBe(true);
    }),
  );

  test(
    'goes when its last line came longer ago than the retention',
    withRig(
      async (rig) => {
        await rig.add(['old'], { atMs: rig.clock.now() });
        await rig.clock.advance(3 * hourMs);
        await rig.add(['young'], { atMs: rig.clock.now() });
        expect(await rig.store.expire()).toBeGreaterThan(0);
        expect(await rig.messages()).toEqual(['young']);
        expect(rig.store.position).toEqual({ queueId: 'queue1', seq: 2, cumItems: 1 });
      },
      { retentionMs: 2 * hourMs, sealMs: hourMs },
    ),
  );
});

test(
  'a record that cannot be read is named, and those around it are kept',
  withRig(async (rig) => {
    const bad = { ...logRecord([line('x', startMs)], { seq: 2 }), payload: Buffer.from('not lines') };
    const good = (seq: number): QueueRecord => logRecord([line(`good ${seq}`, startMs + seq)], { seq });
    await rig.commit(good(1), bad, good(3));
    expect(await rig.messages()).toEqual(['good 3', 'good 1']);
    expect(rig.damage.list()).toMatchObject([{ file: 'queue/logs', offset: 2 }]);
    expect(rig.store.position?.seq).toBe(3);
  }),
);

const words = fc.constantFrom(
  ...['GET', 'get', 'Reviews', 'error', '日本', 'größe', 'ÜBER', '\x01', '\x02\x03', '', ' ', ' - ', '=', '\n', 'ab'],
  ...['4bf92f3577b34da6a3ce929d0e0e4736', '4bf92f3577b34da6', 'A3CE929D0E0E4736', 'y'.repeat(300), 'z9'.repeat(20)],
);
const message = fc.array(words, { maxLength: 8 }).map((parts) => parts.join(''));
const streamOrigins = [{ pod: 'a', namespace: 'x' }, { pod: 'b', namespace: 'x' }, {}] as const;
const testRecord = fc.record({
  origin: fc.nat({ max: 2 }),
  lines: fc.array(
    fc.record({
      message,
      at: fc.nat({ max: 30 }),
      level: fc.constantFrom('unknown', 'info', 'error'),
      stream: fc.constantFrom('stdout', 'stderr'),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});
const testQuery = fc.record({
  text: message.chain((text) => fc.nat({ max: 6 }).map((cut) => text.slice(cut))),
  levels: fc.subarray(['info', 'error']),
  pod: fc.constantFrom(undefined, 'a', ''),
  stream: fc.constantFrom(undefined, 'stderr'),
  from: fc.nat({ max: 10 }),
  span: fc.nat({ max: 25 }),
  limit: fc.integer({ min: 1, max: 7 }),
});

test(
  'whatever came is found as a simple list would find it: fresh, opened again, and sealed',
  () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(testRecord, { minLength: 1, maxLength: 4 }), { maxLength: 5 }),
        testQuery,
        (commits, query) =>
          withRig(async (rig) => {
            const list: Line[] = [];
            let seq = 0;
            for (const commit of commits) {
              const records = commit.map(({ origin, lines }) => {
                seq += 1;
                const receivedAtMs = startMs + seq;
                const made = lines.map(({ message, at, level, stream }, index): TestLine => {
                  const labels = { ...streamOrigins[origin], stream };
                  const timeMs = startMs + at;
                  const time = `${new Date(timeMs).toISOString().slice(0, -1)}000000Z`;
                  list.push({ id: `${receivedAtMs}-${seq}-${index}`, time, timeMs, message, level, stream, labels });
                  return line(message, timeMs, { level, stream } as Partial<TestLine>);
                });
                return logRecord(made, { seq, receivedAtMs, origin: streamOrigins[origin] ?? {} });
              });
              await rig.commit(...records);
            }
            const { pod, stream, text } = query;
            const logQuery: LogQuery = {
              startMs: startMs + query.from,
              endMs: startMs + query.from + query.span,
              levels: query.levels,
              texts: [text],
              matchers: [
                ...(pod === undefined ? [] : [{ name: 'pod', op: '=' as const, value: pod }]),
                ...(stream === undefined ? [] : [{ name: 'stream', op: '=' as const, value: stream }]),
              ],
            };
            const meant = list.filter(
              ({ timeMs, level, labels, message: own }) =>
                timeMs >= logQuery.startMs &&
                timeMs <= logQuery.endMs &&
                (query.levels.length === 0 || query.levels.includes(level as 'info')) &&
                (pod === undefined || (labels['pod'] ?? '') === pod) &&
                (stream === undefined || labels['stream'] === stream) &&
                own.toLowerCase().includes(text.toLowerCase()),
            );
            const arrival = new Map(list.map((each, i) => [each.id, i]));
            const orderOf = ({ id }: Line): number => arrival.get(id) ?? -1;
            const newest = meant.toSorted((a, b) => b.timeMs - a.timeMs || orderOf(b) - orderOf(a));
            const check = async (): Promise<void> => {
              const found: Line[] = [];
              let before: string | undefined;
              do {
                const cursor = before === undefined ? {} : { before };
                const page = await rig.search(logQuery, { limit: query.limit, ...cursor });
                found.push(...page.lines);
                before = page.next;
              } while (before !== undefined);
              expect(found).toEqual(newest);
              const counts = await rig.ask<{ total: number }>({ kind: 'logs.counts', query: logQuery, stepMs: 7 });
              expect(counts.total).toBe(meant.length);
              const tail = await rig.tail('0-0-0', { ...logQuery, startMs: 0, endMs: 0 }, 1000);
              const within = tail.lines.filter(({ timeMs }) => timeMs >= logQuery.startMs && timeMs <= logQuery.endMs);
              expect(within).toEqual(meant);
            };
            await check();
            await rig.reopen();
            await check();
            if (list.length > 0) {
              await rig.commit(
                logRecord([line('-', startMs + 7 * hourMs)], { seq: 1000, receivedAtMs: startMs + 7 * hourMs }),
              );
              await rig.store.expire();
              if (text === '' || !'-'.includes(text)) {
                await check();
              }
            }
            expect(rig.damage.list()).toEqual([]);
          })(),
      ),
      { numRuns: 60 },
    ),
  60_000,
);
