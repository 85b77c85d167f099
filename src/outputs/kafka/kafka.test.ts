import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Reader, readRecordsBatch } from '@platformatic/kafka';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { frameRecord } from '../../../test/fakes/frames.ts';
import {
  type BrokerAnswer,
  type FakeBroker,
  fakeBroker,
  type ProducedBatch,
} from '../../../test/fakes/kafka-broker.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { requestOf, spanRecord } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { until } from '../../../test/fakes/until.ts';
import { readMetricsRequest } from '../../codec/otlp/messages-in.ts';
import { otlpTraces } from '../../codec/otlp/otlp-traces.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { encodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import { zipkinJson } from '../../codec/zipkin-json/zipkin-json.ts';
import type { Output, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Series } from '../../model/metric.ts';
import type { RumPoint } from '../../model/rum.ts';
import type { Span } from '../../model/span.ts';
import { kafka } from './kafka.ts';
import { partitionOf } from './partition.ts';

const never = new AbortController().signal;
const ok: WriteResult = { status: 'delivered' };

function traceIdOf(trace: number): string {
  return `f${trace.toString(16).padStart(31, '0')}`;
}

function spansOf(trace: number, count: number, text = ''): Span[] {
  return Array.from({ length: count }, (_, i) => ({
    traceId: traceIdOf(trace),
    id: (trace * 1000 + i + 1).toString(16).padStart(16, '0'),
    name: `get /${trace}`,
    timestamp: 1_795_253_153_000_000 + i,
    duration: 10,
    localEndpoint: { serviceName: 'reviews' },
    tags: { text },
  }));
}

function request(records: number): WriteRequest {
  return requestOf(Array.from({ length: records }, (_, i) => spanRecord(spansOf(i + 1, 2), { seq: i + 1 })));
}

/**
 * The suite's far side speaks HTTP: this broker hands it each batch, and says its answer in Kafka's codes. The client's id is
 * the far side's URL. As long as a client is connected, it holds a connection there.
 */
const codes: Readonly<Record<number, number>> = { 400: 87, 413: 10, 429: 89, 503: 5, 500: -1, 502: 56 };
let bridge: FakeBroker | undefined;
beforeAll(async () => {
  bridge = await fakeBroker({
    onConnection: (url) =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1', () => resolve(() => socket.destroy()));
        socket.once('error', reject);
      }),
  });
  for (const topic of ['otlp_spans', 'otlp_metrics', 'otlp_logs', 'meshbridge_rum']) {
    bridge.topics.set(topic, 1);
  }
  bridge.answer(handedOn);
});
afterAll(() => bridge?.close());

function handedOn({ clientId, bytes }: ProducedBatch): Promise<BrokerAnswer> {
  return new Promise((resolve) => {
    const posting = httpRequest(clientId, { method: 'POST', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.once('error', () => resolve('drop'));
      response.once('end', () => {
        const status = response.statusCode ?? 0;
        resolve(status < 300 ? 0 : { code: codes[status] ?? -1, message: `HTTP ${status} ${text}` });
      });
    });
    posting.once('error', () => resolve('drop'));
    posting.end(bytes);
  });
}

describeOutput(
  {
    kind: 'http',
    definition: kafka,
    decode: new RecordDecoders(),
    request,
    config: (endpoint) => ({ brokers: [bridge?.address ?? '127.0.0.1:9'], client_id: endpoint }),
    itemsIn: ({ body }) =>
      readRecordsBatch(Reader.from(body)).records.reduce(
        (sum, { value }) => sum + otlpTraces.decode(value ?? Buffer.alloc(0)).length,
        0,
      ),
  },
  {
    'hands on how long a 429 asks to wait': 'brokers hold back the connection instead of naming a time (KIP-219)',
    'hands on how long a 503 asks to wait': 'brokers hold back the connection instead of naming a time (KIP-219)',
    'reads a date in Retry-After': 'brokers name no time',
  },
);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

