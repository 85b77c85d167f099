import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HeldClock } from '../../../../test/fakes/clock.ts';
import { inTempDir } from '../../../../test/fakes/temp-dir.ts';
import { decodeLineProtocol } from '../../../codec/line-protocol/parse.ts';
import { encodeRumPoints } from '../../../codec/rum-points/rum-points.ts';
import type { LabelMatcher, Question, RumQuery } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import type { FieldValue, RumPoint } from '../../../model/rum.ts';
import { DamageBook } from '../damage-book.ts';
import { Slice } from '../slice.ts';
import { PageBuilder, PointPage } from './point-page.ts';
import { RumStore, type RumStoreOptions } from './rum-store.ts';
import { SampledMap } from './sampled-map.ts';
import { Sketch } from './sketch.ts';

const startMs = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;
const calm = { clear: async () => {} };
const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

class Rig {
  readonly clock = new HeldClock();
  readonly damage = new DamageBook();
  readonly dir: string;
  readonly #options: Partial<RumStoreOptions>;
  store: RumStore;
  #seq = 0;

  constructor(dir: string, options: Partial<RumStoreOptions> = {}) {
    this.dir = join(dir, 'rum');
    this.#options = options;
    this.store = this.#create();
  }

  #create(): RumStore {
    return new RumStore({
      dir: this.dir,
      retentionMs: 7 * 24 * hourMs,
      sealBytes: 128 * 1024 * 1024,
      sealMs: 6 * hourMs,
      clock: this.clock,
      damage: this.damage,
      ...this.#options,
    });
  }

  /** One commit of one record. */
  async add(points: readonly RumPoint[], receivedAtMs = startMs, seq = ++this.#seq): Promise<void> {
    this.store.append('queue1', [recordOf(points, { seq, receivedAtMs })]);
    await this.store.flush();
  }

  async reopen(meanwhile: () => void = () => {}): Promise<void> {
    await this.store.close();
    meanwhile();
    this.store = this.#create();
    await this.store.open();
  }

  async ask<T>(question: Question): Promise<T> {
    const answer = await this.store.answer(question, new Slice(calm));
    return JSON.parse(Buffer.from(answer?.body ?? '').toString());
  }

  /** Page by page, newest first. */
  async points(query: Partial<RumQuery> = {}, limit = 1000): Promise<Listed[]> {
    const all: Listed[] = [];
    for (let before: string | undefined = ''; before !== undefined; ) {
      const cursor: object = before === '' ? {} : { before };
      const question: Question = { kind: 'rum.points', query: { ...everything, ...query }, limit, ...cursor };
      const answer: { points: Listed[]; next?: string } = await this.ask(question);
      all.push(...answer.points);
      before = answer.next;
    }
    return all;
  }

  async ids(query: Partial<RumQuery> = {}, limit?: number): Promise<string[]> {
    return (await this.points(query, limit)).map(({ tags }) => tags['n'] ?? '');
  }
}

