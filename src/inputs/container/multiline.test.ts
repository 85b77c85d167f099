import { statSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { CollectorRig, linesOf, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { type LogSettings, multilineDefaults, plainLogSettings } from '../../pipeline/logs/settings.ts';
import { LogDescriber } from './log-description.ts';

const flushAfterMs = 30_000;
const joining: LogSettings = {
  ...plainLogSettings,
  multiline: { ...multilineDefaults, by: 'pattern', patterns: ['^BEGIN'], flushAfterMs },
};

function optionsOf(settings: LogSettings) {
  const describer = new LogDescriber();
  const descriptions = new Map<string, ReturnType<LogDescriber['describe']>>();
  return {
    describer: {
      forget: (path: string) => describer.forget(path),
      describe: (path: string, nowMs: number) => {
        const known = descriptions.get(path) ?? { ...describer.describe(path, nowMs), settings };
        descriptions.set(path, known);
        return known;
      },
    },
  };
}

function inLogs(
  settings: LogSettings,
  body: (logs: PodLogs, rig: CollectorRig) => Promise<CollectorRig | undefined>,
): Promise<void> {
  return inTempDir(async (path) => {
    const rig = new CollectorRig(path, optionsOf(settings));
    const last = await body(new PodLogs(path), rig);
    await (last ?? rig).stop();
  });
}

function emittedBy(runtime: FakeInputRuntime): readonly string[] {
  return runtime.emitted.flatMap(linesOf).map(({ text }) => text);
}

/** So long that every open record ends. */
async function settle(rig: CollectorRig): Promise<void> {
  await rig.rest();
  await rig.clock.advance(flushAfterMs);
  await rig.turn();
  await rig.turn();
}

describe('lines that are put together', () => {
  test('wait for the next beginning, or for the time that is set', () =>
    inLogs(joining, async (logs, rig) => {
      logs.write('BEGIN 1', 'more');
      await rig.turn();
      expect(rig.texts).toEqual([]);
      logs.write('BEGIN 2');
      await rig.turn();
      expect(rig.texts).toEqual(['BEGIN 1\nmore']);
      await settle(rig);
      expect(rig.texts).toEqual(['BEGIN 1\nmore', 'BEGIN 2']);
      return undefined;
    }));

  test('go on in the next file after a rotation', () =>
    inLogs(joining, async (logs, rig) => {
      logs.write('BEGIN 1', 'a');
      await rig.turn();
      logs.rotate();
      logs.write('b');
      await rig.pass(2_000);
      logs.rotate();
      logs.write('c', 'BEGIN 2');
      await settle(rig);
      expect(rig.texts).toEqual(['BEGIN 1\na\nb\nc', 'BEGIN 2']);
      return undefined;
    }));

  test('end with the container: what the next instance writes is none of it', () =>
    inLogs(joining, async (logs, rig) => {
      logs.write('BEGIN 1', 'a');
      await rig.turn();
      logs.append(logs.line('b'), '1.log');
      await settle(rig);
      expect([...rig.texts].sort()).toEqual(['BEGIN 1\na', 'b']);
      return undefined;
    }));

  test('end with the pod', () =>
    inLogs(joining, async (logs, rig) => {
      logs.write('BEGIN 1', 'a');
      await rig.turn();
      logs.removePod();
      await rig.pass(7_000);
      expect(rig.texts).toEqual(['BEGIN 1\na']);
      return undefined;
    }));

  test('are read again after a kill, in whichever file they began', () =>
    inLogs(joining, async (logs, rig) => {
      logs.write('BEGIN 1', 'a');
      logs.append(logs.line('BEGIN err', 'F', 'stderr'));
      await rig.turn();
      logs.rotate();
      logs.append(logs.line('b, ', 'P'));
      logs.append(logs.line('BEGIN err 2', 'F', 'stderr'));
      await rig.pass(2_000);
      const seen = [...rig.texts];
      expect(seen).toEqual(['BEGIN err']);
      const next = await rig.crash();
      await next.turn();
      logs.append(logs.line('c'));
      logs.write('BEGIN 2');
      await settle(next);
      expect([...next.texts].sort()).toEqual(['BEGIN 1\na\nb, c', 'BEGIN 2', 'BEGIN err 2']);
      return next;
    }));

  test('do not wait for a stream that goes on', () =>
    inLogs({ ...joining, multiline: { ...joining.multiline, flushAfterMs: 1_000 } as never }, async (logs, rig) => {
      logs.write('BEGIN 1');
      await rig.turn();
      for (let i = 0; i < 5; i++) {
        logs.append(logs.line('BEGIN err', 'F', 'stderr'));
        await rig.pass(500);
      }
      expect(rig.texts).toContain('BEGIN 1');
      return undefined;
    }));

  test('a step that leaves all lines out lets the position go on', () =>
    inLogs({ ...plainLogSettings, parse: [{ step: 'drop' }] }, async (logs, rig) => {
      logs.write('1', '2');
      await rig.turn();
      expect(rig.texts).toEqual([]);
      const { size } = statSync(logs.path());
      const [position = ''] = rig.runtime.positions('logs', '').values();
      expect(JSON.parse(position).files[0].slice(4, 6)).toEqual([size, size]);
      return undefined;
    }));

  test('new settings end what is open under the old ones, once', () =>
    inTempDir(async (path) => {
      const options = optionsOf(joining);
      let settings = joining;
      const { describe: describeJoining } = options.describer;
      options.describer.describe = (log, nowMs) => ({ ...describeJoining(log, nowMs), settings });
      const logs = new PodLogs(path);
      const rig = new CollectorRig(path, options);
      logs.write('BEGIN 1', 'a');
      await rig.turn();
      settings = plainLogSettings;
      logs.write('b', 'c');
      await rig.turn();
      expect(rig.texts).toEqual(['BEGIN 1\na', 'b', 'c']);
      const next = await rig.crash();
      await settle(next);
      expect(next.texts).toEqual([]);
      await next.stop();
    }));
});

interface Group {
  readonly stream: 'stdout' | 'stderr';
  readonly lines: number;
  readonly pieces: number;
}

type Act =
  | { readonly kind: 'write'; readonly groups: readonly Group[]; readonly now: number }
  | { readonly kind: 'rename' | 'create' | 'look' | 'hold' | 'release' | 'fail' | 'crash' | 'pass' };

const group = fc.record({
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
  lines: fc.integer({ min: 1, max: 4 }),
  pieces: fc.integer({ min: 1, max: 2 }),
});
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      groups: fc.array(group, { minLength: 1, maxLength: 4 }),
      now: fc.integer({ min: 0, max: 100 }),
    }),
  },
  ...(['rename', 'create', 'look', 'hold', 'release', 'fail', 'crash', 'pass'] as const).map((kind) => ({
    weight: kind === 'look' ? 4 : 1,
    arbitrary: fc.constant({ kind }),
  })),
);

