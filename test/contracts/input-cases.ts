import assert from 'node:assert/strict';
import type { Input, InputDefinition } from '../../src/contract/input.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../fakes/input-runtime.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { stateAfter, until, within } from '../fakes/until.ts';
import { schemaCases } from './schema-cases.ts';
import type { Case, Exceptions } from './suite.ts';

/** What the sender was told. A source that is read (a file, a page) tells nobody: it is `accepted` once it is there. */
export type Told = 'accepted' | 'refused' | 'try later';

/** The far end of an input: a client that sends, or a source that is read. */
export interface Source {
  /** The component's table as TOML would give it. */
  readonly config: unknown;
  /** Called once the input has started. */
  open?(): Promise<void>;
  /** Sends one item, or puts it where it is read; `ids` must find the id again in what is emitted. */
  send(id: string): Promise<Told>;
  /** Sends what can never be valid. */
  sendGarbage(): Promise<Told>;
  /** Lets time pass for an input that polls. Called again and again while a case waits for an emission. */
  nudge?(runtime: FakeInputRuntime): Promise<void>;
  close(): Promise<void>;
}

export interface InputSubject {
  readonly definition: InputDefinition;
  /** Makes the far end for one instance, before that is created. */
  source(place: { readonly runtime: FakeInputRuntime; readonly dir: string }): Promise<Source>;
  /** The ids in a batch, in order. */
  ids(emission: Emission): readonly string[];
  /** All items in a batch, by decoding it. */
  count(emission: Emission): number;
}

interface Rig {
  readonly subject: InputSubject;
  readonly runtime: FakeInputRuntime;
  readonly source: Source;
  readonly input: Input;
  /** Ids of what is durable, in order. */
  ids(): readonly string[];
  /** Waits until `ready` holds, with time passing for inputs that poll. */
  seen(ready: () => boolean, what: string): Promise<void>;
}

type Run = (subject: InputSubject) => Promise<void>;

