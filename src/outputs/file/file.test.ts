import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { type TempDir, tempDir } from '../../../test/fakes/temp-dir.ts';
import { until } from '../../../test/fakes/until.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { Output, WriteRequest } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { file } from './file.ts';

function spanRecord(seq: number, payload: string): QueueRecord {
  const common = { signal: 'traces', format: 'zipkin-json-v2', receivedAtMs: 1, origin: {} } as const;
  return { ...common, seq, items: 1, cumItems: seq, payload: Buffer.from(payload) };
}

function request(...records: readonly QueueRecord[]): WriteRequest {
  const [first, last] = [records[0]!.seq, records.at(-1)!.seq];
  return { signal: 'traces', records, items: records.length, id: `q:${first}-${last}` };
}

function span(seq: number): QueueRecord {
  return spanRecord(seq, `[{"traceId":"000000000000000a","id":"${seq.toString(16).padStart(16, '0')}"}]`);
}

describeOutput({
  kind: 'local',
  definition: file,
  decode: new RecordDecoders(),
  request: (records) => request(...Array.from({ length: records }, (_, i) => span(i + 1))),
  config: (dir) => ({ path: join(dir, 'deep', 'out.ndjson') }),
  itemsIn: async (dir) => linesIn(join(dir, 'deep', 'out.ndjson')).length,
});

function linesIn(path: string): readonly string[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  } catch {
    return [];
  }
}

let dir: TempDir;
let output: Output;
const delivered = { status: 'delivered' };
const never = new AbortController().signal;

beforeEach(async () => {
  dir = await tempDir();
  output = created();
});

afterEach(async () => {
  await output.stop();
  await dir.remove();
});

function created(table: object = {}): Output {
  const runtime = { ...fakeRuntime({ dataDir: dir.path }), name: 'file', decode: new RecordDecoders() };
  return file.create(file.config.parse(table), runtime);
}

function path(): string {
  return join(dir.path, 'out.ndjson');
}

