import { decodeSpans } from '../../src/codec/spans.ts';
import type { Question } from '../../src/contract/store.ts';
import type { Span } from '../../src/model/span.ts';
import { EmbeddedStore, type EmbeddedStoreOptions } from '../../src/store/embedded/embedded-store.ts';
import { HeldClock } from '../fakes/clock.ts';
import { requestOf, spanRecord } from '../fakes/requests.ts';

export const hourMs = 3_600_000;

/** An open store over `dir`, on a clock that stands still. */
export async function openStore(dir: string, options: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
  const store = new EmbeddedStore({
    dir,
    retentionMs: 7 * 24 * hourMs,
    maxBytes: 1e9,
    clock: new HeldClock(),
    decodeSpans,
    ...options,
  });
  await store.open();
  return store;
}

/** Commits one record of these spans, under the queue id `queue1`. */
export function commitSpans(
  store: EmbeddedStore,
  seq: number,
  spans: readonly Span[],
  receivedAtMs?: number,
): Promise<void> {
  return store.commit(requestOf([spanRecord(spans, receivedAtMs === undefined ? { seq } : { seq, receivedAtMs })]));
}

export async function askJson<T>(store: EmbeddedStore, question: Question): Promise<T> {
  return JSON.parse(Buffer.from((await store.ask(question)).body).toString());
}

export function traceIdOf(n: number): string {
  return n.toString(16).padStart(16, '0');
}

/** One trace: a root and its children. Every span has tags, names and times that depend on `n`. */
export function traceOf(n: number, spans: number, startMs = Date.UTC(2026, 10, 21, 12)): Span[] {
  return Array.from({ length: spans }, (_, i) => ({
    traceId: traceIdOf(n),
    id: (n * 4096 + i + 1).toString(16).padStart(16, '0'),
    ...(i === 0 ? {} : { parentId: (n * 4096 + 1).toString(16).padStart(16, '0') }),
    name: `get /${n}`,
    timestamp: startMs * 1000 + n * 1000 + i,
    duration: 1000 + i,
    localEndpoint: { serviceName: `service-${n % 5}`, ipv4: '10.0.0.1' },
    tags: { 'http.method': 'GET', n: String(n) },
  }));
}

/** How many spans of each of these traces can be read. */
export async function spanCounts(store: EmbeddedStore, traces: readonly number[]): Promise<number[]> {
  const counts: number[] = [];
  for (const n of traces) {
    counts.push((await store.ask({ kind: 'zipkin.trace', traceId: traceIdOf(n) })).count);
  }
  return counts;
}