async function broker(): Promise<FakeBroker> {
  const made = await fakeBroker();
  for (const topic of [
    'otlp_spans',
    'otlp_metrics',
    'otlp_logs',
    'zipkin',
    'meshbridge_rum',
    'meshbridge_traces',
    'meshbridge_metrics',
  ]) {
    made.topics.set(topic, 3);
  }
  closing.push(() => made.close());
  return made;
}

async function started(far: Pick<FakeBroker, 'address'>, table: object = {}): Promise<Output> {
  const runtime = { ...fakeRuntime(), name: 'kafka', decode: new RecordDecoders() };
  const output = kafka.create(kafka.config.parse({ brokers: [far.address], ...table }), runtime);
  await output.start();
  closing.push(() => output.stop());
  return output;
}

function spansIn(batches: readonly ProducedBatch[]): string[] {
  return batches.flatMap(({ messages }) =>
    messages.flatMap(({ value }) => otlpTraces.decode(value).map(({ id }) => id)),
  );
}

const series = (count: number): Series[] =>
  Array.from({ length: count }, (_, i) => ({
    name: 'requests_total',
    labels: [
      ['instance', '10.0.0.7:15020'],
      ['job', 'sidecar'],
      ['path', `/${i}/${'x'.repeat(100)}`],
    ],
    type: 'counter',
    measurement: 'requests',
    field: 'total',
  }));

