import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HeldClock } from '../../../../test/fakes/clock.ts';
import { logRecord, type TestLine } from '../../../../test/fakes/log-records.ts';
import { inTempDir } from '../../../../test/fakes/temp-dir.ts';
import type { LogQuery, LokiRangeQuery, Question } from '../../../contract/store.ts';
import type { Origin, TagEdits } from '../../../model/batch.ts';
import { DamageBook } from '../damage-book.ts';
import { Slice } from '../slice.ts';
import { LogStore } from './log-store.ts';

const startMs = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;
const everything: LogQuery = { startMs: 0, endMs: 4e12, matchers: [], texts: [], levels: [] };
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

interface Line {
  readonly id: string;
  readonly timeMs: number;
  readonly message: string;
  readonly attributes?: object;
  readonly fields?: object;
  readonly traceId?: string;
}

interface Streams {
  readonly result: readonly { stream: Record<string, string>; values: [string, string, object?][] }[];
}

class Rig {
  readonly store: LogStore;
  #seq = 0;

  constructor(dir: string) {
    this.store = new LogStore({
      dir: join(dir, 'logs'),
      retentionMs: 7 * 24 * hourMs,
      sealBytes: 128 * 1024 * 1024,
      sealMs: 6 * hourMs,
      clock: new HeldClock(),
      damage: new DamageBook(),
    });
  }

