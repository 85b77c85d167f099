import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { uncompressSync } from 'snappy';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { type FakeFarSide, type Received, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { logRecord, type TestLine } from '../../../test/fakes/log-records.ts';
import { requestOf } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { decodePushJson } from '../../codec/loki-push/json.ts';
import { decodePushProto } from '../../codec/loki-push/proto.ts';
import type { PushStream } from '../../codec/loki-push/push.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { Output } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { loki } from './loki.ts';

const never = new AbortController().signal;
const timeNanos = 1_795_253_153_000_000_007n;

function linesRecord(seq: number, ...messages: readonly string[]): QueueRecord {
  return logRecord(
    messages.map((message) => ({ message, timeNanos })),
    { seq },
  );
}

function streamsIn({ headers, body }: Received): readonly PushStream[] {
  return headers['content-type'] === 'application/json'
    ? decodePushJson(gunzipSync(body))
    : decodePushProto(uncompressSync(body) as Buffer);
}

describeOutput({
  kind: 'http',
  definition: loki,
  decode: new RecordDecoders(),
  request: (records) => requestOf(Array.from({ length: records }, (_, i) => linesRecord(i + 1, `a${i}`, `b${i}`))),
  config: (endpoint) => ({ url: endpoint }),
  itemsIn: (received) => streamsIn(received).reduce((sum, { entries }) => sum + entries.length, 0),
});

function withOutput<T>(table: object, run: (output: Output, far: FakeFarSide) => Promise<T>): Promise<T> {
  return withFakeFarSide(async (far) => {
    const runtime = { ...fakeRuntime(), name: 'loki', decode: new RecordDecoders() };
    const output = loki.create(loki.config.parse({ url: far.url, ...table }), runtime);
    await output.start();
    try {
      return await run(output, far);
    } finally {
      await output.stop();
    }
  });
}

/** What the far side gets for these records. */
function sent(table: object, ...records: readonly QueueRecord[]): Promise<Received> {
  return withOutput(table, async (output, far) => {
    expect(await output.write(requestOf(records), never)).toEqual({ status: 'delivered' });
    return far.requests[0]!;
  });
}

const line: TestLine = { message: 'GET /a', timeNanos, level: 'warn', attributes: { code: 200, 'http.path': '/a' } };
const origin = { namespace: 'default', pod: 'reviews-1', container: 'app', app: 'reviews', node: 'n1' };

describe.each(['protobuf', 'json'])('as %s', (encoding) => {
  test('a stream has the chosen labels, a line the rest as structured metadata', async () => {
    const edits = { add: { team: 'x', 'a.b': 'c' } };
    const record = logRecord([line, { message: 'oh', timeNanos, stream: 'stderr' }], { seq: 1, origin, edits });
    const received = await sent({ encoding }, record);
    expect(received.path).toBe('/loki/api/v1/push');
    const streams = streamsIn(received).map(({ labels, entries }) => ({
      labels: Object.fromEntries(labels),
      entries: entries.map((entry) => ({
        ...entry,
        line: Buffer.from(entry.line).toString(),
        metadata: Object.fromEntries(entry.metadata),
      })),
    }));
    const labels = { app: 'reviews', container: 'app', namespace: 'default' };
    const metadata = { a_b: 'c', node: 'n1', pod: 'reviews-1', team: 'x' };
    const time = { seconds: 1_795_253_153, nanos: 7 };
    expect(streams).toEqual([
      {
        labels: { ...labels, stream: 'stdout' },
        entries: [{ ...time, line: 'GET /a', metadata: { ...metadata, level: 'warn', code: '200', http_path: '/a' } }],
      },
      { labels: { ...labels, stream: 'stderr' }, entries: [{ ...time, line: 'oh', metadata }] },
    ]);
  });

  test('an old Loki gets no structured metadata', async () => {
    const received = await sent({ encoding, structured_metadata: false }, logRecord([line], { seq: 1, origin }));
    expect(streamsIn(received)[0]?.entries[0]?.metadata).toEqual([]);
  });
});

test('lines of several records of one stream go into one stream, in order', async () => {
  const received = await sent({}, linesRecord(1, 'a', 'b'), linesRecord(2, 'c'));
  const streams = streamsIn(received);
  expect(streams).toHaveLength(1);
  expect(streams[0]?.entries.map((entry) => Buffer.from(entry.line).toString())).toEqual(['a', 'b', 'c']);
});

test('a stream of which nothing chosen is known still has a label', async () => {
  const received = await sent({ labels: ['app'] }, linesRecord(1, 'a'));
  expect(streamsIn(received)[0]?.labels).toEqual([['job', 'meshbridge']]);
});

test('the tenant goes along, and headers of the user win', async () => {
  expect((await sent({ tenant: 'a' }, linesRecord(1, 'x'))).headers['x-scope-orgid']).toBe('a');
  const both = await sent({ tenant: 'a', headers: { 'X-Scope-OrgID': 'b' } }, linesRecord(1, 'x'));
  expect(both.headers['x-scope-orgid']).toBe('b');
});

test('a path that is written is kept', async () => {
  const path = await withFakeFarSide(async (far) => {
    const runtime = { ...fakeRuntime(), name: 'loki', decode: new RecordDecoders() };
    const output = loki.create(loki.config.parse({ url: `${far.url}/insert/loki/api/v1/push?x=1` }), runtime);
    await output.start();
    await output.write(requestOf([linesRecord(1, 'x')]), never);
    await output.stop();
    return far.requests[0]?.path;
  });
  expect(path).toBe('/insert/loki/api/v1/push?x=1');
});

test('lines that Loki finds too old are counted, and the others are not sent again', async () => {
  await withOutput({}, async (output, far) => {
    const body =
      "entry with timestamp 2020-01-01 00:00:00 +0000 UTC ignored, reason: 'entry too far behind', user 'fake', total ignored: 2 out of 3 for stream: {app=\"a\"}";
    far.answer({ status: 400, body });
    const result = await output.write(requestOf([linesRecord(1, 'a', 'b', 'c'), linesRecord(2, 'd')]), never);
    expect(result).toEqual({ status: 'partial', rejected: 2, reason: body });
  });
});
