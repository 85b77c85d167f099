import assert from 'node:assert/strict';
import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Question, Store } from '../../src/contract/store.ts';
import type { QueueRecord } from '../../src/model/batch.ts';
import type { Series } from '../../src/model/metric.ts';
import { HeldClock } from '../fakes/clock.ts';
import { frameRecord } from '../fakes/frames.ts';
import { requestOf } from '../fakes/requests.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { within } from '../fakes/until.ts';
import { describeCases } from './describe-cases.ts';
import type { StorePlace, StoreSubject } from './store-contract.ts';
import type { Case, Exceptions } from './suite.ts';

interface Rig {
  readonly store: Store;
  readonly clock: HeldClock;
  /** Closes and opens again over the same files; `meanwhile` may touch them. */
  reopen(meanwhile?: (dir: string) => Promise<void>): Promise<Store>;
}

const dayMs = 86_400_000;
const queue = 'queue1';
const web = seriesOf('requests_total', { app: 'web', code: '200' });
const api = seriesOf('requests_total', { app: 'api', code: '503' });
const load = seriesOf('load', {});

const cases = {
  'gives back the samples that it took, their NaN and their ends, as soon as commit resolves': (s) =>
    withStore(s, async ({ store, clock }) => {
      const atMs = clock.now();
      await commit(store, frame([web, load], [3, Number.NaN], { seq: 1, timestampMs: atMs }));
      await commit(store, frame([web, load], [4, 0.1], { seq: 2, timestampMs: atMs + 1000 }));
      assert.deepEqual(await samplesOf(store, 'requests_total', atMs + 1000), [
        [atMs, '3'],
        [atMs + 1000, '4'],
      ]);
      assert.deepEqual(await samplesOf(store, 'load', atMs + 1000), [
        [atMs, 'NaN'],
        [atMs + 1000, '0.1'],
      ]);
      await commit(store, frame([web, load], [5, 7], { seq: 3, timestampMs: atMs + 2000, stale: [0] }));
      assert.deepEqual(await valuesAt(store, 'requests_total', atMs + 2000), []);
      assert.deepEqual(await valuesAt(store, 'load', atMs + 2000), ['7']);
      assert.deepEqual(await store.position('metrics'), { queueId: queue, seq: 3 });
    }),

  'keeps one copy of samples that come twice': (s) =>
    withStore(s, async ({ store, clock }) => {
      const record = frame([web, load], [1, 2], { seq: 1, timestampMs: clock.now() });
      await commit(store, record);
      await commit(store, record);
      assert.equal((await samplesOf(store, 'load', clock.now())).length, 1);
      assert.equal(await itemsIn(store), 2);
    }),

  'lets the later arrival stand where two samples have one time, in whatever order times come': (s) =>
    withStore(s, async ({ store, clock }) => {
      const atMs = clock.now();
      const sent = [
        [atMs, 1],
        [atMs + 2000, 3],
        [atMs + 1000, 2],
        [atMs + 2000, 30],
        [atMs, 10],
      ] as const;
      for (const [n, [timestampMs, value]] of sent.entries()) {
        await commit(store, frame([load], [value], { seq: n + 1, timestampMs }));
      }
      const wanted = [
        [atMs, '10'],
        [atMs + 1000, '2'],
        [atMs + 2000, '30'],
      ];
      assert.deepEqual(await samplesOf(store, 'load', atMs + 2000), wanted);
    }),

  'finds series by every kind of matcher': (s) =>
    withStore(s, async ({ store, clock }) => {
      await commit(store, frame([web, api, load], [1, 2, 3], { seq: 1, timestampMs: clock.now() }));
      const wanted: Readonly<Record<string, readonly string[]>> = {
        'requests_total{app="web"}': ['1'],
        'requests_total{app!="web"}': ['2'],
        'requests_total{code=~"5.."}': ['2'],
        'requests_total{code=~"5"}': [],
        'requests_total{code!~"5.."}': ['1'],
        '{__name__=~".+",app=""}': ['3'],
        '{app=~"web|api"}': ['1', '2'],
      };
      for (const [query, values] of Object.entries(wanted)) {
        assert.deepEqual((await valuesAt(store, query, clock.now())).sort(), values, query);
      }
    }),

  'lists label names, values and series, sorted, of the selectors and the range': (s) =>
    withStore(s, async ({ store, clock }) => {
      const atMs = clock.now();
      await commit(store, frame([web, api, load], [1, 2, 3], { seq: 1, timestampMs: atMs }));
      const query = (...selectors: string[]) => ({ startMs: atMs - 1000, endMs: atMs, selectors, limit: 0 });
      const ask = <T>(question: Question): Promise<T> => asked<T>(store, question);
      assert.deepEqual(await ask({ kind: 'prom.labels', query: query() }), ['__name__', 'app', 'code']);
      assert.deepEqual(await ask({ kind: 'prom.labelValues', name: 'app', query: query() }), ['api', 'web']);
      assert.deepEqual(await ask({ kind: 'prom.labelValues', name: 'app', query: query('{code="503"}') }), ['api']);
      const listed = await ask({ kind: 'prom.series', query: query('load', '{app="api"}') });
      assert.deepEqual(listed, [{ __name__: 'load' }, { __name__: 'requests_total', app: 'api', code: '503' }]);
      const later = { ...query(), startMs: atMs + dayMs, endMs: atMs + 2 * dayMs };
      assert.deepEqual(await ask({ kind: 'prom.labels', query: later }), []);
      const catalogue = await ask<{ name: string; series: number }[]>({ kind: 'metrics.catalogue', range: query() });
      assert.deepEqual(
        catalogue.map(({ name, series }) => [name, series]),
        [
          ['load', 1],
          ['requests_total', 2],
        ],
      );
    }),

  'refuses a query that is none': (s) =>
    withStore(s, async ({ store, clock }) => {
      const wrong = store.ask({ kind: 'prom.query', query: 'sum(', timeMs: clock.now() });
      await assert.rejects(within(wrong, 5_000, 'an answer'), { code: 'BRIDGE_DECODE' });
    }),

  'has samples and position when it is opened again': (s) =>
    withStore(s, async ({ store, clock, reopen }) => {
      await commit(store, frame([web, load], [1, 2], { seq: 4, timestampMs: clock.now() }));
      const again = await reopen();
      assert.deepEqual(await again.position('metrics'), { queueId: queue, seq: 4 });
      assert.deepEqual(await valuesAt(again, 'load', clock.now()), ['2']);
    }),

  'cuts a torn last write of samples, and takes it again': (s) =>
    withStore(s, async ({ store, clock, reopen }) => {
      const atMs = clock.now();
      const second = frame([web, load], [3, 4], { seq: 2, timestampMs: atMs + 1000 });
      await commit(store, frame([web, load], [1, 2], { seq: 1, timestampMs: atMs }));
      await commit(store, second);
      const again = await reopen(s.tear ?? tearNewest);
      assert.deepEqual(await again.position('metrics'), { queueId: queue, seq: 1 }, 'where delivery must go on');
      assert.deepEqual(await samplesOf(again, 'load', atMs + 1000), [[atMs, '2']]);
      await commit(again, second);
      assert.deepEqual(await samplesOf(again, 'load', atMs + 1000), [
        [atMs, '2'],
        [atMs + 1000, '4'],
      ]);
      assert.equal(await itemsIn(again), 4);
    }),

  'frees samples that are past their age, and keeps the rest': (s) =>
    withStore(s, async ({ store, clock }) => {
      const oldMs = clock.now();
      await commit(store, frame([load], [1], { seq: 1, timestampMs: oldMs }));
      assert.equal(await within(store.expire(), 5_000, 'expire'), 0, 'bytes freed while all is young');
      await clock.advance(8 * dayMs);
      await commit(store, frame([load], [2], { seq: 2, timestampMs: clock.now() }));
      assert.ok((await within(store.expire(), 5_000, 'expire')) > 0, 'bytes freed');
      assert.deepEqual(await samplesOf(store, 'load', clock.now()), [[clock.now(), '2']]);
      assert.deepEqual(await store.position('metrics'), { queueId: queue, seq: 2 });
    }),
} satisfies Record<string, (subject: StoreSubject) => Promise<void>>;

