import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { checkZipkinJsonV1, zipkinJsonV1 } from './zipkin-json-v1.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const identity = { traceId: '000000000000000a', id: '000000000000000b' };
const frontend = { serviceName: 'frontend', ipv4: '127.0.0.1', port: 8_080 };
const backend = { serviceName: 'backend', ipv4: '192.168.99.101', port: 9_000 };

type Event = readonly [value: string, timestamp: number, endpoint?: object];
type Binary = readonly [key: string, value: unknown, endpoint?: object];

interface V1 {
  readonly timestamp?: number;
  readonly duration?: number;
  readonly events?: readonly Event[];
  readonly binary?: readonly Binary[];
  readonly [key: string]: unknown;
}

function bytesOf({ events = [], binary = [], ...members }: V1): Buffer {
  const span = {
    traceId: 'a',
    id: 'b',
    ...members,
    annotations: events.map(([value, timestamp, endpoint]) => ({ value, timestamp, endpoint })),
    binaryAnnotations: binary.map(([key, value, endpoint]) => ({ key, value, endpoint })),
  };
  return Buffer.from(JSON.stringify([span]));
}

/** What the span becomes, beside its ids. */
function convert(span: V1): Omit<Span, 'traceId' | 'id'>[] {
  return zipkinJsonV1.decode(bytesOf(span)).map(({ traceId, id, ...rest }) => {
    expect({ traceId, id }).toEqual(identity);
    return rest;
  });
}

function faultOf(text: string): string {
  try {
    zipkinJsonV1.decode(Buffer.from(text));
  } catch (error) {
    if (hasCode(error, 'BRIDGE_DECODE')) {
      return error.message;
    }
    throw error;
  }
  return 'no fault';
}