interface Listed {
  readonly measurement: string;
  readonly timeMs: number;
  readonly time: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

const everything: RumQuery = { startMs: 0, endMs: 4e12, matchers: [] };

function is(name: string, value: string): LabelMatcher {
  return { name, op: '=', value };
}

function recordOf(points: readonly RumPoint[], more: Partial<QueueRecord> & { seq: number }): QueueRecord {
  return {
    signal: 'rum',
    format: 'rum-points',
    receivedAtMs: startMs,
    items: points.length,
    cumItems: more.seq * 10,
    origin: {},
    payload: encodeRumPoints(points),
    ...more,
  };
}

function point(measurement: string, atMs: number, tags: object = {}, fields: object = { f: 1 }): RumPoint {
  return {
    measurement,
    timeNanos: BigInt(atMs) * 1_000_000n,
    tags: { app_id: 'shop', ...tags },
    fields: { ...fields },
  };
}

function withRig(run: (rig: Rig) => Promise<void>, options: Partial<RumStoreOptions> = {}): () => Promise<void> {
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
  await rig.add([point('telemetry', startMs + 7 * hourMs, { n: 'last' })], startMs + 7 * hourMs);
  await rig.store.expire();
  expect(rig.store.partitions.map(({ sealed }) => sealed)).toEqual([true, false]);
}

describe('points', () => {
  test(
    'are given back as they came',
    withRig(async (rig) => {
      const sent = decodeLineProtocol(readFileSync(join(samples, 'rum/line-protocol.txt')), {
        precision: 'ms',
        nowNanos: 0n,
      });
      await rig.add(sent);
      const wanted = sent.map(({ measurement, tags, fields, timeNanos }) => ({
        measurement,
        timeMs: Number(timeNanos / 1_000_000n),
        time: String(timeNanos),
        tags,
        fields,
      }));
      const byTime = (a: Listed, b: Listed) => b.timeMs - a.timeMs;
      expect(await rig.points()).toEqual(wanted.toReversed().sort(byTime));
    }),
  );

  test('of any shape survive a page', () => {
    const value = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    );
    const key = fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'view_id'), fc.string());
    const any = fc.record({
      measurement: fc.string(),
      tags: fc.dictionary(key, fc.string()),
      fields: fc.dictionary(key, value),
      timeNanos: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
    });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 30 }), (points) => {
        const builder = new PageBuilder();
        for (const [index, one] of points.entries()) {
          builder.add({ point: one, seq: 1 + (index >> 2), index: index % 4, arrivedMs: startMs });
        }
        const page = new PointPage(builder.finish());
        const read = [...page.placed()];
        expect(
          read.map(({ point: { tags, fields, ...rest } }) => [
            rest,
            Object.entries(tags).sort(),
            Object.entries(fields).sort(),
          ]),
        ).toEqual(
          points.map(({ tags, fields, ...rest }) => [rest, Object.entries(tags).sort(), Object.entries(fields).sort()]),
        );
        expect(read.map(({ seq, index }) => seq * 4 + index)).toEqual(points.map((_, i) => 4 + i));
      }),
      { numRuns: 200 },
    );
  });

  test(
    'are listed page by page, newest first, also where many have one time',
    withRig(async (rig) => {
      for (let n = 0; n < 30; n++) {
        await rig.add([point('action', startMs + (n % 3), { n: `${n}a` }), point('action', startMs, { n: `${n}b` })]);
      }
      const all = await rig.ids();
      expect(new Set(all).size).toBe(60);
      for (const limit of [1, 7, 60]) {
        expect(await rig.ids({}, limit)).toEqual(all);
      }
      const times = (await rig.points()).map(({ timeMs }) => timeMs);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
    }),
  );

  test(
    'are found by time, kind, view, tag, field and expression',
    withRig(async (rig) => {
      await rig.add([
        point('view', startMs, { n: '1', view_id: 'v1', view_name: '/home' }),
        point('error', startMs + 5, { n: '2', view_path_group: '/cart' }, { error_message: 'no' }),
        point('resource', startMs + 9, { n: '3', trace_id: 'abc' }, { status: 500 }),
      ]);
      const find = (...matchers: LabelMatcher[]) => rig.ids({ matchers });
      expect(await rig.ids({ startMs: startMs + 1, endMs: startMs + 5 })).toEqual(['2']);
      expect(await find(is('kind', 'view'))).toEqual(['1']);
      expect(await find(is('view', '/cart'))).toEqual(['2']);
      expect(await find(is('trace_id', 'abc'))).toEqual(['3']);
      expect(await find(is('trace_id', 'abd'))).toEqual([]);
      expect(await find(is('status', '500'))).toEqual(['3']);
      expect(await find({ name: 'view', op: '=~', value: '/.*' })).toEqual(['2', '1']);
      expect(await find({ name: 'error_message', op: '!=', value: '' })).toEqual(['2']);
      await expect(find({ name: 'view', op: '=~', value: '(' })).rejects.toThrow('no regular expression');
      expect(await rig.ask({ kind: 'rum.values', name: 'view', query: everything, limit: 9 })).toEqual([
        '/cart',
        '/home',
      ]);
    }),
  );
});

