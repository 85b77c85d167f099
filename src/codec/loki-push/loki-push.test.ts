import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { BridgeError } from '../../contract/errors.ts';
import { decodePushJson, encodePushJson } from './json.ts';
import { labelText, parseLabelText } from './label-text.ts';
import { decodePushProto, encodePushProto } from './proto.ts';
import type { PushStream } from './push.ts';

/** Written down from Loki's push.proto, read by a library that knows nothing of the codec. */
const PushRequest = protobuf
  .parse(
    `syntax = "proto3";
     message PushRequest { repeated Stream streams = 1; }
     message Stream { string labels = 1; repeated Entry entries = 2; uint64 hash = 3; }
     message Entry { Timestamp timestamp = 1; string line = 2; repeated LabelPair structuredMetadata = 3; repeated LabelPair parsed = 4; }
     message Timestamp { int64 seconds = 1; int32 nanos = 2; }
     message LabelPair { string name = 1; string value = 2; }`,
  )
  .root.lookupType('PushRequest');

const streams: PushStream[] = [
  {
    labels: [
      ['app', 'reviews'],
      ['namespace', 'default'],
    ],
    entries: [
      { seconds: 1_795_253_153, nanos: 7, line: Buffer.from('日志 "x"'), metadata: [['pod', 'a-1']] },
      { seconds: 1_795_253_153, nanos: 999_999_999, line: Buffer.from(''), metadata: [] },
    ],
  },
  { labels: [], entries: [] },
];

function plain(list: readonly PushStream[]): unknown {
  return list.map(({ labels, entries }) => ({
    labels,
    entries: entries.map(({ line, ...rest }) => ({ ...rest, line: Buffer.from(line).toString() })),
  }));
}

describe('a push request in protobuf', () => {
  test('is what Loki’s own schema says', () => {
    const read = PushRequest.toObject(PushRequest.decode(encodePushProto(streams)), { longs: Number });
    expect(read).toEqual({
      streams: [
        {
          labels: '{app="reviews", namespace="default"}',
          entries: [
            {
              timestamp: { seconds: 1_795_253_153, nanos: 7 },
              line: '日志 "x"',
              structuredMetadata: [{ name: 'pod', value: 'a-1' }],
            },
            { timestamp: { seconds: 1_795_253_153, nanos: 999_999_999 } },
          ],
        },
        { labels: '{}' },
      ],
    });
  });

  test('comes back as it was', () => {
    expect(plain(decodePushProto(encodePushProto(streams)))).toEqual(plain(streams));
  });

  test('of somebody else is read, and what is not known of it skipped', () => {
    const entry = { timestamp: { seconds: 5, nanos: 6 }, line: 'x', parsed: [{ name: 'a', value: 'b' }] };
    const bytes = PushRequest.encode({ streams: [{ labels: '{a="b"}', entries: [entry], hash: 77 }] }).finish();
    expect(plain(decodePushProto(bytes))).toEqual([
      { labels: [['a', 'b']], entries: [{ seconds: 5, nanos: 6, line: 'x', metadata: [] }] },
    ]);
  });

  test('keeps what is UTF-8 of a line that is not', () => {
    const [stream] = streams;
    const line = Buffer.from([0x61, 0xff, 0x62]);
    const bytes = encodePushProto([{ labels: [], entries: [{ ...stream!.entries[0]!, line }] }]);
    expect(Buffer.from(decodePushProto(bytes)[0]!.entries[0]!.line).toString()).toBe('a\ufffdb');
  });

  test('that is cut anywhere, or has flipped bits, throws BRIDGE_DECODE or is another one', () => {
    const whole = encodePushProto(streams);
    const attempt = (bytes: Uint8Array): void => {
      try {
        decodePushProto(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(BridgeError);
      }
    };
    for (let end = 0; end < whole.length; end++) {
      attempt(whole.subarray(0, end));
      for (const bit of [1, 16, 128]) {
        const flipped = Buffer.from(whole);
        flipped[end] = (flipped[end] ?? 0) ^ bit;
        attempt(flipped);
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), attempt));
  });
});

describe('a push request in JSON', () => {
  test('comes back as it was', () => {
    expect(plain(decodePushJson(encodePushJson(streams)))).toEqual(plain(streams));
  });

  test('has ns as a string, and metadata only where there is some', () => {
    expect(JSON.parse(encodePushJson(streams.slice(0, 1)).toString())).toEqual({
      streams: [
        {
          stream: { app: 'reviews', namespace: 'default' },
          values: [
            ['1795253153000000007', '日志 "x"', { pod: 'a-1' }],
            ['1795253153999999999', ''],
          ],
        },
      ],
    });
  });

  test.each([
    ['{', 'no JSON'],
    ['[]', 'streams should be a list'],
    ['{"streams":[{}]}', 'streams[0].values should be a list'],
    ['{"streams":[{"stream":{"a":1},"values":[]}]}', 'streams[0].stream.a should be a string'],
    ['{"streams":[{"stream":{},"values":[[1,"x"]]}]}', 'streams[0].values[0][0] should be ns since 1970 as a string'],
    ['{"streams":[{"stream":{},"values":[["1",2]]}]}', 'streams[0].values[0][1] should be a string'],
    ['{"streams":[{"stream":{},"values":[["1","x",{"a":[]}]]}]}', 'streams[0].values[0][2].a should be a string'],
  ])('%s is refused with the place', (text, reason) => {
    expect(() => decodePushJson(Buffer.from(text))).toThrow(reason);
  });
});

describe('the labels of a stream', () => {
  test('come back whatever their values hold', () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ minLength: 1, unit: 'binary' })), (labels) => {
        const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
        expect(parseLabelText(labelText(sorted))).toEqual(sorted);
      }),
    );
  });

  test('may be written as Go and Prometheus allow', () => {
    expect(parseLabelText(' { b = "x\\u00e9\\t\\x41\\101" , a=`raw\\n`,} ')).toEqual([
      ['a', 'raw\\n'],
      ['b', 'xé\tAA'],
    ]);
    expect(parseLabelText('{}')).toEqual([]);
  });

  test.each(['', 'a="b"', '{a}', '{a="b"', '{a="b" c="d"}', '{a="b",a="c"}', '{1a="b"}', '{a="b\n"}'])(
    '%s is refused',
    (text) => {
      expect(() => parseLabelText(text)).toThrow('not the labels of a stream');
    },
  );
});

const comparable = plain;
const golden = (bytes: Uint8Array) => ({
  name: 'two streams',
  bytes,
  check: (read: readonly PushStream[]) => expect(plain(read)).toEqual(plain(streams)),
});

describeCodec<readonly PushStream[]>({
  name: 'loki push, JSON',
  decoder: { decode: decodePushJson },
  codec: { contentType: 'application/json', encode: encodePushJson, decode: decodePushJson },
  comparable,
  goldens: [golden(encodePushJson(streams))],
});

describeCodec<readonly PushStream[]>({
  name: 'loki push, protobuf',
  decoder: { decode: decodePushProto },
  codec: { contentType: 'application/x-protobuf', encode: encodePushProto, decode: decodePushProto },
  comparable,
  goldens: [golden(encodePushProto(streams))],
  prefix: {
    why: 'a message ends where its bytes end',
    holds: (part, whole) =>
      part.length < whole.length && JSON.stringify(plain(whole)).startsWith(JSON.stringify(plain(part)).slice(0, -1)),
  },
});