describe('a call', () => {
  test('is told from its events in their order in time, in whatever order they were sent', () => {
    const other = { ...frontend, port: 1 };
    const sent: Event[] = [
      ['cs', 100, frontend],
      ['sr', 90, other],
    ];
    expect(convert({ events: sent })).toEqual(convert({ events: sent.toReversed() }));
    expect(convert({ events: sent })).toEqual([
      { kind: 'CLIENT', timestamp: 100, localEndpoint: other },
      { kind: 'SERVER', shared: true, timestamp: 90, localEndpoint: other },
    ]);
  });

  test('from its own service, by `ca` without a socket, has no other side', () => {
    const events: Event[] = [['sr', 100, backend]];
    const binary: Binary[] = [['ca', true, { serviceName: 'backend' }]];
    expect(convert({ events, binary })).toEqual([
      { kind: 'SERVER', shared: true, timestamp: 100, localEndpoint: backend },
    ]);
  });

  test('seen by its client has the times of the span, and `sa` is whom it called', () => {
    const events: Event[] = [
      ['cs', 100, frontend],
      ['ws', 110, frontend],
      ['wr', 190, frontend],
      ['cr', 200, frontend],
    ];
    const span = {
      timestamp: 100,
      duration: 100,
      events,
      binary: [
        ['sa', true, backend],
        ['k', 'v', frontend],
      ],
    } as const;
    expect(convert(span)).toEqual([
      {
        kind: 'CLIENT',
        timestamp: 100,
        duration: 100,
        localEndpoint: frontend,
        remoteEndpoint: backend,
        annotations: [
          { timestamp: 110, value: 'ws' },
          { timestamp: 190, value: 'wr' },
        ],
        tags: { k: 'v' },
      },
    ]);
  });

  test('without times has those of its events', () => {
    expect(
      convert({
        events: [
          ['cs', 100, frontend],
          ['cr', 150, frontend],
        ],
      }),
    ).toEqual([{ kind: 'CLIENT', timestamp: 100, duration: 50, localEndpoint: frontend }]);
    expect(
      convert({
        timestamp: 90,
        events: [
          ['cs', 100, frontend],
          ['cr', 150, frontend],
        ],
      }),
    ).toEqual([{ kind: 'CLIENT', timestamp: 100, duration: 50, localEndpoint: frontend }]);
  });

  test('whose end is where its times end began at their beginning', () => {
    expect(convert({ timestamp: 100, duration: 50, events: [['cr', 150, frontend]] })).toEqual([
      { kind: 'CLIENT', timestamp: 100, duration: 50, localEndpoint: frontend },
    ]);
    expect(convert({ timestamp: 100, duration: 50, events: [['ss', 150, frontend]] })).toEqual([
      { kind: 'SERVER', timestamp: 100, duration: 50, localEndpoint: frontend },
    ]);
  });

  test('that both sides wrote into one span becomes two, the second one shared', () => {
    const events: Event[] = [
      ['cs', 100, frontend],
      ['sr', 120, backend],
      ['ss', 180, backend],
      ['cr', 200, frontend],
    ];
    const halves = [
      { kind: 'CLIENT', timestamp: 100, duration: 100, localEndpoint: frontend },
      { kind: 'SERVER', timestamp: 120, duration: 60, localEndpoint: backend, shared: true },
    ];
    expect(convert({ events })).toEqual(halves);
    expect(convert({ timestamp: 100, duration: 100, events })).toEqual(halves);
  });

  test('of a service to itself still has two sides', () => {
    const events: Event[] = [
      ['cs', 100, frontend],
      ['sr', 120, frontend],
      ['ss', 180, frontend],
      ['cr', 200, frontend],
    ];
    expect(convert({ timestamp: 100, duration: 100, events })).toEqual([
      { kind: 'CLIENT', timestamp: 100, duration: 100, localEndpoint: frontend },
      { kind: 'SERVER', timestamp: 120, duration: 60, localEndpoint: frontend, shared: true },
    ]);
  });

  test('that nobody answers has no duration', () => {
    expect(
      convert({
        events: [
          ['cs', 100, frontend],
          ['sr', 120, backend],
        ],
      }),
    ).toEqual([
      { kind: 'CLIENT', timestamp: 100, localEndpoint: frontend },
      { kind: 'SERVER', timestamp: 120, localEndpoint: backend, shared: true },
    ]);
  });

  test('that is not complete keeps its end as an annotation', () => {
    expect(convert({ events: [['cs', 100, frontend]] })).toEqual([
      { kind: 'CLIENT', timestamp: 100, localEndpoint: frontend },
    ]);
    expect(convert({ events: [['cr', 200, frontend]] })).toEqual([
      { kind: 'CLIENT', localEndpoint: frontend, annotations: [{ timestamp: 200, value: 'cr' }] },
    ]);
    expect(convert({ timestamp: 5, duration: 6, events: [['ss', 200, frontend]] })).toEqual([
      {
        kind: 'SERVER',
        timestamp: 5,
        duration: 6,
        localEndpoint: frontend,
        annotations: [{ timestamp: 200, value: 'ss' }],
      },
    ]);
  });

  test.each([
    [{ timestamp: 100, duration: 50 }, false],
    [{}, true],
    [{ timestamp: 100 }, true],
  ])("seen by its server alone, in a span with %j, continues its caller's span: %s", (times, isShared) => {
    const [span] = convert({
      ...times,
      events: [
        ['sr', 100, frontend],
        ['ss', 150, frontend],
      ],
    });
    expect(span).toEqual({
      kind: 'SERVER',
      timestamp: 100,
      duration: 50,
      localEndpoint: frontend,
      ...(isShared ? { shared: true } : {}),
    });
  });

  test('without an endpoint is none: its events stay annotations', () => {
    expect(
      convert({
        timestamp: 1,
        duration: 5,
        events: [
          ['sr', 100],
          ['ss', 105],
        ],
      }),
    ).toEqual([
      {
        timestamp: 1,
        duration: 5,
        annotations: [
          { timestamp: 100, value: 'sr' },
          { timestamp: 105, value: 'ss' },
        ],
      },
    ]);
  });

  test('knows its caller by `ca`, but not under its own name', () => {
    const events: Event[] = [
      ['sr', 100, frontend],
      ['ss', 150, frontend],
    ];
    const remote = (ca: object) => convert({ events, binary: [['ca', true, ca]] })[0]?.remoteEndpoint;
    expect(remote(backend)).toEqual(backend);
    expect(remote({ serviceName: 'frontend', ipv4: '10.0.0.9', port: 5 })).toEqual({ ipv4: '10.0.0.9', port: 5 });
    expect(remote(frontend)).toBeUndefined();
  });
});

