import { gzipSync } from 'node:zlib';
import type { Choices } from './choices.ts';
import { firstMicros } from './good-traces.ts';
import { type ThriftField, type ThriftStruct, thriftList } from './thrift-writer.ts';
import { protoBody, thriftBody, type V1Span, type V2Span } from './wire.ts';

export interface Body {
  /** No two bodies have the same. */
  readonly label: string;
  readonly path: '/api/v1/spans' | '/api/v2/spans';
  readonly contentType: string;
  readonly encoding?: string;
  readonly bytes: Buffer;
  /** Traces to read back, as the query API wants their ids. */
  readonly traceIds: readonly string[];
}

export const jsonV1 = { path: '/api/v1/spans', contentType: 'application/json' } as const;
export const jsonV2 = { path: '/api/v2/spans', contentType: 'application/json' } as const;
export const proto = { path: '/api/v2/spans', contentType: 'application/x-protobuf' } as const;
export const thrift = { path: '/api/v1/spans', contentType: 'application/x-thrift' } as const;

const ms = firstMicros / 1000;
const anything = ['null', '7', '1.5', 'true', 'false', '""', '"x"', '[]', '{}', '"a\\u0000b"'];

/** Member → JSON texts that stand in its place. */
const oddMembers: Readonly<Record<string, readonly string[]>> = {
  id: [
    ...anything,
    '"a"',
    '"00000000000000ab"',
    '"0000000000000000"',
    '"00000000000000000"',
    '"AB"',
    '"0xab"',
    '" ab"',
    '"ab "',
    '12',
  ],
  parentId: [
    ...anything,
    '"a"',
    '"000000000000000b"',
    '"0000000000000000"',
    '"0"',
    '"00000000000000000000"',
    '"0123456789abcdef0"',
    '"AB"',
  ],
  kind: ['null', '"CLIENT"', '"SERVER"', '"PRODUCER"', '"CONSUMER"', '"client"', '""', '"INTERNAL"', '1', 'true', '[]'],
  name: [
    ...anything,
    '"ÜBER Grüße"',
    '"İI"',
    '" padded "',
    '"\\ud83d\\ude00"',
    '"tab\\tquote\\""',
    '"\\/slash"',
    '12345678901234567890',
  ],
  timestamp: [
    ...anything,
    ...[
      `${firstMicros}`,
      `"${firstMicros}"`,
      '1.79e15',
      '1.790000000000001E+15',
      `${firstMicros}.0`,
      `${firstMicros}.5`,
    ],
    ...[
      '0',
      '-1',
      '-0',
      '"-5"',
      '9223372036854775807',
      '9223372036854775808',
      '99999999999999999999',
      '1e400',
      '"1e3"',
      '" 1"',
      '+1',
      '01',
      '1e-1',
      '10e-1',
    ],
  ],
  duration: [
    ...anything,
    '0',
    '-1',
    '1',
    '"17"',
    '2.0',
    '0.4',
    '1e3',
    '9223372036854775807',
    '18446744073709551616',
    'NaN',
    'Infinity',
    '"0x10"',
  ],
  shared: [...anything, '"true"', '0'],
  debug: [...anything, '"false"', '1'],
  tags: [
    ...anything,
    ...[
      '{"a":"b"}',
      '{"a":1}',
      '{"a":1.50}',
      '{"a":1e3}',
      '{"a":true}',
      '{"a":null}',
      '{"a":{}}',
      '{"a":[]}',
      '{"":"x"}',
      '{"a":""}',
    ],
    ...[
      '{"b":"1","a":"2","B":"3"}',
      '{"a":"1","a":"2"}',
      '{"é":"😀"}',
      '{"a":"\\u2028"}',
      '{"a":"\\ud800"}',
      '{"a":"\\\\\\"\\b\\f\\n\\r"}',
      '[{"a":"b"}]',
    ],
  ],
  annotations: [
    ...anything,
    ...[
      '[{"timestamp":1,"value":"x"}]',
      '[{"timestamp":"1","value":"x"}]',
      '[{"timestamp":1.0,"value":"x"}]',
      '[{"timestamp":1.5,"value":"x"}]',
    ],
    ...[
      '[{"timestamp":1}]',
      '[{"value":"x"}]',
      '[{}]',
      '[null]',
      '[[]]',
      '["x"]',
      '[{"timestamp":null,"value":"x"}]',
      '[{"timestamp":1,"value":null}]',
    ],
    ...[
      '[{"timestamp":0,"value":"x"}]',
      '[{"timestamp":-1,"value":"x"}]',
      '[{"timestamp":1,"value":""}]',
      '[{"timestamp":1,"value":5}]',
      '[{"timestamp":1,"value":true}]',
    ],
    ...[
      '[{"timestamp":2,"value":"b"},{"timestamp":1,"value":"z"},{"timestamp":2,"value":"a"},{"timestamp":1,"value":"z"}]',
      '[{"timestamp":1,"value":"x","endpoint":{"serviceName":"s"}}]',
      '[{"timestamp":1,"value":"x","more":[{"a":[1]}]}]',
    ],
  ],
  localEndpoint: [
    ...anything,
    ...[
      '{"serviceName":null}',
      '{"serviceName":"UP"}',
      '{"serviceName":""}',
      '{"serviceName":5}',
      '{"serviceName":true}',
      '{"serviceName":{}}',
    ],
    ...[
      '{"ipv4":"1.2.3.4"}',
      '{"ipv4":"1.2.3"}',
      '{"ipv4":"01.2.3.4"}',
      '{"ipv4":"256.1.1.1"}',
      '{"ipv4":"localhost"}',
      '{"ipv4":null}',
      '{"ipv4":1}',
      '{"ipv4":"::1"}',
    ],
    ...[
      '{"ipv6":"::1"}',
      '{"ipv6":"2001:DB8:0:0:0:0:0:1"}',
      '{"ipv6":"::ffff:1.2.3.4"}',
      '{"ipv6":"::ffff:102:304"}',
      '{"ipv6":"::1.2.3.4"}',
      '{"ipv6":"1.2.3.4"}',
      '{"ipv6":"fe80::1%eth0"}',
      '{"ipv6":"1:2:3"}',
      '{"ipv6":"::"}',
      '{"ipv6":"1:0:0:2:0:0:0:3"}',
      '{"ipv6":"[::1]"}',
      '{"ipv6":"0:0:0:0:0:0:0:0"}',
    ],
    ...[
      '{"ipv4":"1.2.3.4","ipv6":"::2"}',
      '{"port":80}',
      '{"port":"80"}',
      '{"port":0}',
      '{"port":-1}',
      '{"port":65535}',
      '{"port":65536}',
      '{"port":80.0}',
      '{"port":80.5}',
      '{"port":null}',
      '{"port":true}',
      '{"port":""}',
      '{"other":1}',
    ],
  ],
  unknown: anything,
};

