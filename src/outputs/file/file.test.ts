import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { WriteRequest } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { FileOutput } from './file-output.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

async function opened(): Promise<{ output: FileOutput; path: string; again: () => FileOutput }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'meshbridge-file-'));
  const again = (): FileOutput =>
    new FileOutput(
      { path: 'out.ndjson' },
      {
        id: 'outputs.file',
        name: 'file',
        dataDir,
        userAgent: 'test',
        log: quiet,
        clock: { now: () => 0, sleep: () => Promise.resolve() },
        meter: { counter: () => ({ add() {}, value: 0 }), gauge: () => ({ set() {} }) },
        decode: new RecordDecoders(),
      },
    );
  return { output: again(), path: join(dataDir, 'out.ndjson'), again };
}

function spans(seq: number, json: string): WriteRequest {
  const record: QueueRecord = {
    seq,
    signal: 'traces',
    format: 'zipkin-json-v2',
    receivedAtMs: 1,
    items: 1,
    cumItems: seq,
    origin: {},
    payload: Buffer.from(json),
  };
  return { signal: 'traces', records: [record], items: 1, id: `q:${seq}-${seq}` };
}

const one = '[{"traceId":"000000000000000a","id":"000000000000000b","name":"get"}]';
const never = new AbortController().signal;

test('each span is a line with its signal', async () => {
  const { output, path } = await opened();
  expect(await output.write(spans(1, one), never)).toEqual({ status: 'delivered' });
  await output.stop();
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { signal: 'traces', traceId: '000000000000000a', id: '000000000000000b', name: 'get' },
  ]);
});

test('a line that a crash tore is cut off, whole ones stay', async () => {
  const { output, path, again } = await opened();
  await writeFile(path, '{"whole":1}\n');
  await appendFile(path, `{"torn":${'1'.repeat(100_000)}`);
  expect(await output.write(spans(1, one), never)).toEqual({ status: 'delivered' });
  await output.stop();
  const second = again();
  expect(await second.write(spans(2, one), never)).toEqual({ status: 'delivered' });
  await second.stop();
  const lines = (await readFile(path, 'utf8')).split('\n');
  expect(lines.length).toBe(4);
  expect(lines[0]).toBe('{"whole":1}');
  expect(lines[1]).toBe(lines[2]);
});

test('a record that cannot be read asks for halves, so that only it goes to the dead letters', async () => {
  const { output } = await opened();
  expect(await output.write(spans(1, '[{"traceId":"x"}]'), never)).toMatchObject({ status: 'split' });
  await output.stop();
});

test('a directory in the way is a reason to come back', async () => {
  const { output, path } = await opened();
  const { mkdir } = await import('node:fs/promises');
  await mkdir(path);
  expect(await output.write(spans(1, one), never)).toMatchObject({ status: 'retry' });
  await output.stop();
});
