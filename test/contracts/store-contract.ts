import assert from 'node:assert/strict';
import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { WriteRequest } from '../../src/contract/output.ts';
import type { Answer, Question, Store, TraceQuery } from '../../src/contract/store.ts';
import type { Span } from '../../src/model/span.ts';
import { HeldClock } from '../fakes/clock.ts';
import { requestOf, spanRecord } from '../fakes/requests.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { within } from '../fakes/until.ts';
import { describeCases } from './describe-cases.ts';
import type { Case, Exceptions } from './suite.ts';

export interface StorePlace {
  readonly dir: string;
  readonly clock: HeldClock;
  readonly retentionMs: number;
}

export interface StoreSubject {
  readonly name: string;
  /** A store over that directory, not opened yet. */
  create(place: StorePlace): Store;
  /** Damages the last write as a power cut would. Default: cuts the end off the file that was written last. */
  tear?(dir: string): Promise<void>;
}

interface Rig {
  readonly store: Store;
  readonly clock: HeldClock;
  /** Closes and opens again over the same files; `meanwhile` may touch them. */
  reopen(meanwhile?: (dir: string) => Promise<void>): Promise<Store>;
}

const dayMs = 86_400_000;
const queue = 'queue1';

const cases = {
  'reads what it wrote as soon as commit resolves': (s) =>
    withStore(s, async ({ store, clock }) => {
      const spans = trace(1, 3, clock.now());
      await commit(store, oneRecord(1, spans));
      assert.deepEqual(await readTrace(store, 1), spans);
    }),

  'finds a trace by its padded id, and by its short one': (s) =>
    withStore(s, async ({ store, clock }) => {
      const spans = trace(7, 1, clock.now());
      await commit(store, oneRecord(1, spans));
      for (const traceId of ['7', traceIdOf(7).padStart(32, '0')]) {
        assert.equal((await ask(store, { kind: 'zipkin.trace', traceId })).count > 0, true, traceId);
      }
    }),

  'keeps one copy of a request that comes twice': (s) =>
    withStore(s, async ({ store, clock }) => {
      const spans = trace(1, 3, clock.now());
      await commit(store, oneRecord(1, spans));
      await commit(store, oneRecord(1, spans));
      assert.deepEqual(await readTrace(store, 1), spans);
      assert.equal(await itemsIn(store), 3);
    }),

  'takes an overlapping request from its first new record on': (s) =>
    withStore(s, async ({ store, clock }) => {
      const records = [1, 2, 3].map((n) => spanRecord(trace(n, 2, clock.now()), { seq: n, itemsBefore: (n - 1) * 2 }));
      await commit(store, requestOf(records.slice(0, 2), queue));
      await commit(store, requestOf(records.slice(1), queue));
      assert.deepEqual(await store.position('traces'), { queueId: queue, seq: 3 });
      assert.equal(await itemsIn(store), 6);
      for (const n of [1, 2, 3]) {
        assert.equal((await readTrace(store, n)).length, 2, `spans of trace ${n}`);
      }
    }),

  'takes the numbers of another queue for new records': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, oneRecord(5, trace(1, 1, clock.now())));
      const other = requestOf([spanRecord(trace(2, 1, clock.now()), { seq: 1 })], 'queue2');
      await commit(store, other);
      assert.equal((await readTrace(store, 2)).length, 1);
      assert.deepEqual(await store.position('traces'), { queueId: 'queue2', seq: 1 });
    }),

  'has no position before its first request': (s) =>
    withStore(s, async ({ store }) => {
      assert.equal(await store.position('traces'), undefined);
    }),

  'answers nothing for an unknown id': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, oneRecord(1, trace(1, 1, clock.now())));
      assert.equal((await ask(store, { kind: 'zipkin.trace', traceId: 'deadbeef' })).count, 0);
    }),

  'rejects a question that it does not know': (s) =>
    withStore(s, async ({ store }) => {
      const odd = { kind: 'zipkin.weather' } as unknown as Question;
      await assert.rejects(within(store.ask(odd), 5_000, 'an answer'), { code: 'BRIDGE_NOT_FOUND' });
    }),

  'ends a question with the reason of its signal': (s) =>
    withStore(s, async ({ store }) => {
      const reason = new Error('the caller went away');
      const asking = store.ask({ kind: 'zipkin.services' }, AbortSignal.abort(reason));
      await assert.rejects(within(asking, 5_000, 'an aborted question'), (error) => error === reason);
    }),

  'includes both edges of a time range': (s) =>
    withStore(s, async ({ store, clock }) => {
      const atMs = clock.now() - 60_000;
      await commit(store, oneRecord(1, trace(1, 1, atMs)));
      const found = async (endTsMs: number, lookbackMs: number): Promise<number> =>
        (await search(store, { endTsMs, lookbackMs })).length;
      assert.equal(await found(atMs, 1_000), 1, 'a trace at the end of the range');
      assert.equal(await found(atMs + 1_000, 1_000), 1, 'a trace at the beginning of the range');
      assert.equal(await found(atMs - 1, 1_000), 0, 'a trace just after the range');
      assert.equal(await found(atMs + 1_001, 1_000), 0, 'a trace just before the range');
    }),

  'finds the newest up to the limit': (s) =>
    withStore(s, async ({ store, clock }) => {
      const records = [1, 2, 3, 4, 5].map((n) =>
        spanRecord(trace(n, 1, clock.now() - (10 - n) * 1_000), { seq: n, itemsBefore: n - 1 }),
      );
      await commit(store, requestOf(records, queue));
      const found = await search(store, { endTsMs: clock.now(), lookbackMs: dayMs, limit: 2 });
      assert.deepEqual(
        found.map((spans) => spans[0]?.traceId),
        [traceIdOf(5), traceIdOf(4)],
      );
    }),

  'finds by service, span name, tag, duration and remote service': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, oneRecord(1, [...trace(1, 2, clock.now()), ...odd(2, clock.now())]));
      const range = { endTsMs: clock.now() + 1_000, lookbackMs: dayMs };
      const wanted: Partial<TraceQuery>[] = [
        { serviceName: 'odd' },
        { spanName: 'post /odd' },
        { annotations: [{ key: 'error', value: 'boom' }] },
        { annotations: [{ key: 'error' }] },
        { minDurationMicros: 900_000 },
        { serviceName: 'odd', remoteServiceName: 'database' },
      ];
      for (const query of wanted) {
        const found = await search(store, { ...range, ...query });
        assert.deepEqual(
          found.map((spans) => spans[0]?.traceId),
          [traceIdOf(2)],
          JSON.stringify(query),
        );
      }
    }),

  'lists services and span names, sorted': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, oneRecord(1, [...trace(1, 2, clock.now()), ...odd(2, clock.now())]));
      assert.deepEqual(await names(store, { kind: 'zipkin.services' }), ['odd', 'service-1']);
      assert.deepEqual(await names(store, { kind: 'zipkin.spans', serviceName: 'odd' }), ['post /odd']);
      assert.deepEqual(await names(store, { kind: 'zipkin.remoteServices', serviceName: 'odd' }), ['database']);
    }),

  'has data and position when it is opened again': (s) =>
    withStore(s, async ({ store, clock, reopen }) => {
      const spans = trace(1, 3, clock.now());
      await commit(store, oneRecord(4, spans));
      const again = await reopen();
      assert.deepEqual(await again.position('traces'), { queueId: queue, seq: 4 });
      assert.deepEqual(await readTrace(again, 1), spans);
      assert.deepEqual(await names(again, { kind: 'zipkin.services' }), ['service-1']);
    }),

  'cuts a torn last write, and takes it again': (s) =>
    withStore(s, async ({ store, clock, reopen }) => {
      await commit(store, oneRecord(1, trace(1, 3, clock.now())));
      await commit(store, oneRecord(2, trace(2, 3, clock.now())));
      const again = await reopen(s.tear ?? tearNewest);
      const position = await again.position('traces');
      assert.deepEqual(position, { queueId: queue, seq: 1 }, 'where delivery must go on');
      assert.equal((await readTrace(again, 1)).length, 3, 'spans of the whole write');
      assert.equal((await readTrace(again, 2)).length, 0, 'spans of the torn write');
      await commit(again, oneRecord(2, trace(2, 3, clock.now())));
      assert.deepEqual(await readTrace(again, 2), trace(2, 3, clock.now()));
      assert.equal(await itemsIn(again), 6);
    }),

  'frees what is past its age, and keeps the rest': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, oneRecord(1, trace(1, 3, clock.now()), clock.now()));
      assert.equal(await within(store.expire(), 5_000, 'expire'), 0, 'bytes freed while all is young');
      await clock.advance(8 * dayMs);
      await commit(store, oneRecord(2, trace(2, 3, clock.now()), clock.now()));
      assert.ok((await within(store.expire(), 5_000, 'expire')) > 0, 'bytes freed');
      assert.equal((await readTrace(store, 1)).length, 0, 'spans of the old trace');
      assert.equal((await readTrace(store, 2)).length, 3, 'spans of the young trace');
      assert.deepEqual(await store.position('traces'), { queueId: queue, seq: 2 });
    }),

  'answers 1,000 questions at once during a write, and shows a request whole or not at all': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, oneRecord(1, trace(1, 3, clock.now())));
      const big = trace(2, 500, clock.now());
      const writing = store.commit(oneRecord(2, big));
      const reading = Array.from({ length: 1_000 }, (_, i) => readTrace(store, 1 + (i % 2)));
      const read = await within(Promise.all(reading), 15_000, '1,000 answers');
      await within(writing, 5_000, 'the write');
      const lengths = (rest: number): number[] => [
        ...new Set(read.filter((_, i) => i % 2 === rest).map((r) => r.length)),
      ];
      assert.deepEqual(lengths(0), [3], 'spans of the trace that was there');
      assert.deepEqual(
        lengths(1).filter((length) => length !== 0 && length !== 500),
        [],
        'spans of the trace being written',
      );
      assert.equal((await readTrace(store, 2)).length, 500);
    }),

  'is well after opening, and names no damage': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, oneRecord(1, trace(1, 1, clock.now())));
      assert.deepEqual(await within(store.check(), 5_000, 'check'), { ok: true });
      assert.deepEqual((await store.status()).damage, []);
    }),
} satisfies Record<string, (subject: StoreSubject) => Promise<void>>;

