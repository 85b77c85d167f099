import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { stateAfter, until } from '../../../test/fakes/until.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { WriteRequest } from '../../contract/output.ts';
import { systemClock } from '../../lib/clock.ts';
import { stdout } from './stdout.ts';
import { StdoutOutput } from './stdout-output.ts';

const never = new AbortController().signal;
const runtime = { ...fakeRuntime(), clock: systemClock, name: 'stdout', decode: new RecordDecoders() };

function request(spans: number): WriteRequest {
  const list = Array.from({ length: spans }, (_, i) => ({
    traceId: '000000000000000a',
    id: (i + 1).toString(16).padStart(16, '0'),
  }));
  const common = { signal: 'traces', format: 'zipkin-json-v2', receivedAtMs: 1, origin: {} } as const;
  const payload = Buffer.from(JSON.stringify(list));
  return {
    signal: 'traces',
    records: [{ ...common, seq: 1, items: spans, cumItems: spans, payload }],
    items: spans,
    id: 'q:1-1',
  };
}

/** Both ends of a named pipe that does not block. */
async function withPipe(run: (ends: { reader: number; writer: number }) => Promise<void>): Promise<void> {
  await inTempDir(async (dir) => {
    const path = join(dir, 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await run({ reader, writer });
    } finally {
      closeSync(writer);
      closeSync(reader);
    }
  });
}

function available(reader: number): Buffer {
  const buffer = Buffer.alloc(1_048_576);
  try {
    return buffer.subarray(0, readSync(reader, buffer));
  } catch {
    return Buffer.alloc(0);
  }
}

describe('standard output', () => {
  test('gets a line for each item', async () => {
    await inTempDir(async (dir) => {
      const path = join(dir, 'printed');
      const descriptor = openSync(path, 'w');
      const output = new StdoutOutput(descriptor, runtime);
      expect(await output.write(request(2), never)).toEqual({ status: 'delivered' });
      await output.stop();
      closeSync(descriptor);
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines.map((line) => Object(JSON.parse(line)).id)).toEqual(['0000000000000001', '0000000000000002']);
    });
  });

  test('waits for a reader that is slow, and loses nothing', async () => {
    await withPipe(async ({ reader, writer }) => {
      const output = new StdoutOutput(writer, runtime);
      const writing = output.write(request(10_000), never);
      expect(await stateAfter(writing, 30)).toBe('pending');
      const read: Buffer[] = [];
      const isDone = writing.then(() => true);
      await until(async () => {
        read.push(available(reader));
        return (await Promise.race([isDone, false])) === true;
      });
      read.push(available(reader));
      expect(await writing).toEqual({ status: 'delivered' });
      expect(Buffer.concat(read).toString().trimEnd().split('\n')).toHaveLength(10_000);
    });
  });

  test('ends with the reason of its signal while nobody reads, and then begins a new line', async () => {
    await withPipe(async ({ reader, writer }) => {
      const output = new StdoutOutput(writer, runtime);
      const stop = new AbortController();
      const writing = output.write(request(10_000), stop.signal);
      writing.catch(() => undefined);
      expect(await stateAfter(writing, 30)).toBe('pending');
      stop.abort(new Error('shutting down'));
      await expect(writing).rejects.toThrow();
      const before = available(reader);
      expect(await output.write(request(1), never)).toEqual({ status: 'delivered' });
      const lines = Buffer.concat([before, available(reader)])
        .toString()
        .trimEnd()
        .split('\n');
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ id: '0000000000000001' });
    });
  });

  test('without a reader asks to come again', async () => {
    await inTempDir(async (dir) => {
      const path = join(dir, 'pipe');
      execFileSync('mkfifo', [path]);
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      closeSync(reader);
      const output = new StdoutOutput(writer, runtime);
      expect(await output.write(request(1), never)).toMatchObject({ status: 'retry' });
      closeSync(writer);
    });
  });

  test('may be stopped twice, without having been started, and is always well', async () => {
    const output = stdout.create(stdout.config.parse({}), runtime);
    expect(await output.check()).toEqual({ ok: true });
    await output.stop();
    await output.stop();
  });
});
