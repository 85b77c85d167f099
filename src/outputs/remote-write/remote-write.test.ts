import { createServer } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { uncompressSync } from 'snappy';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { HeldClock } from '../../../test/fakes/clock.ts';
import { type Received, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { encodeFrame, encodeShape, FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Output, OutputRuntime, RecordDecoder, WriteRequest } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Series } from '../../model/metric.ts';
import { remoteWrite } from './remote-write.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message MetricMetadata { uint32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
`);
const Message = root.lookupType('WriteRequest');

interface Sent {
  readonly timeseries: readonly {
    readonly labels: readonly { readonly name: string; readonly value: string }[];
    readonly samples: readonly { readonly value: number; readonly timestamp: number }[];
  }[];
  readonly metadata: readonly {
    readonly metricFamilyName: string;
    readonly type: number;
    readonly help: string;
    readonly unit: string;
  }[];
}

function message(received: Received): Sent {
  const body = uncompressSync(received.body, { asBuffer: true });
  return Message.toObject(Message.decode(Buffer.from(body)), { longs: Number, arrays: true, defaults: true }) as Sent;
}

function sent(received: Received): Sent['timeseries'] {
  return message(received).timeseries;
}

/** `name type help unit` of each family that a request tells of. */
function told(received: Received | undefined): readonly string[] {
  const metadata = received === undefined ? [] : message(received).metadata;
  return metadata.map(({ metricFamilyName, type, help, unit }) =>
    [metricFamilyName, type, help, unit].join(' ').trim(),
  );
}

const frames = new FrameDecoder();
function other(): never {
  throw new Error('only frames are decoded here');
}
const decode: RecordDecoder = {
  frame: (record) => frames.decode(record.payload, record.dictionary, record.edits),
  spans: other,
  lines: other,
  points: other,
};

function series(name: string, pod: string): Series {
  return { name, labels: [['pod', pod]], type: 'gauge', measurement: 'm', field: name };
}

const shape = encodeShape([series('a', 'one'), series('b', 'two')]);

function record(seq: number): QueueRecord {
  return {
    seq,
    signal: 'metrics',
    format: 'metric-frame',
    receivedAtMs: 1_700_000_000_000,
    items: 2,
    cumItems: 2 * seq,
    origin: {},
    payload: Buffer.concat(encodeFrame({ timestampMs: 1_700_000_000_000 + seq, values: Float64Array.of(seq, -seq) })),
    dictionary: shape,
  };
}

function request(records: number): WriteRequest {
  const list = Array.from({ length: records }, (_, i) => record(i + 1));
  return { signal: 'metrics', records: list, items: 2 * records, id: `q:1-${records}` };
}

describeOutput({
  kind: 'http',
  definition: remoteWrite,
  decode,
  request,
  config: (endpoint) => ({ url: `${endpoint}/api/v1/write` }),
  itemsIn: (received) => sent(received).reduce((sum, one) => sum + one.samples.length, 0),
});

async function withOutput(
  config: object,
  run: (output: Output) => Promise<void>,
  decoder: RecordDecoder = decode,
  clock: HeldClock = new HeldClock(),
): Promise<void> {
  const runtime: OutputRuntime = { ...fakeRuntime({ clock }), name: 'remote_write', decode: decoder };
  const output = remoteWrite.create(remoteWrite.config.parse(config), runtime);
  await output.start();
  try {
    await run(output);
  } finally {
    await output.stop();
  }
}

const never = new AbortController().signal;

describe('remote_write', () => {
  test('sends snappy protobuf under the headers of remote-write 1.0, which nobody can change', () =>
    withFakeFarSide((far) =>
      withOutput(
        {
          url: `${far.url.replace('//', '//me:p%40ss@')}/api/v1/write?tenant=a`,
          headers: { 'X-Scope-OrgID': 'mesh', 'content-encoding': 'gzip' },
        },
        async (output) => {
          expect(await output.write(request(2), never)).toEqual({ status: 'delivered' });
          const [received] = far.requests;
          expect(received).toMatchObject({
            method: 'POST',
            path: '/api/v1/write?tenant=a',
            headers: {
              'content-type': 'application/x-protobuf',
              'content-encoding': 'snappy',
              'x-prometheus-remote-write-version': '0.1.0',
              'user-agent': 'meshbridge/test',
              'x-scope-orgid': 'mesh',
              authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
            },
          });
          const label = (name: string, value: string) => ({ name, value });
          const line = (name: string, pod: string, seq: number, value: number) => ({
            labels: [label('__name__', name), label('pod', pod)],
            samples: [{ value, timestamp: 1_700_000_000_000 + seq }],
          });
          expect(received && sent(received)).toEqual([
            line('a', 'one', 1, 1),
            line('b', 'two', 1, -1),
            line('a', 'one', 2, 2),
            line('b', 'two', 2, -2),
          ]);
        },
      ),
    ));

  test('sends what is too large for one request in several, in order, and stops at the first that fails', () =>
    withFakeFarSide((far) =>
      withOutput({ url: far.url, max_request_bytes: '120B' }, async (output) => {
        expect(await output.write(request(3), never)).toEqual({ status: 'delivered' });
        expect(far.requests.length).toBeGreaterThan(2);
        const values = far.requests.flatMap((one) => sent(one).map((row) => row.samples[0]?.value));
        expect(values).toEqual([1, -1, 2, -2, 3, -3]);
        far.forget();
        far.once({ status: 200 }, { status: 503, body: 'full\n  here' });
        expect(await output.write(request(3), never)).toEqual({
          status: 'retry',
          reason: 'HTTP 503: full here',
          cause: 'busy',
        });
        expect(far.requests).toHaveLength(2);
      }),
    ));

  test('tells type, help and unit of a metric at once, then once a minute, and again what did not arrive', () => {
    const clock = new HeldClock();
    return withFakeFarSide((far) =>
      withOutput(
        { url: far.url },
        async (output) => {
          far.once({ status: 500 });
          await output.write(request(1), never);
          await output.write(request(1), never);
          await output.write(request(2), never);
          await clock.advance(59_999);
          await output.write(request(1), never);
          await clock.advance(1);
          await output.write(request(1), never);
          const families = ['a 2', 'b 2'];
          expect(far.requests.map(told)).toEqual([families, families, [], [], families]);
        },
        decode,
        clock,
      ),
    );
  });

  test('tells of families, not of the parts of histograms and summaries, and nothing where nobody wants that', () => {
    const one = (name: string, type: Series['type'], more: Partial<Series> = {}): Series => ({
      ...series(name, 'one'),
      type,
      ...more,
    });
    const rows = encodeShape([
      one('h_bucket', 'histogram', { help: 'Hist.' }),
      one('h_sum', 'histogram', { help: 'Hist.' }),
      one('h_count', 'histogram', { help: 'Hist.' }),
      one('s', 'summary'),
      one('s_sum', 'summary'),
      one('c_total', 'counter', { unit: 'bytes' }),
      one('nothing_known', 'unknown'),
      one('only_help', 'unknown', { help: 'Help.' }),
    ]);
    const payload = Buffer.concat(encodeFrame({ timestampMs: 1_700_000_000_000, values: new Float64Array(8) }));
    const records = [{ ...record(1), payload, dictionary: rows }];
    return withFakeFarSide(async (far) => {
      for (const config of [{}, { metadata_interval: '0s' }]) {
        await withOutput({ url: far.url, ...config }, async (output) => {
          expect(await output.write({ ...request(1), records }, never)).toEqual({ status: 'delivered' });
        });
      }
      expect(far.requests.map(told)).toEqual([['h 3 Hist.', 's 5', 'c_total 1  bytes', 'only_help 0 Help.'], []]);
      expect(far.requests.map((received) => sent(received).length)).toEqual([8, 8]);
    });
  });

  test('hands on why the receiver refused, and no more than a line of it', () =>
    withFakeFarSide((far) =>
      withOutput({ url: far.url }, async (output) => {
        far.answer({ status: 400, body: `out of order sample${'!'.repeat(100_000)}` });
        const result = await output.write(request(1), never);
        expect(result).toMatchObject({ status: 'rejected', reason: expect.stringContaining('HTTP 400: out of order') });
        expect(JSON.stringify(result).length).toBeLessThan(1_200);
        expect(await output.check()).toEqual({ ok: false, reason: expect.stringContaining('HTTP 400') });
      }),
    ));

  test('a record that cannot be decoded is parted from the others, and given up alone', () =>
    withFakeFarSide((far) => {
      const bad: RecordDecoder = {
        ...decode,
        frame: (one) => {
          if (one.seq === 2) {
            throw new BridgeError('BRIDGE_DECODE', 'metric frame: its shape is missing');
          }
          return decode.frame(one);
        },
      };
      return withOutput(
        { url: far.url },
        async (output) => {
          const reason = 'cannot be decoded: record 2: metric frame: its shape is missing';
          expect(await output.write(request(3), never)).toEqual({ status: 'split', reason });
          const alone = { ...request(1), records: [record(2)] };
          expect(await output.write(alone, never)).toEqual({ status: 'rejected', reason });
          expect(far.requests).toEqual([]);
        },
        bad,
      );
    }));

  test('says that a certificate cannot be read, and tries again', () =>
    withOutput({ url: 'https://127.0.0.1:9/', tls: { ca_file: '/does/not/exist.pem' } }, async (output) => {
      expect(await output.write(request(1), never)).toMatchObject({
        status: 'retry',
        reason: expect.stringContaining('/does/not/exist.pem'),
        cause: 'misconfigured',
      });
    }));

  test('an answer that comes without an end does not keep the connection', async () => {
    const endless = createServer((_, response) => {
      response.writeHead(500);
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000))) {}
      };
      response.on('drain', write);
      write();
    });
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    const address = endless.address();
    const port = typeof address === 'object' ? address?.port : 0;
    try {
      await withOutput({ url: `http://127.0.0.1:${port}/` }, async (output) => {
        expect(await output.write(request(1), never)).toMatchObject({ status: 'retry' });
      });
    } finally {
      endless.closeAllConnections();
      endless.close();
    }
  });
});