  /** One commit of lines, a second from each to the next. */
  async add(
    lines: readonly (Partial<TestLine> & { message: string })[],
    more: { atMs?: number; origin?: Origin; edits?: TagEdits } = {},
  ): Promise<void> {
    this.#seq += 1;
    const { atMs = startMs, ...rest } = more;
    const timed = lines.map((line, i) => ({ timeNanos: BigInt(atMs + i * 1000) * 1_000_000n, ...line }));
    this.store.append('queue1', [logRecord(timed, { seq: this.#seq, receivedAtMs: atMs, ...rest })]);
    await this.store.flush();
  }

  async text(question: Question): Promise<string> {
    const answer = await this.store.answer(question, new Slice({ clear: async () => {} }));
    return Buffer.from(answer?.body ?? '').toString();
  }

  async ask<T>(question: Question): Promise<T> {
    return JSON.parse(await this.text(question));
  }

  search(query: Partial<LogQuery>): Promise<{ lines: Line[] }> {
    return this.ask({ kind: 'logs.search', query: { ...everything, ...query }, limit: 1000 });
  }

  range(query: string, more: Partial<LokiRangeQuery> = {}): Promise<Streams> {
    const whole = { startNanos: 0n, endNanos: 4_000_000_000_000_000_000n, stepMs: 1e9, limit: 1000 };
    return this.ask({
      kind: 'loki.queryRange',
      query: { query, ...whole, direction: 'forward', encoding: 'merged', ...more },
    });
  }

  async messages(query: string, more: Partial<LokiRangeQuery> = {}): Promise<string[]> {
    const { result } = await this.range(query, more);
    return result.flatMap(({ values }) => values.map(([, message]) => message));
  }
}

function withRig(run: (rig: Rig) => Promise<void>): () => Promise<void> {
  return () =>
    inTempDir(async (dir) => {
      const rig = new Rig(dir);
      await rig.store.open();
      try {
        await run(rig);
      } finally {
        await rig.store.close();
      }
    });
}

describe('attributes of lines', () => {
  test(
    'are answered with the line, in what is sealed and rewritten too, and lines without have none',
    withRig(async (rig) => {
      const attributes = { 'http.path': '/a', code: 200, slow: false, trace_id: traceId.toUpperCase() };
      await rig.add([{ message: 'plain' }, { message: 'with', attributes }, { message: 'plain too' }]);
      await rig.add([{ message: 'other', attributes: { n: 1 } }], { atMs: startMs + 10_000, origin: { pod: 'b' } });
      const expected = [
        ['other', { n: 1 }, undefined],
        ['plain too', undefined, undefined],
        ['with', attributes, traceId],
        ['plain', undefined, undefined],
      ];
      const found = async () =>
        (await rig.search({})).lines.map((line) => [line.message, line.attributes, line.traceId]);
      expect(await found()).toEqual(expected);
      await rig.add([{ message: 'the last' }], { atMs: startMs + 7 * hourMs });
      await rig.store.expire();
      expect(rig.store.partitions.map(({ sealed }) => sealed)).toEqual([true, false]);
      expect((await found()).slice(1)).toEqual(expected);
      expect(await rig.messages('{pod="app-0"} | http_path="/a" | code>=200')).toEqual(['with']);
    }),
  );

  test(
    'come through the tail',
    withRig(async (rig) => {
      const { next } = await rig.ask<{ next: string }>({ kind: 'logs.tail', query: everything, limit: 9 });
      await rig.add([{ message: 'x', attributes: { a: 'b' } }]);
      const { lines } = await rig.ask<{ lines: Line[] }>({
        kind: 'logs.tail',
        query: everything,
        limit: 9,
        after: next,
      });
      expect(lines.map(({ attributes }) => attributes)).toEqual([{ a: 'b' }]);
    }),
  );
});

describe('LogQL on the store', () => {
  test(
    'finds what texts stand in lines, in these letters, over borders of blocks and lines',
    withRig(async (rig) => {
      const words = ['alpha', 'Beta', 'gamma', 'ALPHA', 'alphabet', 'x', ''];
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(fc.constantFrom(...words), { maxLength: 3 }), { minLength: 1, maxLength: 12 }),
          fc.constantFrom('alpha', 'Beta x', 'a', 'et', 'alpha gamma'),
          async (lines, needle) => {
            const pod = `pod-${Math.random().toString(36).slice(2)}`;
            const messages = lines.map((line) => line.join(' '));
            await rig.add(
              messages.map((message) => ({ message })),
              { origin: { pod } },
            );
            const expected = messages.filter((message) => message.includes(needle));
            expect(await rig.messages(`{pod="${pod}"} |= ${JSON.stringify(needle)}`)).toEqual(expected);
            expect(await rig.messages(`{pod="${pod}"} != ${JSON.stringify(needle)}`)).toEqual(
              messages.filter((message) => !message.includes(needle)),
            );
          },
        ),
        { numRuns: 25 },
      );
    }),
  );

  test(
    'selects by stream, level and the name of the service',
    withRig(async (rig) => {
      await rig.add(
        [{ message: 'a', level: 'error' }, { message: 'b', level: 'info', stream: 'stderr' }, { message: 'c' }],
        { origin: { app: 'web', pod: 'p' }, edits: { add: { 'team.name': 'x' } } },
      );
      await rig.add([{ message: 'd', level: 'error' }], {
        origin: { pod: 'q' },
        edits: { add: { level: 'of the stream' } },
      });
      expect(await rig.messages('{service_name="web", level="error"}')).toEqual(['a']);
      expect(await rig.messages('{service_name="web", stream="stderr"}')).toEqual(['b']);
      expect(await rig.messages('{team_name="x", level!~"error|info"}')).toEqual(['c']);
      expect(await rig.messages('{service_name="unknown_service"}')).toEqual(['d']);
      expect(await rig.messages('{level="of the stream"}')).toEqual(['d']);
      expect(await rig.messages('{pod="q", level="error"}')).toEqual([]);
    }),
  );

  test(
    'reads fields of an access log where the query asks for them, and none else',
    withRig(async (rig) => {
      const access = JSON.stringify({
        start_time: '2026-11-21T09:39:00.695Z',
        method: 'GET',
        path: '/a',
        protocol: 'HTTP/1.1',
        response_code: 503,
        response_flags: 'UF',
        duration: 3,
        upstream_cluster: 'x',
        request_id: 'r',
      });
      await rig.add([{ message: access }, { message: 'envoy starts' }]);
      expect(await rig.messages('{pod="app-0"} | response_code=503')).toEqual([access]);
      const categorized = await rig.range('{pod="app-0"} |= "GET"', { encoding: 'categorized' });
      expect(categorized.result[0]?.values[0]?.[2]).toMatchObject({
        structuredMetadata: { response_flags: 'UF', path: '/a' },
      });
      const { lines } = await rig.search({ texts: ['GET'] });
      expect(lines[0]?.fields).toMatchObject({ response_code: 503, method: 'GET' });
      const { result } = await rig.ask<{ result: { metric: object }[] }>({
        kind: 'loki.query',
        query: 'count_over_time({pod="app-0"}[1h])',
        timeNanos: BigInt(startMs + 60_000) * 1_000_000n,
      });
      expect(result.map(({ metric }) => Object.keys(metric))).toEqual([
        ['container', 'detected_level', 'namespace', 'pod', 'service_name', 'stream'],
      ]);
    }),
  );

  test(
    'narrows the native questions too',
    withRig(async (rig) => {
      await rig.add([{ message: 'n=1 k=a' }, { message: 'n=5 k=a' }, { message: 'n=9 k=b' }, { message: 'N=9 k=a' }]);
      const logql = '{pod="app-0"} |= "n=" | logfmt | n > 2';
      const found = await rig.search({ logql, texts: ['K=A'] });
      expect(found.lines.map(({ message }) => message)).toEqual(['n=5 k=a']);
      const counts = await rig.ask<{ total: number }>({
        kind: 'logs.counts',
        query: { ...everything, startMs, endMs: startMs + hourMs, logql },
        stepMs: hourMs,
      });
      expect(counts.total).toBe(2);
      await expect(rig.search({ logql: '{pod="app-0"' })).rejects.toMatchObject({
        code: 'BRIDGE_DECODE',
        message: expect.stringMatching(/^parse error/),
      });
      await expect(rig.search({ logql: 'rate({pod="app-0"}[1m])' })).rejects.toMatchObject({ code: 'BRIDGE_DECODE' });
      await expect(rig.search({ logql: '{pod="app-0"} |= ip("::1")' })).rejects.toMatchObject({
        code: 'BRIDGE_UNSUPPORTED',
      });
    }),
  );

  test(
    'a tail gives each line once, by its arrival, whenever it was written',
    withRig(async (rig) => {
      await rig.add([{ message: 'before 1' }, { message: 'before 2' }]);
      const tail = async (after?: string): Promise<{ next: string; messages: string[] }> => {
        const text = await rig.text({
          kind: 'loki.tail',
          query: '{pod="app-0"}',
          startNanos: 0n,
          limit: 1,
          encoding: 'merged',
          ...(after === undefined ? {} : { after }),
        });
        const end = text.indexOf('\n');
        const { streams } = JSON.parse(text.slice(end + 1)) as { streams: Streams['result'] };
        return {
          next: text.slice(0, end),
          messages: streams.flatMap(({ values }) => values.map(([, message]) => message)),
        };
      };
      const first = await tail();
      expect(first.messages).toEqual(['before 2']);
      expect(await tail(first.next)).toEqual({ next: first.next, messages: [] });
      await rig.add([{ message: 'late', timeNanos: 5n }], { atMs: startMs + 1 });
      const second = await tail(first.next);
      expect(second.messages).toEqual(['late']);
      expect((await tail(second.next)).messages).toEqual([]);
    }),
  );

  test(
    'a tail says when there was more than it gives',
    withRig(async (rig) => {
      await rig.add([{ message: 'first' }]);
      const ask = (limit: number, after: string): Promise<string> =>
        rig.text({ kind: 'loki.tail', query: '{pod="app-0"}', startNanos: 0n, limit, encoding: 'merged', after });
      await rig.add([{ message: 'a' }, { message: 'b' }, { message: 'c' }], { atMs: startMs + 5 });
      const read = (text: string): { streams: Streams['result']; dropped_entries: { timestamp: string }[] } =>
        JSON.parse(text.slice(text.indexOf('\n')));
      const all = read(await ask(3, `${startMs}-1-0`));
      expect([all.streams[0]?.values.length, all.dropped_entries]).toEqual([3, []]);
      const cut = read(await ask(2, `${startMs}-1-0`));
      expect(cut.streams[0]?.values.map(([, message]) => message)).toEqual(['b', 'c']);
      expect(cut.dropped_entries.map(({ timestamp }) => timestamp)).toEqual([`${startMs + 5}000000`]);
    }),
  );

  test(
    'lets others have their turn while it works through a large block',
    withRig(async (rig) => {
      await rig.add(Array.from({ length: 5_000 }, (_, i) => ({ message: JSON.stringify({ i, msg: 'x'.repeat(30) }) })));
      let turns = 0;
      const clear = async (): Promise<void> => {
        turns += 1;
      };
      const question = {
        kind: 'loki.query',
        query: 'sum by (i) (count_over_time({pod="app-0"} | json | i=~"(a|b)*4.*" [3h]))',
        timeNanos: BigInt(startMs + 2 * hourMs) * 1_000_000n,
      } as const;
      await rig.store.answer(question, new Slice({ clear }));
      expect(turns).toBeGreaterThan(1);
    }),
  );
});

describe('the context of a line', () => {
  const context = (
    rig: Rig,
    { id, timeMs }: Line,
    before: number,
    after: number,
  ): Promise<{ line: Line; before: Line[]; after: Line[] }> =>
    rig.ask({ kind: 'logs.context', id, timeMs, before, after });

  test(
    'is what its container wrote next to it, however far away and in whichever block',
    withRig(async (rig) => {
      await rig.add([{ message: 'a 1' }, { message: 'a 2' }], { origin: { pod: 'a' } });
      await rig.add([{ message: 'b 1' }, { message: 'b 2' }], { origin: { pod: 'b' } });
      await rig.add([{ message: 'a 3', stream: 'stderr' }, { message: 'a 4' }], {
        origin: { pod: 'a' },
        atMs: startMs + 8 * hourMs,
      });
      await rig.store.expire();
      const { lines } = await rig.search({ texts: ['a 2'] });
      const [line] = lines;
      const found = await context(rig, line as Line, 5, 5);
      const messages = (all: readonly Line[]): string[] => all.map(({ message }) => message);
      expect([messages(found.before), found.line.message, messages(found.after)]).toEqual([
        ['a 1'],
        'a 2',
        ['a 3', 'a 4'],
      ]);
      const near = await context(rig, line as Line, 0, 1);
      expect([messages(near.before), messages(near.after)]).toEqual([[], ['a 3']]);
    }),
  );

  test(
    'tells lines of one time and text apart',
    withRig(async (rig) => {
      await rig.add(
        Array.from({ length: 5 }, (_, i) => ({
          message: 'same',
          timeNanos: BigInt(startMs) * 1_000_000n,
          attributes: { i },
        })),
      );
      const { lines } = await rig.search({});
      const third = lines.find(({ attributes }) => JSON.stringify(attributes) === '{"i":2}') as Line;
      const found = await context(rig, third, 10, 10);
      const numbers = (all: readonly Line[]): (object | undefined)[] => all.map(({ attributes }) => attributes);
      expect([numbers(found.before), numbers(found.after)]).toEqual([
        [{ i: 0 }, { i: 1 }],
        [{ i: 3 }, { i: 4 }],
      ]);
    }),
  );

  test(
    'of a line that is not there is not found',
    withRig(async (rig) => {
      const line = { id: '1-2-3', timeMs: startMs, message: '' };
      await expect(context(rig, line, 1, 1)).rejects.toMatchObject({ code: 'BRIDGE_NOT_FOUND' });
      await expect(context(rig, { ...line, id: 'x' }, 1, 1)).rejects.toMatchObject({ code: 'BRIDGE_DECODE' });
    }),
  );
});

/** Over whenever it is asked. */
class ShortSlice extends Slice {
  override get over(): boolean {
    return true;
  }
}

test(
  'questions that take turns with each other each get their own lines',
  withRig(async (rig) => {
    const idOf = (block: number, line: number): string =>
      `${traceId.slice(0, 24)}${block}${`${line}`.padStart(7, '0')}`;
    const lines = Array.from({ length: 100 }, (_, line) => line);
    for (const block of [0, 1, 2, 3]) {
      const messages = lines.map((line) => ({ message: `line ${idOf(block, line)}` }));
      await rig.add(messages, { atMs: startMs + block * 100_000 });
    }
    const query = { startNanos: 0n, endNanos: 4_000_000_000_000_000_000n, stepMs: 1e9, limit: 1000 };
    const ask = async (direction: LokiRangeQuery['direction']): Promise<string[]> => {
      const asked = { query: '{pod="app-0"}', ...query, direction, encoding: 'merged' as const };
      const slice = new ShortSlice({ clear: async () => {} });
      const answer = await rig.store.answer({ kind: 'loki.queryRange', query: asked }, slice);
      const { result }: Streams = JSON.parse(Buffer.from(answer?.body ?? '').toString());
      return result.flatMap(({ values }) => values.map(([, message]) => message));
    };
    const [forward, backward] = await Promise.all([ask('forward'), ask('backward')]);
    const expected = [0, 1, 2, 3].flatMap((block) => lines.map((line) => `line ${idOf(block, line)}`));
    expect(forward).toEqual(expected);
    expect(backward).toEqual(expected.toReversed());
  }),
);