describe('what becomes a message', () => {
  test('spans go by trace, and all of one trace to one partition', async () => {
    const far = await broker();
    const output = await started(far, { headers: { cluster: 'east' } });
    const mixed = [...spansOf(7, 2), ...spansOf(8, 1), ...spansOf(7, 3).slice(2)];
    expect(await output.write(requestOf([spanRecord(mixed, { seq: 5 })]), never)).toEqual(ok);
    const messages = far.batches.flatMap((batch) => batch.messages);
    const byKey = new Map(messages.map((message) => [message.key, message]));
    expect([...byKey.keys()].toSorted()).toEqual([traceIdOf(7), traceIdOf(8)]);
    const seventh = byKey.get(traceIdOf(7));
    expect(otlpTraces.decode(seventh?.value ?? Buffer.alloc(0)).map(({ id }) => id)).toEqual(
      spansOf(7, 3).map(({ id }) => id),
    );
    expect(seventh?.partition).toBe(partitionOf(Buffer.from(traceIdOf(7)), 3));
    expect(seventh?.headers).toEqual({ cluster: 'east', 'meshbridge-id': 'queue1:5/0/0-3' });
    expect(far.batches.every(({ topic }) => topic === 'otlp_spans')).toBe(true);
  });

  test('metrics go by target, lines by container, browser data by session or application', async () => {
    const far = await broker();
    const output = await started(far);
    const timeNanos = 1_795_253_153_000_000_000n;
    const point = (tags: Record<string, string>): RumPoint => ({
      measurement: 'view',
      tags,
      fields: { n: 1 },
      timeNanos,
    });
    const points = [
      point({ session_id: 's1', app_id: 'a' }),
      point({ app_id: 'a' }),
      point({ session_id: 's1' }),
      point({}),
    ];
    const rum: QueueRecord = {
      ...spanRecord([], { seq: 1 }),
      signal: 'rum',
      format: 'rum-points',
      items: 4,
      payload: encodeRumPoints(points),
    };
    const origin = { namespace: 'prod', pod: 'reviews-0', container: 'reviews' };
    const records = [
      frameRecord(series(2), [1, 2], { seq: 1, timestampMs: 1000 }),
      logRecord([{ message: 'hello', timeNanos }], { seq: 1, origin }),
      rum,
    ];
    for (const record of records) {
      expect(await output.write(requestOf([record]), never)).toEqual(ok);
    }
    const got = far.batches.flatMap(({ topic, messages }) => messages.map(({ key }) => [topic, key]));
    expect(got.slice(0, 2)).toEqual([
      ['otlp_metrics', 'sidecar/10.0.0.7:15020'],
      ['otlp_logs', 'prod/reviews-0/reviews'],
    ]);
    const browser = far.batches.filter(({ topic }) => topic === 'meshbridge_rum').flatMap(({ messages }) => messages);
    const lines = new Map(browser.map(({ key, value }) => [key, String(value).trimEnd().split('\n')]));
    expect(new Map([...lines].map(([key, texts]) => [key, texts.length]))).toEqual(
      new Map([
        ['a', 1],
        ['s1', 2],
        [undefined, 1],
      ]),
    );
    expect(JSON.parse(lines.get('a')?.[0] ?? '')).toEqual({
      signal: 'rum',
      measurement: 'view',
      tags: { app_id: 'a' },
      fields: { n: 1 },
      time: String(timeNanos),
    });
  });

  test('formats may be chosen by signal', async () => {
    const far = await broker();
    const zipkin = await started(far, { format: { traces: 'zipkin_json' } });
    const lines = await started(far, { format: { traces: 'json' }, compression: 'none' });
    const spans = spansOf(3, 2);
    expect(await zipkin.write(requestOf([spanRecord(spans, { seq: 1 })]), never)).toEqual(ok);
    expect(await lines.write(requestOf([spanRecord(spans, { seq: 1 })]), never)).toEqual(ok);
    const [list, ...rest] = far.batches.flatMap(({ messages }) => messages);
    expect(far.batches.map(({ topic }) => topic)).toEqual(['zipkin', 'meshbridge_traces']);
    expect(zipkinJson.decode(list?.value ?? Buffer.alloc(0))).toEqual(spans);
    expect(rest.map(({ value }) => JSON.parse(String(value)))).toEqual(
      spans.map((span) => ({ signal: 'traces', ...span })),
    );
  });

  test.each(['otlp_proto', 'otlp_json', 'ndjson'])(
    'a scrape that is too large for a message is cut as %s',
    async (format) => {
      const far = await broker();
      const output = await started(far, { format: { metrics: format }, max_message_bytes: '16KiB' });
      const record = frameRecord(
        series(1000),
        Array.from({ length: 1000 }, (_, i) => i),
        { seq: 1, timestampMs: 1000 },
      );
      expect(await output.write(requestOf([record]), never)).toEqual(ok);
      const messages = far.batches.flatMap((batch) => batch.messages);
      expect(messages.length).toBeGreaterThan(5);
      expect(messages.every(({ value }) => value.length < 16_384)).toBe(true);
      expect(new Set(messages.map(({ headers }) => headers['meshbridge-id'])).size).toBe(messages.length);
      expect(messages.flatMap(({ value }) => numbersOf(format, value))).toEqual(
        Array.from({ length: 1000 }, (_, i) => i),
      );
    },
  );

  test('lines that are too many for a message are cut between lines', async () => {
    const far = await broker();
    const output = await started(far, { format: { logs: 'otlp_json' }, max_message_bytes: '16KiB' });
    const lines = Array.from({ length: 300 }, (_, i) => ({
      message: `line ${i} ${'y'.repeat(100)}`,
      timeNanos: BigInt(i),
      attributes: { number: i },
    }));
    expect(await output.write(requestOf([logRecord(lines, { seq: 1 })]), never)).toEqual(ok);
    const texts = far.batches.flatMap(({ messages }) => messages.map(({ value }) => String(value)));
    expect(texts.length).toBeGreaterThan(2);
    const found = texts.flatMap((text) =>
      [...text.matchAll(/"stringValue":"line (\d+) /g)].map(([, number]) => Number(number)),
    );
    expect(found).toEqual(lines.map((_, i) => i));
    expect(texts.join().match(/"intValue":"\d+"/g)?.length).toBe(300);
  });
});

interface OtlpPoints {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly { readonly sum: { readonly dataPoints: readonly { readonly asDouble: number }[] } }[];
    }[];
  }[];
}