export type StoreCase = keyof typeof cases;

export function storeCases(subject: StoreSubject): readonly Case[] {
  return Object.entries(cases).map(([name, run]) => ({ name, run: () => run(subject) }));
}

/** Shows that a store keeps contract/store.ts. */
export function describeStore(subject: StoreSubject, exceptions: Exceptions<StoreCase> = {}): void {
  describeCases(`store ${subject.name} keeps the contract`, storeCases(subject), exceptions);
}

function withStore(subject: StoreSubject, run: (rig: Rig) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const place: StorePlace = { dir, clock: new HeldClock(), retentionMs: 7 * dayMs };
    let store = await opened(subject, place);
    const reopen = async (meanwhile?: (path: string) => Promise<void>): Promise<Store> => {
      await within(store.close(), 5_000, 'close');
      await meanwhile?.(dir);
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

async function tearNewest(dir: string): Promise<void> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const { size, mtimeMs } = await stat(path);
        return { path, size, mtimeMs };
      }),
  );
  const newest = files.filter((file) => file.size > 5).sort((a, b) => b.mtimeMs - a.mtimeMs)[0];
  assert.ok(newest !== undefined, 'the store wrote a file');
  await truncate(newest.path, newest.size - 5);
}

function commit(store: Store, request: WriteRequest): Promise<void> {
  return within(store.commit(request), 10_000, 'commit');
}

