import assert from 'node:assert/strict';
import type {
  Output,
  OutputDefinition,
  OutputRuntime,
  RecordDecoder,
  WriteRequest,
  WriteResult,
} from '../../src/contract/output.ts';
import { type Answer, type FakeFarSide, type Received, refusedUrl, withFakeFarSide } from '../fakes/far-side.ts';
import { type FakeRuntime, fakeRuntime } from '../fakes/runtime.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until, within } from '../fakes/until.ts';
import { schemaCases } from './schema-cases.ts';
import type { Case } from './suite.ts';

interface SubjectBase {
  readonly definition: OutputDefinition;
  readonly decode: RecordDecoder;
  /** A request of that many records, the same at every call. Each record has at least one item. */
  request(records: number): WriteRequest;
}

/** An output that posts to somebody over HTTP. */
export interface HttpOutputSubject extends SubjectBase {
  readonly kind: 'http';
  /** The table as TOML would give it, for a far side at that URL. */
  config(endpoint: string): unknown;
  /** Items in what the far side got; 0 for a request that carries none. */
  itemsIn(received: Received): number;
  /** What the far side says when it took all of it. Default: 200. */
  readonly taken?: Answer;
}

/** An output that writes where this process can: a file, a terminal. */
export interface LocalOutputSubject extends SubjectBase {
  readonly kind: 'local';
  config(dir: string): unknown;
  /** Items that stand there now. */
  itemsIn(dir: string): Promise<number>;
}

export type OutputSubject = HttpOutputSubject | LocalOutputSubject;

interface Rig {
  readonly output: Output;
  readonly runtime: FakeRuntime;
}

interface HttpRig extends Rig {
  readonly far: FakeFarSide;
}

interface LocalRig extends Rig {
  itemsThere(): Promise<number>;
}

