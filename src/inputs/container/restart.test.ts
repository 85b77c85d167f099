import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { CollectorRig, linesOf, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { inTempDir, type TempDir, tempDir } from '../../../test/fakes/temp-dir.ts';

let dir: TempDir;
let logs: PodLogs;
let rig: CollectorRig;

beforeEach(async () => {
  dir = await tempDir();
  logs = new PodLogs(dir.path);
  rig = new CollectorRig(dir.path);
});

afterEach(async () => {
  await rig.stop();
  await dir.remove();
});

/** Restarts, and gives what all lives together emitted. */
async function crash(earlier: string[]): Promise<void> {
  earlier.push(...rig.texts);
  rig = await rig.crash();
}

describe('after a restart', () => {
  test('goes on where it was', async () => {
    const seen: string[] = [];
    logs.write('1', '2');
    await rig.turn();
    await crash(seen);
    logs.write('3');
    await rig.rest();
    expect([...seen, ...rig.texts]).toEqual(['1', '2', '3']);
  });

  test('fluent-bit#3702: reads again what was not durable', async () => {
    logs.write('1');
    await rig.turn();
    rig.runtime.hold();
    logs.write('2');
    await rig.look();
    const seen = [...rig.texts];
    await crash([]);
    await rig.rest();
    expect([...seen, ...rig.texts]).toEqual(['1', '2']);
  });

  test('fluent-bit#1330: finds a file that was rotated meanwhile by its identity, and reads both to the end', async () => {
    const seen: string[] = [];
    logs.write('1');
    await rig.turn();
    await crash(seen);
    logs.write('2');
    logs.rotate();
    logs.write('3');
    await rig.rest();
    expect([...seen, ...rig.texts]).toEqual(['1', '2', '3']);
  });

  test('finds a file by its first bytes when its inode has changed', async () => {
    const seen: string[] = [];
    logs.write('a first line that is long enough to tell', '1');
    await rig.turn();
    await crash(seen);
    copyFileSync(logs.path(), logs.path('copy'));
    logs.remove();
    copyFileSync(logs.path('copy'), logs.path());
    rmSync(logs.path('copy'));
    logs.write('2');
    await rig.rest();
    expect([...seen, ...rig.texts].slice(1)).toEqual(['1', '2']);
  });

  test('fluent-bit#5024: keeps a record whole whose fragments came in two lives, and the other stream as it was', async () => {
    const seen: string[] = [];
    logs.append(logs.line('first, ', 'P') + logs.line('err', 'F', 'stderr'));
    await rig.turn();
    await crash(seen);
    expect(seen).toEqual(['err']);
    logs.append(logs.line('err 2', 'F', 'stderr') + logs.line('second'));
    await rig.rest();
    expect([...seen, ...rig.texts]).toEqual(['err', 'err 2', 'first, second']);
  });

  test('contrib#26691: keeps a record whole that began in a file that was rotated', async () => {
    const seen: string[] = [];
    logs.append(logs.line('1') + logs.line('first, ', 'P'));
    await rig.turn();
    logs.rotate();
    logs.append(logs.line('err', 'F', 'stderr'));
    await rig.pass(2_000);
    await crash(seen);
    await rig.turn();
    await crash(seen);
    logs.append(logs.line('second'));
    await rig.rest();
    await crash(seen);
    await rig.rest();
    expect([...seen, ...rig.texts]).toEqual(['1', 'err', 'first, second']);
  });

  test('does not join a record with one that ended just before in the next file', async () => {
    const seen: string[] = [];
    logs.append(logs.line('a1, ', 'P'));
    await rig.turn();
    logs.rotate();
    logs.append(logs.line('err', 'F', 'stderr'));
    await rig.pass(2_000);
    logs.append(logs.line('a2') + logs.line('b1, ', 'P'));
    await rig.turn();
    await crash(seen);
    logs.append(logs.line('b2'));
    await rig.rest();
    expect([...seen, ...rig.texts]).toEqual(['err', 'a1, a2', 'b1, b2']);
  });

  test('leaves out the rest of a record that was cut before', async () => {
    const seen: string[] = [];
    await rig.stop();
    rig = new CollectorRig(dir.path, { maxLineBytes: 4 });
    logs.append(logs.line('0123', 'P') + logs.line('4567', 'P'));
    await rig.turn();
    await crash(seen);
    logs.append(logs.line('89', 'P') + logs.line('ab') + logs.line('next'));
    await rig.rest();
    expect([...seen, ...rig.texts]).toEqual(['0123', 'next']);
  });

  test('counts what was truncated away, as far as it is known', async () => {
    logs.write('1');
    await rig.turn();
    rig.runtime.hold();
    logs.write('2');
    await rig.look();
    rig = await rig.crash();
    logs.truncate();
    logs.write('3');
    await rig.rest();
    expect(rig.records).toEqual(['3']);
    expect(rig.gaps).toEqual([expect.stringMatching(/an unknown number of bytes of 0[.]log, deleted/)]);
  });

  test('keeps the positions while nothing is there, and forgets them after a minute', async () => {
    logs.write('1');
    await rig.turn();
    rig = await rig.crash();
    const elsewhere = `${dir.path}-unmounted`;
    const hide = new PodLogs(elsewhere, '.');
    renameSync(`${dir.path}/default_web-1_0b7c`, `${elsewhere}/default_web-1_0b7c`);
    await rig.pass(30_000);
    renameSync(`${elsewhere}/default_web-1_0b7c`, `${dir.path}/default_web-1_0b7c`);
    logs.write('2');
    await rig.rest();
    expect(rig.texts).toEqual(['2']);
    expect(rig.runtime.emitted[0]?.origin.pod).toBe('web-1');
    rig = await rig.crash();
    logs.removePod();
    await rig.pass(61_000);
    expect(rig.runtime.positions('logs', '').size).toBe(0);
    rmSync(hide.root, { recursive: true });
  });

  test('loki#1457: an unreadable position is named, and its file is read from the beginning', async () => {
    logs.write('1');
    const positions = new Map([['logs container:test:default_web-1_0b7c/app/0.log', '{"v":9}']]);
    await rig.stop();
    rig = new CollectorRig(dir.path, {}, fakeInputRuntime({ positions }));
    await rig.rest();
    expect(rig.texts).toEqual(['1']);
    expect(rig.runtime.log.at('warn')).toHaveLength(1);
  });
});

type Act =
  | { readonly kind: 'write'; readonly lines: readonly { readonly pieces: number; readonly stream: string }[] }
  | { readonly kind: 'rename' | 'create' | 'look' | 'hold' | 'release' | 'fail' | 'crash' | 'pass' | 'compress' };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      lines: fc.array(
        fc.record({ pieces: fc.integer({ min: 1, max: 3 }), stream: fc.constantFrom('stdout', 'stderr') }),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
    }),
  },
  ...(['rename', 'create', 'look', 'hold', 'release', 'fail', 'crash', 'pass', 'compress'] as const).map((kind) => ({
    weight: kind === 'look' ? 4 : 1,
    arbitrary: fc.constant({ kind }),
  })),
);