describe('a store', () => {
  test(
    'keeps one copy of what comes twice, over restarts',
    withRig(async (rig) => {
      for (let seq = 1; seq <= 4; seq++) {
        await rig.add([point('view', startMs + seq, { n: String(seq) })], startMs, seq);
        await rig.reopen();
        expect(rig.store.position).toEqual({ queueId: 'queue1', seq, cumItems: seq * 10 });
        for (let again = 1; again <= seq; again++) {
          await rig.add([point('view', startMs, { n: 'again' })], startMs, again);
        }
        expect(await rig.ids()).toHaveLength(seq);
      }
      expect(await rig.ids()).toEqual(['4', '3', '2', '1']);
    }),
  );

  test(
    'takes again what a torn commit lost, and only that',
    withRig(async (rig) => {
      await rig.add([point('view', startMs, { n: '1' })]);
      await rig.add([point('view', startMs + 1, { n: '2' })]);
      const path = rig.store.partitions[0]?.blocksPath ?? '';
      await rig.reopen(() => truncateSync(path, readFileSync(path).length - 100));
      expect(rig.store.position?.seq).toBe(1);
      await rig.add([point('view', startMs + 1, { n: '2' })], startMs, 2);
      expect(await rig.ids()).toEqual(['2', '1']);
      expect(rig.damage.list()).toEqual([]);
    }),
  );

  test(
    'does not take what is intact twice where a part of a commit is bitten',
    withRig(async (rig) => {
      const points = Array.from({ length: 3000 }, (_, i) => point('action', startMs + i, { n: String(i) }));
      await rig.add(points);
      const { blocksPath } = rig.store.partitions[0] ?? { blocksPath: '' };
      const second = rig.store.partitions[0]?.blocks()[1];
      await rig.reopen(() => {
        const bytes = readFileSync(blocksPath);
        const at = (second?.place.offset ?? 0) + 20 + (second?.place.headerBytes ?? 0) + 50;
        bytes[at] = (bytes[at] ?? 0) ^ 0xff;
        writeFileSync(blocksPath, bytes);
      });
      expect(rig.damage.list()).toHaveLength(1);
      await rig.add(points, startMs, 1);
      const ids = await rig.ids();
      expect([ids.length, new Set(ids).size]).toEqual([3000, 3000]);
    }),
  );

  test(
    'names a record that it cannot read, and goes on',
    withRig(async (rig) => {
      rig.store.append('queue1', [recordOf([], { seq: 1, payload: Buffer.from('{'), items: 3 })]);
      rig.store.append('queue1', [recordOf([point('view', startMs, { n: '1' })], { seq: 2 })]);
      await rig.store.flush();
      expect(await rig.ids()).toEqual(['1']);
      expect(rig.damage.list()).toMatchObject([{ file: 'queue/rum', reason: expect.stringContaining('3 points') }]);
    }),
  );

  test(
    'seals a partition with its small blocks packed anew, and reads it as before',
    withRig(async (rig) => {
      for (let n = 0; n < 300; n++) {
        await rig.add([point('view', startMs + n, { n: String(n), session_id: `s${n % 7}` })], startMs + n);
      }
      const before = await rig.ids();
      const bytes = rig.store.partitions[0]?.bytes ?? 0;
      await sealAll(rig);
      const [sealed] = rig.store.partitions;
      expect(readdirSync(sealed?.dir ?? '').sort()).toEqual(['blocks-1.rec', 'index']);
      expect(sealed?.blocks()).toHaveLength(1);
      expect(sealed?.bytes ?? 0).toBeLessThan(bytes / 4);
      expect((await rig.ids()).slice(1)).toEqual(before);
      await rig.reopen();
      expect((await rig.ids()).slice(1)).toEqual(before);
      expect(await rig.ids({ matchers: [is('session_id', 's3')] })).toHaveLength(43);
      expect(rig.damage.list()).toEqual([]);
    }),
  );

  test(
    'looks through the blocks where the index is damaged, and names that',
    withRig(async (rig) => {
      await rig.add([point('view', startMs, { n: '1' })]);
      await sealAll(rig);
      const path = rig.store.partitions[0]?.indexPath ?? '';
      await rig.reopen(() => {
        const bytes = readFileSync(path);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        writeFileSync(path, bytes);
      });
      expect(await rig.ids()).toEqual(['last', '1']);
      expect(rig.damage.list()).toMatchObject([{ file: path, reason: expect.stringContaining('rebuilt') }]);
    }),
  );

  test(
    'unlinks what is past the retention',
    withRig(async (rig) => {
      await rig.add([point('view', startMs, { n: '1' })]);
      await sealAll(rig);
      await rig.clock.advance(startMs + 8 * 24 * hourMs - rig.clock.now());
      await rig.store.expire();
      expect(await rig.ids({ endMs: startMs + hourMs })).toEqual([]);
    }),
  );
});

