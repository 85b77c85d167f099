import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HeldClock } from '../../../../test/fakes/clock.ts';
import { plainSpanDecoder, requestOf, spanRecord } from '../../../../test/fakes/requests.ts';
import type { Answer, Question } from '../../../contract/store.ts';
import type { Span } from '../../../model/span.ts';
import { EmbeddedStore } from '../embedded-store.ts';

const dayMs = 86_400_000;
const wide = '463ac35c9f6413ad48485a3953bb6124';
let dir = '';
let clock = new HeldClock();
let store: EmbeddedStore;
let seq = 0;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'meshbridge-pins-'));
  clock = new HeldClock();
  seq = 0;
  store = await opened();
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function opened(pinnedMaxBytes = 1e6): Promise<EmbeddedStore> {
  const options = { dir, clock, retentionMs: 7 * dayMs, maxBytes: 1e9, decodeSpans: plainSpanDecoder.spans };
  const fresh = new EmbeddedStore({ ...options, pinnedMaxBytes });
  await fresh.open();
  return fresh;
}

async function arrive(spans: readonly Span[]): Promise<void> {
  seq++;
  await store.commit(requestOf([spanRecord(spans, { seq, receivedAtMs: clock.now() })]));
}

function spansOf(traceId: string, count: number): Span[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ traceId, id: (i + 1).toString(16).padStart(16, '0'), kind: 'SERVER', name: `get /${i}` },
    ...(i > 0 && { parentId: '0000000000000001' }),
    ...{ timestamp: clock.now() * 1000 + i, duration: 1000, localEndpoint: { serviceName: 'front' } },
    tags: { 'http.status_code': '200', ...(i === 1 && { error: 'true' }) },
  }));
}

async function ask(question: Question): Promise<Answer> {
  return store.ask(question);
}

async function traceOf(traceId: string): Promise<readonly unknown[]> {
  return JSON.parse(Buffer.from((await ask({ kind: 'zipkin.trace', traceId })).body).toString());
}

async function pins(): Promise<{ bytes: number; traces: { traceId: string; spans: number; bytes: number }[] }> {
  return JSON.parse(Buffer.from((await ask({ kind: 'traces.pins' })).body).toString());
}

/** Until nothing that came before is kept. */
async function outlive(): Promise<void> {
  clock.step(8 * dayMs);
  await arrive(spansOf('f'.repeat(16), 1));
  await store.expire();
}

test('a pinned trace outlives the retention, and a restart; others do not', async () => {
  await arrive([...spansOf(wide, 3), ...spansOf('b'.repeat(16), 2)]);
  const before = await traceOf(wide);
  expect((await ask({ kind: 'traces.pin', traceId: wide })).count).toBe(1);
  await outlive();
  expect(await traceOf('b'.repeat(16))).toEqual([]);
  expect(await traceOf(wide)).toEqual(before);
  await store.close();
  store = await opened();
  expect(await traceOf(wide)).toEqual(before);
  const jaeger = await ask({ kind: 'jaeger.trace', traceId: wide, encoding: 'ui' });
  expect(JSON.parse(Buffer.from(jaeger.body).toString())).toMatchObject([{ traceID: wide }]);
});

test('pins are listed with what they are of, the latest first', async () => {
  await arrive([...spansOf(wide, 3), ...spansOf('b'.repeat(16), 2)]);
  await ask({ kind: 'traces.pin', traceId: 'b'.repeat(16) });
  clock.step(1);
  await ask({ kind: 'traces.pin', traceId: wide });
  const { bytes, traces } = await pins();
  expect(traces).toMatchObject([
    { traceId: wide, spans: 3, errors: 1, service: 'front', name: 'get /0', durationMs: 1.002 },
    { traceId: 'b'.repeat(16), spans: 2 },
  ]);
  expect(traces.reduce((sum, one) => sum + one.bytes, 0)).toBe(bytes);
});

test('a trace is there once while it is kept twice, and spans that come later are kept too', async () => {
  const spans = spansOf(wide, 4);
  await arrive(spans.slice(0, 2));
  await ask({ kind: 'traces.pin', traceId: wide });
  expect(await traceOf(wide)).toHaveLength(2);
  await arrive(spans.slice(2));
  expect(await traceOf(wide)).toHaveLength(4);
  await store.derive(new AbortController().signal);
  await outlive();
  expect(await traceOf(wide)).toHaveLength(4);
});

test('what is let go of is gone, and letting go of it again says so', async () => {
  await arrive(spansOf(wide, 1));
  await ask({ kind: 'traces.pin', traceId: wide });
  expect((await ask({ kind: 'traces.unpin', traceId: wide })).count).toBe(1);
  expect((await ask({ kind: 'traces.unpin', traceId: wide })).count).toBe(0);
  await outlive();
  expect(await traceOf(wide)).toEqual([]);
  expect((await ask({ kind: 'traces.pin', traceId: wide })).count).toBe(0);
});

test('without room for it a pin is refused, in bytes, and those before stay', async () => {
  await arrive([...spansOf(wide, 1), ...spansOf('b'.repeat(16), 200)]);
  await ask({ kind: 'traces.pin', traceId: wide });
  const { bytes } = await pins();
  await store.close();
  store = await opened(bytes + 10);
  await expect(ask({ kind: 'traces.pin', traceId: 'b'.repeat(16) })).rejects.toMatchObject({
    code: 'BRIDGE_TOO_LARGE',
    message: expect.stringContaining(`take ${bytes} bytes and may take ${bytes + 10}`),
  });
  // Again, of the same: it takes its own place.
  expect((await ask({ kind: 'traces.pin', traceId: wide })).count).toBe(1);
  expect((await pins()).bytes).toBe(bytes);
});

test('a damaged pin is named and left as it is, at every byte', async () => {
  await arrive(spansOf(wide, 1));
  await ask({ kind: 'traces.pin', traceId: wide });
  await outlive();
  const place = join(dir, 'traces', 'pinned');
  const [file = ''] = await readdir(place);
  const good = await readFile(join(place, file));
  for (let at = 0; at < good.length; at += 7) {
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(at) ^ 0x10, at);
    await writeFile(join(place, file), bad);
    await store.close();
    store = await opened();
    expect((await store.status()).damage).toMatchObject([{ file: join(place, file), bytes: good.length }]);
    expect(await traceOf(wide)).toEqual([]);
    expect(await readFile(join(place, file))).toEqual(bad);
  }
});

test('what the store deletes is counted, by reason', async () => {
  expect((await store.status()).evictions).toEqual([]);
  await arrive(spansOf(wide, 5));
  await outlive();
  expect((await store.status()).evictions).toMatchObject([
    { signal: 'traces', reason: 'age', partitions: 1, items: 5 },
  ]);
});