const cases = {
  'emits each accepted item exactly once': (subject) =>
    withInput(subject, async (rig) => {
      const wanted: string[] = [];
      for (const id of idsOf(1, 6)) {
        assert.equal(await rig.source.send(id), 'accepted', `a good item (${id})`);
        wanted.push(id);
      }
      const together = idsOf(7, 14);
      const told = await Promise.all(together.map((id) => rig.source.send(id)));
      assert.deepEqual([...new Set(told)], ['accepted'], 'what senders of good items were told');
      wanted.push(...together);
      await rig.seen(() => rig.ids().length >= wanted.length, 'all accepted items');
      await rig.seen(settledFor(rig), 'quiet');
      assert.deepEqual([...rig.ids()].sort(), [...wanted].sort(), 'ids emitted');
    }),

  'declares the signals and counts the items of what it emits': (subject) =>
    withInput(subject, async (rig) => {
      await rig.source.send('0000000000000001');
      await rig.seen(() => rig.ids().length > 0, 'the item');
      for (const emission of rig.runtime.emitted) {
        assert.ok(subject.definition.signals.includes(emission.signal), `emits ${emission.signal} undeclared`);
        assert.equal(emission.items, subject.count(emission), 'items of the batch');
      }
    }),

  'tells the sender to come back when the queue is full': (subject) =>
    withInput(subject, async (rig) => {
      rig.runtime.overload();
      assert.equal(await rig.source.send('0000000000000001'), 'try later');
      assert.deepEqual(rig.ids(), []);
      assert.deepEqual(rig.runtime.refusals, [], 'emit counts by itself what it refuses');
    }),

  'takes items again once the queue has room': (subject) =>
    withInput(subject, async (rig) => {
      rig.runtime.overload();
      const told = await rig.source.send('0000000000000001');
      const callsBefore = rig.runtime.calls;
      if (told === 'accepted') {
        await rig.seen(() => rig.runtime.calls > callsBefore || callsBefore > 0, 'an attempt to emit');
      }
      rig.runtime.recover();
      if (told !== 'accepted') {
        assert.equal(await rig.source.send('0000000000000001'), 'accepted', 'the second try');
      }
      await rig.seen(() => rig.ids().length > 0, 'the item that found no room at first');
      await rig.seen(settledFor(rig), 'quiet');
      assert.deepEqual(rig.ids(), ['0000000000000001']);
    }),

  'does not acknowledge before the batch is durable': (subject) =>
    withInput(subject, async (rig) => {
      rig.runtime.hold();
      const sending = watched(rig.source.send('0000000000000001'));
      await rig.seen(() => rig.runtime.held.length > 0, 'a batch that waits for the disk');
      assert.equal(await stateAfter(sending, 300), 'pending', 'the sender, before its item was on disk');
      rig.runtime.release();
      assert.equal(await within(sending, 5_000, 'the answer after the disk'), 'accepted');
    }),

  'tells the sender to come back when the disk refuses what was taken': (subject) =>
    withInput(subject, async (rig) => {
      rig.runtime.hold();
      const sending = watched(rig.source.send('0000000000000001'));
      await rig.seen(() => rig.runtime.held.length > 0, 'a batch that waits for the disk');
      rig.runtime.failHeld();
      assert.equal(await within(sending, 5_000, 'the answer after the failure'), 'try later');
    }),

  'keeps what it emitted apart from what comes next': (subject) =>
    withInput(subject, async (rig) => {
      rig.runtime.hold();
      const wanted = idsOf(1, 5);
      const sending = watched(Promise.all(wanted.map((id) => rig.source.send(id))));
      await rig
        .seen(() => rig.runtime.held.flatMap(subject.ids).length >= wanted.length, 'all items, held')
        .catch(
          () => undefined, // an input with one emission in flight needs the release to go on
        );
      rig.runtime.release();
      await within(sending, 5_000, 'answers');
      await rig.seen(() => rig.ids().length >= wanted.length, 'all items');
      assert.deepEqual([...rig.ids()].sort(), wanted);
    }),

  'refuses garbage and goes on': (subject) =>
    withInput(subject, async (rig) => {
      for (let i = 0; i < 3; i++) {
        assert.equal(await rig.source.sendGarbage(), 'refused', 'what the sender of garbage was told');
      }
      assert.deepEqual(rig.ids(), [], 'nothing of the garbage is emitted');
      assert.equal(await rig.source.send('0000000000000001'), 'accepted', 'a good item after garbage');
      await rig.seen(() => rig.ids().length > 0, 'the good item');
      assert.deepEqual(rig.ids(), ['0000000000000001']);
    }),

  'does not stay silent about garbage': (subject) =>
    withInput(subject, async (rig) => {
      await rig.source.sendGarbage();
      const spoken = (): boolean => {
        const { refusals, drops, log } = rig.runtime;
        return refusals.length + drops.length + log.entries.filter((entry) => entry.level !== 'info').length > 0;
      };
      await rig.seen(spoken, 'a count or a log line');
    }),

  'may be stopped twice, and without having been started': async (subject) => {
    await withInput(subject, async (rig) => {
      await within(rig.input.stop(), 5_000, 'the first stop');
      await within(rig.input.stop(), 5_000, 'the second stop');
    });
    await inTempDir(async (dir) => {
      const runtime = fakeInputRuntime({ dataDir: dir });
      const source = await subject.source({ runtime, dir });
      const input = created(subject, source, runtime);
      await within(input.stop(), 5_000, 'stop without start');
      await source.close();
    });
  },

  'emits nothing after stop': (subject) =>
    withInput(subject, async (rig) => {
      await rig.source.send('0000000000000001');
      await rig.seen(() => rig.ids().length > 0, 'the item before stop');
      await within(rig.input.stop(), 5_000, 'stop');
      const callsBefore = rig.runtime.calls;
      const late = rig.source.send('0000000000000002').catch(() => 'refused');
      await rig.source.nudge?.(rig.runtime);
      await stateAfter(late, 2_000);
      assert.equal(rig.runtime.calls, callsBefore, 'calls of emit after stop');
      assert.deepEqual(rig.ids(), ['0000000000000001']);
    }),

  'waits in stop until what it took is durable': (subject) =>
    withInput(subject, async (rig) => {
      rig.runtime.hold();
      const sending = watched(rig.source.send('0000000000000001'));
      await rig.seen(() => rig.runtime.held.length > 0, 'a batch that waits for the disk');
      const stopping = watched(rig.input.stop());
      assert.equal(await stateAfter(stopping, 300), 'pending', 'stop, while a batch waits');
      rig.runtime.release();
      await within(stopping, 5_000, 'stop, after the disk');
      assert.equal(await within(sending, 5_000, 'the answer'), 'accepted');
      assert.deepEqual(rig.ids(), ['0000000000000001']);
    }),

  'keeps two instances apart': (subject) =>
    withInput(subject, (one) =>
      withInput(subject, async (two) => {
        await one.source.send('0000000000000001');
        await two.source.send('0000000000000002');
        await one.seen(() => one.ids().length > 0, 'the item of the first');
        await two.seen(() => two.ids().length > 0, 'the item of the second');
        await within(one.input.stop(), 5_000, 'stop of the first');
        await two.source.send('0000000000000003');
        await two.seen(() => two.ids().length > 1, 'an item of the second after the first stopped');
        assert.deepEqual([one.ids(), two.ids()], [['0000000000000001'], ['0000000000000002', '0000000000000003']]);
      }),
    ),

  'shows a status of plain JSON': (subject) =>
    withInput(subject, async (rig) => {
      await rig.source.send('0000000000000001');
      await rig.seen(() => rig.ids().length > 0, 'the item');
      const status = rig.input.status?.() ?? {};
      assert.deepEqual(JSON.parse(JSON.stringify(status)), status);
    }),

  'describes every key': (subject) => schemaCases['describes every key'](subject.definition),
  'refuses an unknown key at every level': (subject) =>
    schemaCases['refuses an unknown key at every level'](subject.definition),
  'writes its keys in snake case': (subject) => schemaCases['writes its keys in snake case'](subject.definition),
} satisfies Record<string, Run>;