describe('the overview', () => {
  interface Overview {
    readonly totals: object;
    readonly exact: boolean;
    readonly series: { readonly views: number[]; readonly errors: number[] };
    readonly vitals: Record<string, object>;
    readonly facets: Record<string, object[]>;
  }

  const ask = (rig: Rig, query: Partial<RumQuery> = {}) =>
    rig.ask<Overview>({
      kind: 'rum.overview',
      query: { startMs, endMs: startMs + 59_999, matchers: [], ...query },
      stepMs: 20_000,
    });

  test(
    'counts views once, by their last version, and sessions and users by their ids',
    withRig(async (rig) => {
      const who = { session_id: 's1', userid: 'u1', browser: 'Chrome' };
      const view = { ...who, view_id: 'v1', view_name: '/home' };
      await rig.add([point('view', startMs, view, { time_spent: 1e9, largest_contentful_paint: 1e9 })]);
      await rig.add([
        point('view', startMs, view, { time_spent: 3e9, largest_contentful_paint: 3e9, first_byte: '5e8' }),
      ]);
      await rig.add([
        point('view', startMs + 25_000, { ...view, view_id: 'v2', browser: 'Safari' }, { time_spent: 1e9 }),
        point('error', startMs + 26_000, { ...who, session_id: 's2', userid: 'u2' }),
        point('resource', startMs + 26_000, who),
        point('long_task', startMs + 26_000, who),
        point('action', startMs + 26_000, who),
        point('view', startMs + 60_000, { ...view, view_id: 'too late' }),
      ]);
      const overview = await ask(rig);
      expect(overview.totals).toEqual({
        points: 7,
        views: 2,
        sessions: 2,
        users: 2,
        errors: 1,
        resources: 1,
        actions: 1,
        longTasks: 1,
        timeSpentMs: 2000,
      });
      expect(overview.exact).toBe(true);
      expect(overview.series).toEqual({ views: [1, 1, 0], errors: [0, 1, 0] });
      expect(overview.vitals['lcp']).toEqual({
        count: 1,
        p50: 3000,
        p75: 3000,
        p90: 3000,
        p99: 3000,
        good: 0,
        fair: 1,
        poor: 0,
      });
      expect(overview.vitals['ttfb']).toMatchObject({ count: 1, p75: 500, good: 1 });
      expect(overview.vitals['cls']).toEqual({ count: 0, good: 0, fair: 0, poor: 0 });
      expect(overview.facets['browser']).toEqual([
        { value: 'Chrome', views: 1 },
        { value: 'Safari', views: 1 },
      ]);
      expect((await ask(rig, { matchers: [is('browser', 'Safari')] })).totals).toMatchObject({ views: 1, errors: 0 });
    }),
  );

  test(
    'has percentiles of all views',
    withRig(async (rig) => {
      const views = Array.from({ length: 100 }, (_, i) =>
        point('view', startMs + i, { view_id: `v${i}` }, { cumulative_layout_shift: (i + 1) / 100 }),
      );
      await rig.add(views);
      expect((await ask(rig)).vitals['cls']).toEqual({
        count: 100,
        p50: 0.5,
        p75: 0.75,
        p90: 0.9,
        p99: 0.99,
        good: 10,
        fair: 15,
        poor: 75,
      });
    }),
  );
});