function numbersOf(format: string, value: Buffer): number[] {
  if (format === 'ndjson') {
    return String(value)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).value);
  }
  const request: OtlpPoints =
    format === 'otlp_json' ? JSON.parse(String(value)) : readMetricsRequest(value, 'protobuf');
  return request.resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(({ sum }) => sum.dataPoints.map(({ asDouble }) => asDouble))),
  );
}

describe('numbers of batches', () => {
  test('go on within a partition, and a batch without an answer comes again as it was', async () => {
    const far = await broker();
    const output = await started(far);
    const one = requestOf([spanRecord(spansOf(1, 1), { seq: 1 })]);
    const two = requestOf([spanRecord(spansOf(1, 2), { seq: 2 })]);
    expect(await output.write(one, never)).toEqual(ok);
    far.answer(() => 'drop');
    expect(await output.write(two, never)).toMatchObject({ status: 'retry', cause: 'unreachable' });
    far.answer(() => 20);
    expect(await output.write(two, never)).toMatchObject({ status: 'retry', cause: 'busy' });
    far.answer(() => 46);
    expect(await output.write(two, never)).toEqual(ok);
    const numbers = far.batches.map(({ batch }) => [batch.producerId, batch.firstSequence]);
    expect(numbers).toEqual([
      [1n, 0],
      [1n, 1],
      [1n, 1],
      [1n, 1],
    ]);
    const [, second, third, fourth] = far.batches.map(({ bytes }) => bytes.toString('hex'));
    expect([third, fourth]).toEqual([second, second]);
  });

  test('are used again after a batch that was refused before it was written', async () => {
    const far = await broker();
    const output = await started(far);
    far.answer(() => 19);
    expect(await output.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'busy' });
    far.answer(() => 0);
    expect(await output.write(requestOf([spanRecord(spansOf(1, 1), { seq: 9 })]), never)).toEqual(ok);
    expect(far.batches.map(({ batch }) => [batch.producerId, batch.firstSequence])).toEqual([
      [1n, 0],
      [1n, 0],
    ]);
  });

  test.each([45, 47, 59, 90])('begin anew where the broker does not follow them: %d', async (code) => {
    const far = await broker();
    const output = await started(far);
    expect(await output.write(request(1), never)).toEqual(ok);
    far.answer(() => code);
    const next = requestOf([spanRecord(spansOf(1, 1), { seq: 2 })]);
    expect(await output.write(next, never)).toMatchObject({ status: 'retry', cause: 'server_error' });
    far.answer(() => 0);
    expect(await output.write(next, never)).toEqual(ok);
    expect(far.batches.map(({ batch }) => [batch.producerId, batch.firstSequence])).toEqual([
      [1n, 0],
      [1n, 1],
      [2n, 0],
    ]);
  });

  test('begin anew where what had no answer does not come again', async () => {
    const far = await broker();
    const output = await started(far);
    far.answer(() => 'drop');
    expect(await output.write(request(1), never)).toMatchObject({ status: 'retry' });
    far.answer(() => 0);
    expect(await output.write(requestOf([spanRecord(spansOf(1, 1), { seq: 2 })]), never)).toEqual(ok);
    expect(far.batches.map(({ batch }) => [batch.producerId, batch.firstSequence])).toEqual([
      [1n, 0],
      [2n, 0],
    ]);
  });

  test.each([7, 20, 5, 6, 56, -1, 13])(
    'after %d a batch may have been written: it comes again as it was, even where smaller ones are wanted by then',
    async (code) => {
      const far = await broker();
      const output = await started(far, { compression: 'none' });
      const traces = [1, 2, 3, 4, 5, 6, 7, 8, 9];
      const placeOf = (trace: number): number => partitionOf(Buffer.from(traceIdOf(trace)), 3);
      const small = traces.find((trace) => placeOf(trace) === 0) ?? 0;
      const large = traces.find((trace) => placeOf(trace) === 1) ?? 0;
      const spans = [...spansOf(small, 2, 'x'.repeat(3_000)), ...spansOf(large, 2, 'x'.repeat(5_000))];
      const record = requestOf([spanRecord(spans, { seq: 1 })]);
      far.answer(({ partition }) => (partition === 0 ? code : 10));
      expect(await output.write(record, never)).toMatchObject({ status: 'retry' });
      far.answer(() => 0);
      expect(await output.write(record, never)).toEqual(ok);
      const [first, second, ...rest] = far.batches.filter(({ partition }) => partition === 0);
      expect(second?.bytes).toEqual(first?.bytes);
      expect(rest).toEqual([]);
      expect(far.batches.filter(({ partition }) => partition === 1).length).toBe(3);
      expect(new Set(far.batches.map(({ batch }) => batch.producerId)).size).toBe(1);
    },
  );

  test('are one row for each partition, whatever another partition answers', async () => {
    const far = await broker();
    const output = await started(far);
    const all = request(12);
    far.answer(({ partition }) => (partition === 1 ? 6 : 0));
    expect(await output.write(all, never)).toMatchObject({ status: 'retry', cause: 'busy' });
    far.answer(() => 0);
    expect(await output.write(all, never)).toEqual(ok);
    const again = far.batches.slice(3);
    expect(again.map(({ partition }) => partition)).toEqual([1]);
    expect(
      spansIn([...far.batches.slice(0, 3).filter(({ partition }) => partition !== 1), ...again]).toSorted(),
    ).toEqual(
      Array.from({ length: 12 }, (_, i) => spansOf(i + 1, 2).map(({ id }) => id))
        .flat()
        .toSorted(),
    );
  });
});

