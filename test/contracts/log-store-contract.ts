import assert from 'node:assert/strict';
import type { WriteRequest } from '../../src/contract/output.ts';
import type { Answer, LogQuery, Question, Store } from '../../src/contract/store.ts';
import { HeldClock } from '../fakes/clock.ts';
import { logRecord, type TestLine } from '../fakes/log-records.ts';
import { requestOf } from '../fakes/requests.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { within } from '../fakes/until.ts';
import { describeCases } from './describe-cases.ts';
import type { StorePlace, StoreSubject } from './store-contract.ts';
import type { Case, Exceptions } from './suite.ts';

interface Rig {
  readonly store: Store;
  readonly clock: HeldClock;
  /** Closes and opens again over the same files. */
  reopen(): Promise<Store>;
}

interface Line {
  readonly id: string;
  readonly message: string;
  readonly time: string;
  readonly timeMs: number;
  readonly level: string;
  readonly stream: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly traceId?: string;
}

const dayMs = 86_400_000;
const queue = 'queue1';
const everything: LogQuery = { startMs: 0, endMs: 4e12, matchers: [], texts: [], levels: [] };

const cases = {
  'reads lines as soon as commit resolves': (s) =>
    withStore(s, async ({ store }) => {
      await commit(store, oneRecord(1, ['a', 'b']));
      assert.deepEqual(await messages(store), ['b', 'a']);
    }),

  'keeps one copy of lines that come twice, at every commit boundary and over restarts': (s) =>
    withStore(s, async ({ store, reopen }) => {
      const requests = [1, 2, 3, 4].map((seq) => oneRecord(seq, [`${seq} a`, `${seq} b`]));
      let open = store;
      for (const [i, request] of requests.entries()) {
        await commit(open, request);
        open = await reopen();
        assert.deepEqual(await open.position('logs'), { queueId: queue, seq: i + 1 });
        for (const again of requests.slice(0, i + 1)) {
          await commit(open, again);
        }
        assert.equal((await messages(open)).length, (i + 1) * 2);
        assert.equal(await itemsIn(open), (i + 1) * 2);
      }
      assert.deepEqual((await messages(open)).toSorted(), ['1 a', '1 b', '2 a', '2 b', '3 a', '3 b', '4 a', '4 b']);
    }),

  'takes an overlapping request of lines from its first new record on': (s) =>
    withStore(s, async ({ store }) => {
      const records = [1, 2, 3].map((seq) => logRecord([line(`${seq}`, seq)], { seq, itemsBefore: seq - 1 }));
      await commit(store, requestOf(records.slice(0, 2), queue));
      await commit(store, requestOf(records.slice(1), queue));
      assert.deepEqual(await store.position('logs'), { queueId: queue, seq: 3 });
      assert.deepEqual(await messages(store), ['3', '2', '1']);
    }),

  'takes the numbers of another queue for new lines': (s) =>
    withStore(s, async ({ store }) => {
      await commit(store, oneRecord(5, ['old']));
      await commit(store, requestOf([logRecord([line('new', 9000)], { seq: 1 })], 'queue2'));
      assert.deepEqual(await messages(store), ['new', 'old']);
      assert.deepEqual(await store.position('logs'), { queueId: 'queue2', seq: 1 });
    }),

  'finds lines by label, level, text and time': (s) =>
    withStore(s, async ({ store }) => {
      const origin = { namespace: 'shop', pod: 'web-1', app: 'web' };
      const lines = [line('Checkout failed', 5, { level: 'error', stream: 'stderr' }), line('checkout done', 6)];
      await commit(store, requestOf([logRecord(lines, { seq: 1, origin })], queue));
      await commit(store, requestOf([logRecord([line('other', 7)], { seq: 2, origin: { namespace: 'b' } })], queue));
      const wanted: [Partial<LogQuery>, string[]][] = [
        [{ texts: ['CHECKOUT'] }, ['checkout done', 'Checkout failed']],
        [{ texts: ['checkout', 'fail'] }, ['Checkout failed']],
        [{ levels: ['error', 'fatal'] }, ['Checkout failed']],
        [{ matchers: [{ name: 'namespace', op: '=', value: 'shop' }] }, ['checkout done', 'Checkout failed']],
        [{ matchers: [{ name: 'pod', op: '=~', value: 'web-.*' }] }, ['checkout done', 'Checkout failed']],
        [{ matchers: [{ name: 'app', op: '!=', value: 'web' }] }, ['other']],
        [{ matchers: [{ name: 'stream', op: '!~', value: 'stdo.t' }] }, ['Checkout failed']],
        [{ startMs: baseMs + 6, endMs: baseMs + 6 }, ['checkout done']],
      ];
      for (const [query, found] of wanted) {
        assert.deepEqual(await messages(store, query), found, JSON.stringify(query));
      }
    }),

  'gives every part of a line': (s) =>
    withStore(s, async ({ store }) => {
      const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
      const message = `{"trace_id":"${traceId}","msg":"gone"}`;
      const made = line(message, 5, { level: 'warn', stream: 'stderr', nanos: 123_456n });
      const origin = { namespace: 'shop', pod: 'web-1', node: 'n1' };
      const edits = { add: { team: 'a' }, drop: ['node'] };
      await commit(store, requestOf([logRecord([made], { seq: 1, origin, edits })], queue));
      const { lines } = await search(store);
      assert.equal(lines.length, 1);
      const [{ id, ...found } = {} as Line] = lines;
      assert.ok(id.length > 0);
      assert.deepEqual(found, {
        message,
        time: '2026-11-21T12:00:00.005123456Z',
        timeMs: baseMs + 5,
        level: 'warn',
        stream: 'stderr',
        labels: { namespace: 'shop', pod: 'web-1', team: 'a', stream: 'stderr' },
        traceId,
      });
    }),

  'tells lines of equal content apart, and goes on where an answer ended': (s) =>
    withStore(s, async ({ store }) => {
      await commit(
        store,
        requestOf(
          [1, 2, 3].map((seq) => logRecord([line('same', 1), line('same', 1)], { seq })),
          queue,
        ),
      );
      const ids: string[] = [];
      let before: string | undefined;
      do {
        const page: Page = await search(store, {}, { limit: 4, ...(before === undefined ? {} : { before }) });
        ids.push(...page.lines.map(({ id }) => id));
        before = page.next;
      } while (before !== undefined && ids.length < 20);
      assert.equal(ids.length, 6);
      assert.equal(new Set(ids).size, 6);
    }),

  'tails what arrives, in the order of its arrival, once': (s) =>
    withStore(s, async ({ store }) => {
      await commit(store, oneRecord(1, ['before']));
      const begin = await tail(store);
      assert.deepEqual(begin.lines, []);
      await commit(store, oneRecord(2, ['x', 'y'], -1000));
      await commit(store, oneRecord(3, ['z'], -2000));
      const first = await tail(store, begin.next, 2);
      const second = await tail(store, first.next, 2);
      const third = await tail(store, second.next, 2);
      assert.deepEqual(
        [first, second, third].map(({ lines }) => lines.map(({ message }) => message)),
        [['x', 'y'], ['z'], []],
      );
    }),

  'counts lines per level and bucket': (s) =>
    withStore(s, async ({ store }) => {
      const lines = [
        line('a', 0, { level: 'info' }),
        line('b', 9, { level: 'error' }),
        line('c', 10, { level: 'info' }),
      ];
      await commit(store, requestOf([logRecord(lines, { seq: 1 })], queue));
      const query = { ...everything, startMs: baseMs, endMs: baseMs + 19 };
      assert.deepEqual(parsed(await ask(store, { kind: 'logs.counts', query, stepMs: 10 })), {
        startMs: baseMs,
        stepMs: 10,
        total: 3,
        levels: { info: [1, 1], error: [1, 0] },
      });
    }),

  'lists labels and their values, sorted': (s) =>
    withStore(s, async ({ store }) => {
      const record = (seq: number, pod: string) =>
        logRecord([line('a', 1)], { seq, origin: { namespace: 'shop', pod } });
      await commit(store, requestOf([record(1, 'b'), record(2, 'a')], queue));
      const range = { startMs: baseMs, endMs: baseMs + 10 };
      const ofPods: Question = { kind: 'logs.labelValues', name: 'pod', range };
      assert.deepEqual(parsed(await ask(store, { kind: 'logs.labels', range })), ['namespace', 'pod', 'stream']);
      assert.deepEqual(parsed(await ask(store, ofPods)), ['a', 'b']);
    }),

  'refuses an expression that is none': (s) =>
    withStore(s, async ({ store }) => {
      await commit(store, oneRecord(1, ['a']));
      const matchers = [{ name: 'pod', op: '=~' as const, value: '(' }];
      const asking = store.ask({ kind: 'logs.search', query: { ...everything, matchers }, limit: 1 });
      await assert.rejects(within(asking, 5_000, 'an answer'), { code: 'BRIDGE_DECODE' });
    }),

  'frees lines that are past their age, and keeps the rest': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, requestOf([logRecord([line('old', 0)], { seq: 1, receivedAtMs: clock.now() })], queue));
      await clock.advance(8 * dayMs);
      await commit(store, requestOf([logRecord([line('young', 1)], { seq: 2, receivedAtMs: clock.now() })], queue));
      assert.ok((await within(store.expire(), 5_000, 'expire')) > 0, 'bytes freed');
      assert.deepEqual(await messages(store), ['young']);
      assert.deepEqual(await store.position('logs'), { queueId: queue, seq: 2 });
    }),

  'shows a request of lines whole or not at all': (s) =>
    withStore(s, async ({ store }) => {
      const big = oneRecord(
        1,
        Array.from({ length: 500 }, (_, i) => `line ${i}`),
      );
      const writing = store.commit(big);
      const counts = await Promise.all(Array.from({ length: 50 }, async () => (await search(store)).lines.length));
      await within(writing, 5_000, 'the write');
      assert.deepEqual(
        counts.filter((count) => count !== 0 && count !== 500),
        [],
      );
      assert.equal((await search(store)).lines.length, 500);
    }),
} satisfies Record<string, (subject: StoreSubject) => Promise<void>>;