describe('the tables', () => {
  test(
    'of views tell how each is used and how quick it is',
    withRig(async (rig) => {
      const fields = { time_spent: 2e9, loading_time: 5e8, view_error_count: 2 };
      await rig.add([
        point('view', startMs, { view_id: 'v1', session_id: 's1', userid: 'u1', view_path: '/a' }, fields),
        point('view', startMs, { view_id: 'v2', session_id: 's1', userid: 'u1', view_path: '/b' }, fields),
        point('view', startMs, { view_id: 'v3', session_id: 's2', userid: 'u1', view_path: '/b' }, fields),
      ]);
      const { views } = await rig.ask<{ views: object[] }>({ kind: 'rum.views', query: everything, limit: 10 });
      expect(views).toMatchObject([
        { name: '/b', views: 2, sessions: 2, users: 1, errors: 4, timeSpentMs: 2000, loadingP75Ms: 500 },
        { name: '/a', views: 1, sessions: 1, users: 1, errors: 2 },
      ]);
      expect(await rig.ask({ kind: 'rum.views', query: everything, limit: 1 })).toMatchObject({
        views: [{ name: '/b' }],
      });
    }),
  );

  test(
    'of errors group by message, type and source, and keep what is needed to look further',
    withRig(async (rig) => {
      const tags = { error_source: 'source', error_type: 'TypeError', session_id: 's1', view_name: '/a' };
      await rig.add([
        point('error', startMs, tags, { error_message: 'no', error_stack: 'old' }),
        point(
          'error',
          startMs + 9,
          { ...tags, session_id: 's2', trace_id: 'abc' },
          { error_message: 'no', error_stack: 'new' },
        ),
        point('error', startMs, tags, { error_message: 'other' }),
      ]);
      const answer = await rig.ask<{ errors: object[] }>({ kind: 'rum.errors', query: everything, limit: 1 });
      expect(answer).toEqual({
        errors: [
          {
            message: 'no',
            type: 'TypeError',
            source: 'source',
            count: 2,
            sessions: 2,
            firstMs: startMs,
            lastMs: startMs + 9,
            view: '/a',
            sessionId: 's2',
            traceId: 'abc',
            stack: 'new',
          },
        ],
        total: 3,
        others: 0,
      });
    }),
  );

  test(
    'of resources are the slowest first, with a trace to look at',
    withRig(async (rig) => {
      const api = {
        resource_url_host: 'shop',
        resource_url_path_group: '/api/?',
        resource_type: 'fetch',
        resource_method: 'GET',
      };
      const slow = Array.from({ length: 100 }, (_, i) =>
        point(
          'resource',
          startMs + i,
          { ...api, trace_id: `t${i}`, resource_status: i < 5 ? '500' : '200' },
          {
            duration: (i + 1) * 1e7,
            resource_size: 1000,
          },
        ),
      );
      const quick = point(
        'resource',
        startMs,
        { resource_url: 'https://x/y.js', resource_type: 'js' },
        { duration: 0 },
      );
      await rig.add([quick, ...slow]);
      const { resources, total } = await rig.ask<{ resources: Record<string, number>[]; total: number }>({
        kind: 'rum.resources',
        query: everything,
        limit: 10,
      });
      expect(total).toBe(101);
      expect(resources).toMatchObject([
        { path: '/api/?', count: 100, errors: 5, maxMs: 1000, averageBytes: 1000, traceId: 't99' },
        { path: 'https://x/y.js', count: 1, errors: 0, p95Ms: 0 },
      ]);
      expect(Math.abs((resources[0]?.['p75Ms'] ?? 0) / 750 - 1)).toBeLessThan(0.011);
    }),
  );

  test(
    'of sessions say who did what',
    withRig(async (rig) => {
      const who = { session_id: 's1', userid: 'u1', browser: 'Chrome' };
      await rig.add([
        point('view', startMs + 5, { ...who, view_id: 'v2', view_name: '/b' }),
        point('view', startMs, { ...who, view_id: 'v1', view_name: '/a' }),
        point('view', startMs, { ...who, view_id: 'v1', view_name: '/a' }),
        point('error', startMs + 9, { ...who, view_name: '/b' }),
        point('view', startMs + 50, { session_id: 's2', view_id: 'v3', view_name: '/c' }),
      ]);
      expect(await rig.ask({ kind: 'rum.sessions', query: everything, limit: 10 })).toMatchObject({
        sessions: [
          { id: 's2', views: 1, errors: 0 },
          {
            id: 's1',
            tags: { app_id: 'shop', userid: 'u1', browser: 'Chrome' },
            views: 2,
            errors: 1,
            startMs,
            endMs: startMs + 9,
            firstView: '/a',
            lastView: '/b',
          },
        ],
        total: 2,
        exact: true,
      });
    }),
  );
});

