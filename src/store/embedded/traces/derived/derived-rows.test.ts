import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, rmdir, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Arbitrary, array, asyncProperty, assert as check, constantFrom, integer, record } from 'fast-check';
import { HeldClock } from '../../../../../test/fakes/clock.ts';
import { plainSpanDecoder, requestOf, spanRecord } from '../../../../../test/fakes/requests.ts';
import type { Question } from '../../../../contract/store.ts';
import type { Span } from '../../../../model/span.ts';
import { EmbeddedStore } from '../../embedded-store.ts';
import { Slice } from '../../slice.ts';
import { dependencyLinks } from '../dependencies.ts';
import { TraceStore } from '../trace-store.ts';
import { LinkCounts } from './link-counts.ts';
import { foldMinute } from './minute-fold.ts';
import type { MinuteRow } from './minute-row.ts';

const startMs = Date.UTC(2026, 10, 21, 12);
const minuteMs = 60_000;
const startMinute = startMs / minuteMs;
const queue = 'queue1';
const never = new AbortController().signal;

let dir = '';
let clock = new HeldClock(startMs);
let seq = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'meshbridge-derived-'));
  clock = new HeldClock(startMs);
  seq = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function opened(sealBytes = 1e9): Promise<EmbeddedStore> {
  const store = new EmbeddedStore({
    dir,
    clock,
    retentionMs: 7 * 86_400_000,
    maxBytes: 1e9,
    sealBytes,
    decodeSpans: plainSpanDecoder.spans,
    offeredTags: ['error', 'http.method'],
  });
  await store.open();
  return store;
}

function tracesOf(store: EmbeddedStore): TraceStore {
  const part = store.parts.find((one) => one instanceof TraceStore);
  if (part === undefined) {
    throw new Error('no traces');
  }
  return part;
}

async function arrive(store: EmbeddedStore, spans: readonly Span[]): Promise<void> {
  seq++;
  await store.commit(requestOf([spanRecord(spans, { seq, receivedAtMs: clock.now(), itemsBefore: seq })], queue));
}

/** Until every minute that came is closed. */
async function closeAll(store: EmbeddedStore): Promise<void> {
  clock.step(3 * minuteMs);
  await store.derive(never);
}

function idOf(n: number): string {
  return n.toString(16).padStart(16, '0');
}

/** A gateway calls the front end, which calls the back end: SERVER and CLIENT on each hop, as Istio has it. */
function hops(traceId: string, atMs: number, failed = false): Span[] {
  const at = atMs * 1000;
  const span = (n: number, parent: number | undefined, rest: Partial<Span>): Span => ({
    traceId,
    id: idOf(n),
    ...(parent !== undefined && { parentId: idOf(parent) }),
    timestamp: at + n,
    duration: 10_000 - n,
    ...rest,
  });
  const on = (serviceName: string, kind: 'SERVER' | 'CLIENT', name: string): Partial<Span> => ({
    kind,
    name,
    localEndpoint: { serviceName },
  });
  return [
    span(1, undefined, on('gateway', 'SERVER', 'in')),
    span(2, 1, on('gateway', 'CLIENT', 'front/*')),
    span(3, 2, on('front', 'SERVER', 'front/*')),
    span(4, 3, on('front', 'CLIENT', 'back/*')),
    span(5, 4, { ...on('back', 'SERVER', 'back/*'), ...(failed && { tags: { error: 'true' } }) }),
  ];
}

async function dependencies(store: EmbeddedStore, endMs: number, lookbackMs: number): Promise<unknown> {
  const { body } = await store.ask({ kind: 'zipkin.dependencies', endTsMs: endMs, lookbackMs });
  return JSON.parse(Buffer.from(body).toString());
}

function slice(): Slice {
  return new Slice({ clear: async () => undefined }, never);
}

/** What stands on disk, minute by minute. */
function rowsOf(store: EmbeddedStore): Map<number, Partial<MinuteRow>> {
  const rows = new Map<number, Partial<MinuteRow>>();
  for (const partition of tracesOf(store).partitions) {
    for (const [minute] of partition.arrivals.counts()) {
      const facts = partition.rows.find(minute);
      if (facts !== undefined) {
        rows.set(minute, { minute, ...partition.rows.links(minute), ...partition.rows.operations(minute) });
      }
    }
  }
  return rows;
}

