import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HeldClock } from '../../../../test/fakes/clock.ts';
import { frameRecord } from '../../../../test/fakes/frames.ts';
import type { Question } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import type { Series } from '../../../model/metric.ts';
import { DamageBook } from '../damage-book.ts';
import { Slice } from '../slice.ts';
import { MetricStore } from './metric-store.ts';
import { StoreSource } from './store-source.ts';

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 10, 21, 12);
const always = { startMs: 0, endMs: 4e12 };
const slice = (): Slice => new Slice({ clear: async () => undefined });

let dir: string;
let clock: HeldClock;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'metric-store-'));
  clock = new HeldClock();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function create(sealBytes = 1e9): MetricStore {
  const retentionMs = 7 * 24 * hourMs;
  return new MetricStore({ dir, retentionMs, sealBytes, sealMs: 6 * hourMs, clock, damage: new DamageBook() });
}

async function opened(sealBytes?: number): Promise<MetricStore> {
  const store = create(sealBytes);
  await store.open();
  return store;
}

async function commit(store: MetricStore, ...records: readonly QueueRecord[]): Promise<void> {
  store.append('queue1', records);
  await store.flush();
}

async function ask<T>(store: MetricStore, question: Question): Promise<T> {
  const answer = await store.answer(question, slice());
  return JSON.parse(Buffer.from(answer?.body ?? []).toString());
}

function seriesOf(name: string, labels: Readonly<Record<string, string>> = {}): Series {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return { name, labels: sorted, type: 'gauge', measurement: 'm', field: name, help: `What ${name} is.` };
}

/** Every sample of the store: labels as JSON → time → value, `stale` for a marker. */
async function everything(
  store: MetricStore,
  range = always,
): Promise<Record<string, Record<number, number | 'stale'>>> {
  const source = new StoreSource(store.partitions, slice());
  const found = await source.select([{ name: '__name__', op: '=~', value: '.+' }], range.startMs, range.endMs);
  return Object.fromEntries(
    found.map(({ labels, timesMs, values, stale }) => [
      JSON.stringify(labels),
      Object.fromEntries(
        Array.from(timesMs, (timeMs, i) => [timeMs, stale?.[i] === 1 ? 'stale' : (values[i] ?? Number.NaN)]),
      ),
    ]),
  );
}

const up = [seriesOf('up', { job: 'a' }), seriesOf('up', { job: 'b' }), seriesOf('load')];

