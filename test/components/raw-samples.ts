import protobuf from 'protobufjs';
import { compressSync, uncompressSync } from 'snappy';

/** A series with its samples as they are stored: stale markers too, which no query language shows. */
export interface RawSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly RawSample[];
}

export interface RawSample {
  readonly timestampMs: number;
  readonly value: number | 'stale';
}

/** `value` is a double; as `fixed64` its bits come through as they are. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ReadRequest { repeated Query queries = 1; }
  message Query { int64 start = 1; int64 end = 2; repeated Matcher matchers = 3; }
  message Matcher { int32 type = 1; string name = 2; string value = 3; }
  message ReadResponse { repeated QueryResult results = 1; }
  message QueryResult { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { fixed64 value = 1; int64 timestamp = 2; }
`);
const ReadRequest = root.lookupType('ReadRequest');
const ReadResponse = root.lookupType('ReadResponse');

interface Read {
  readonly results: readonly {
    readonly timeseries: readonly {
      readonly labels: readonly { readonly name: string; readonly value: string }[];
      readonly samples: readonly { readonly value: string; readonly timestamp: number }[];
    }[];
  }[];
}

const staleBits = 0x7ff0000000000002n;

/** All samples of one job, through Prometheus' remote-read. */
export async function readRaw(prometheusUrl: string, job: string): Promise<readonly RawSeries[]> {
  const nowMs = Date.now();
  const query = { start: nowMs - 3_600_000, end: nowMs + 3_600_000, matchers: [{ type: 0, name: 'job', value: job }] };
  const request = Buffer.from(ReadRequest.encode(ReadRequest.fromObject({ queries: [query] })).finish());
  const answer = await fetch(`${prometheusUrl}/api/v1/read`, {
    method: 'POST',
    headers: {
      'content-encoding': 'snappy',
      'content-type': 'application/x-protobuf',
      'x-prometheus-remote-read-version': '0.1.0',
    },
    body: new Uint8Array(compressSync(request)),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) {
    throw new Error(`remote-read: HTTP ${answer.status} ${body.toString()}`);
  }
  const message = ReadResponse.decode(Buffer.from(uncompressSync(body, { asBuffer: true })));
  const { results } = ReadResponse.toObject(message, { longs: String, arrays: true }) as Read;
  return (results[0]?.timeseries ?? []).map(({ labels, samples }) => ({
    labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])),
    samples: samples.map(({ value, timestamp }) => ({
      timestampMs: Number(timestamp ?? 0),
      value: BigInt(value ?? 0) === staleBits ? 'stale' : doubleOf(BigInt(value ?? 0)),
    })),
  }));
}

function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}