describe('what is too large or at fault', () => {
  const limited = (far: FakeBroker, bytes: number): void =>
    far.answer(({ messages }) => (messages.reduce((sum, { value }) => sum + value.length, 0) > bytes ? 10 : 0));

  test('is written in smaller batches; what has arrived is not sent twice', async () => {
    const far = await broker();
    far.topics.set('otlp_spans', 1);
    limited(far, 3_000);
    const output = await started(far, { compression: 'none' });
    const all = request(32);
    const halves = [requestOf(all.records.slice(0, 16)), requestOf(all.records.slice(16))];
    const results: string[] = [];
    let todo: readonly WriteRequest[] = [all];
    while (todo.length > 0) {
      const [first, ...rest] = todo;
      const { status } = first === undefined ? ok : await output.write(first, never);
      results.push(status);
      todo = status === 'split' ? (first === all ? halves : [first ?? all, ...rest]) : rest;
    }
    expect(results).toContain('split');
    expect(results.length).toBeLessThan(12);
    const taken = far.batches.filter(
      ({ messages }) => messages.reduce((sum, { value }) => sum + value.length, 0) <= 3_000,
    );
    expect(spansIn(taken)).toEqual(all.records.flatMap((_, i) => spansOf(i + 1, 2).map(({ id }) => id)));
  });

  test('is cut where one record holds it all, down to what cannot be cut', async () => {
    const far = await broker();
    limited(far, 2_000);
    const output = await started(far);
    const spans = [...spansOf(1, 8), ...spansOf(1, 9, 'x'.repeat(5_000)).slice(8), ...spansOf(1, 12).slice(9)];
    const result = await output.write(requestOf([spanRecord(spans, { seq: 1 })]), never);
    expect(result).toMatchObject({ status: 'partial', rejected: 1 });
    const taken = far.batches.filter(({ messages }) => messages.every(({ value }) => value.length <= 2_000));
    expect(spansIn(taken).toSorted()).toEqual(
      spans
        .filter((_, i) => i !== 8)
        .map(({ id }) => id)
        .toSorted(),
    );
  });

  test('is final where nothing of a record can be taken', async () => {
    const far = await broker();
    limited(far, 2_000);
    const output = await started(far);
    const large = spanRecord(spansOf(1, 1, 'x'.repeat(5_000)), { seq: 1 });
    expect(await output.write(requestOf([large]), never)).toMatchObject({ status: 'rejected', reason: /too many/ });
    expect(await output.write(requestOf([spanRecord(spansOf(1, 1), { seq: 2 })]), never)).toEqual(ok);
    far.answer(() => ({ code: 87, message: 'no key' }));
    expect(await output.write(requestOf([spanRecord(spansOf(1, 1), { seq: 3 })]), never)).toEqual({
      status: 'rejected',
      reason: 'otlp_spans[0]: no key',
    });
  });

  test('is found among the messages of one record', async () => {
    const far = await broker();
    far.topics.set('otlp_spans', 1);
    far.answer(({ messages }) => (messages.some(({ key }) => key === traceIdOf(2)) ? 87 : 0));
    const output = await started(far);
    const spans = [1, 2, 3].flatMap((trace) => spansOf(trace, 2));
    const record = spanRecord(spans, { seq: 1 });
    expect(await output.write(requestOf([record]), never)).toMatchObject({ status: 'partial', rejected: 2 });
  });

  test('is a record that cannot be read', async () => {
    const far = await broker();
    const output = await started(far);
    const bad = { ...spanRecord(spansOf(1, 1), { seq: 2 }), payload: Buffer.from('[{') };
    expect(await output.write(requestOf([bad]), never)).toMatchObject({ status: 'rejected' });
    expect(await output.write(requestOf([spanRecord(spansOf(1, 1), { seq: 1 }), bad]), never)).toMatchObject({
      status: 'split',
    });
    expect(far.batches).toEqual([]);
  });
});