describe('the store of metrics', () => {
  test('gives back values and stale markers as soon as they are durable', async () => {
    const store = await opened();
    await commit(store, frameRecord(up, [1, Number.NaN, 0.5], { seq: 1, timestampMs: startMs }));
    await commit(store, frameRecord(up, [1, 2, 0.5], { seq: 2, timestampMs: startMs + 15_000, stale: [1] }));
    expect(await everything(store)).toEqual({
      '[["__name__","up"],["job","a"]]': { [startMs]: 1, [startMs + 15_000]: 1 },
      '[["__name__","up"],["job","b"]]': { [startMs]: Number.NaN, [startMs + 15_000]: 'stale' },
      '[["__name__","load"]]': { [startMs]: 0.5, [startMs + 15_000]: 0.5 },
    });
    expect(store.position).toMatchObject({ queueId: 'queue1', seq: 2 });
    await store.close();
  });

  test('has the same when it is opened again, before and behind a cut and when it was sealed', async () => {
    let store = await opened();
    for (let n = 1; n <= 9; n++) {
      const arrivedMs = startMs + n * hourMs;
      await clock.advance(hourMs);
      await commit(store, frameRecord(up, [n, n / 3, 7], { seq: n, timestampMs: arrivedMs, receivedAtMs: arrivedMs }));
      const before = await everything(store);
      expect(Object.keys(before['[["__name__","load"]]'] ?? {})).toHaveLength(n);
      await store.close();
      store = await opened();
      expect(await everything(store)).toEqual(before);
      expect(store.position).toMatchObject({ queueId: 'queue1', seq: n });
    }
    expect(store.partitions.map(({ sealed }) => sealed)).toEqual([true, false]);
    expect(readdirSync(store.partitions[0]?.dir ?? '')).not.toContain('blocks.rec');
    expect(store.partitions.reduce((sum, { items }) => sum + items, 0)).toBe(27);
    await store.close();
  });

  test('drops a sample that comes twice, and lets the later arrival win where two differ', async () => {
    const store = await opened();
    const load = [seriesOf('load')];
    const at = (n: number): number => startMs + n * 1000;
    const sent: [timeMs: number, value: number][] = [
      [at(1), 1],
      [at(3), 3],
      [at(3), 3],
      [at(3), 30],
      [at(2), 2],
      [at(1), 10],
      [at(4), 4],
    ];
    const wanted = { [at(1)]: 10, [at(2)]: 2, [at(3)]: 30, [at(4)]: 4 };
    for (const [n, [timestampMs, value]] of sent.entries()) {
      await commit(store, frameRecord(load, [value], { seq: n + 1, timestampMs }));
    }
    expect(await everything(store)).toEqual({ '[["__name__","load"]]': wanted });
    await store.partitions[0]?.cut();
    expect(await everything(store)).toEqual({ '[["__name__","load"]]': wanted });
    await commit(store, frameRecord(load, [20], { seq: 8, timestampMs: at(2) }));
    expect(await everything(store)).toEqual({ '[["__name__","load"]]': { ...wanted, [at(2)]: 20 } });
    await store.close();
  });

  test('holds what a model holds, whatever comes in which order, over cuts, seals and lives', async () => {
    const frame = fc.record({
      series: fc.subarray([seriesOf('a'), seriesOf('a', { x: '1' }), seriesOf('b', { y: '2' }), seriesOf('c'), ...up], {
        minLength: 1,
      }),
      step: fc.integer({ min: -40, max: 60 }),
      after: fc.constantFrom('go on', 'go on', 'go on', 'cut', 'reopen', 'later'),
      value: fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: 0, max: 3 })),
      stale: fc.boolean(),
      ownTime: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 25 }), async (frames) => {
        rmSync(dir, { recursive: true, force: true });
        clock = new HeldClock();
        const model: Record<string, Record<number, number | 'stale'>> = {};
        let store = await opened();
        let timeMs = startMs;
        let receivedAtMs = startMs;
        for (const [n, { series, step, after, value, stale, ownTime }] of frames.entries()) {
          timeMs += step * 1000;
          const values = series.map((_, i) => value + i);
          const options = { seq: n + 1, timestampMs: timeMs, receivedAtMs, stale: stale ? [0] : [] };
          await commit(store, frameRecord(series, values, { ...options, ...(ownTime && { timesMs: [timeMs - 500] }) }));
          for (const [i, { name, labels }] of series.entries()) {
            const key = JSON.stringify([['__name__', name], ...labels]);
            model[key] ??= {};
            const ownMs = ownTime && i === 0 ? timeMs - 500 : timeMs;
            (model[key] as Record<number, number | 'stale'>)[ownMs] = stale && i === 0 ? 'stale' : value + i;
          }
          if (after === 'cut') {
            await store.partitions.at(-1)?.cut();
          } else if (after === 'reopen') {
            await store.close();
            store = await opened();
          } else if (after === 'later') {
            receivedAtMs += 4 * hourMs;
          }
        }
        expect(await everything(store)).toEqual(model);
        await store.close();
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test('cuts the heads every half hour, and keeps no frames of a sealed partition', async () => {
    const store = await opened();
    for (let n = 1; n <= 4; n++) {
      await clock.advance(20 * 60_000);
      const timestampMs = clock.now();
      await commit(store, frameRecord(up, [n, n, n], { seq: n, timestampMs, receivedAtMs: timestampMs }));
    }
    expect(readdirSync(store.partitions[0]?.dir ?? '').sort()).toEqual(['blocks.rec', 'chunks-1']);
    await store.close();
  });

  test('names a record that is no frame, and goes on', async () => {
    const damage = new DamageBook();
    const store = new MetricStore({ dir, retentionMs: hourMs, sealBytes: 1e9, sealMs: hourMs, clock, damage });
    await store.open();
    const good = frameRecord(up, [1, 2, 3], { seq: 2, timestampMs: startMs });
    await commit(store, { ...good, seq: 1, payload: Buffer.from('no frame') }, good);
    expect(damage.list().map(({ file, offset }) => [file, offset])).toEqual([['queue/metrics', 1]]);
    expect(Object.keys(await everything(store))).toHaveLength(3);
    await store.close();
  });

  test('applies the tag edits of a record, in another life too', async () => {
    let store = await opened();
    const edits = { add: { cluster: 'east' }, drop: ['job'] };
    await commit(
      store,
      frameRecord([seriesOf('up', { job: 'a', z: '1' })], [1], { seq: 1, timestampMs: startMs, edits }),
    );
    const wanted = { '[["__name__","up"],["cluster","east"],["z","1"]]': { [startMs]: 1 } };
    expect(await everything(store)).toEqual(wanted);
    await store.close();
    store = await opened();
    expect(await everything(store)).toEqual(wanted);
    await store.close();
  });
});