function oneRecord(seq: number, spans: readonly Span[], receivedAtMs?: number): WriteRequest {
  return requestOf([spanRecord(spans, receivedAtMs === undefined ? { seq } : { seq, receivedAtMs })], queue);
}

function ask(store: Store, question: Question): Promise<Answer> {
  return within(store.ask(question), 15_000, `an answer to ${question.kind}`);
}

function parsed<T>(answer: Answer): T {
  return JSON.parse(Buffer.from(answer.body).toString());
}

async function readTrace(store: Store, n: number): Promise<readonly Span[]> {
  const answer = await ask(store, { kind: 'zipkin.trace', traceId: traceIdOf(n) });
  return answer.count === 0 ? [] : parsed<readonly Span[]>(answer);
}

async function search(
  store: Store,
  query: Partial<TraceQuery> & Pick<TraceQuery, 'endTsMs' | 'lookbackMs'>,
): Promise<readonly (readonly Span[])[]> {
  return parsed(await ask(store, { kind: 'zipkin.traces', query: { annotations: [], limit: 10, ...query } }));
}

async function names(store: Store, question: Question): Promise<readonly string[]> {
  return parsed(await ask(store, question));
}

async function itemsIn(store: Store): Promise<number> {
  const { partitions } = await store.status();
  return partitions.filter((p) => p.signal === 'traces').reduce((sum, p) => sum + p.items, 0);
}

function traceIdOf(n: number): string {
  return n.toString(16).padStart(16, '0');
}

/** Spans in order of time: a root and its children, one service. */
function trace(n: number, spans: number, startMs: number): Span[] {
  return Array.from({ length: spans }, (_, i) => ({
    traceId: traceIdOf(n),
    ...(i === 0 ? {} : { parentId: spanIdOf(n, 0) }),
    id: spanIdOf(n, i),
    kind: 'SERVER',
    name: `get /${n}`,
    timestamp: startMs * 1_000 + i,
    duration: 1_000 + i,
    localEndpoint: { serviceName: `service-${n}`, ipv4: '10.0.0.1', port: 8080 },
    tags: { 'http.method': 'GET', n: String(n) },
  }));
}

function odd(n: number, startMs: number): Span[] {
  return [
    {
      traceId: traceIdOf(n),
      id: spanIdOf(n, 0),
      kind: 'CLIENT',
      name: 'post /odd',
      timestamp: startMs * 1_000,
      duration: 1_000_000,
      localEndpoint: { serviceName: 'odd' },
      remoteEndpoint: { serviceName: 'database' },
      tags: { error: 'boom' },
    },
  ];
}

function spanIdOf(n: number, i: number): string {
  return (n * 4096 + i + 1).toString(16).padStart(16, '0');
}