describe('topics', () => {
  test('that are missing are asked for, and named where they do not come', async () => {
    const far = await broker();
    far.topics.clear();
    far.creates = false;
    const output = await started(far);
    for (let asked = 0; asked < 3; asked++) {
      expect(await output.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'busy' });
    }
    expect(await output.write(request(1), never)).toEqual({
      status: 'retry',
      cause: 'misconfigured',
      reason:
        'there is no topic otlp_spans, or this user may not see it: make it (kafka-topics --create --topic otlp_spans), or change `topics`',
    });
    far.topics.set('otlp_spans', 2);
    expect(await output.write(request(1), never)).toEqual(ok);
  });

  test('are made where the broker does that, unless it is not to be asked', async () => {
    const far = await broker();
    far.topics.clear();
    const [asking, looking] = [await started(far), await started(far, { create_topics: false })];
    expect(await looking.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'misconfigured' });
    expect(await asking.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'busy' });
    expect(await asking.write(request(1), never)).toEqual(ok);
    expect([...far.topics.keys()]).toEqual(['otlp_spans']);
  });

  test.each([
    [29, 'misconfigured', /kafka-acls/],
    [17, 'misconfigured', /change `topics`/],
    [5, 'busy', /LEADER_NOT_AVAILABLE/],
  ])('the code %d for one is told as %s', async (code, cause, reason) => {
    const far = await broker();
    far.metadataCode = code;
    const output = await started(far);
    const result = await output.write(request(1), never);
    expect(result).toMatchObject({ status: 'retry', cause });
    expect('reason' in result ? result.reason : '').toMatch(reason);
  });

  test('of which a leader has moved are looked at again', async () => {
    const far = await broker();
    const output = await started(far);
    far.answer(() => 6);
    expect(await output.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'busy' });
    far.answer(() => 0);
    expect(await output.write(request(1), never)).toEqual(ok);
    expect(far.asked.filter((key) => key === 3).length).toBe(2);
  });
});

