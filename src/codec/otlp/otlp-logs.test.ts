import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { otlpProto } from '../../../test/fakes/otlp-proto.ts';
import { hasCode } from '../../contract/errors.ts';
import { logFlags, logLevels } from '../../model/log.ts';
import { attributesOf } from '../log-block/attributes.ts';
import { type Encoding, type LogsRequest, readLogsRequest } from './messages-in.ts';
import { otlpLogBlocks } from './otlp-logs.ts';

type Fields = Readonly<Record<string, unknown>>;

const nowMs = 1_795_253_868_467;
const nanosText = '1795253868467503999';
const options = { nowMs, maxLineBytes: 1024 };
const text = (stringValue: string) => ({ stringValue });
const attribute = (key: string, value: Fields | string) => ({
  key,
  value: typeof value === 'string' ? text(value) : value,
});

function request(records: readonly Fields[], resource: readonly object[] = [], scope: Fields = {}): object {
  return { resourceLogs: [{ resource: { attributes: resource }, scopeLogs: [{ scope, logRecords: records }] }] };
}

const encodings: readonly (readonly [Encoding, (value: object) => Buffer])[] = [
  ['protobuf', (value) => otlpProto('Logs', value)],
  ['json', (value) => Buffer.from(JSON.stringify(value))],
];

describe.each(encodings)('a log record in %s', (encoding, bytesOf) => {
  const decode = (value: object) => otlpLogBlocks(readLogsRequest(bytesOf(value), encoding), options);
  const line = (record: Fields, resource: readonly object[] = [], scope: Fields = {}) => {
    const { blocks } = decode(request([{ timeUnixNano: nanosText, ...record }], resource, scope));
    const [{ origin, block } = { origin: undefined, block: undefined }] = blocks;
    if (block === undefined) {
      throw new Error('no line');
    }
    return {
      origin,
      text: Buffer.from(block.bytes).toString(),
      nanos: `${block.seconds[0]}${String(block.nanos[0]).padStart(9, '0')}`,
      level: logLevels[block.levels[0] ?? 0],
      flags: block.flags[0],
      attributes: attributesOf(block, 0),
    };
  };

  test('is a line with the time it says, else the time it was seen, else now', () => {
    expect(line({ body: text('hello') })).toEqual({
      origin: {},
      text: 'hello',
      nanos: nanosText,
      level: 'unknown',
      flags: 0,
      attributes: undefined,
    });
    expect(line({ timeUnixNano: '0', observedTimeUnixNano: '5000000007' }).nanos).toBe('5000000007');
    expect(line({ timeUnixNano: '0' }).nanos).toBe(`${nowMs}000000`);
  });

  test('has the level of its severity, else of its name, else of its text', () => {
    const levels = [1, 4, 5, 9, 12, 13, 16, 17, 20, 21, 24].map(
      (severityNumber) => line({ severityNumber, severityText: 'debug' }).level,
    );
    const named = ['trace', 'trace', 'debug', 'info', 'info', 'warn', 'warn', 'error', 'error', 'fatal', 'fatal'];
    expect(levels).toEqual(named);
    expect(line({ severityText: 'Warning' }).level).toBe('warn');
    expect(line({ body: text('2026-01-01 ERROR no') }).level).toBe('error');
  });

  test('keeps of its severity what the level does not say', () => {
    expect(line({ severityNumber: 9, severityText: 'INFO' }).attributes).toBeUndefined();
    expect(line({ severityNumber: 10, severityText: 'Informational' }).attributes).toEqual({
      severity_number: 10,
      severity_text: 'Informational',
    });
  });

  test('with a structured body is the JSON of it', () => {
    const kvlistValue = { values: [attribute('a', { intValue: '1' }), attribute('b', { arrayValue: { values: [] } })] };
    expect(line({ body: { kvlistValue } }).text).toBe('{"a":1,"b":[]}');
    expect(line({ body: { boolValue: true } }).text).toBe('true');
  });

  test('keeps its attributes flat, with their types, and its ids', () => {
    const record = {
      attributes: [
        attribute('http.route', '/a'),
        attribute('code', { intValue: '200' }),
        attribute('large', { intValue: '9007199254740993' }),
        attribute('ratio', { doubleValue: 0.5 }),
        attribute('slow', { boolValue: false }),
        attribute('list', { arrayValue: { values: [text('x'), { intValue: '2' }] } }),
        attribute('none', {}),
      ],
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      eventName: 'device.app.lifecycle',
      droppedAttributesCount: 2,
    };
    expect(line(record).attributes).toEqual({
      'http.route': '/a',
      code: 200,
      large: '9007199254740993',
      ratio: 0.5,
      slow: false,
      list: '["x",2]',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      span_id: '00f067aa0ba902b7',
      event_name: 'device.app.lifecycle',
      dropped_attributes_count: 2,
    });
    expect(line({ traceId: '0'.repeat(32), spanId: '' }).attributes).toBeUndefined();
  });

  test('is of the pod that its resource names; what else that says goes with the line', () => {
    const resource = [
      attribute('service.name', 'cart'),
      attribute('service.version', '1.2'),
      attribute('k8s.namespace.name', 'shop'),
      attribute('k8s.pod.name', 'cart-1'),
      attribute('k8s.pod.uid', 'u-1'),
      attribute('k8s.container.name', 'app'),
      attribute('k8s.node.name', 'n1'),
      attribute('k8s.deployment.name', 'cart-v1'),
      attribute('process.pid', { intValue: '7' }),
    ];
    expect(line({ attributes: [attribute('process.pid', 'own')] }, resource, { name: 'lib', version: '3' })).toEqual(
      expect.objectContaining({
        origin: {
          source: 'cart',
          app: 'cart',
          version: '1.2',
          namespace: 'shop',
          pod: 'cart-1',
          podUid: 'u-1',
          container: 'app',
          node: 'n1',
          workload: 'cart-v1',
        },
        attributes: {
          'k8s.deployment.name': 'cart-v1',
          'process.pid': 'own',
          scope_name: 'lib',
          scope_version: '3',
        },
      }),
    );
  });

  test('can say that it was an error stream, cut or a gap', () => {
    const attributes = [attribute('log.iostream', 'stderr'), attribute('log.truncated', 'true')];
    const { flags, attributes: kept } = line({ attributes });
    expect([flags, kept]).toEqual([logFlags.stderr | logFlags.truncated, undefined]);
  });

  test('that is too long is cut between characters, and marked', () => {
    const cut = line({ body: text(`${'x'.repeat(1022)}€€`) });
    expect([cut.text, cut.flags]).toEqual(['x'.repeat(1022), logFlags.truncated]);
  });

  test('of a time that no line can have is left out and named', () => {
    const records = [
      { body: text('a') },
      { timeUnixNano: '9223372036854775807' },
      { timeUnixNano: '5000000000000000000' },
    ];
    const { blocks, rejected, firstFault } = decode(request(records));
    expect([blocks.map(({ block }) => block.count), rejected]).toEqual([[1], 2]);
    expect(firstFault).toMatch(/^log record 2: its time is 9223372036854775807 ns/);
  });

  test('stands beside the others of its resource, in one block', () => {
    const one = { resource: { attributes: [attribute('service.name', 'a')] } };
    const scoped = (body: string) => ({ scopeLogs: [{ logRecords: [{ body: text(body) }] }] });
    const { blocks } = decode({
      resourceLogs: [
        { ...one, ...scoped('1') },
        { resource: { attributes: [attribute('service.name', 'b')] }, ...scoped('2') },
        { ...one, ...scoped('3') },
        { resource: { attributes: [attribute('service.name', 'c')] }, scopeLogs: [{ logRecords: [] }] },
      ],
    });
    expect(blocks.map(({ origin, block }) => [origin.source, Buffer.from(block.bytes).toString()])).toEqual([
      ['a', '13'],
      ['b', '2'],
    ]);
  });
});