/** Both streams write at once, a fragment each in turn; what is written when is chosen by the acts. */
class GroupWriter {
  readonly wanted: string[] = [];
  readonly #logs: PodLogs;
  readonly #waiting: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  #file = '0.log';

  constructor(logs: PodLogs) {
    this.#logs = logs;
    logs.create();
  }

  add({ stream, lines, pieces }: Group): void {
    const id = `BEGIN ${this.wanted.length}`;
    const texts = Array.from({ length: lines }, (_, i) =>
      (i === 0 ? id : `${id} line ${i}`).replace(/^BEGIN(?= .* )/, 'of'),
    );
    this.wanted.push(texts.join('\n'));
    for (const text of texts) {
      const cut = pieces === 1 ? text.length : 3;
      const fragments = pieces === 1 ? [text] : [text.slice(0, cut), text.slice(cut)];
      for (const [i, fragment] of fragments.entries()) {
        this.#waiting[stream].push(this.#logs.line(fragment, i === fragments.length - 1 ? 'F' : 'P', stream));
      }
    }
  }

  flush(count = Number.POSITIVE_INFINITY): void {
    const { stdout, stderr } = this.#waiting;
    for (let i = 0; i < count && stdout.length + stderr.length > 0; i++) {
      const from = (i % 2 === 0 && stdout.length > 0) || stderr.length === 0 ? stdout : stderr;
      this.#logs.append(from.shift() ?? '', this.#file);
    }
  }