/** Trace ids, made of digits of their own. `d` stands for a digit's run. */
const oddTraceIds: readonly (readonly [
  text: string,
  lookUp: (digits: string) => string,
  form: (digits: string) => string,
])[] = [
  ['short', (d) => d.slice(0, 9), (d) => `"${d.slice(0, 9)}"`],
  ['seventeen digits', (d) => d.slice(0, 17), (d) => `"${d.slice(0, 17)}"`],
  ['thirty-one digits', (d) => d.slice(0, 31), (d) => `"${d.slice(0, 31)}"`],
  ['thirty-three digits', (d) => d, (d) => `"${d}0"`],
  ['padded to 32', (d) => d.slice(0, 16), (d) => `"${d.slice(0, 16).padStart(32, '0')}"`],
  ['padded to 20', (d) => d.slice(0, 16), (d) => `"${d.slice(0, 16).padStart(20, '0')}"`],
  ['upper case', (d) => d, (d) => `"A${d.slice(1).toUpperCase()}"`],
  ['one upper-case digit', (d) => d, (d) => `"${d.slice(0, 31)}F"`],
  [
    'dashed',
    (d) => d,
    (d) => `"${d.slice(0, 8)}-${d.slice(8, 12)}-${d.slice(12, 16)}-${d.slice(16, 20)}-${d.slice(20)}"`,
  ],
  ['with 0x', (d) => d.slice(0, 16), (d) => `"0x${d.slice(0, 16)}"`],
  ['with a blank', (d) => d.slice(0, 16), (d) => `" ${d.slice(0, 16)}"`],
  ['a number', (d) => d.replaceAll(/[a-f]/g, '7').slice(0, 15), (d) => d.replaceAll(/[a-f]/g, '7').slice(0, 15)],
  ['a float', (d) => d, () => '1.5'],
  ['a boolean', (d) => d, () => 'true'],
  ['null', (d) => d, () => 'null'],
  ['empty', (d) => d, () => '""'],
  ['zeros', (d) => d, () => '"00000000000000000000000000000000"'],
  ['an escape', (d) => `a${d.slice(1, 16)}`, (d) => `"\\u0061${d.slice(1, 16)}"`],
  ['an object', (d) => d, () => '{}'],
];