describe('questions about metrics', () => {
  const series = [
    seriesOf('http_requests_total', { app: 'web', code: '200' }),
    seriesOf('http_requests_total', { app: 'web', code: '500' }),
    seriesOf('http_requests_total', { app: 'api', code: '200' }),
    seriesOf('up', { app: 'api' }),
  ];
  const query = (selectors: readonly string[], limit = 0) => ({ ...always, selectors, limit });

  async function filled(): Promise<MetricStore> {
    const store = await opened();
    for (let n = 0; n < 8; n++) {
      const timestampMs = startMs + n * 15_000;
      const record = frameRecord(series, [n, 0, 2 * n, 1], {
        seq: n + 1,
        timestampMs,
        receivedAtMs: startMs + n * hourMs,
      });
      await commit(store, record);
    }
    return store;
  }

  test('answer label names, values and series, with selectors and limits', async () => {
    const store = await filled();
    expect(await ask(store, { kind: 'prom.labels', query: query([]) })).toEqual(['__name__', 'app', 'code']);
    expect(await ask(store, { kind: 'prom.labels', query: query(['up']) })).toEqual(['__name__', 'app']);
    const values = (name: string, ...selectors: string[]) =>
      ask(store, { kind: 'prom.labelValues', name, query: query(selectors) });
    expect(await values('__name__')).toEqual(['http_requests_total', 'up']);
    expect(await values('code', '{app="api"}')).toEqual(['200']);
    expect(await values('app', 'up', '{code="500"}')).toEqual(['api', 'web']);
    expect(await ask(store, { kind: 'prom.series', query: query(['{code=~"5.."}', 'up']) })).toEqual([
      { __name__: 'http_requests_total', app: 'web', code: '500' },
      { __name__: 'up', app: 'api' },
    ]);
    expect(await ask(store, { kind: 'prom.series', query: query(['up', 'http_requests_total'], 2) })).toHaveLength(2);
    const before = { selectors: [], limit: 0, startMs: 0, endMs: startMs - 2000 };
    expect(await ask(store, { kind: 'prom.labels', query: before })).toEqual([]);
    await store.close();
  });

  test('list the metrics with what is known of them, each series once', async () => {
    const store = await filled();
    expect(store.partitions.length).toBeGreaterThan(1);
    expect(await ask(store, { kind: 'metrics.catalogue', range: always })).toEqual([
      {
        name: 'http_requests_total',
        measurement: 'm',
        field: 'http_requests_total',
        type: 'gauge',
        help: 'What http_requests_total is.',
        series: 3,
      },
      { name: 'up', measurement: 'm', field: 'up', type: 'gauge', help: 'What up is.', series: 1 },
    ]);
    expect(await ask(store, { kind: 'prom.metadata', metric: 'up', limit: 0 })).toEqual({
      up: [{ type: 'gauge', help: 'What up is.', unit: '' }],
    });
    await store.close();
  });

  test('evaluate queries at one time and over a range', async () => {
    const store = await filled();
    const timeMs = startMs + 105_000;
    expect(await ask(store, { kind: 'prom.query', query: 'sum by (app) (http_requests_total)', timeMs })).toEqual({
      resultType: 'vector',
      result: expect.arrayContaining([
        { metric: { app: 'web' }, value: [timeMs / 1000, '7'] },
        { metric: { app: 'api' }, value: [timeMs / 1000, '14'] },
      ]),
    });
    const range = { startMs: startMs + 90_000, endMs: timeMs };
    expect(await ask(store, { kind: 'prom.queryRange', query: 'up', range, stepMs: 15_000 })).toEqual({
      resultType: 'matrix',
      result: [
        {
          metric: { __name__: 'up', app: 'api' },
          values: [
            [(startMs + 90_000) / 1000, '1'],
            [timeMs / 1000, '1'],
          ],
        },
      ],
    });
    await store.close();
  });

  test('refuse what is no query or selector', async () => {
    const store = await filled();
    const wrong: Question[] = [
      { kind: 'prom.query', query: 'sum(', timeMs: startMs },
      { kind: 'prom.series', query: query(['rate(up[5m])']) },
      { kind: 'prom.series', query: query(['{']) },
    ];
    for (const question of wrong) {
      await expect(store.answer(question, slice())).rejects.toMatchObject({ code: 'BRIDGE_DECODE' });
    }
    await store.close();
  });
});