test('a request of very many resources keeps the first ten thousand', () => {
  const resourceLogs = Array.from({ length: 10_002 }, (_, i) => ({
    resource: { attributes: [attribute('service.name', `s${i}`)] },
    scopeLogs: [{ logRecords: [{}] }],
  }));
  const decoded = otlpLogBlocks(readLogsRequest(otlpProto('Logs', { resourceLogs }), 'protobuf'), options);
  expect([decoded.blocks.length, decoded.rejected]).toEqual([10_000, 2]);
});

test.each([
  ['[]', '$ is a list; expected an object'],
  ['{"resourceLogs":[{"scopeLogs":[{"logRecords":[5]}]}]}', '$.resourceLogs[0].scopeLogs[0].logRecords[0] is a number'],
  [
    '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":-1}]}]}]}',
    '$.resourceLogs[0].scopeLogs[0].logRecords[0].timeUnixNano is "-1"; expected ns since 1970',
  ],
  [
    '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":"LOUD"}]}]}]}',
    '$.resourceLogs[0].scopeLogs[0].logRecords[0].severityNumber is "LOUD"; expected a number or one of SEVERITY_NUMBER_UNSPECIFIED, SEVERITY_NUMBER_TRACE,',
  ],
])('%s is refused by its path', (body, message) => {
  let fault = '';
  try {
    readLogsRequest(Buffer.from(body), 'json');
  } catch (error) {
    fault = hasCode(error, 'BRIDGE_DECODE') ? error.message : String(error);
  }
  expect(fault).toContain(message);
});

const full = request(
  [
    {
      timeUnixNano: nanosText,
      severityNumber: 9,
      severityText: 'INFO',
      body: text('hello'),
      attributes: [attribute('k', { intValue: '5' }), attribute('l', { arrayValue: { values: [text('x')] } })],
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
    },
  ],
  [attribute('service.name', 'a')],
);

test('bytes spoiled anywhere are refused, or make lines', () => {
  const bytes = otlpProto('Logs', full);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const spoiled = Buffer.from(bytes);
      spoiled[at] = (spoiled[at] ?? 0) ^ bits;
      try {
        otlpLogBlocks(readLogsRequest(spoiled, 'protobuf'), options);
      } catch (error) {
        expect(hasCode(error, 'BRIDGE_DECODE')).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

for (const [encoding, bytesOf] of encodings) {
  describeCodec<LogsRequest>({
    name: `otlp-logs in ${encoding}`,
    decoder: { decode: (bytes) => readLogsRequest(bytes, encoding) },
    goldens: [
      {
        name: 'of one record',
        bytes: bytesOf(full),
        check: (read) => expect(read.resourceLogs[0]?.scopeLogs[0]?.logRecords[0]?.body).toBe('hello'),
      },
    ],
    ...(encoding === 'protobuf' && {
      prefix: { why: 'no bytes are a request without records', holds: (part) => part.resourceLogs.length === 0 },
    }),
  });
}