describe('a message', () => {
  const kafka = { serviceName: 'kafka' };

  test('that is produced lasts until it is on the wire', () => {
    expect(
      convert({
        events: [
          ['ms', 100, frontend],
          ['ws', 130, frontend],
        ],
        binary: [['ma', true, kafka]],
      }),
    ).toEqual([{ kind: 'PRODUCER', timestamp: 100, duration: 30, localEndpoint: frontend, remoteEndpoint: kafka }]);
    expect(convert({ events: [['ms', 100, frontend]] })).toEqual([
      { kind: 'PRODUCER', timestamp: 100, localEndpoint: frontend },
    ]);
  });

  test('that is consumed lasts from the wire on', () => {
    expect(
      convert({
        events: [
          ['wr', 90, frontend],
          ['mr', 100, frontend],
        ],
        binary: [['ma', true, kafka]],
      }),
    ).toEqual([{ kind: 'CONSUMER', timestamp: 90, duration: 10, localEndpoint: frontend, remoteEndpoint: kafka }]);
    expect(convert({ events: [['mr', 100, frontend]] })).toEqual([
      { kind: 'CONSUMER', timestamp: 100, localEndpoint: frontend },
    ]);
  });

  test.each([[backend], [frontend]])('of both sides becomes two spans, also when the consumer is %j', (consumer) => {
    const events: Event[] = [
      ['ms', 100, frontend],
      ['ws', 110, frontend],
      ['wr', 150, consumer],
      ['mr', 160, consumer],
    ];
    expect(convert({ events })).toEqual([
      { kind: 'PRODUCER', timestamp: 100, duration: 10, localEndpoint: frontend },
      { kind: 'CONSUMER', timestamp: 150, duration: 10, localEndpoint: consumer, shared: true },
    ]);
  });
});

describe('annotations', () => {
  test('belong to the service that made them, found by its name', () => {
    const again = { ...frontend, ipv4: '10.0.0.1' };
    const events: Event[] = [
      ['a', 1, frontend],
      ['b', 2, backend],
      ['c', 3, again],
      ['d', 4],
    ];
    expect(convert({ timestamp: 1, duration: 9, events, binary: [['k', 'v', backend]] })).toEqual([
      {
        timestamp: 1,
        duration: 9,
        localEndpoint: frontend,
        annotations: [
          { timestamp: 1, value: 'a' },
          { timestamp: 3, value: 'c' },
          { timestamp: 4, value: 'd' },
        ],
      },
      { localEndpoint: backend, annotations: [{ timestamp: 2, value: 'b' }], tags: { k: 'v' } },
    ]);
  });

  test('of the wire alone are ordinary ones', () => {
    expect(
      convert({
        events: [
          ['ws', 1, frontend],
          ['wr', 2, frontend],
        ],
      }),
    ).toEqual([
      {
        localEndpoint: frontend,
        annotations: [
          { timestamp: 1, value: 'ws' },
          { timestamp: 2, value: 'wr' },
        ],
      },
    ]);
  });

  test.each([['true'], ['1'], [true], ['']])('that point at somebody do so with the value %j', (value) => {
    const events: Event[] = [
      ['cs', 100, frontend],
      ['cr', 150, frontend],
    ];
    expect(convert({ events, binary: [['sa', value, backend]] })[0]?.remoteEndpoint).toEqual(backend);
  });

  test('that point at somebody say who spoke where no call is', () => {
    const caller: Binary = ['ca', true, frontend];
    const callee: Binary = ['sa', true, backend];
    expect(convert({ binary: [caller, callee] })).toEqual([{ localEndpoint: frontend, remoteEndpoint: backend }]);
    expect(convert({ binary: [callee] })).toEqual([{ remoteEndpoint: backend }]);
    expect(convert({ binary: [caller] })).toEqual([{ kind: 'SERVER', remoteEndpoint: frontend }]);
  });

  test('that are no texts are dropped', () => {
    const binary: Binary[] = [
      ['n', 5],
      ['t', true],
      ['f', false],
      ['z', null],
      ['o', {}],
      ['sa', true],
      ['sa', false, backend],
      ['s', 'v'],
    ];
    expect(convert({ binary })).toEqual([{ tags: { s: 'v' } }]);
  });

  test('named lc say who spoke, and more only with a value', () => {
    expect(convert({ binary: [['lc', '', frontend]] })).toEqual([{ localEndpoint: frontend }]);
    expect(convert({ binary: [['lc', 'x', frontend]] })).toEqual([{ localEndpoint: frontend, tags: { lc: 'x' } }]);
  });
});

