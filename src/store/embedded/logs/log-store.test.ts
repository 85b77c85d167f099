import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
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
});