async function recomputed(store: EmbeddedStore, minute: number): Promise<Partial<MinuteRow>> {
  const { blocks: _, spans: __, ...row } = (await foldMinute(tracesOf(store), { minute, slice: slice() })).row;
  return row;
}

const both = [
  { parent: 'front', child: 'back', callCount: 1 },
  { parent: 'gateway', child: 'front', callCount: 1 },
];

describe('rows of closed minutes', () => {
  test('answer who called whom like the spans do', async () => {
    const store = await opened();
    await arrive(store, hops('a'.repeat(16), startMs));
    const onTheFly = await dependencies(store, startMs + minuteMs, 3_600_000);
    await closeAll(store);
    expect([...rowsOf(store).keys()]).toEqual([startMinute]);
    expect(onTheFly).toEqual(both);
    expect(await dependencies(store, startMs + minuteMs, 3_600_000)).toEqual(both);
    await store.close();
  });

  test('are not made before a minute is closed for a minute', async () => {
    const store = await opened();
    await arrive(store, hops('a'.repeat(16), startMs));
    clock.step(2 * minuteMs - 1);
    await store.derive(never);
    expect(rowsOf(store).size).toBe(0);
    clock.step(1);
    await store.derive(never);
    expect(rowsOf(store).size).toBe(1);
    await store.close();
  });

  test('take spans in that come after the minute was closed', async () => {
    const store = await opened();
    const spans = hops('b'.repeat(16), startMs);
    await arrive(store, spans.slice(0, 3));
    await closeAll(store);
    expect(await dependencies(store, startMs + minuteMs, 3_600_000)).toEqual(both.slice(1));
    await arrive(store, spans.slice(3));
    await closeAll(store);
    expect(await dependencies(store, startMs + minuteMs, 3_600_000)).toEqual(both);
    expect(rowsOf(store).get(startMinute)?.links).toHaveLength(2);
    await store.close();
  });

  test('are worked out again where their file is gone, or cut', async () => {
    let store = await opened();
    await arrive(store, hops('c'.repeat(16), startMs, true));
    await closeAll(store);
    const before = rowsOf(store);
    await store.close();
    const [partition = ''] = await readdir(join(dir, 'traces'));
    const path = join(dir, 'traces', partition, 'derived');
    for (const damage of [
      () => rm(path),
      async () => truncate(path, (await stat(path)).size - 1),
      async () => truncate(path, 3),
    ]) {
      await damage();
      store = await opened();
      expect(rowsOf(store).size).toBe(0);
      await store.derive(never);
      expect(rowsOf(store)).toEqual(before);
      await store.close();
    }
  });

  test('that the disk does not take are done without', async () => {
    const store = await opened();
    await arrive(store, hops('c'.repeat(16), startMs));
    const [partition = ''] = await readdir(join(dir, 'traces'));
    const path = join(dir, 'traces', partition, 'derived');
    await mkdir(path);
    await closeAll(store);
    expect(await dependencies(store, startMs + minuteMs, 3_600_000)).toEqual(both);
    await rmdir(path);
    await store.derive(never);
    expect(rowsOf(store).size).toBe(1);
    await store.close();
  });

  test('that were changed on the disk are worked out again', async () => {
    const store = await opened();
    await arrive(store, hops('c'.repeat(16), startMs));
    await closeAll(store);
    const [partition = ''] = await readdir(join(dir, 'traces'));
    const path = join(dir, 'traces', partition, 'derived');
    const good = await readFile(path);
    for (let at = 0; at < good.length; at += 5) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ 0x40, at);
      await writeFile(path, bad);
      const again = await opened();
      expect(await dependencies(again, startMs + minuteMs, 3_600_000)).toEqual(both);
      await again.derive(never);
      expect(rowsOf(again).size).toBe(1);
      await again.close();
    }
    await store.close();
  });

  test('count within a range that cuts through a minute what began there', async () => {
    const store = await opened();
    await arrive(store, hops('a'.repeat(16), startMs + 1_000));
    await arrive(store, hops('b'.repeat(16), startMs + 30_000));
    await closeAll(store);
    expect(await dependencies(store, startMs + 10_000, 3_600_000)).toEqual(both);
    expect(await dependencies(store, startMs + 40_000, 20_000)).toEqual(both);
    expect(await dependencies(store, startMs + 40_000, 3_600_000)).toEqual(
      both.map((link) => ({ ...link, callCount: 2 })),
    );
    expect(await dependencies(store, startMs, 3_600_000)).toEqual([]);
    await store.close();
  });

  test('keep their place over a seal, and count a trace on both sides of it once', async () => {
    const store = await opened(1);
    const spans = hops('d'.repeat(16), startMs);
    for (const span of spans) {
      await arrive(store, [span]);
    }
    await closeAll(store);
    expect(tracesOf(store).partitions.length).toBeGreaterThan(1);
    expect(await dependencies(store, startMs + minuteMs, 3_600_000)).toEqual(both);
    await store.close();
    const again = await opened(1);
    expect(await dependencies(again, startMs + minuteMs, 3_600_000)).toEqual(both);
    await again.close();
  });
});