export type LogStoreCase = keyof typeof cases;

export function logStoreCases(subject: StoreSubject): readonly Case[] {
  return Object.entries(cases).map(([name, run]) => ({ name, run: () => run(subject) }));
}

/** Shows that a store that takes logs keeps contract/store.ts for them. */
export function describeLogStore(subject: StoreSubject, exceptions: Exceptions<LogStoreCase> = {}): void {
  describeCases(`store ${subject.name} keeps the contract for logs`, logStoreCases(subject), exceptions);
}

const baseMs = Date.UTC(2026, 10, 21, 12);

interface Page {
  readonly lines: readonly Line[];
  readonly next?: string;
}

function withStore(subject: StoreSubject, run: (rig: Rig) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const place: StorePlace = { dir, clock: new HeldClock(), retentionMs: 7 * dayMs };
    let store = await opened(subject, place);
    const reopen = async (): Promise<Store> => {
      await within(store.close(), 5_000, 'close');
      store = await opened(subject, place);
      return store;
    };
    try {
      await run({ store, clock: place.clock, reopen });
    } finally {
      await within(store.close(), 5_000, 'close at the end');
    }
  });
}

async function opened(subject: StoreSubject, place: StorePlace): Promise<Store> {
  const store = subject.create(place);
  await within(store.open(), 10_000, 'open');
  return store;
}