describe('a check', () => {
  test('is good where one of the topics can be written to, and writes nothing', async () => {
    const far = await broker();
    const output = await started(far, { create_topics: false });
    expect(await output.check()).toEqual({ ok: true });
    far.topics.delete('otlp_spans');
    expect(await output.check()).toEqual({ ok: true });
    far.topics.clear();
    expect(await output.check()).toMatchObject({ ok: false, reason: /there is no topic otlp_metrics/ });
    far.identityCode = 31;
    far.topics.set('otlp_logs', 1);
    expect(await output.check()).toMatchObject({ ok: false, reason: /IdempotentWrite/ });
    expect([far.batches, far.topics.size]).toEqual([[], 1]);
  });

  test('asks for no topic to be made', async () => {
    const far = await broker();
    far.topics.clear();
    const output = await started(far);
    expect(await output.check()).toEqual({ ok: true });
    expect(far.topics.size).toBe(0);
  });
});

interface SilentServer {
  readonly address: string;
  connections(): number;
  seen(): number;
}

/** Takes connections and answers whatever comes with `said`, or with nothing. */
async function silentServer(said?: Buffer): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  let seen = 0;
  const server = createServer((socket) => {
    seen += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.on('data', () => said && socket.write(said));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => server.close());
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, connections: () => sockets.size, seen: () => seen };
}

describe('brokers', () => {
  test('that do not answer are passed over', async () => {
    const [silent, far] = [await broker(), await broker()];
    await silent.close();
    const output = await started(far, { brokers: [silent.address, far.address] });
    expect(await output.write(request(1), never)).toEqual(ok);
  });

  test('that take connections and never answer are passed over too', async () => {
    const silent = await silentServer();
    const far = await broker();
    const output = await started(far, { brokers: [silent.address, far.address] });
    expect(await output.write(request(1), never)).toEqual(ok);
    await output.stop();
    await until(() => silent.connections() === 0 && far.connections === 0);
  }, 60_000);

  test.each([
    ['nothing', {}, undefined],
    ['nothing, where TLS is wanted', { tls: {} }, undefined],
    ['nothing, where a login is wanted', { sasl: { username: 'me', password: 'p' } }, undefined],
    ['what is not Kafka', {}, Buffer.from('HTTP/1.1 400 Bad Request\r\nserver: another\r\n\r\n')],
    ['that there is much to come', {}, Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1])],
    ['zeroes', {}, Buffer.alloc(64)],
    ['lengths below zero', {}, Buffer.alloc(64, 0xff)],
  ])('that say %s leave nothing open behind an attempt that is cut off', async (_, table, said) => {
    const server = await silentServer(said);
    const output = await started(server, table);
    const cut = new AbortController();
    const writing = output.write(request(1), cut.signal).catch((error: Error) => error.message);
    await until(() => server.seen() > 0);
    cut.abort(new Error('cut off'));
    expect(['cut off', expect.objectContaining({ status: 'retry' })]).toContainEqual(await writing);
    await until(() => server.connections() === 0);
  });

  test('that are all away are named, each with its reason', async () => {
    const [one, two] = [await broker(), await broker()];
    await Promise.all([one.close(), two.close()]);
    const output = await started(one, { brokers: [one.address, two.address] });
    const result = await output.write(request(1), never);
    expect(result).toMatchObject({ status: 'retry', cause: 'unreachable' });
    expect('reason' in result ? result.reason : '').toMatch(/ECONNREFUSED .*; .*ECONNREFUSED/);
  });
});

test('partitions are those of the Java client', () => {
  // From Apache Kafka's own test of its hash, UtilsTest.testMurmur2.
  const hashes: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [text, hash] of hashes) {
    expect(partitionOf(Buffer.from(text), 0x7fffffff)).toBe((hash & 0x7fffffff) % 0x7fffffff);
  }
});