export type MetricStoreCase = keyof typeof cases;

export function metricStoreCases(subject: StoreSubject): readonly Case[] {
  return Object.entries(cases).map(([name, run]) => ({ name, run: () => run(subject) }));
}

/** Shows that a store that takes metrics keeps contract/store.ts. */
export function describeMetricStore(subject: StoreSubject, exceptions: Exceptions<MetricStoreCase> = {}): void {
  describeCases(`store ${subject.name} of metrics keeps the contract`, metricStoreCases(subject), exceptions);
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

/** Cuts the end off the file that was written last. */
async function tearNewest(dir: string): Promise<void> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = await Promise.all(paths.map(async (path) => ({ path, ...(await stat(path)) })));
  const newest = files.filter(({ size }) => size > 5).sort((a, b) => b.mtimeMs - a.mtimeMs)[0];
  assert.ok(newest !== undefined, 'the store wrote a file');
  await truncate(newest.path, newest.size - 5);
}

function seriesOf(name: string, labels: Readonly<Record<string, string>>): Series {
  return { name, labels: Object.entries(labels), type: 'gauge', measurement: 'm', field: name };
}

const frame = frameRecord;

function commit(store: Store, record: QueueRecord): Promise<void> {
  return within(store.commit(requestOf([record], queue)), 10_000, 'commit');
}

async function asked<T>(store: Store, question: Question): Promise<T> {
  const { body } = await within(store.ask(question), 15_000, `an answer to ${question.kind}`);
  return JSON.parse(Buffer.from(body).toString());
}

interface Result {
  readonly result: readonly {
    readonly value?: readonly [seconds: number, value: string];
    readonly values?: readonly (readonly [seconds: number, value: string])[];
  }[];
}

/** Times in ms and values of the one series that the selector finds, all up to `timeMs`. */
async function samplesOf(store: Store, selector: string, timeMs: number): Promise<(readonly [number, string])[]> {
  const { result } = await asked<Result>(store, { kind: 'prom.query', query: `${selector}[30d]`, timeMs });
  return (result[0]?.values ?? []).map(([seconds, value]) => [seconds * 1000, value]);
}

async function valuesAt(store: Store, query: string, timeMs: number): Promise<string[]> {
  const { result } = await asked<Result>(store, { kind: 'prom.query', query, timeMs });
  return result.map(({ value }) => value?.[1] ?? '');
}

async function itemsIn(store: Store): Promise<number> {
  const { partitions } = await store.status();
  return partitions.filter(({ signal }) => signal === 'metrics').reduce((sum, { items }) => sum + items, 0);
}