test(
  'a session is told in the order of time, each view in its last version',
  withRig(async (rig) => {
    const who = { session_id: 's1', userid: 'u1' };
    const view = { ...who, view_id: 'v1', view_name: '/a', view_url: 'http://x/a' };
    await rig.add([
      point('view', startMs, view, { time_spent: 1e9, first_contentful_paint: 2e8 }),
      point('resource', startMs + 9, { ...view, trace_id: 'abc' }, { duration: 5e7, resource_ttfb: 1e6 }),
      point('action', startMs + 3, { ...view, action_type: 'click' }, { action_name: 'buy' }),
      point('view', startMs, view, { time_spent: 2e9, first_contentful_paint: 2e8 }),
      point('action', startMs + 3, { ...view, session_id: 'other' }),
    ]);
    const range = { startMs: 0, endMs: 4e12 };
    expect(await rig.ask({ kind: 'rum.session', sessionId: 's1', range, limit: 1 })).toEqual({
      id: 's1',
      tags: { app_id: 'shop', ...who },
      views: [{ id: 'v1', name: '/a', url: 'http://x/a', startMs, timeSpentMs: 2000, vitals: { fcp: 200 } }],
      events: [
        {
          kind: 'action',
          startMs: startMs + 3,
          viewId: 'v1',
          attributes: { action_type: 'click', action_name: 'buy' },
        },
      ],
      more: 1,
    });
    const whole = await rig.ask<{ events: object[] }>({ kind: 'rum.session', sessionId: 's1', range, limit: 9 });
    expect(whole.events[1]).toEqual({
      kind: 'resource',
      startMs: startMs + 9,
      durationMs: 50,
      viewId: 'v1',
      attributes: { trace_id: 'abc', resource_ttfb: 1e6 },
    });
    expect(
      (await rig.store.answer({ kind: 'rum.session', sessionId: 'x', range, limit: 9 }, new Slice(calm)))?.count,
    ).toBe(0);
  }),
);

test('a sampled map counts what it leaves out', () => {
  const map = new SampledMap<number>(1000);
  for (let i = 0; i < 100_000; i++) {
    map.set(`key ${i}`, i);
    map.set(`key ${i}`, i);
  }
  expect(map.scale).toBeGreaterThan(64);
  expect(map.size).toBeLessThanOrEqual(1000);
  expect(Math.abs(map.count / 100_000 - 1)).toBeLessThan(0.15);
});

test('a sampled map holds few keys where they are long', () => {
  const map = new SampledMap<true>(1_000_000);
  for (let i = 0; i < 40_000; i++) {
    map.set(`${i} ${'x'.repeat(1000)}`, true);
  }
  expect(map.size).toBeLessThan(17_000);
  expect(Math.abs(map.count / 40_000 - 1)).toBeLessThan(0.15);
});

test('quantiles of a sketch are right to one in a hundred, also of two that were added up', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1 }),
      fc.nat(),
      (values, cut) => {
        const [one, two] = [new Sketch(), new Sketch()];
        for (const [i, value] of values.entries()) {
          (i < cut % values.length ? one : two).add(value);
        }
        one.merge(two);
        const sorted = values.toSorted((a, b) => a - b);
        for (const share of [0.5, 0.75, 0.99]) {
          const exact = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
          expect(Math.abs((one.quantile(share) ?? 0) / exact - 1)).toBeLessThan(0.0101);
        }
      },
    ),
  );
  expect(new Sketch().quantile(0.5)).toBe(undefined);
});