function v2Text(traceId: string, members: Readonly<Record<string, string>>): string {
  const all = {
    traceId: `"${traceId}"`,
    id: '"000000000000000a"',
    name: '"odd"',
    timestamp: `${firstMicros}`,
    localEndpoint: '{"serviceName":"odd"}',
    ...members,
  };
  return `{${Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
    .join(',')}}`;
}

function oddV2(choices: Choices): Body[] {
  const bodies: Body[] = [];
  for (const [member, values] of Object.entries(oddMembers)) {
    for (const value of ['', ...values]) {
      const traceId = choices.hex(32);
      const bytes = Buffer.from(`[${v2Text(traceId, { [member]: value })}]`);
      bodies.push({
        label: `v2 ${member} ${value === '' ? 'left out' : value}`,
        ...jsonV2,
        bytes,
        traceIds: [traceId],
      });
    }
  }
  for (const [what, lookUp, form] of oddTraceIds) {
    const digits = choices.hex(32);
    const bytes = Buffer.from(`[${v2Text('', { traceId: form(digits) })}]`);
    bodies.push({ label: `v2 traceId: ${what}`, ...jsonV2, bytes, traceIds: [lookUp(digits)] });
  }
  return bodies;
}

/** What may stand around and between good spans. `%` is a span, each time another one of the same trace. */
const oddLists = [
  '[]',
  '[ ]',
  '[%]',
  '[%,%]',
  '[%,]',
  '[,%]',
  '[%%]',
  '[%] x',
  '[%]]',
  '[%',
  '%',
  '{"a":[%]}',
  '[[%]]',
  '[%,null]',
  '[%,1]',
  '[%,{}]',
  '[%,"x"]',
  '[%,{"traceId":"1"}]',
  'null',
  '"x"',
  '[null]',
  '\n[%]',
  '[\n%\t,\r\n%\n]\n',
  '[%]\u0000',
  '\ufeff[%]',
  '[// comment\n%]',
  "[{'traceId':'1'}]",
  '[%;%]',
];

function oddListBodies(choices: Choices): Body[] {
  return oddLists.map((list) => {
    const traceId = choices.hex(32);
    let n = 0;
    const text = list.replaceAll('%', () => {
      n += 1;
      return v2Text(traceId, { id: `"${n.toString(16).padStart(16, '0')}"` });
    });
    return { label: `v2 list ${JSON.stringify(list)}`, ...jsonV2, bytes: Buffer.from(text), traceIds: [traceId] };
  });
}

const endpoint = { serviceName: 'odd', ipv4: '10.0.0.1', port: 80 };
const at = (value: string, afterMicros: number, where: object | null | undefined = endpoint): string =>
  JSON.stringify({ timestamp: firstMicros + afterMicros, value, ...(where === undefined ? {} : { endpoint: where }) });

