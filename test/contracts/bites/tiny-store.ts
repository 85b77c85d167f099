import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BridgeError } from '../../../src/contract/errors.ts';
import type { WriteRequest } from '../../../src/contract/output.ts';
import type { Answer, Question, Store, StorePosition, StoreStatus, TraceQuery } from '../../../src/contract/store.ts';
import { paddedTraceId, type Span } from '../../../src/model/span.ts';
import { turns } from '../../fakes/clock.ts';
import { plainSpanDecoder } from '../../fakes/requests.ts';
import type { StorePlace, StoreSubject } from '../store-contract.ts';

export type StoreFault =
  | 'none'
  | 'resolves before a read finds it'
  | 'compares ids as they are'
  | 'keeps a repeat twice'
  | 'refuses an overlap'
  | 'confuses queues'
  | 'begins with a position'
  | 'answers unknown ids'
  | 'answers unknown questions'
  | 'ignores abort'
  | 'excludes the end of a range'
  | 'excludes the beginning of a range'
  | 'ignores the limit'
  | 'finds the oldest'
  | 'ignores tags'
  | 'does not sort names'
  | 'forgets when closed'
  | 'shows a torn write'
  | 'never expires'
  | 'expires all'
  | 'shows half a request'
  | 'is never well';

interface Row {
  readonly position: StorePosition;
  readonly receivedAtMs: number;
  readonly spans: readonly Span[];
}

/** A store of one file, a JSON line a commit, all of it in memory. Keeps the contract, but for the fault that it is told to have. */
class TinyStore implements Store {
  readonly #place: StorePlace;
  readonly #fault: StoreFault;
  #rows: Row[] = [];

  constructor(place: StorePlace, fault: StoreFault) {
    this.#place = place;
    this.#fault = fault;
  }

  get #file(): string {
    return join(this.#place.dir, 'rows');
  }