const httpCases = {
  'reports 200 as delivered': (s) => answered(s, { answer: { status: 200 }, want: ['delivered'] }),
  'reports 202 as delivered': (s) => answered(s, { answer: { status: 202 }, want: ['delivered'] }),
  'reports 204 as delivered': (s) => answered(s, { answer: { status: 204 }, want: ['delivered'] }),
  'reports 400 for several records as something that halves may solve': (s) =>
    answered(s, { answer: { status: 400, body: 'bad item' }, want: ['split'], records: 3 }),
  'reports 400 for one record as final': (s) =>
    answered(s, { answer: { status: 400, body: 'bad item' }, want: ['rejected', 'split'], records: 1 }),
  'reports 413 as too large': (s) => answered(s, { answer: { status: 413 }, want: ['split'], records: 3 }),
  'reports 429 as try again': (s) => answered(s, { answer: { status: 429 }, want: ['retry'] }),
  'reports 500 as try again': (s) => answered(s, { answer: { status: 500 }, want: ['retry'] }),
  'reports 502 as try again': (s) => answered(s, { answer: { status: 502 }, want: ['retry'] }),
  'reports 503 as try again': (s) => answered(s, { answer: { status: 503 }, want: ['retry'] }),
  'hands on how long a 429 asks to wait': (s) => waits(s, { status: 429, headers: { 'retry-after': '7' } }, 7_000),
  'hands on how long a 503 asks to wait': (s) => waits(s, { status: 503, headers: { 'retry-after': '120' } }, 120_000),
  'reads a date in Retry-After': (s) =>
    withFarSide(s, async ({ far, output, runtime }) => {
      const date = new Date(runtime.clock.now() + 90_000).toUTCString();
      far.answer({ status: 503, headers: { 'retry-after': date } });
      const result = await write(output, s.request(1));
      assert.deepEqual([result.status, 'afterMs' in result ? result.afterMs : undefined], ['retry', 90_000]);
    }),
  'says why it was not delivered': (s) =>
    withFarSide(s, async ({ far, output }) => {
      far.answer({ status: 503, body: 'the disk is full over here' });
      const result = await write(output, s.request(1));
      assert.match('reason' in result ? result.reason : '', /503/);
    }),
  'names the cause of a retry, for counting': (s) =>
    withFarSide(s, async ({ far, output }) => {
      const causes: unknown[] = [];
      for (const answer of [{ status: 429 }, { status: 503 }, { status: 500 }, 'drop'] as const) {
        far.once(answer);
        const result = await write(output, s.request(1));
        causes.push('cause' in result ? result.cause : undefined);
      }
      assert.deepEqual(causes, ['busy', 'busy', 'server_error', 'unreachable']);
    }),
  'may have two attempts under way at once': (s) =>
    withFarSide(s, async ({ far, output }) => {
      far.answer('hang');
      const stop = new AbortController();
      const writing = [s.request(1), s.request(3)].map((request) => output.write(request, stop.signal));
      const ended = Promise.allSettled(writing);
      await until(() => far.requests.length === 2, { what: 'both requests', withinMs: 5_000 });
      assert.deepEqual(
        far.requests.map((received) => s.itemsIn(received)).toSorted((one, other) => one - other),
        [s.request(1).items, s.request(3).items],
      );
      stop.abort(new Error('seen enough'));
      await within(ended, 2_000, 'the end of both');
    }),
  'tries again when the connection is refused': async (s) => {
    const runtime = fakeRuntime();
    const output = created(s, s.config(await refusedUrl()), runtime);
    await within(output.start(), 5_000, 'start while the far side is away');
    try {
      assert.equal((await write(output, s.request(1))).status, 'retry');
      assert.equal((await within(output.check(), 10_000, 'check')).ok, false);
    } finally {
      await within(output.stop(), 5_000, 'stop');
    }
  },
  'tries again when the connection breaks before the answer': (s) =>
    withFarSide(s, async ({ far, output }) => {
      far.once('drop');
      assert.equal((await write(output, s.request(1))).status, 'retry');
      assert.equal((await write(output, s.request(1))).status, 'delivered', 'the next attempt');
    }),
  'sends every item once': (s) =>
    withFarSide(s, async ({ far, output }) => {
      const request = s.request(3);
      await write(output, request);
      assert.equal(itemsAt(s, far), request.items);
    }),
  'sends the same bytes on every attempt': (s) =>
    withFarSide(s, async ({ far, output }) => {
      far.once({ status: 503 });
      await write(output, s.request(2));
      await write(output, s.request(2));
      const [first, second] = far.requests;
      assert.equal(far.requests.length, 2);
      assert.deepEqual(second?.body, first?.body);
    }),
  'ends with the reason of an aborted signal while the far side hangs': (s) =>
    withFarSide(s, async ({ far, output }) => {
      far.answer('hang');
      const stop = new AbortController();
      const reason = new Error('shutting down');
      const writing = output.write(s.request(1), stop.signal);
      writing.catch(() => undefined);
      await until(() => far.requests.length > 0, { what: 'the request', withinMs: 5_000 });
      stop.abort(reason);
      await assert.rejects(within(writing, 2_000, 'a write whose signal was aborted'), (error) => error === reason);
    }),
  'sends nothing when its signal was aborted before': (s) =>
    withFarSide(s, async ({ far, output }) => {
      const reason = new Error('shutting down');
      const writing = output.write(s.request(1), AbortSignal.abort(reason));
      await assert.rejects(within(writing, 2_000, 'a write that was aborted before'), (error) => error === reason);
      assert.equal(itemsAt(s, far), 0);
    }),
  'checks without a side effect': (s) =>
    withFarSide(s, async ({ far, output }) => {
      assert.deepEqual(await within(output.check(), 5_000, 'check'), { ok: true });
      assert.equal(itemsAt(s, far), 0);
    }),
  'lets go of its connections in stop': (s) =>
    withFarSide(s, async ({ far, output }) => {
      await write(output, s.request(1));
      await within(output.stop(), 5_000, 'stop');
      await until(() => far.connections === 0, { what: 'no open connection', withinMs: 1_500 });
    }),
  'keeps two instances apart': (s) =>
    withFarSide(s, (one) =>
      withFarSide(s, async (two) => {
        await within(one.output.stop(), 5_000, 'stop of the first');
        assert.equal((await write(two.output, s.request(1))).status, 'delivered');
        assert.equal(itemsAt(s, one.far), 0);
      }),
    ),
} satisfies Record<string, (subject: HttpOutputSubject) => Promise<void>>;

const localCases = {
  'writes every item once': (s) =>
    withPlace(s, async (rig) => {
      const request = s.request(3);
      assert.deepEqual(await write(rig.output, request), { status: 'delivered' });
      assert.equal(await rig.itemsThere(), request.items);
    }),
  'goes on where an earlier life ended': (s) =>
    inTempDir(async (dir) => {
      const request = s.request(2);
      for (let life = 1; life <= 2; life++) {
        const output = created(s, s.config(dir), fakeRuntime({ dataDir: dir }));
        await within(output.start(), 5_000, 'start');
        assert.deepEqual(await write(output, request), { status: 'delivered' });
        await within(output.stop(), 5_000, 'stop');
        assert.equal(await s.itemsIn(dir), life * request.items);
      }
    }),
  'writes nothing when its signal was aborted before': (s) =>
    withPlace(s, async (rig) => {
      const reason = new Error('shutting down');
      const writing = rig.output.write(s.request(1), AbortSignal.abort(reason));
      await assert.rejects(within(writing, 2_000, 'a write that was aborted before'), (error) => error === reason);
      assert.equal(await rig.itemsThere(), 0);
    }),
  'checks without a side effect': (s) =>
    withPlace(s, async (rig) => {
      assert.deepEqual(await within(rig.output.check(), 5_000, 'check'), { ok: true });
      assert.equal(await rig.itemsThere(), 0);
    }),
} satisfies Record<string, (subject: LocalOutputSubject) => Promise<void>>;

