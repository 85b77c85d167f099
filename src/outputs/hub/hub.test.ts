import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { HttpOutputSubject } from '../../../test/contracts/output-cases.ts';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import {
  type FakeFarSide,
  fakeFarSide,
  type Received,
  refusedUrl,
  withFakeFarSide,
} from '../../../test/fakes/far-side.ts';
import { frameRecord } from '../../../test/fakes/frames.ts';
import { requestOf, spanRecord } from '../../../test/fakes/requests.ts';
import { type FakeRuntime, fakeRuntime } from '../../../test/fakes/runtime.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { Output, WriteResult } from '../../contract/output.ts';
import type { Format } from '../../model/batch.ts';
import { ParcelReader, type ParcelRecord } from '../../record/parcel.ts';
import { hubOutput } from './hub.ts';

const queue = '00000000000000ab';
const never = new AbortController().signal;
const ok: WriteResult = { status: 'delivered' };
const series = [{ name: 'a', labels: [], type: 'counter' as const, measurement: 'a', field: 'a' }];
/** What a hub answers once all is on its disk. */
const kept = { status: 204 };
const isFormat = (name: string): name is Format => name !== '';

function request(records: number) {
  const list = Array.from({ length: records }, (_, i) =>
    spanRecord([{ traceId: '0a', id: String(i) }], { seq: i + 1, itemsBefore: i }),
  );
  return requestOf(list, queue);
}

function recordsIn({ body }: Received): readonly ParcelRecord[] {
  return body.length === 0 ? [] : new ParcelReader({ isFormat }).read(zstdDecompressSync(body));
}

const subject: HttpOutputSubject = {
  kind: 'http',
  definition: hubOutput,
  decode: new RecordDecoders(),
  request,
  config: (endpoint) => ({ urls: [endpoint] }),
  itemsIn: (received) => recordsIn(received).reduce((sum, { items }) => sum + items, 0),
  taken: kept,
};
const noHub = 'a hub says 204, and what says otherwise to records is none';
describeOutput(subject, { 'reports 200 as delivered': noHub, 'reports 202 as delivered': noHub });

function withHub<T>(run: (far: FakeFarSide) => Promise<T>): Promise<T> {
  return withFakeFarSide((far) => {
    far.answer(kept);
    return run(far);
  });
}

async function withOutput(table: object, run: (output: Output, runtime: FakeRuntime) => Promise<void>): Promise<void> {
  const runtime = fakeRuntime();
  const output = hubOutput.create(hubOutput.config.parse(table), {
    ...runtime,
    node: 'node one',
    name: 'hub',
    decode: new RecordDecoders(),
  });
  await output.start();
  try {
    await run(output, runtime);
  } finally {
    await output.stop();
  }
}

function tokensAt({ requests }: FakeFarSide): (string | undefined)[] {
  return requests.map(({ headers }) => headers.authorization);
}

describe('a request', () => {
  test('names lane, clock and version in its headers, and what the lane was called before', () =>
    withHub((far) =>
      withOutput({ urls: [far.url] }, async (output, runtime) => {
        const ancestors = [
          { queueId: '0000000000000001', seq: 5 },
          { queueId: '0000000000000002', seq: 9 },
        ];
        expect(await output.write({ ...request(2), ancestors }, never)).toEqual(ok);
        const [got] = far.requests;
        expect(got).toMatchObject({
          method: 'POST',
          path: '/api/native/records',
          headers: {
            'content-type': 'application/vnd.meshbridge.records; version=1',
            'content-encoding': 'zstd',
            'user-agent': 'meshbridge/test',
            'x-meshbridge-signal': 'traces',
            'x-meshbridge-queue': queue,
            'x-meshbridge-node': 'node%20one',
            'x-meshbridge-ancestors': '0000000000000001:5,0000000000000002:9',
            'x-meshbridge-sent': String(runtime.clock.now()),
          },
        });
        expect(got?.headers['x-meshbridge-bytes']).toBe(String(zstdDecompressSync(got?.body ?? '').length));
        expect(got?.headers.authorization).toBeUndefined();
      }),
    ));

  test('carries records whole', () =>
    withHub((far) =>
      withOutput({ urls: [far.url] }, async (output) => {
        const edits = { add: { env: 'prod' }, drop: ['a'] };
        const frame = frameRecord(series, [1], { seq: 8, timestampMs: 1_000, stale: [0], edits });
        const sent = { ...frame, origin: { node: 'n', pod: 'p' } };
        await output.write(requestOf([sent], queue), never);
        const { signal: _, cumItems: __, ...rest } = sent;
        expect(far.requests.flatMap(recordsIn)).toEqual([rest]);
      }),
    ));

  test('leaves out dictionaries that the hub took, and brings them again where it asks', () =>
    withHub((far) =>
      withOutput({ urls: [far.url] }, async (output) => {
        const write = (seq: number) =>
          output.write(requestOf([frameRecord(series, [seq], { seq, timestampMs: seq })], queue), never);
        far.once({ status: 503 });
        expect(await write(1)).toMatchObject({ status: 'retry' });
        expect(await write(1)).toEqual(ok);
        expect(await write(2)).toEqual(ok);
        far.once({ status: 409, body: 'which?' });
        expect(await write(3)).toEqual(ok);
        const brought = far.requests
          .flatMap(recordsIn)
          .map(({ seq, dictionary }) => [seq, dictionary?.bytes !== undefined]);
        expect(brought).toEqual([
          [1, true],
          [1, true],
          [2, false],
          [3, false],
          [3, true],
        ]);
      }),
    ));

  test.each([
    [{ status: 415, body: 'upgrade the hub' }, 'HTTP 415: upgrade the hub'],
    [{ status: 409, body: 'which?' }, 'HTTP 409: which?'],
    [{ status: 401, body: 'no' }, 'HTTP 401 (write the token_file of [[outputs.hub]]): no'],
  ])('answered with %j waits for somebody to mend it', (answer, reason) =>
    withHub((far) =>
      withOutput({ urls: [far.url] }, async (output) => {
        far.answer(answer);
        expect(await output.write(request(1), never)).toEqual({ status: 'retry', cause: 'misconfigured', reason });
        expect(await output.check()).toEqual({ ok: false, reason });
      }),
    ),
  );

  test.each([404, 200, 202])('answered with %i came to no hub, and is kept for when the address is mended', (status) =>
    withHub((far) =>
      withOutput({ urls: [far.url] }, async (output) => {
        far.answer({ status, body: 'welcome' });
        const reason = `HTTP ${status}: what answers at ${far.url}/api/native/records is no hub that takes records; write the address of the hub in the urls of [[outputs.hub]]`;
        expect(await output.write(request(1), never)).toEqual({ status: 'retry', cause: 'misconfigured', reason });
        far.answer(kept);
        expect(await output.write(request(1), never)).toEqual(ok);
      }),
    ),
  );

  test('that nobody answers says where, and what to look at', async () => {
    const url = await refusedUrl();
    await withOutput({ urls: [url] }, async (output) => {
      expect(await output.write(request(1), never)).toMatchObject({
        status: 'retry',
        cause: 'unreachable',
        reason: expect.stringMatching(
          `ECONNREFUSED.*; nobody answers at ${url}/api/native/records: is the hub running\\? If so, write the address`,
        ),
      });
    });
  });
});