  async open(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      try {
        this.#rows.push(JSON.parse(line));
      } catch {
        const traceId = /"traceId":"(\w+)"/.exec(line)?.[1];
        if (this.#fault === 'shows a torn write' && traceId !== undefined) {
          this.#rows.push({ position: { queueId: 'queue1', seq: 2 }, receivedAtMs: 0, spans: [{ traceId, id: '1' }] });
        }
        break;
      }
    }
    await writeFile(this.#file, this.#rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }

  async commit(request: WriteRequest): Promise<void> {
    const queueId = request.id.slice(0, request.id.lastIndexOf(':'));
    const last = this.#rows.at(-1)?.position;
    const known = last !== undefined && (last.queueId === queueId || this.#fault === 'confuses queues') ? last.seq : 0;
    if (this.#fault === 'refuses an overlap' && (request.records[0]?.seq ?? 0) <= known) {
      return;
    }
    const fresh = request.records.filter((record) => record.seq > known || this.#fault === 'keeps a repeat twice');
    const newest = fresh.at(-1);
    if (newest === undefined) {
      return;
    }
    const row: Row = {
      position: { queueId, seq: newest.seq },
      receivedAtMs: newest.receivedAtMs,
      spans: fresh.flatMap((record) => plainSpanDecoder.spans(record)),
    };
    if (this.#fault === 'shows half a request') {
      this.#rows.push({ ...row, spans: row.spans.slice(0, row.spans.length / 2) });
      await turns(2);
      this.#rows.pop();
    }
    await appendFile(this.#file, `${JSON.stringify(row)}\n`);
    if (this.#fault === 'resolves before a read finds it') {
      setTimeout(() => this.#rows.push(row), 200).unref();
      return;
    }
    this.#rows.push(row);
  }

  async position(): Promise<StorePosition | undefined> {
    return (
      this.#rows.at(-1)?.position ?? (this.#fault === 'begins with a position' ? { queueId: '', seq: 0 } : undefined)
    );
  }

  async ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    if (this.#fault !== 'ignores abort') {
      signal?.throwIfAborted();
    }
    await turns(1);
    switch (question.kind) {
      case 'zipkin.trace':
        return this.#trace(question.traceId);
      case 'zipkin.traces':
        return answerOf(this.#search(question.query));
      case 'zipkin.services':
        return this.#names((span) => span.localEndpoint?.serviceName);
      case 'zipkin.spans':
        return this.#names((span) =>
          span.localEndpoint?.serviceName === question.serviceName ? span.name : undefined,
        );
      case 'zipkin.remoteServices':
        return this.#names((span) =>
          span.localEndpoint?.serviceName === question.serviceName ? span.remoteEndpoint?.serviceName : undefined,
        );
      default:
        if (this.#fault === 'answers unknown questions') {
          return answerOf([]);
        }
        throw new BridgeError('BRIDGE_NOT_FOUND', `no answer to ${question.kind}`);
    }
  }

  async expire(): Promise<number> {
    const oldestMs = this.#place.clock.now() - this.#place.retentionMs;
    const keeps = (row: Row): boolean => {
      switch (this.#fault) {
        case 'never expires':
          return true;
        case 'expires all':
          return false;
        default:
          return row.receivedAtMs >= oldestMs;
      }
    };
    const gone = this.#rows.filter((row) => !keeps(row));
    this.#rows = this.#rows.filter(keeps);
    return JSON.stringify(gone).length - 2;
  }

  async status(): Promise<StoreStatus> {
    const items = this.#rows.reduce((sum, row) => sum + row.spans.length, 0);
    return { partitions: [{ signal: 'traces', startMs: 0, sealed: false, bytes: 1, items }], damage: [], bytes: 1 };
  }

  async check(): Promise<{ ok: true } | { ok: false; reason: string }> {
    return this.#fault === 'is never well' ? { ok: false, reason: 'unwell' } : { ok: true };
  }

  async close(): Promise<void> {
    this.#rows = [];
    if (this.#fault === 'forgets when closed') {
      await rm(this.#file, { force: true });
    }
  }

  #trace(traceId: string): Answer {
    const key = (id: string): string => (this.#fault === 'compares ids as they are' ? id : paddedTraceId(id));
    const spans = this.#spans().filter((span) => key(span.traceId) === key(traceId));
    const found = spans.length === 0 && this.#fault === 'answers unknown ids' ? this.#spans() : spans;
    return { ...answerOf(found), count: found.length };
  }

  #search(query: TraceQuery): readonly (readonly Span[])[] {
    const traces = [...Map.groupBy(this.#spans(), (span) => paddedTraceId(span.traceId)).values()];
    const found = traces.filter((spans) => this.#inRange(spans, query) && this.#fits(spans, query)).sort(newestFirst);
    if (this.#fault === 'finds the oldest') {
      found.reverse();
    }
    return this.#fault === 'ignores the limit' ? found : found.slice(0, query.limit);
  }

  #inRange(spans: readonly Span[], query: TraceQuery): boolean {
    const atMs = startOf(spans) / 1_000;
    const beginMs = query.endTsMs - query.lookbackMs + (this.#fault === 'excludes the beginning of a range' ? 1 : 0);
    const endMs = query.endTsMs - (this.#fault === 'excludes the end of a range' ? 1 : 0);
    return atMs >= beginMs && atMs <= endMs;
  }

  #fits(spans: readonly Span[], query: TraceQuery): boolean {
    const wanted: ((span: Span) => boolean)[] = [
      (span) => query.serviceName === undefined || span.localEndpoint?.serviceName === query.serviceName,
      (span) => query.remoteServiceName === undefined || span.remoteEndpoint?.serviceName === query.remoteServiceName,
      (span) => query.spanName === undefined || span.name === query.spanName,
      (span) => (span.duration ?? 0) >= (query.minDurationMicros ?? 0),
    ];
    if (this.#fault !== 'ignores tags') {
      for (const { key, value } of query.annotations) {
        wanted.push((span) => (value === undefined ? key in (span.tags ?? {}) : span.tags?.[key] === value));
      }
    }
    return wanted.every((holds) => spans.some(holds));
  }

  #names(of: (span: Span) => string | undefined): Answer {
    const found = [...new Set(this.#spans().map(of))].filter((name) => name !== undefined);
    return answerOf(this.#fault === 'does not sort names' ? found : found.sort());
  }

  #spans(): readonly Span[] {
    return this.#rows.flatMap((row) => row.spans);
  }
}

function startOf(spans: readonly Span[]): number {
  return Math.min(...spans.map((span) => span.timestamp ?? Number.POSITIVE_INFINITY));
}

function newestFirst(a: readonly Span[], b: readonly Span[]): number {
  return startOf(b) - startOf(a);
}

function answerOf(rows: readonly unknown[]): Answer {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(rows)), count: rows.length };
}

export function tinyStore(fault: StoreFault): StoreSubject {
  return { name: 'tiny', create: (place) => new TinyStore(place, fault) };
}
