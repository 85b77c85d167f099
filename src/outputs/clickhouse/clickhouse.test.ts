import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { type Answer, type FakeFarSide, type Received, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { frameRecord } from '../../../test/fakes/frames.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { requestOf, spanRecord } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { encodeFrame, encodeShape } from '../../codec/metric-frame/metric-frame.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { encodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import type { Output } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Series } from '../../model/metric.ts';
import { clickhouse } from './clickhouse.ts';

const never = new AbortController().signal;
const timeNanos = 1_795_253_153_000_000_007n;
const time = '1795253153.000000007';

function linesRecord(seq: number): QueueRecord {
  return logRecord(
    ['a', 'b'].map((message) => ({ message, timeNanos })),
    { seq },
  );
}

function parameters({ path }: Received): URLSearchParams {
  return new URL(path, 'http://x').searchParams;
}

function bodyOf({ headers, body }: Received): Buffer {
  switch (headers['content-encoding']) {
    case 'zstd':
      return zstdDecompressSync(body);
    case 'gzip':
      return gunzipSync(body);
    default:
      return body;
  }
}

function isInsert(received: Received): boolean {
  return parameters(received).has('query');
}

function rowsIn(received: Received): readonly Readonly<Record<string, unknown>>[] {
  const lines = isInsert(received) ? bodyOf(received).toString().split('\n') : [];
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

describeOutput({
  kind: 'http',
  definition: clickhouse,
  decode: new RecordDecoders(),
  request: (records) => requestOf(Array.from({ length: records }, (_, i) => linesRecord(i + 1))),
  config: (endpoint) => ({ url: endpoint, create_schema: false }),
  itemsIn: (received) => rowsIn(received).length,
});

/** `table` may have a `path`, which goes behind the far side's address. */
function withOutput<T>(
  { path = '', ...table }: { readonly path?: string } & Readonly<Record<string, unknown>>,
  run: (output: Output, far: FakeFarSide) => Promise<T>,
): Promise<T> {
  return withFakeFarSide(async (far) => {
    const runtime = { ...fakeRuntime(), name: 'clickhouse', decode: new RecordDecoders() };
    const output = clickhouse.create(clickhouse.config.parse({ url: `${far.url}${path}`, ...table }), runtime);
    await output.start();
    try {
      return await run(output, far);
    } finally {
      await output.stop();
    }
  });
}

const asIs = { create_schema: false };

/** As ClickHouse answers: the code in a header, its name and version in the text. */
function exception(code: number, text = 'says why', status = 500): Answer {
  return {
    status,
    headers: { 'x-clickhouse-exception-code': String(code) },
    body: `Code: ${code}. DB::Exception: ${text}. (NAME) (version 26.9.2.1)\n`,
  };
}

describe('an insert', () => {
  test('names its table and columns, and what makes it count once', async () => {
    await withOutput({ ...asIs, database: 'mesh' }, async (output, far) => {
      await output.write(requestOf([linesRecord(3), linesRecord(4)]), never);
      const { query, ...settings } = Object.fromEntries(far.requests.flatMap((one) => [...parameters(one)]));
      expect(query).toMatch(/^INSERT INTO `mesh`\.`otel_logs` \(`Timestamp`, .*\) FORMAT JSONEachRow$/);
      expect(settings).toEqual({
        wait_end_of_query: '1',
        async_insert: '0',
        insert_deduplicate: '1',
        insert_deduplication_token: expect.stringMatching(/^clickhouse otel_logs queue1:3-4 [0-9a-f]+$/),
        deduplicate_blocks_in_dependent_materialized_views: '1',
        input_format_allow_errors_num: '0',
        input_format_allow_errors_ratio: '0',
        date_time_input_format: 'basic',
      });
    });
  });

  test('goes behind the path and the parameters of the address, with the user’s settings under ours', async () => {
    const table = { ...asIs, path: '/ch?role=w', settings: { insert_quorum: 'auto', async_insert: '1' } };
    await withOutput(table, async (output, far) => {
      await output.write(requestOf([linesRecord(1)]), never);
      expect(far.requests[0]?.path).toMatch(/^\/ch\?role=w&query=INSERT/);
      expect(
        far.requests.map((one) => [parameters(one).get('insert_quorum'), parameters(one).getAll('async_insert')]),
      ).toEqual([['auto', ['0']]]);
    });
  });

  test.each([
    ['zstd', 'zstd'],
    ['gzip', 'gzip'],
    ['none', undefined],
  ])('with compression %s has the Content-Encoding %s', async (compression, expected) => {
    await withOutput({ ...asIs, compression }, async (output, far) => {
      expect(await output.write(requestOf([linesRecord(1)]), never)).toEqual({ status: 'delivered' });
      expect(far.requests.map(({ headers }) => headers['content-encoding'])).toEqual([expected]);
      expect(far.requests.map((one) => rowsIn(one).length)).toEqual([2]);
    });
  });

  test('logs in with headers of ClickHouse', async () => {
    await withOutput({ ...asIs, user: 'mesh', password: 'secret' }, async (output, far) => {
      await output.write(requestOf([linesRecord(1)]), never);
      expect(far.requests.map(({ headers }) => [headers['x-clickhouse-user'], headers['x-clickhouse-key']])).toEqual([
        ['mesh', 'secret'],
      ]);
      expect(far.requests[0]?.path).not.toContain('secret');
    });
  });

  test('of other rows under the same id has another token', async () => {
    await withOutput(asIs, async (output, far) => {
      const other = logRecord([{ message: 'other', timeNanos }], { seq: 1 });
      for (const record of [linesRecord(1), linesRecord(1), other]) {
        await output.write(requestOf([record]), never);
      }
      const [first, again, changed] = far.requests.map((one) => parameters(one).get('insert_deduplication_token'));
      expect(again).toBe(first);
      expect(changed).not.toBe(first);
    });
  });
});

describe('rows', () => {
  function rowsOf(record: QueueRecord): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return withOutput(asIs, async (output, far) => {
      expect(await output.write(requestOf([record]), never)).toEqual({ status: 'delivered' });
      return far.requests.flatMap(rowsIn);
    });
  }

  test('of spans have the Collector’s columns', async () => {
    const span = {
      traceId: 'a5d3c1b2a5d3c1b2',
      id: '86154a4ba6e91385',
      kind: 'CLIENT' as const,
      name: 'get /',
      timestamp: 1_795_253_153_000_001,
      duration: 7,
      localEndpoint: { serviceName: 'reviews' },
      tags: { error: '', 'otel.scope.name': 'lib', 'w3c.tracestate': 'a=b' },
    };
    expect(await rowsOf(spanRecord([span], { seq: 1 }))).toEqual([
      {
        Timestamp: '1795253153.000001000',
        TraceId: '0000000000000000a5d3c1b2a5d3c1b2',
        SpanId: '86154a4ba6e91385',
        ParentSpanId: '',
        TraceState: 'a=b',
        SpanName: 'get /',
        SpanKind: 'Client',
        ServiceName: 'reviews',
        ResourceAttributes: { 'service.name': 'reviews' },
        ScopeName: 'lib',
        ScopeVersion: '',
        SpanAttributes: { 'zipkin.trace_id': 'a5d3c1b2a5d3c1b2' },
        Duration: 7000,
        StatusCode: 'Error',
        StatusMessage: '',
      },
    ]);
  });

  test('of lines have what is known of their pod, and tags that were added and removed', async () => {
    const attributes = { trace_id: 'f'.repeat(32), span_id: 'no id', code: 200 };
    const record = logRecord([{ message: 'oh\t"\\', timeNanos, level: 'warn', stream: 'stderr', attributes }], {
      seq: 1,
      origin: { namespace: 'default', pod: 'r-1', container: 'app' },
      edits: { add: { team: 't' }, drop: ['k8s.pod.name'] },
    });
    expect(await rowsOf(record)).toEqual([
      {
        Timestamp: time,
        Body: 'oh\t"\\',
        TraceId: 'f'.repeat(32),
        SpanId: '',
        SeverityText: 'warn',
        SeverityNumber: 13,
        ServiceName: 'app',
        ScopeName: '',
        ScopeVersion: '',
        ResourceAttributes: { 'k8s.namespace.name': 'default', 'k8s.container.name': 'app', team: 't' },
        LogAttributes: { 'log.iostream': 'stderr', span_id: 'no id', code: '200' },
      },
    ]);
  });

  test('of samples are named after their job, or else after where they come from', async () => {
    const series: Series[] = [
      { name: 'a_x', labels: [['job', 'ns/demo']], type: 'counter', unit: 'bytes', measurement: 'a', field: 'x' },
      { name: 'a_y', labels: [], type: 'gauge', measurement: 'a', field: 'y' },
    ];
    const record = { ...frameRecord(series, [1, Number.NaN], { seq: 1, timestampMs: 5 }), origin: { app: 'reviews' } };
    const common = { Timestamp: '0000000000.005000000', Measurement: 'a' };
    expect(await rowsOf(record)).toEqual([
      {
        ...common,
        ...{ MetricName: 'a_x', ServiceName: 'demo', MetricType: 'counter', MetricUnit: 'bytes', Field: 'x' },
        ...{ Attributes: { job: 'ns/demo' }, Value: 1 },
      },
      {
        ...common,
        ...{ MetricName: 'a_y', ServiceName: 'reviews', MetricType: 'gauge', MetricUnit: '', Field: 'y' },
        ...{ Attributes: {}, Value: 'nan' },
      },
    ]);
  });

  test('of one target under two origins keep them apart', async () => {
    const series: Series[] = [{ name: 'a_y', labels: [], type: 'gauge', measurement: 'a', field: 'y' }];
    const of = (seq: number, app: string) => ({
      ...frameRecord(series, [1], { seq, timestampMs: 5 }),
      origin: { app },
    });
    await withOutput(asIs, async (output, far) => {
      await output.write(requestOf([of(1, 'one'), of(2, 'two'), of(3, 'one')]), never);
      expect(far.requests.flatMap(rowsIn).map((row) => row['ServiceName'])).toEqual(['one', 'two', 'one']);
    });
  });

  test('have exemplars beside the sample', async () => {
    const series: Series[] = [{ name: 'a_x', labels: [], type: 'counter', measurement: 'a', field: 'x' }];
    const exemplars = [
      {
        index: 0,
        labels: [
          ['span_id', 'b'],
          ['trace_id', 'a'],
          ['user', 'u'],
        ] as const,
        value: 0.5,
        timestampMs: 7,
      },
      { index: 0, labels: [], value: Number.POSITIVE_INFINITY },
    ];
    const parts = encodeFrame({ timestampMs: 9, values: Float64Array.of(3), exemplars });
    const record = { ...frameRecord(series, [3], { seq: 1, timestampMs: 9 }), payload: Buffer.concat(parts) };
    const { id, bytes } = encodeShape(series);
    expect(await rowsOf({ ...record, dictionary: { id, bytes } })).toMatchObject([
      {
        Value: 3,
        'Exemplars.Value': [0.5, 'inf'],
        'Exemplars.TimeUnix': ['0000000000.007000000', '0000000000.009000000'],
        'Exemplars.TraceId': ['a', ''],
        'Exemplars.SpanId': ['b', ''],
        'Exemplars.FilteredAttributes': [{ user: 'u' }, {}],
      },
    ]);
  });

  test('of browsers have numbers apart from texts', async () => {
    const point = {
      measurement: 'view',
      tags: { app_id: 'a', __proto__x: 'y' },
      fields: { loading_time: 5, is_active: false, ['__proto__']: 'kept' },
      timeNanos,
    };
    const record: QueueRecord = {
      ...linesRecord(1),
      ...{ signal: 'rum', format: 'rum-points', items: 1, payload: encodeRumPoints([point]) },
    };
    const [row] = await rowsOf(record);
    expect(row).toMatchObject({ Timestamp: time, Measurement: 'view', Tags: point.tags, Numbers: { loading_time: 5 } });
    expect(JSON.stringify(row?.['Texts'])).toBe('{"is_active":"false","__proto__":"kept"}');
  });
});

describe('an exception', () => {
  const two = requestOf([linesRecord(1), linesRecord(2)]);
  const one = requestOf([linesRecord(1)]);

  test.each([
    [241, 'busy'],
    [252, 'busy'],
    [242, 'busy'],
    [159, 'busy'],
    [202, 'busy'],
    [999, 'busy'],
    [516, 'misconfigured'],
    [60, 'misconfigured'],
    [81, 'misconfigured'],
    [164, 'misconfigured'],
    [497, 'misconfigured'],
    [115, 'misconfigured'],
    [49, 'server_error'],
    [987_654, 'server_error'],
  ])('%d is tried again and counted as %s', async (code, cause) => {
    await withOutput(asIs, async (output, far) => {
      far.answer(exception(code));
      expect(await output.write(two, never)).toMatchObject({
        status: 'retry',
        cause,
        reason: expect.stringContaining(`Code: ${code}. DB::Exception: says why`),
      });
      expect(far.requests.length).toBe(1);
    });
  });

  test.each([6, 27, 53, 72, 117, 349, 407, 469])(
    '%d of the values asks for halves and is final alone',
    async (code) => {
      await withOutput(asIs, async (output, far) => {
        far.answer(exception(code));
        expect((await output.write(two, never)).status).toBe('split');
        expect((await output.write(one, never)).status).toBe('rejected');
      });
    },
  );

  test('that is not known goes by its status', async () => {
    await withOutput(asIs, async (output, far) => {
      far.answer(exception(36, 'bad arguments', 400));
      expect((await output.write(two, never)).status).toBe('split');
      expect((await output.write(one, never)).status).toBe('rejected');
      far.answer({ status: 503, headers: { 'retry-after': '9' }, body: 'no upstream' });
      expect(await output.write(one, never)).toMatchObject({ status: 'retry', cause: 'busy', afterMs: 9_000 });
    });
  });

  test('of too many days in one insert is not one of too many parts', async () => {
    await withOutput(asIs, async (output, far) => {
      far.answer(exception(252, 'Too many partitions for single INSERT block (more than 100)'));
      expect((await output.write(two, never)).status).toBe('split');
      expect((await output.write(one, never)).status).toBe('rejected');
    });
  });

  test.each([
    ['in a header', { status: 200, headers: { 'x-clickhouse-exception-code': '252' }, body: '' }, 'busy'],
    [
      'in the body',
      { status: 200, body: 'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)' },
      'busy',
    ],
    [
      'behind a mark in the body',
      { status: 200, body: '\r\n__exception__\r\nabcd\r\nCode: 395. DB::Exception: oh\r\n3 abcd\r\n__exception__\r\n' },
      'server_error',
    ],
    ['by somebody else', { status: 200, body: '<html>Please log in</html>' }, 'misconfigured'],
  ])('after a good status, %s, is none the less one', async (_, answer, cause) => {
    await withOutput(asIs, async (output, far) => {
      far.answer(answer);
      expect(await output.write(two, never)).toMatchObject({ status: 'retry', cause });
    });
  });

  test('cut off in the middle is no answer', async () => {
    await withOutput(asIs, async (output, far) => {
      far.once('drop half-way');
      expect(await output.write(two, never)).toMatchObject({ status: 'retry', cause: 'unreachable' });
    });
  });

  test('says what to do, and no password', async () => {
    await withOutput({ ...asIs, user: 'mesh', password: 'secret' }, async (output, far) => {
      far.answer(exception(516, 'mesh: Authentication failed', 403));
      const result = await output.write(two, never);
      expect(result).toMatchObject({ reason: expect.stringContaining('(check user and password)') });
      expect(JSON.stringify(result)).not.toContain('secret');
    });
  });
});

describe('the tables', () => {
  const request = requestOf([linesRecord(1)]);
  const statements = (far: FakeFarSide) =>
    far.requests.filter((one) => !isInsert(one)).map(({ body }) => body.toString());

  test('are made before the first insert, in a database that is missing too', async () => {
    await withOutput({}, async (output, far) => {
      far.once(exception(81, 'Database meshbridge does not exist', 404));
      expect(await output.write(request, never)).toEqual({ status: 'delivered' });
      const made = statements(far);
      expect(made[0]).toContain('SELECT max(Version) FROM `meshbridge`.`meshbridge_schema`');
      expect(made[1]).toBe('CREATE DATABASE IF NOT EXISTS `meshbridge`');
      expect(made[2]).toContain('CREATE TABLE IF NOT EXISTS `meshbridge`.`meshbridge_schema`');
      expect(far.requests.map(isInsert).indexOf(true)).toBe(far.requests.length - 1);
      far.forget();
      await output.write(request, never);
      expect(far.requests.map(isInsert)).toEqual([true]);
    });
  });

  test('are made by one of several writes at the same time', async () => {
    await withOutput({}, async (output, far) => {
      const others = requestOf([linesRecord(2)]);
      await Promise.all([output.write(request, never), output.write(others, never)]);
      expect(statements(far).filter((text) => text.startsWith('SELECT max'))).toHaveLength(1);
      expect(far.requests.filter(isInsert)).toHaveLength(2);
    });
  });

  test('that cannot be made hold the data back, and are tried again', async () => {
    await withOutput({}, async (output, far) => {
      far.answer(({ body }) =>
        body.toString().startsWith('CREATE TABLE') ? exception(497, 'Not enough privileges', 403) : { status: 200 },
      );
      expect(await output.write(request, never)).toMatchObject({
        status: 'retry',
        cause: 'misconfigured',
        reason: expect.stringMatching(/^CREATE TABLE IF NOT EXISTS `meshbridge`\.`meshbridge_schema`: Code: 497/),
      });
      expect(far.requests.some(isInsert)).toBe(false);
      far.answer({ status: 200 });
      expect(await output.write(request, never)).toEqual({ status: 'delivered' });
    });
  });

  test('never lose data for a statement that is refused', async () => {
    await withOutput({}, async (output, far) => {
      far.answer(({ body }) =>
        body.toString().startsWith('CREATE') ? exception(62, 'Syntax error', 400) : { status: 200 },
      );
      expect(await output.write(request, never)).toMatchObject({ status: 'retry', cause: 'misconfigured' });
    });
  });

  test('are replicated over a cluster where that is asked for', async () => {
    await withOutput({ cluster: 'main', engine: 'ReplicatedMergeTree' }, async (output, far) => {
      far.once(exception(81));
      await output.write(request, never);
      const made = statements(far).filter((text) => /^(CREATE|ALTER)/.test(text));
      expect(made.filter((text) => !text.includes(' ON CLUSTER `main`'))).toEqual([]);
      const tables = made.filter((text) => text.startsWith('CREATE TABLE'));
      expect(
        tables.filter((text) => !/ENGINE = ReplicatedMergeTree\n.*replicated_deduplication_window = 10000/s.test(text)),
      ).toEqual([]);
    });
  });

  test('without a retention have no TTL, and are remembered for as long as is said', async () => {
    await withOutput({ retention: '0s', deduplication_window: 7 }, async (output, far) => {
      await output.write(request, never);
      const tables = statements(far).filter((text) => text.startsWith('CREATE TABLE'));
      expect(tables.filter((text) => text.includes('TTL '))).toEqual([]);
      expect(tables.filter((text) => !text.includes('non_replicated_deduplication_window = 7'))).toEqual([]);
    });
  });

  test('of a newer program are said by the check too', async () => {
    await withOutput({}, async (output, far) => {
      far.answer({ status: 200, body: '99\n' });
      expect(await output.check()).toMatchObject({
        ok: false,
        reason: expect.stringContaining('are of version 99'),
      });
      far.answer(exception(60));
      expect(await output.check()).toEqual({ ok: true });
      far.answer(exception(516));
      expect(await output.check()).toMatchObject({ ok: false });
      expect(statements(far).filter((text) => !text.startsWith('SELECT'))).toEqual([]);
    });
  });

  test.each([true, false])('are not looked for in a page of somebody else (create_schema = %s)', async (create) => {
    await withOutput({ create_schema: create }, async (output, far) => {
      far.answer({ status: 200, body: '<html>Please log in</html>' });
      expect(await output.check()).toMatchObject({ ok: false, reason: expect.stringContaining('not ClickHouse’s') });
      expect(await output.write(request, never)).toMatchObject({ status: 'retry', cause: 'misconfigured' });
      expect(far.requests.filter(isInsert)).toHaveLength(create ? 0 : 1);
    });
  });

  test('have a name that needs no quotes', () => {
    expect(clickhouse.config.safeParse({ url: 'http://x', database: 'a`b' }).success).toBe(false);
  });
});