/** Members of a v1 span. */
const oddV1Members: readonly (readonly [what: string, members: Readonly<Record<string, string>>])[] = [
  ['nothing', {}],
  ['cs alone', { annotations: `[${at('cs', 0)}]` }],
  ['cr alone', { annotations: `[${at('cr', 0)}]` }],
  ['sr alone', { annotations: `[${at('sr', 0)}]` }],
  ['ss alone', { annotations: `[${at('ss', 0)}]` }],
  ['cs and cr', { annotations: `[${at('cs', 0)},${at('cr', 9)}]` }],
  ['cs and cr the wrong way round', { annotations: `[${at('cs', 9)},${at('cr', 0)}]` }],
  [
    'sr and ss with a duration',
    { annotations: `[${at('sr', 0)},${at('ss', 9)}]`, timestamp: `${firstMicros}`, duration: '9' },
  ],
  [
    'all four of two services',
    {
      annotations: `[${at('cs', 0)},${at('sr', 2, { serviceName: 'far' })},${at('ss', 5, { serviceName: 'far' })},${at('cr', 9)}]`,
    },
  ],
  ['all four of one service', { annotations: `[${at('cs', 0)},${at('sr', 2)},${at('ss', 5)},${at('cr', 9)}]` }],
  ['cs and sr', { annotations: `[${at('cs', 0)},${at('sr', 2, { serviceName: 'far' })}]` }],
  ['ms and mr', { annotations: `[${at('ms', 0)},${at('mr', 2, { serviceName: 'far' })}]` }],
  ['wr and mr', { annotations: `[${at('wr', 0)},${at('mr', 2)}]` }],
  ['ms and ws', { annotations: `[${at('ms', 0)},${at('ws', 2)}]` }],
  ['ws and wr alone', { annotations: `[${at('ws', 0)},${at('wr', 2)}]` }],
  ['cs without an endpoint', { annotations: `[${at('cs', 0, undefined)}]` }],
  ['cs with a null endpoint', { annotations: `[${at('cs', 0, null)}]` }],
  ['cs without a service name', { annotations: `[${at('cs', 0, { ipv4: '10.0.0.9' })}]` }],
  ['a duration that makes cs', { annotations: `[${at('cr', 9)}]`, timestamp: `${firstMicros}`, duration: '9' }],
  ['a duration that makes sr', { annotations: `[${at('ss', 9)}]`, timestamp: `${firstMicros}`, duration: '9' }],
  ['annotation without value', { annotations: '[{"timestamp":1}]' }],
  ['annotation without timestamp', { annotations: '[{"value":"x"}]' }],
  ['annotations null', { annotations: 'null' }],
  ['annotations an object', { annotations: '{}' }],
  ['annotation null', { annotations: '[null]' }],
  [
    'three services',
    {
      annotations: `[${at('a', 0, { serviceName: 'one' })},${at('b', 1, { serviceName: 'two' })},${at('c', 2, { serviceName: 'three' })}]`,
    },
  ],
  ['timestamp as text', { timestamp: `"${firstMicros}"`, duration: '"7"' }],
  ['timestamp zero', { timestamp: '0', duration: '0' }],
  ['timestamp negative', { timestamp: '-1', duration: '-1' }],
  ['timestamp with a fraction', { timestamp: '1.5' }],
  ['debug true', { debug: 'true' }],
  ['debug text', { debug: '"true"' }],
  ['debug null', { debug: 'null' }],
  ['name null', { name: 'null' }],
  ['name in capitals', { name: '"GET"' }],
  ['id in capitals', { id: '"AB"' }],
  ['id short', { id: '"ab"' }],
  ['id missing', { id: '' }],
  ['parentId zeros', { parentId: '"0000000000000000"' }],
  ['parentId of itself', { parentId: '"000000000000000a"' }],
  ['parentId empty', { parentId: '""' }],
];