test('offers the values that spans of the last hours had of some tags, and no others', async () => {
  const store = await opened();
  const asked = async (question: Question): Promise<unknown> =>
    JSON.parse(Buffer.from((await store.ask(question)).body).toString());
  const tagged = (traceId: string, tags: Readonly<Record<string, string>>): Span[] =>
    hops(traceId, clock.now()).map((span) => ({ ...span, tags }));
  await arrive(store, tagged('a'.repeat(16), { 'http.method': 'PUT', other: 'x' }));
  await closeAll(store);
  await arrive(store, tagged('b'.repeat(16), { 'http.method': 'GET' }));
  expect(await asked({ kind: 'zipkin.autocompleteKeys' })).toEqual(['error', 'http.method']);
  expect(await asked({ kind: 'zipkin.autocompleteValues', key: 'http.method' })).toEqual(['GET', 'PUT']);
  expect(await asked({ kind: 'zipkin.autocompleteValues', key: 'other' })).toEqual([]);
  expect(await asked({ kind: 'zipkin.autocompleteValues', key: 'error' })).toEqual([]);
  await closeAll(store);
  clock.step(4 * 3_600_000);
  expect(await asked({ kind: 'zipkin.autocompleteValues', key: 'http.method' })).toEqual([]);
  await store.close();
});

/** By the linker alone, trace by trace. */
function linksOf(traces: readonly (readonly Span[])[]): unknown {
  const counts = new LinkCounts();
  for (const trace of traces) {
    counts.add(
      trace.map(({ id, parentId, kind, timestamp = 0, duration = 0, localEndpoint, tags }) => ({
        ...{ id, parentId, kind, timestamp, duration, shared: false, local: localEndpoint },
        error: tags?.['error'] !== undefined,
      })),
    );
  }
  return JSON.parse(JSON.stringify(dependencyLinks(counts.links())));
}