describe('members', () => {
  test('of the span are in all that it becomes', () => {
    const events: Event[] = [
      ['cs', 1, frontend],
      ['sr', 2, backend],
    ];
    const spans = convert({ name: 'GET', parentId: 'c', debug: true, events });
    const shared = { name: 'get', rawName: 'GET', parentId: '000000000000000c', debug: true };
    expect(spans).toEqual([expect.objectContaining(shared), expect.objectContaining(shared)]);
  });

  test.each([
    ['[{"traceId":"a"}]', '$[0].id is missing; expected a string'],
    ['[{"traceId":"a","id":"b","timestamp":"x"}]', '$[0].timestamp is "x"; expected an integer'],
    [
      '[{"traceId":"a","id":"b","annotations":[{"value":"cs"}]}]',
      '$[0].annotations[0].timestamp is missing; expected an integer',
    ],
    [
      '[{"traceId":"a","id":"b","annotations":[{"value":"cs","timestamp":1,"endpoint":5}]}]',
      '$[0].annotations[0].endpoint is a number; expected an object',
    ],
    [
      '[{"traceId":"a","id":"b","binaryAnnotations":[{"key":"a","value":"b"},{"value":"b"}]}]',
      '$[0].binaryAnnotations[1].key is missing; expected a string',
    ],
    ['[{"traceId":"a","id":"b","binaryAnnotations":[5]}]', '$[0].binaryAnnotations[0] is a number; expected an object'],
    ['[5]', '$[0] is a number; expected a span'],
    ['{}', '$ is not a list of spans, which begins with ['],
  ])('%s is refused by its path', (text, message) => {
    expect(faultOf(text)).toBe(message);
    expect(checkZipkinJsonV1(Buffer.from(text))).toEqual({ ok: false, items: 1, reason: message });
  });
});

test('whatever is said of a call, each service speaks in one span or, with itself, two', () => {
  const value = fc.constantFrom('cs', 'cr', 'sr', 'ss', 'ms', 'mr', 'ws', 'wr', 'x');
  const endpoint = fc.constantFrom(undefined, frontend, backend, { ipv4: '10.0.0.1' });
  const event = fc.tuple(value, fc.integer({ min: 1, max: 50 }), endpoint);
  const binary = fc.tuple(fc.constantFrom('sa', 'ca', 'ma', 'lc', 'k'), fc.constantFrom('', 'v', true, 5), endpoint);
  const time = fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 6 }),
      fc.array(binary, { maxLength: 3 }),
      time,
      time,
      (events, tags, timestamp, duration) => {
        const bytes = bytesOf(JSON.parse(JSON.stringify({ events, binary: tags, timestamp, duration })) as V1);
        const spans = zipkinJsonV1.decode(bytes);
        expect(spans.length).toBeGreaterThan(0);
        expect(spans.length).toBeLessThanOrEqual(5);
        expect(checkZipkinJsonV1(bytes)).toMatchObject({ ok: true, items: 1 });
        for (const span of spans) {
          expect(span.duration ?? 1).toBeGreaterThan(0);
          expect(span.shared === true && span.kind === 'CLIENT').toBe(false);
        }
      },
    ),
    { numRuns: 500 },
  );
});

interface Recorded {
  readonly label: string;
  readonly m: string;
  readonly path: string;
  readonly req: string | null;
  readonly status: number;
  readonly body: string;
}

const recorded = readFileSync(join(samples, 'zipkin', 'oracle.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded);
const goldens = recorded.flatMap((line, index) => {
  const answer = recorded[index + 1];
  const isGolden = line.label.startsWith('v1 ') && line.path === '/api/v1/spans' && answer?.m === 'GET';
  return isGolden ? [{ name: line.label, bytes: Buffer.from(line.req ?? ''), answer: answer.body }] : [];
});

test('the reference server was asked about v1 spans', () => {
  expect(goldens.length).toBeGreaterThan(12);
});

describeCodec<readonly Span[]>({
  name: 'zipkin-json-v1',
  decoder: zipkinJsonV1,
  goldens: goldens.map(({ name, bytes, answer }) => ({
    name,
    bytes,
    check: (spans) => {
      expect(spans).toEqual(JSON.parse(answer));
    },
  })),
});