describe('the token', () => {
  test('is read when its file appears, and again when it is refused or some time has passed', () =>
    inTempDir((dir) =>
      withHub(async (far) => {
        const file = join(dir, 'token');
        await withOutput({ urls: [far.url], token_file: file }, async (output, runtime) => {
          far.once({ status: 401, body: 'who?' });
          const first = await output.write(request(1), never);
          expect(first).toMatchObject({
            reason: `HTTP 401 (there is no token in ${file}, the token_file of [[outputs.hub]], yet): who?`,
          });
          await writeFile(file, 'one\n');
          await output.write(request(1), never);
          await writeFile(file, 'two\n');
          await output.write(request(1), never);
          far.once({ status: 401, body: 'old' });
          expect(await output.write(request(1), never)).toMatchObject({
            reason: expect.stringContaining("is not the hub's"),
          });
          await output.write(request(1), never);
          await writeFile(file, 'three\n');
          await runtime.clock.advance(10_000);
          await output.write(request(1), never);
        });
        expect(tokensAt(far)).toEqual([
          undefined,
          'Bearer one',
          'Bearer one',
          'Bearer one',
          'Bearer two',
          'Bearer three',
        ]);
      }),
    ));
});

describe('of several addresses', () => {
  async function withTwo(run: (one: FakeFarSide, two: FakeFarSide, output: Output) => Promise<void>): Promise<void> {
    const [one, two] = [await fakeFarSide(), await fakeFarSide()];
    one.answer(kept);
    two.answer(kept);
    try {
      await withOutput({ urls: [one.url, `${two.url}/`] }, (output) => run(one, two, output));
    } finally {
      await one.close();
      await two.close();
    }
  }

  test('one is used until it fails, and then the other', () =>
    withTwo(async (one, two, output) => {
      await output.write(request(1), never);
      one.once({ status: 503 }, { status: 500 });
      expect(await output.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'busy' });
      expect(await output.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'server_error' });
      expect(await output.write(request(1), never)).toEqual(ok);
      expect(await output.write(request(1), never)).toEqual(ok);
      expect([one.requests.length, two.requests.length]).toEqual([3, 2]);
    }));

  test('the next one is tried after one that does not answer in time', () =>
    withTwo(async (one, two, output) => {
      one.answer('hang');
      const late = new AbortController();
      const writing = output.write(request(1), late.signal);
      writing.catch(() => undefined);
      while (one.requests.length === 0) {
        await new Promise(setImmediate);
      }
      late.abort(new Error('late'));
      await expect(writing).rejects.toThrow('late');
      expect(await output.write(request(1), never)).toEqual(ok);
      expect(two.requests).toHaveLength(1);
    }));

  test('any that answers is good for the check', () =>
    withHub(async (far) => {
      const urls = [await refusedUrl(), far.url];
      await withOutput({ urls }, async (output) => expect(await output.check()).toEqual({ ok: true }));
    }));
});