describe('derived series', () => {
  async function vector(store: EmbeddedStore, query: string, timeMs: number): Promise<Record<string, number>> {
    const { body } = await store.ask({ kind: 'prom.query', query, timeMs });
    const { result } = JSON.parse(Buffer.from(body).toString());
    return Object.fromEntries(
      result.map(({ metric, value }: { metric: Record<string, string>; value: [number, string] }) => [
        Object.values(metric).join(' '),
        Number(value[1]),
      ]),
    );
  }

  async function names(store: EmbeddedStore, name: string): Promise<string[]> {
    const query = { selectors: [], limit: 0, startMs: startMs - 3_600_000, endMs: clock.now() };
    return JSON.parse(Buffer.from((await store.ask({ kind: 'prom.labelValues', name, query })).body).toString());
  }

  for (const state of ['open', 'closed'] as const) {
    test(`count spans and calls of minutes that are ${state}`, async () => {
      const store = await opened();
      await arrive(store, hops('a'.repeat(16), startMs + 60_000, true));
      clock.step(minuteMs);
      await arrive(store, hops('b'.repeat(16), startMs + 120_000));
      await (state === 'closed' ? closeAll(store) : undefined);
      const atMs = startMs + 4 * minuteMs;
      expect(await vector(store, 'sum by (service) (increase(traces_spanmetrics_calls_total[4m]))', atMs)).toEqual({
        back: expect.closeTo(2, 0),
        front: expect.closeTo(4, 0),
        gateway: expect.closeTo(4, 0),
      });
      expect(
        await vector(store, 'traces_service_graph_request_total{client="front"} - 0', startMs + 3 * minuteMs),
      ).toEqual({ 'front back': 2 });
      const failed = 'sum by (client) (max_over_time(traces_service_graph_request_failed_total[5m]))';
      expect(await vector(store, failed, atMs)).toEqual({ front: 1, gateway: 0 });
      const half = 'histogram_quantile(0.5, sum by (le) (rate(traces_spanmetrics_latency_bucket[4m])))';
      expect(await vector(store, half, atMs)).toEqual({ '': expect.closeTo(0.012, 3) });
      expect(await names(store, 'server')).toEqual(['back', 'front']);
      expect(await names(store, '__name__')).toContain('traces_spanmetrics_calls_total');
      await store.close();
    });
  }

  test('are not there where no span is', async () => {
    const store = await opened();
    expect(await vector(store, 'traces_spanmetrics_calls_total', startMs)).toEqual({});
    expect(await names(store, '__name__')).toEqual([]);
    expect((await store.ask({ kind: 'prom.metadata', limit: 0 })).count).toBe(0);
    await store.close();
  });
});

interface Step {
  readonly kind: 'arrive' | 'late' | 'wait' | 'derive' | 'reopen';
  readonly trace: number;
  readonly share: number;
}

const step: Arbitrary<Step> = record({
  kind: constantFrom<Step['kind'][]>('arrive', 'arrive', 'arrive', 'late', 'wait', 'wait', 'derive', 'reopen'),
  trace: integer({ min: 1, max: 8 }),
  share: integer({ min: 1, max: 5 }),
});

test('rows are what the spans say, in whatever order and however late these came, and wherever a life ended', async () => {
  await check(
    asyncProperty(
      array(step, { minLength: 5, maxLength: 40 }),
      constantFrom(1, 4_000, 1e9),
      async (steps, sealBytes) => {
        dir = mkdtempSync(join(tmpdir(), 'meshbridge-derived-'));
        clock = new HeldClock(startMs);
        seq = 0;
        let store = await opened(sealBytes);
        const waiting = new Map<number, Span[]>();
        const arrived = new Map<number, Span[]>();
        const send = async (trace: number, spans: readonly Span[]): Promise<void> => {
          arrived.set(trace, [...(arrived.get(trace) ?? []), ...spans]);
          await arrive(store, spans);
        };
        for (const { kind, trace, share } of steps) {
          if (kind === 'arrive' && !waiting.has(trace)) {
            const spans = hops(idOf(trace).repeat(2), clock.now(), trace % 2 === 0);
            waiting.set(trace, spans.slice(share));
            await send(trace, spans.slice(0, share));
          } else if (kind === 'late' || kind === 'arrive') {
            const late = waiting.get(trace)?.splice(0, share) ?? [];
            if (late.length > 0) {
              await send(trace, late);
            }
          } else if (kind === 'wait') {
            clock.step(share * 25_000);
          } else if (kind === 'derive') {
            await store.derive(never);
          } else {
            await store.close();
            store = await opened(sealBytes);
          }
        }
        await closeAll(store);
        const rows = rowsOf(store);
        const minutes = new Set(
          tracesOf(store).partitions.flatMap(({ arrivals }) => [...arrivals.counts()].map(([m]) => m)),
        );
        expect(new Set(rows.keys())).toEqual(minutes);
        for (const [minute, row] of rows) {
          expect(row).toEqual(await recomputed(store, minute));
        }
        expect(await dependencies(store, clock.now(), 86_400_000)).toEqual(linksOf([...arrived.values()]));
        await store.close();
        await rm(dir, { recursive: true });
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);