const binaries: readonly string[] = [
  '{"key":"k","value":"v","endpoint":%}',
  '{"key":"k","value":"v"}',
  '{"key":"k","value":"v","endpoint":null}',
  '{"key":"k","value":"","endpoint":%}',
  '{"key":"","value":"v","endpoint":%}',
  '{"key":"k","value":5,"endpoint":%}',
  '{"key":"k","value":5.5,"endpoint":%}',
  '{"key":"k","value":null,"endpoint":%}',
  '{"key":"k","value":true,"endpoint":%}',
  '{"key":"k","value":false,"endpoint":%}',
  '{"key":"k","value":{},"endpoint":%}',
  '{"key":"k","value":[],"endpoint":%}',
  '{"value":"v","endpoint":%}',
  '{"key":"k","endpoint":%}',
  '{"key":null,"value":"v"}',
  '{"key":5,"value":"v"}',
  '{"key":"sa","value":true,"endpoint":%}',
  '{"key":"ca","value":true,"endpoint":%}',
  '{"key":"ma","value":true,"endpoint":%}',
  '{"key":"sa","value":"true","endpoint":%}',
  '{"key":"sa","value":"1","endpoint":%}',
  '{"key":"sa","value":false,"endpoint":%}',
  '{"key":"sa","value":"","endpoint":%}',
  '{"key":"sa","value":true}',
  '{"key":"ca","value":true,"endpoint":%},{"key":"sa","value":true,"endpoint":{"serviceName":"far"}}',
  '{"key":"lc","value":"","endpoint":%}',
  '{"key":"lc","value":"unit","endpoint":%}',
  '{"key":"lc","value":true,"endpoint":%}',
  '{"key":"k","value":"1","endpoint":%},{"key":"k","value":"2","endpoint":{"serviceName":"far"}}',
  '{"key":"k","value":"v","type":"STRING","endpoint":%}',
  '{"key":"k","value":"5","type":"I64","endpoint":%}',
  '{"key":"k","value":"v","endpoint":{"serviceName":""}}',
  '{"key":"sa","value":1,"endpoint":%}',
  'null',
  '{}',
  '"x"',
  '[]',
];

function oddV1(choices: Choices): Body[] {
  const withMembers = (traceId: string, members: Readonly<Record<string, string>>): Buffer => {
    const all = { traceId: `"${traceId}"`, id: '"000000000000000a"', name: '"odd"', ...members };
    const texts = Object.entries(all).filter(([, value]) => value !== '');
    return Buffer.from(`[{${texts.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}]`);
  };
  const cores = [
    ['', ''],
    ['with cs, ', at('cs', 0)],
    ['with sr, ', at('sr', 0)],
  ] as const;
  return [
    ...oddV1Members.map(([what, members]): Body => {
      const traceId = choices.hex(32);
      return { label: `v1 ${what}`, ...jsonV1, bytes: withMembers(traceId, members), traceIds: [traceId] };
    }),
    ...binaries.flatMap((text) =>
      cores
        .filter(([, core]) => core === '' || /"[scm]a"|"lc"/.test(text))
        .map(([what, core]): Body => {
          const traceId = choices.hex(32);
          const members = {
            ...(core === '' ? {} : { annotations: `[${core}]` }),
            binaryAnnotations: `[${text.replaceAll('%', JSON.stringify(endpoint))}]`,
          };
          return {
            label: `v1 ${what}binary ${text}`,
            ...jsonV1,
            bytes: withMembers(traceId, members),
            traceIds: [traceId],
          };
        }),
    ),
  ];
}

const bytesField = (value: string | Buffer): ThriftField => ({ kind: 'bytes', value });