export type InputCase = keyof typeof cases;

/** Exceptions of an input that reads: nobody waits for its answer. */
export function readsAlone(why: string): Exceptions<InputCase> {
  return {
    'tells the sender to come back when the queue is full': why,
    'does not acknowledge before the batch is durable': why,
    'tells the sender to come back when the disk refuses what was taken': why,
  };
}

export function inputCases(subject: InputSubject): readonly Case[] {
  return Object.entries(cases).map(([name, run]) => ({ name, run: () => run(subject) }));
}

function withInput(subject: InputSubject, run: (rig: Rig) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const runtime = fakeInputRuntime({ id: `inputs.${subject.definition.type}[0]`, dataDir: dir });
    const source = await subject.source({ runtime, dir });
    const input = created(subject, source, runtime);
    try {
      await within(input.start(), 5_000, 'start');
      await source.open?.();
      await run(rigOf(subject, { runtime, source, input }));
    } finally {
      runtime.release();
      await within(input.stop(), 5_000, 'stop at the end').finally(() => source.close());
    }
  });
}

function created(subject: InputSubject, source: Source, runtime: FakeInputRuntime): Input {
  return subject.definition.create(subject.definition.config.parse(source.config), runtime);
}

function rigOf(subject: InputSubject, parts: Pick<Rig, 'runtime' | 'source' | 'input'>): Rig {
  const { runtime, source } = parts;
  return {
    ...parts,
    subject,
    ids: () => runtime.emitted.flatMap((emission) => subject.ids(emission)),
    seen: async (ready, what) => {
      await until(
        async () => {
          if (ready()) {
            return true;
          }
          await source.nudge?.(runtime);
          return ready();
        },
        { what, withinMs: 3_000 },
      );
    },
  };
}

/** True once nothing new was emitted over a few looks in a row. */
function settledFor(rig: Rig): () => boolean {
  let calls = rig.runtime.calls;
  let quiet = 0;
  return () => {
    quiet = rig.runtime.calls === calls ? quiet + 1 : 0;
    calls = rig.runtime.calls;
    return quiet >= 4;
  };
}

/** A case that fails leaves its promises behind; the suite reports the failure, not what became of them. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function idsOf(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i).toString(16).padStart(16, '0'));
}