describe('the file', () => {
  test('is under the data directory, for nobody else to read, and has a line for each item', async () => {
    expect(await output.write(request(span(1), span(2)), never)).toEqual(delivered);
    expect(linesIn(path()).map((line) => JSON.parse(line))).toEqual([
      { signal: 'traces', traceId: '000000000000000a', id: '0000000000000001' },
      { signal: 'traces', traceId: '000000000000000a', id: '0000000000000002' },
    ]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  test('loses a line of ours that a crash tore, at whatever byte', async () => {
    await output.write(request(span(1)), never);
    const [whole = ''] = linesIn(path());
    for (let length = 1; length < whole.length; length += 7) {
      await output.stop();
      appendFileSync(path(), whole.slice(0, length));
      output = created();
      expect(await output.write(request(span(2)), never)).toEqual(delivered);
    }
    expect(linesIn(path()).every((line) => line.length === whole.length)).toBe(true);
  });

  test('loses a torn line that is longer than what is read at once', async () => {
    writeFileSync(path(), `{"signal":"logs"}\n{"signal":"logs","message":"${'x'.repeat(200_000)}`);
    await output.write(request(span(1)), never);
    expect(linesIn(path())).toHaveLength(2);
  });

  test('keeps an end that is not ours, and gives it its newline', async () => {
    writeFileSync(path(), 'somebody’s notes');
    await output.write(request(span(1)), never);
    expect(linesIn(path())[0]).toBe('somebody’s notes');
    expect(linesIn(path())).toHaveLength(2);
  });

  test('is opened anew when somebody moves, empties or removes it', async () => {
    await output.write(request(span(1)), never);
    renameSync(path(), `${path()}.1`);
    await output.write(request(span(2)), never);
    expect([linesIn(`${path()}.1`).length, linesIn(path()).length]).toEqual([1, 1]);
    truncateSync(path());
    await output.write(request(span(3)), never);
    expect(linesIn(path())).toHaveLength(1);
    expect(readFileSync(path()).includes(0)).toBe(false);
  });

  test('has whole lines when requests come at once', async () => {
    const requests = Array.from({ length: 20 }, (_, i) => request(...Array.from({ length: 50 }, () => span(i + 1))));
    await Promise.all(requests.map((one) => output.write(one, never)));
    expect(linesIn(path()).map((line) => typeof JSON.parse(line))).toHaveLength(1_000);
  });
});

describe('a file that is full', () => {
  const full = { rotate_bytes: '100B' };

  /** Names of the files beside the one that is written, without the time in them. */
  function setAside(): readonly string[] {
    return readdirSync(dir.path)
      .filter((name) => name !== 'out.ndjson')
      .map((name) => name.replace(/-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z/, '-TIME'));
  }

  /** All spans of all files, in the order of the files' names, each unpacked. */
  function ids(): readonly string[] {
    const bytes = readdirSync(dir.path)
      .toSorted()
      .map((name): [string, Buffer] => [name, readFileSync(join(dir.path, name))])
      .map(([name, read]) => (name.endsWith('.gz') ? gunzipSync(read) : read))
      .map((read) => (read.readUInt32LE(0) === 0xfd2fb528 ? zstdDecompressSync(read) : read));
    const lines = bytes.flatMap((read) => read.toString().trimEnd().split('\n'));
    return lines.map((line) => (JSON.parse(line) as { readonly id: string }).id.slice(-1));
  }

  test('is set aside under a name with the time, and a new one is begun with the next request', async () => {
    output = created(full);
    for (const id of [1, 2, 3, 4, 5]) {
      await output.write(request(span(id)), never);
    }
    expect(setAside()).toEqual(['out-TIME.ndjson', 'out-TIME.ndjson']);
    expect(ids()).toEqual(['1', '2', '3', '4', '5']);
  });

  test.each(['gzip', 'zstd'])(
    'is compressed with %s in the background, and only the newest are kept',
    async (compression) => {
      output = created({ ...full, compression, rotate_keep: 2 });
      const ending = compression === 'gzip' ? 'gz' : 'zst';
      for (const id of [1, 2, 3, 4, 5, 6, 7]) {
        await output.write(request(span(id)), never);
      }
      const both = [`out-TIME.ndjson.${ending}`, `out-TIME.ndjson.${ending}`];
      await until(() => setAside().join() === both.join(), { what: 'two compressed files' });
      expect(ids()).toEqual(['3', '4', '5', '6', '7']);
    },
  );

  test('is compressed in the next life where this one ended before', async () => {
    writeFileSync(join(dir.path, 'out-2026-01-01T00-00-00.000Z.ndjson'), '{"id":"a"}\n');
    writeFileSync(join(dir.path, 'out-2026-01-01T00-00-00.000Z.ndjson.gz.part'), 'torn');
    writeFileSync(join(dir.path, 'out-of-mind.ndjson'), "somebody's");
    output = created({ ...full, compression: 'gzip' });
    await output.start();
    const wanted = ['out-TIME.ndjson.gz', 'out-of-mind.ndjson'];
    await until(() => setAside().join() === wanted.join(), { what: 'the compressed file' });
  });

  test('grows on where it cannot be set aside', async () => {
    const name = 'n'.repeat(250);
    output = created({ ...full, path: name });
    for (const id of [1, 2, 3]) {
      expect(await output.write(request(span(id)), never)).toEqual(delivered);
    }
    expect(linesIn(join(dir.path, name))).toHaveLength(3);
  });
});

describe('what can not be written', () => {
  test('because of one record of several asks for halves, and leaves nothing of the others', async () => {
    await output.write(request(span(1)), never);
    const bad = request(span(2), spanRecord(3, '[{"traceId":"x"}]'));
    expect(await output.write(bad, never)).toMatchObject({ status: 'split' });
    expect(linesIn(path())).toHaveLength(1);
  });

  test('because a directory is in the way asks to come again, and works once it is not', async () => {
    mkdirSync(path());
    expect(await output.check()).toEqual({ ok: false, reason: `${path()} is in the way` });
    expect(await output.write(request(span(1)), never)).toMatchObject({
      status: 'retry',
      reason: expect.stringContaining('EISDIR'),
      cause: 'local',
    });
    renameSync(path(), `${path()}-away`);
    expect(await output.write(request(span(1)), never)).toEqual(delivered);
  });

  test('because the disk is full asks to come again, and leaves whole lines', async () => {
    const runtime = { ...fakeRuntime({ dataDir: dir.path }), name: 'file', decode: new RecordDecoders() };
    const full = file.create(file.config.parse({ path: '/dev/full' }), runtime);
    expect(await full.write(request(span(1)), never)).toMatchObject({
      status: 'retry',
      reason: expect.stringContaining('ENOSPC'),
    });
    await full.stop();
  });
});