  rename(): void {
    if (this.#file === '0.log') {
      this.#file = this.#logs.rename();
    }
  }

  create(): void {
    if (this.#file !== '0.log') {
      this.#logs.create();
      this.#file = '0.log';
    }
  }
}

async function plays(acts: readonly Act[]): Promise<void> {
  await inTempDir(async (path) => {
    const logs = new PodLogs(path);
    const writer = new GroupWriter(logs);
    const seen: string[] = [];
    let rig = new CollectorRig(path, optionsOf(joining));
    const perform = async (one: Act): Promise<unknown> => {
      switch (one.kind) {
        case 'write':
          for (const next of one.groups) {
            writer.add(next);
          }
          return writer.flush(one.now / 10);
        case 'rename':
          return writer.rename();
        case 'create':
          return writer.create();
        case 'hold':
          return rig.runtime.hold();
        case 'release':
          return rig.runtime.release();
        case 'fail':
          return rig.runtime.failHeld();
        case 'pass':
          return rig.clock.advance(300);
        case 'crash':
          seen.push(...emittedBy(rig.runtime));
          rig = await rig.crash();
          return undefined;
        default:
          await rig.look();
          return rig.runtime.held.length > 0
            ? undefined
            : Promise.race([rig.collector.settled(), new Promise((resolve) => setTimeout(resolve, 5))]);
      }
    };
    for (const one of acts) {
      await perform(one);
      writer.flush(1);
    }
    writer.create();
    writer.flush();
    rig.runtime.release();
    await settle(rig);
    seen.push(...emittedBy(rig.runtime));
    rig = await rig.crash();
    await settle(rig);
    seen.push(...rig.texts);
    await rig.stop();
    expect(seen.sort()).toEqual([...writer.wanted].sort());
  });
}

test('whatever the order of writes, rotations, full lanes and kills, every record comes once and whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 40 }), (acts) => plays(acts)),
    { numRuns: 120 },
  );
}, 120_000);

/** As docker writes it: the text with its newline, in JSON. */
function dockerLine(text: string, stream: string): string {
  return `${JSON.stringify({ log: `${text}\n`, stream, time: '2026-11-21T09:39:00.1Z' })}\n`;
}

test('wherever what is there ends at a look, and whatever the runtime, the records are the same', async () => {
  const settings: LogSettings = {
    ...joining,
    removeAnsi: true,
    redact: ['secrets'],
    parse: [{ step: 'drop', when: { matches: 'nobody' } }],
  };
  const line = fc.constantFrom(
    'BEGIN a',
    '\u001b[1mBEGIN b\u001b[m',
    'more',
    '\tmore',
    'password=x',
    'nobody',
    '日志 ü',
    '',
    'a\r',
  );
  const lines = fc.array(fc.tuple(line, fc.constantFrom('stdout', 'stderr')), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(lines, fc.array(fc.nat(80), { maxLength: 12 }), fc.boolean(), async (written, cuts, isDocker) => {
      const runs: (readonly string[])[] = [];
      for (const steps of [cuts, [], Array.from({ length: 12 }, () => 7)]) {
        await inLogs(settings, async (logs, rig) => {
          const text = written.map(([one, stream]) =>
            isDocker ? dockerLine(one, stream) : `2026-11-21T09:39:00.1Z ${stream} F ${one}\n`,
          );
          const bytes = Buffer.from(text.join(''));
          let at = 0;
          for (const step of steps) {
            logs.append(bytes.subarray(at, at + step));
            at = Math.min(bytes.length, at + step);
            await rig.turn();
          }
          logs.append(bytes.subarray(at));
          await settle(rig);
          runs.push([...rig.texts].sort());
          return undefined;
        });
      }
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[2]).toEqual(runs[0]);
    }),
    { numRuns: 30 },
  );
}, 120_000);