const everyCase = {
  'does not change the request': (s) =>
    withOutput(s, async ({ output }) => {
      const request = s.request(3);
      const before = JSON.stringify(request);
      await write(output, request);
      assert.equal(JSON.stringify(request), before);
    }),
  'may be stopped twice, and without having been started': (s) =>
    withOutput(s, async ({ output }) => {
      await within(output.stop(), 5_000, 'the first stop');
      await within(output.stop(), 5_000, 'the second stop');
      await inTempDir(async (dir) => {
        const config = s.kind === 'http' ? s.config('http://127.0.0.1:9') : s.config(dir);
        const idle = created(s, config, fakeRuntime({ dataDir: dir }));
        await within(idle.stop(), 5_000, 'stop without start');
      });
    }),
  'describes every key': (s) => schemaCases['describes every key'](s.definition),
  'refuses an unknown key at every level': (s) => schemaCases['refuses an unknown key at every level'](s.definition),
  'writes its keys in snake case': (s) => schemaCases['writes its keys in snake case'](s.definition),
} satisfies Record<string, (subject: OutputSubject) => Promise<void>>;

export type HttpOutputCase = keyof typeof httpCases | keyof typeof everyCase;
export type LocalOutputCase = keyof typeof localCases | keyof typeof everyCase;
export type OutputCase = HttpOutputCase | LocalOutputCase;

export function outputCases(subject: OutputSubject): readonly Case[] {
  const own =
    subject.kind === 'http'
      ? Object.entries(httpCases).map(([name, run]) => ({ name, run: () => run(subject) }))
      : Object.entries(localCases).map(([name, run]) => ({ name, run: () => run(subject) }));
  return [...own, ...Object.entries(everyCase).map(([name, run]) => ({ name, run: () => run(subject) }))];
}

interface Expected {
  readonly answer: Answer;
  readonly want: readonly WriteResult['status'][];
  readonly records?: number;
}

function answered(subject: HttpOutputSubject, expected: Expected): Promise<void> {
  return withFarSide(subject, async ({ far, output, runtime }) => {
    far.answer(expected.answer);
    const result = await write(output, subject.request(expected.records ?? 2));
    assert.ok(expected.want.includes(result.status), `was "${result.status}", not ${expected.want.join(' or ')}`);
    await runtime.clock.advance(3_600_000);
    assert.equal(far.requests.length, 1, 'attempts');
  });
}

function waits(subject: HttpOutputSubject, answer: Answer, wantMs: number): Promise<void> {
  return withFarSide(subject, async ({ far, output }) => {
    far.answer(answer);
    const result = await write(output, subject.request(1));
    assert.deepEqual([result.status, 'afterMs' in result ? result.afterMs : undefined], ['retry', wantMs]);
    assert.equal(far.requests.length, 1, 'attempts');
  });
}

function write(output: Output, request: WriteRequest): Promise<WriteResult> {
  return within(output.write(request, new AbortController().signal), 5_000, 'one attempt');
}

function itemsAt(subject: HttpOutputSubject, far: FakeFarSide): number {
  return far.requests.reduce((sum, received) => sum + subject.itemsIn(received), 0);
}

function created(subject: OutputSubject, config: unknown, runtime: FakeRuntime): Output {
  const { definition, decode } = subject;
  const full: OutputRuntime = { ...runtime, name: definition.type, decode };
  return definition.create(definition.config.parse(config), full);
}

function withOutput(subject: OutputSubject, run: (rig: Rig) => Promise<void>): Promise<void> {
  return subject.kind === 'http' ? withFarSide(subject, run) : withPlace(subject, run);
}

function withFarSide(subject: HttpOutputSubject, run: (rig: HttpRig) => Promise<void>): Promise<void> {
  return withFakeFarSide(async (far) => {
    const runtime = fakeRuntime();
    const output = created(subject, subject.config(far.url), runtime);
    far.answer(subject.taken ?? { status: 200 });
    try {
      await within(output.start(), 5_000, 'start');
      await run({ far, output, runtime });
    } finally {
      await within(output.stop(), 5_000, 'stop at the end');
    }
  });
}

function withPlace(subject: LocalOutputSubject, run: (rig: LocalRig) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const runtime = fakeRuntime({ dataDir: dir });
    const output = created(subject, subject.config(dir), runtime);
    try {
      await within(output.start(), 5_000, 'start');
      await run({ output, runtime, itemsThere: () => subject.itemsIn(dir) });
    } finally {
      await within(output.stop(), 5_000, 'stop at the end');
    }
  });
}