/** Fields of a thrift span beside its ids. */
const oddThrift: readonly (readonly [what: string, fields: ThriftStruct])[] = [
  ['ids alone', []],
  ['empty name', [[3, bytesField('')]]],
  ['name in capitals', [[3, bytesField('GET Ü')]]],
  ['name not UTF-8', [[3, bytesField(Buffer.from([0x67, 0xff, 0xfe]))]]],
  ['a parent of zero', [[5, { kind: 'i64', value: 0n }]]],
  ['a parent of itself', [[5, { kind: 'i64', value: 10n }]]],
  ['negative timestamp', [[10, { kind: 'i64', value: -1n }]]],
  ['greatest timestamp', [[10, { kind: 'i64', value: 2n ** 63n - 1n }]]],
  ['timestamp of another type', [[10, { kind: 'i32', value: 5 }]]],
  ['name of another type', [[3, { kind: 'i64', value: 5n }]]],
  ['debug', [[9, { kind: 'bool', value: true }]]],
  ['no annotations', [[6, { kind: 'list', value: [] }]]],
  ['an empty annotation', [[6, { kind: 'list', value: [[]] }]]],
  ['an annotation without a value', [[6, { kind: 'list', value: [[[1, { kind: 'i64', value: 5n }]]] }]]],
  ['an empty binary annotation', [[8, { kind: 'list', value: [[]] }]]],
  ...([0, 1, 2, 3, 4, 5, 6, 7] as const).map((type): readonly [string, ThriftStruct] => [
    `a binary annotation of type ${type}`,
    [
      [
        8,
        {
          kind: 'list',
          value: [
            [
              [1, bytesField('k')],
              [2, bytesField(Buffer.from([1]))],
              [3, { kind: 'i32', value: type }],
            ],
          ],
        },
      ],
    ],
  ]),
  ...(['sa', 'ca', 'ma'] as const).flatMap((key) =>
    [Buffer.from([1]), Buffer.from([0]), Buffer.from('true'), Buffer.from([1, 1])].map(
      (value): readonly [string, ThriftStruct] => [
        `${key} of ${value.toString('hex')}`,
        [
          [
            8,
            {
              kind: 'list',
              value: [
                [
                  [1, bytesField(key)],
                  [2, bytesField(value)],
                  [3, { kind: 'i32', value: 0 }],
                  [
                    4,
                    {
                      kind: 'struct',
                      value: [
                        [1, { kind: 'i32', value: 0x0a000001 }],
                        [2, { kind: 'i16', value: 65_000 }],
                        [3, bytesField('Far')],
                      ],
                    },
                  ],
                ],
              ],
            },
          ],
        ],
      ],
    ),
  ),
];

function oddThriftBodies(choices: Choices): Body[] {
  const ids = (traceId: string): ThriftStruct => [
    [1, { kind: 'i64', value: BigInt(`0x${traceId}`) }],
    [4, { kind: 'i64', value: 10n }],
  ];
  const odd = oddThrift.map(([what, fields]): Body => {
    const traceId = choices.hex(16);
    return {
      label: `thrift ${what}`,
      ...thrift,
      bytes: thriftList([[...ids(traceId), ...fields]]),
      traceIds: [traceId],
    };
  });
  const traceId = choices.hex(16);
  const counted = [0, 2, -1, 2 ** 31 - 1].map((count): Body => {
    const one = choices.hex(16);
    return {
      label: `thrift list of one that says ${count}`,
      ...thrift,
      bytes: thriftList([ids(one)], count),
      traceIds: [one],
    };
  });
  const zeros: Body = { label: 'thrift trace id of zero', ...thrift, bytes: thriftList([ids('0')]), traceIds: [] };
  const noId: Body = {
    label: 'thrift without an id',
    ...thrift,
    bytes: thriftList([ids(traceId).slice(0, 1)]),
    traceIds: [traceId],
  };
  return [...odd, ...counted, zeros, noId];
}

export interface Trace {
  readonly v1: readonly V1Span[];
  readonly v2: readonly V2Span[];
}