/** A runtime's two streams writing to one log: fragments of both interleave, and a rename may fall between any of them. */
class Writer {
  readonly ids: string[] = [];
  readonly #logs: PodLogs;
  readonly #waiting: string[] = [];
  #file = '0.log';

  constructor(logs: PodLogs) {
    this.#logs = logs;
    logs.create();
  }

  /** Lines of both streams, their fragments shuffled together in a way that depends on nothing but the lines. */
  write(lines: readonly { readonly pieces: number; readonly stream: string }[]): void {
    const perStream: Record<string, string[]> = { stdout: [], stderr: [] };
    for (const { pieces, stream } of lines) {
      const id = `line-${this.ids.length}`;
      this.ids.push(id);
      for (let piece = 1; piece <= pieces; piece++) {
        const text = piece === 1 ? id : `+${piece}`;
        perStream[stream]!.push(this.#logs.line(text, piece === pieces ? 'F' : 'P', stream));
      }
    }
    const { stdout = [], stderr = [] } = perStream;
    for (let i = 0; i < Math.max(stdout.length, stderr.length); i++) {
      this.#waiting.push(...stdout.slice(i, i + 1), ...stderr.slice(i, i + 1));
    }
    // Half of it now; the rest after the next act, which may be a rotation or a kill.
    this.flush(Math.ceil(this.#waiting.length / 2));
  }

  flush(count = this.#waiting.length): void {
    for (const line of this.#waiting.splice(0, count)) {
      this.#logs.append(line, this.#file);
    }
  }

  rename(): void {
    if (this.#file === '0.log') {
      this.#file = this.#logs.rename();
    }
  }

  /** All that was rotated away, but for what is still written. */
  compress(): void {
    for (const name of readdirSync(this.#logs.directory)) {
      if (/^0[.]log[.][-0-9]+$/.test(name) && name !== this.#file) {
        writeFileSync(this.#logs.path(`${name}.gz`), gzipSync(readFileSync(this.#logs.path(name))));
        this.#logs.remove(name);
      }
    }
  }

  create(): void {
    if (this.#file !== '0.log') {
      this.#logs.create();
      this.#file = '0.log';
    }
  }
}

describe('whatever the order of writes, rotations, full lanes and kills', () => {
  test('no line is lost or doubled when what was emitted is durable at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 40 }), (acts) => plays(acts)),
      { numRuns: 150 },
    );
  });
});

async function plays(acts: readonly Act[]): Promise<void> {
  await inTempDir(async (path) => {
    const written = new PodLogs(path);
    const writer = new Writer(written);
    const seen: string[] = [];
    let current = new CollectorRig(path);
    const next = async (): Promise<void> => {
      seen.push(...current.runtime.emitted.flatMap(linesOf).map((line) => line.text));
      current = await current.crash();
    };
    for (const one of acts) {
      await perform(one, { writer, rig: current, next });
      writer.flush(1);
    }
    writer.create();
    writer.flush();
    current.runtime.release();
    await current.rest();
    await next();
    await current.rest();
    seen.push(...current.texts);
    await current.stop();
    expect([...seen].map((text) => text.replace(/\+.*$/, '')).sort()).toEqual([...writer.ids].sort());
    expect(seen.filter((text) => text.startsWith('+'))).toEqual([]);
  });
}

async function perform(
  one: Act,
  { writer, rig: current, next }: { writer: Writer; rig: CollectorRig; next: () => Promise<void> },
): Promise<void> {
  switch (one.kind) {
    case 'write':
      return writer.write(one.lines);
    case 'rename':
      return writer.rename();
    case 'create':
      return writer.create();
    case 'compress':
      return writer.compress();
    case 'hold':
      return current.runtime.hold();
    case 'release':
      return current.runtime.release();
    case 'fail':
      return current.runtime.failHeld();
    case 'crash':
      return next();
    case 'pass':
      return current.clock.advance(1_200);
    default:
      await current.look();
      // With the lane held, a batch stays under way.
      return current.runtime.held.length > 0 ? undefined : Promise.race([current.collector.settled(), turn()]);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