function commit(store: Store, request: WriteRequest): Promise<void> {
  return within(store.commit(request), 10_000, 'commit');
}

/** A line `atMs` after noon. */
function line(message: string, atMs: number, more: Partial<TestLine> & { nanos?: bigint } = {}): TestLine {
  const { nanos = 0n, ...rest } = more;
  return { message, timeNanos: BigInt(baseMs + atMs) * 1_000_000n + nanos, ...rest };
}

/** Lines one ms apart; a later record arrives later, whatever its lines' times. */
function oneRecord(seq: number, texts: readonly string[], atMs = seq * 1000): WriteRequest {
  const lines = texts.map((text, i) => line(text, atMs + i));
  return requestOf([logRecord(lines, { seq, receivedAtMs: baseMs + seq })], queue);
}

function ask(store: Store, question: Question): Promise<Answer> {
  return within(store.ask(question), 15_000, `an answer to ${question.kind}`);
}

function parsed<T>(answer: Answer): T {
  return JSON.parse(Buffer.from(answer.body).toString());
}

async function search(
  store: Store,
  query: Partial<LogQuery> = {},
  more: { limit?: number; before?: string } = {},
): Promise<Page> {
  return parsed(await ask(store, { kind: 'logs.search', query: { ...everything, ...query }, limit: 1000, ...more }));
}

async function messages(store: Store, query: Partial<LogQuery> = {}): Promise<string[]> {
  return (await search(store, query)).lines.map(({ message }) => message);
}

async function tail(store: Store, after?: string, limit = 10): Promise<Page & { readonly next: string }> {
  const cursor = after === undefined ? {} : { after };
  return parsed(await ask(store, { kind: 'logs.tail', query: everything, limit, ...cursor }));
}

async function itemsIn(store: Store): Promise<number> {
  const { partitions } = await store.status();
  return partitions.filter((p) => p.signal === 'logs').reduce((sum, p) => sum + p.items, 0);
}