/** Good bodies that are cut short, or have one byte changed. */
function damaged(choices: Choices, make: () => Trace): Body[] {
  const kinds = [
    ['v2', jsonV2, ({ v2 }: Trace) => Buffer.from(JSON.stringify(v2))],
    ['v1', jsonV1, ({ v1 }: Trace) => Buffer.from(JSON.stringify(v1))],
    ['proto', proto, ({ v2 }: Trace) => protoBody(v2)],
    ['thrift', thrift, ({ v1 }: Trace) => thriftBody(v1)],
  ] as const;
  return kinds.flatMap(([name, where, encode]) =>
    Array.from({ length: 24 }, (_, i): Body => {
      const trace = make();
      const whole = encode(trace);
      const place = choices.below(whole.length);
      const traceIds = [trace.v2[0]?.traceId ?? ''];
      if (i % 2 === 0) {
        return { label: `${name} cut ${i}`, ...where, bytes: whole.subarray(0, place), traceIds };
      }
      whole[place] = (whole[place] ?? 0) ^ (1 << choices.below(8));
      return { label: `${name} with another bit ${i}`, ...where, bytes: whole, traceIds };
    }),
  );
}

/** Good spans at the wrong door, or in an unusual wrapping. */
function wrapped(choices: Choices, make: () => Trace): Body[] {
  const types = [
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'text/plain',
    'application/x-protobuf; a=b',
    'application/x-thrift',
    'application/protobuf',
    'x',
  ];
  const forms = [
    ['v2', (trace: Trace) => Buffer.from(JSON.stringify(trace.v2))],
    ['v1', (trace: Trace) => Buffer.from(JSON.stringify(trace.v1))],
    ['proto', (trace: Trace) => protoBody(trace.v2)],
    ['thrift', (trace: Trace) => thriftBody(trace.v1)],
  ] as const;
  // What the reference makes of bytes of the other binary form depends on what is in them.
  const isOther = (name: string, type: string): boolean =>
    (name === 'thrift' && type.includes('protobuf')) || (name === 'proto' && type.includes('thrift'));
  const doors = forms.flatMap(([name, encode]) =>
    types
      .filter((type) => !isOther(name, type))
      .flatMap((contentType) =>
        (['/api/v1/spans', '/api/v2/spans'] as const).map((path): Body => {
          const trace = make();
          return {
            label: `${name} as ${contentType} to ${path}`,
            path,
            contentType,
            bytes: encode(trace),
            traceIds: [trace.v2[0]?.traceId ?? ''],
          };
        }),
      ),
  );
  const encodings = ['gzip', 'x-gzip', 'GZIP', 'identity', 'deflate'].map((encoding): Body => {
    const traceId = choices.hex(32);
    const bytes = Buffer.from(`[${v2Text(traceId, {})}]`);
    return {
      label: `v2 in ${encoding}`,
      ...jsonV2,
      encoding,
      bytes: encoding === 'identity' ? bytes : gzipSync(bytes),
      traceIds: [traceId],
    };
  });
  const whole = gzipSync(Buffer.from(`[${v2Text(choices.hex(32), {})}]`));
  const cut = {
    label: 'v2 in a gzip that is cut',
    ...jsonV2,
    encoding: 'gzip',
    bytes: whole.subarray(0, -9),
    traceIds: [],
  };
  return [...doors, ...encodings, cut];
}

/** The same in each run. */
function fixed(): Body[] {
  const span: V1Span = {
    traceId: '0976248ba50e0001',
    id: '29183ec17c470001',
    name: 'poll',
    annotations: [],
    binaryAnnotations: [],
  };
  return [
    { label: 'thrift as protobuf', ...proto, bytes: thriftBody([span]), traceIds: ['0976248ba50e0001'] },
    { label: 'protobuf as thrift', ...thrift, bytes: protoBody([span]), traceIds: ['0976248ba50e0001'] },
    { label: 'protobuf of one byte', ...proto, bytes: Buffer.from([0x0a]), traceIds: [] },
  ];
}

/** Bodies with something unusual each. `make` gives a good trace, another one each time. */
export function oddBodies(choices: Choices, make: () => Trace): readonly Body[] {
  return [
    ...oddV2(choices),
    ...oddListBodies(choices),
    ...oddV1(choices),
    ...oddThriftBodies(choices),
    ...damaged(choices, make),
    ...wrapped(choices, make),
    ...fixed(),
  ];
}

/** When the good traces of a run ended, ms. */
export const endMsOf = (traces: number): number => ms + (traces + 1) * 1001;
