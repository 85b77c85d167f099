import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RecordDecoders } from '../../src/codec/record-decoder.ts';
import { encodeRumPoints } from '../../src/codec/rum-points/rum-points.ts';
import type { WriteRequest, WriteResult } from '../../src/contract/output.ts';
import type { QueueRecord } from '../../src/model/batch.ts';
import { logLevels } from '../../src/model/log.ts';
import type { MetricType, Series } from '../../src/model/metric.ts';
import type { RumPoint } from '../../src/model/rum.ts';
import { type ClickhouseConfig, clickhouse } from '../../src/outputs/clickhouse/clickhouse.ts';
import { ClickhouseClient } from '../../src/outputs/clickhouse/client.ts';
import { knownCodes } from '../../src/outputs/clickhouse/exceptions.ts';
import { type Migration, migrations } from '../../src/outputs/clickhouse/migrations.ts';
import { Schema } from '../../src/outputs/clickhouse/schema.ts';
import { ClickhouseSender } from '../../src/outputs/clickhouse/sender.ts';
import { tableOf } from '../../src/outputs/clickhouse/statements.ts';
import { type Chdb, startChdb } from '../components/chdb.ts';
import { describeWith } from '../components/needs.ts';
import { frameRecord } from '../fakes/frames.ts';
import { logRecord } from '../fakes/log-records.ts';
import { requestOf, spanRecord } from '../fakes/requests.ts';
import { fakeRuntime } from '../fakes/runtime.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';

const never = new AbortController().signal;
/** Long before the end of the TTL, which the engine counts from its own clock. */
const nowMs = Date.now();
const nowSeconds = Math.floor(nowMs / 1000);
const nowNanos = BigInt(nowSeconds) * 1_000_000_000n + 7n;

interface Rig {
  readonly database: string;
  readonly config: ClickhouseConfig;
  /** One attempt of a program that has just been started. */
  write(...records: readonly QueueRecord[]): Promise<WriteResult>;
  send(request: WriteRequest, name?: string): Promise<WriteResult>;
  /** `DB` stands for the database. */
  query(statement: string): Promise<readonly (readonly string[])[]>;
  /** The first value of the first row. */
  value(statement: string): Promise<string | undefined>;
  /** Brings the tables to the last of these steps. */
  migrate(steps: readonly Migration[]): Promise<WriteResult | undefined>;
}

describeWith('chdb', (environment) => {
  let dir: TempDir;
  let engine: Chdb;
  let databases = 0;

  beforeAll(async () => {
    dir = await tempDir();
    engine = await startChdb({ environment, dir: join(dir.path, 'engine') });
  }, 120_000);

  afterAll(async () => {
    await engine?.stop();
    await dir?.remove();
  });

  /** With a database of its own. */
  function rigWith(table: object = {}): Rig {
    databases += 1;
    const database = `mesh_${databases}`;
    const config = clickhouse.config.parse({ url: engine.url, database, ...table });
    const query = (statement: string) => engine.query(statement.replaceAll(/\bDB\./g, `${database}.`));
    const runtime = fakeRuntime();
    const send = async (request: WriteRequest, name = 'clickhouse'): Promise<WriteResult> => {
      const sender = new ClickhouseSender(config, { ...runtime, name, decode: new RecordDecoders() });
      try {
        return await sender.write(request, never);
      } finally {
        await sender.close();
      }
    };
    const migrate = async (steps: readonly Migration[]): Promise<WriteResult | undefined> => {
      const client = new ClickhouseClient(config, runtime);
      try {
        return await new Schema(client, { place: config, by: 'a test', nowMs: Date.now, steps }).ensure(never);
      } finally {
        await client.close();
      }
    };
    return {
      database,
      config,
      send,
      write: (...records) => send(requestOf(records)),
      query,
      value: async (statement) => (await query(statement))[0]?.[0],
      migrate,
    };
  }

  const delivered = { status: 'delivered' };

  describe('what arrives is what was sent', () => {
    test('spans', async () => {
      const { write, query } = rigWith();
      const traceId = '4d1e00c0db9010db86154a4ba6e91385';
      const timestamp = nowSeconds * 1_000_000 + 3;
      const spans = [
        {
          traceId,
          id: '86154a4ba6e91385',
          parentId: '4d1e00c0db9010db',
          kind: 'SERVER' as const,
          name: 'get /naïve\u0000"\\ \u{1f600}',
          timestamp,
          duration: 9_007_199_254,
          localEndpoint: { serviceName: 'reviews.default', ipv4: '10.0.0.1', port: 9080 },
          tags: { 'http.status_code': '500', error: 'it broke\n', '\ud800 half': 'x\udc00', empty: '' },
          annotations: [{ timestamp: timestamp + 1, value: 'ws' }],
        },
        { traceId: 'a5d3c1b2a5d3c1b2', id: '0000000000000001', shared: true, debug: true },
      ];
      expect(await write(spanRecord(spans, { seq: 1, receivedAtMs: nowMs }))).toEqual(delivered);
      const rows = await query(
        `SELECT toUnixTimestamp64Nano(Timestamp), TraceId, SpanId, ParentSpanId, SpanKind, ServiceName, Duration, StatusCode,
          hex(SpanName), hex(StatusMessage), SpanAttributes['http.status_code'], SpanAttributes['network.local.port'],
          mapContains(SpanAttributes, 'empty'), SpanAttributes['\u{fffd} half'], Events.Name, arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp),
          ResourceAttributes
          FROM DB.otel_traces ORDER BY SpanId DESC`,
      );
      const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase();
      expect(rows).toEqual([
        [
          ...[`${timestamp}000`, traceId, '86154a4ba6e91385', '4d1e00c0db9010db', 'Server', 'reviews.default'],
          ...['9007199254000', 'Error', hex('get /naïve\u0000"\\ \u{1f600}'), hex('it broke\n'), '500', '9080', '1'],
          ...['x\u{fffd}', "['ws']", `[${timestamp + 1}000]`, "{'service.name':'reviews.default'}"],
        ],
        [
          ...[`${nowMs}000000`, '0000000000000000a5d3c1b2a5d3c1b2', '0000000000000001', '', 'Unspecified', '', '0'],
          ...['Unset', '', '', '', '', '0', '', '[]', '[]', '{}'],
        ],
      ]);
      expect(
        await query(`SELECT SpanAttributes FROM DB.otel_traces WHERE TraceId = '0000000000000000a5d3c1b2a5d3c1b2'`),
      ).toEqual([
        [
          "{'otel.zipkin.absentField.startTime':'true','zipkin.shared':'true','zipkin.debug':'true','zipkin.trace_id':'a5d3c1b2a5d3c1b2'}",
        ],
      ]);
    });

    test('lines, also such as are no UTF-8', async () => {
      const { write, query } = rigWith();
      const every = Uint8Array.from({ length: 256 }, (_, i) => i);
      const record = logRecord(
        [
          { message: every, timeNanos: nowNanos, level: 'error', stream: 'stderr' },
          { message: '', timeNanos: nowNanos + 1n },
          {
            message: 'GET "/" \\ took 5ms',
            timeNanos: nowNanos + 2n,
            attributes: { trace_id: '4d1e00c0db9010db86154a4ba6e91385', took: 5, big: 9_007_199_254_740_991, ok: true },
          },
        ],
        { seq: 1, origin: { namespace: 'default', pod: 'r-1', container: 'app', app: 'reviews', node: 'n1' } },
      );
      expect(await write(record)).toEqual(delivered);
      expect(
        await query(
          `SELECT toUnixTimestamp64Nano(Timestamp), toUnixTimestamp(TimestampTime), hex(Body), SeverityText, SeverityNumber, ServiceName, TraceId,
            ResourceAttributes['k8s.pod.name'], LogAttributes FROM DB.otel_logs ORDER BY Timestamp`,
        ),
      ).toEqual([
        [
          ...[`${nowNanos}`, `${nowSeconds}`, Buffer.from(every).toString('hex').toUpperCase(), 'error', '17'],
          ...['reviews', '', 'r-1', "{'log.iostream':'stderr'}"],
        ],
        [`${nowNanos + 1n}`, `${nowSeconds}`, '', '', '0', 'reviews', '', 'r-1', "{'log.iostream':'stdout'}"],
        [
          ...[`${nowNanos + 2n}`, `${nowSeconds}`, Buffer.from('GET "/" \\ took 5ms').toString('hex').toUpperCase()],
          ...['', '0', 'reviews', '4d1e00c0db9010db86154a4ba6e91385', 'r-1'],
          "{'log.iostream':'stdout','took':'5','big':'9007199254740991','ok':'true'}",
        ],
      ]);
    });

    test('every double, ends of series, times of their own', async () => {
      const { write, query } = rigWith();
      const values = [
        ...[0, -0, 0.1, 1e21, 5e-324, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, 123_456_789_012_345_680_000],
        ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 7],
      ];
      const series = values.map((_, i) => seriesOf('m_x', { i: String(i).padStart(2, '0'), wéird: '"\\\n' }));
      const record = frameRecord(series, values, {
        seq: 1,
        timestampMs: nowMs,
        stale: [11],
        timesMs: [nowMs - 5],
      });
      expect(await write(record)).toEqual(delivered);
      const rows = await query(
        `SELECT Attributes['i'], hex(reinterpretAsString(Value)), toUnixTimestamp64Milli(Timestamp), Flags, MetricName, Measurement, Field, Attributes['wéird'] = '"\\\\\\n'
          FROM DB.meshbridge_samples ORDER BY Attributes['i']`,
      );
      const bits = (value: number) => {
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleLE(value);
        return bytes
          .toString('hex')
          .toUpperCase()
          .replace(/(00)+$/, '');
      };
      expect(rows).toEqual(
        values.map((value, i) => [
          ...[String(i).padStart(2, '0'), bits(i === 11 ? Number.NaN : value), String(i === 0 ? nowMs - 5 : nowMs)],
          ...[i === 11 ? '1' : '0', 'm_x', 'm', 'x', '1'],
        ]),
      );
    });

    test('points of browsers', async () => {
      const { write, query } = rigWith();
      const point: RumPoint = {
        measurement: 'view',
        tags: { app_id: 'shop', session_id: 's-1', view_name: '/cart' },
        fields: { loading_time: 1.5e9, big: 2 ** 60, is_active: true, view_referrer: 'https://x/?a="b"' },
        timeNanos: nowNanos,
      };
      const record: QueueRecord = {
        ...logRecord([], { seq: 1 }),
        signal: 'rum',
        format: 'rum-points',
        items: 1,
        payload: encodeRumPoints([point]),
      };
      expect(await write(record)).toEqual(delivered);
      expect(
        await query(
          `SELECT toUnixTimestamp64Nano(Timestamp), Measurement, AppId, SessionId, ViewName, Numbers['loading_time'], Numbers['big'] = pow(2, 60),
            Texts, Tags['app_id'] FROM DB.meshbridge_rum`,
        ),
      ).toEqual([
        [
          ...[`${nowNanos}`, 'view', 'shop', 's-1', '/cart', '1500000000', '1'],
          ...[`{'is_active':'true','view_referrer':'https://x/?a="b"'}`, 'shop'],
        ],
      ]);
    });

    test('whatever texts, names and numbers there are', async () => {
      const { write, query } = rigWith();
      const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
      const attributes = fc.dictionary(text, fc.oneof(text, fc.boolean(), fc.maxSafeInteger()), {
        noNullPrototype: true,
      });
      const seed = Date.now() % 1_000_000;
      const lines = fc.sample(fc.record({ message: text, attributes, level: fc.constantFrom(...logLevels) }), {
        numRuns: 300,
        seed,
      });
      const numbers = fc.sample(fc.double(), { numRuns: 300, seed });
      const stamped = lines.map((line, i) => ({ ...line, timeNanos: nowNanos + BigInt(i) }));
      expect(await write(logRecord(stamped, { seq: 1 }))).toEqual(delivered);
      const series = numbers.map((_, i) => seriesOf('m_x', { i: String(i).padStart(3, '0') }));
      expect(await write(frameRecord(series, numbers, { seq: 1, timestampMs: nowMs }))).toEqual(delivered);

      const hex = (value: unknown) => Buffer.from(String(value).toWellFormed()).toString('hex').toUpperCase();
      const pairsOf = (of: object) => Object.entries(of).map(([key, value]) => `${hex(key)}=${hex(value)}`);
      expect({
        seed,
        rows: await query(
          `SELECT hex(Body), arrayStringConcat(arrayMap((k, v) -> concat(hex(k), '=', hex(v)), mapKeys(LogAttributes), mapValues(LogAttributes)), ',')
            FROM DB.otel_logs ORDER BY Timestamp`,
        ),
      }).toEqual({
        seed,
        rows: lines.map((line) => [
          hex(line.message),
          pairsOf({ 'log.iostream': 'stdout', ...line.attributes }).join(','),
        ]),
      });
      const values = await query(`SELECT toString(Value) FROM DB.meshbridge_samples ORDER BY Attributes['i']`);
      expect({ seed, values: values.map(([value]) => Number(value?.replace('inf', 'Infinity'))) }).toEqual({
        seed,
        values: numbers,
      });
    });

    test('times before 1970 and far in the future are put to the ends that ClickHouse has', async () => {
      const { write, query } = rigWith({ retention: '0s' });
      const times = [1, 5_500_000, 4_102_444_800_000_000, 9_223_372_036_854_775_000];
      const spans = times.map((timestamp, i) => ({
        traceId: '1'.padStart(32, '0'),
        id: `${i + 1}`.padStart(16, '0'),
        timestamp,
      }));
      expect(await write(spanRecord(spans, { seq: 1 }))).toEqual(delivered);
      expect(await query('SELECT toUnixTimestamp64Nano(Timestamp) FROM DB.otel_traces ORDER BY SpanId')).toEqual(
        ['1000', '5500000000', '4102444800000000000', '4102444800000000000'].map((text) => [text]),
      );
    });
  });

  describe('the same request', () => {
    const lines = (seq: number, count: number, offset = 0n) =>
      logRecord(
        Array.from({ length: count }, (_, i) => ({ message: `line ${i}`, timeNanos: nowNanos + offset + BigInt(i) })),
        { seq },
      );

    test('twice is there once, and a new one with equal rows is there as well', async () => {
      const { write, value } = rigWith();
      for (let attempt = 0; attempt < 3; attempt++) {
        expect(await write(lines(1, 100), lines(2, 100))).toEqual(delivered);
      }
      expect(await value('SELECT count() FROM DB.otel_logs')).toBe('200');
      expect(await write(lines(3, 100))).toEqual(delivered);
      expect(await value('SELECT count() FROM DB.otel_logs')).toBe('300');
    });

    test('that spans several days is there once on each of them', async () => {
      const { write, value } = rigWith();
      const dayNanos = 86_400_000_000_000n;
      const days = [0n, 1n, 2n].map((day, i) => lines(i + 1, 10, -day * dayNanos));
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await write(...days)).toEqual(delivered);
      }
      expect(await value('SELECT count() FROM DB.otel_logs')).toBe('30');
    });

    test('of another output, or with other rows, is another request', async () => {
      const { send, value } = rigWith();
      expect(await send(requestOf([lines(1, 10)]), 'one')).toEqual(delivered);
      expect(await send(requestOf([lines(1, 10)]), 'two')).toEqual(delivered);
      expect(await send(requestOf([lines(1, 11)]), 'one')).toEqual(delivered);
      expect(await value('SELECT count() FROM DB.otel_logs')).toBe('31');
    });

    test('of spans puts the times of its traces into their table once', async () => {
      const { write, query } = rigWith();
      const spans = [1, 2].map((i) => ({
        traceId: 'f'.padStart(32, '0'),
        id: `${i}`.padStart(16, '0'),
        timestamp: (nowSeconds + i) * 1_000_000,
      }));
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await write(spanRecord(spans, { seq: 1 }))).toEqual(delivered);
      }
      expect(
        await query('SELECT TraceId, toUnixTimestamp(Start), toUnixTimestamp(End) FROM DB.otel_traces_trace_id_ts'),
      ).toEqual([['f'.padStart(32, '0'), String(nowSeconds + 1), String(nowSeconds + 2)]]);
    });
  });

  describe('the schema', () => {
    const line = (seq: number) => logRecord([{ message: `line ${seq}`, timeNanos: nowNanos }], { seq });
    const span = (seq: number) =>
      spanRecord([{ traceId: `${seq}`.padStart(32, '0'), id: `${seq}`.padStart(16, '0'), timestamp: nowMs * 1000 }], {
        seq,
      });
    const newest = migrations.at(-1)?.version ?? 0;
    const versions = 'SELECT DISTINCT Version FROM DB.meshbridge_schema ORDER BY Version';

    test('is made once, step by step', async () => {
      const { write, query, value } = rigWith();
      expect(await write(line(1))).toEqual(delivered);
      expect(await write(line(2))).toEqual(delivered);
      expect(await query(versions)).toEqual(migrations.map(({ version }) => [String(version)]));
      expect(await value('SELECT count() FROM DB.meshbridge_schema')).toBe(String(migrations.length));
      expect(await value("SELECT AppliedBy != '' FROM DB.meshbridge_schema LIMIT 1")).toBe('1');
    });

    test.each(migrations.map(({ version }) => version))(
      'of version %d becomes the newest, and keeps its rows',
      async (version) => {
        const { write, migrate, query, value } = rigWith();
        const old = migrations.filter((step) => step.version <= version);
        expect(await migrate(old)).toBeUndefined();
        await query(`INSERT INTO DB.otel_logs (Timestamp, Body, ServiceName) VALUES (now(), 'old', 'x')`);
        await query(`INSERT INTO DB.otel_traces (Timestamp, TraceId) VALUES (now(), 'old')`);
        expect(await write(line(1))).toEqual(delivered);
        expect(await write(span(1))).toEqual(delivered);
        expect(await query('SELECT Body FROM DB.otel_logs ORDER BY Body')).toEqual([['line 1'], ['old']]);
        expect(await value('SELECT count() FROM DB.otel_traces')).toBe('2');
        expect(await value(`SELECT count() FROM DB.otel_traces_trace_id_ts WHERE TraceId LIKE '%1'`)).toBe('1');
        expect(await query(versions)).toEqual(migrations.map((step) => [String(step.version)]));
      },
    );

    test('takes a column that a later version adds', async () => {
      const { migrate, write, query } = rigWith();
      expect(await write(line(1))).toEqual(delivered);
      const column = (place: ClickhouseConfig) =>
        `ALTER TABLE ${tableOf(place, 'otel_logs')} ADD COLUMN IF NOT EXISTS Cluster LowCardinality(String) DEFAULT 'here'`;
      const rig = [...migrations, { version: newest + 1, statements: () => [] }];
      const later = rig.map((step) =>
        step.version > newest
          ? {
              ...step,
              statements: (place: Parameters<Migration['statements']>[0]) => [column({ ...place } as ClickhouseConfig)],
            }
          : step,
      );
      expect(await migrate(later)).toBeUndefined();
      expect(await migrate(later)).toBeUndefined();
      expect(await query('SELECT Body, Cluster FROM DB.otel_logs')).toEqual([['line 1', 'here']]);
      expect(await query(versions)).toEqual(later.map((step) => [String(step.version)]));
    });

    test('may be made by several programs at the same time', async () => {
      const { write, query, value } = rigWith();
      const results = await Promise.all([1, 2, 3, 4, 5].map((seq) => write(line(seq))));
      expect(results).toEqual(Array(5).fill(delivered));
      expect(await value('SELECT count() FROM DB.otel_logs')).toBe('5');
      expect(await query(versions)).toEqual(migrations.map(({ version }) => [String(version)]));
    });

    test('of a later program is left alone', async () => {
      const { write, query, value } = rigWith();
      expect(await write(line(1))).toEqual(delivered);
      await query(`INSERT INTO DB.meshbridge_schema (Version) VALUES (${newest + 7})`);
      expect(await write(line(2))).toEqual({
        status: 'retry',
        cause: 'misconfigured',
        reason: expect.stringContaining(`are of version ${newest + 7}, and this program knows those up to ${newest}`),
      });
      expect(await value('SELECT count() FROM DB.otel_logs')).toBe('1');
    });

    test('is mended where a table was dropped under a program that runs', async () => {
      const { config, query, value } = rigWith();
      const runtime = fakeRuntime();
      const sender = new ClickhouseSender(config, { ...runtime, name: 'clickhouse', decode: new RecordDecoders() });
      expect(await sender.write(requestOf([line(1)]), never)).toEqual(delivered);
      await query('DROP TABLE DB.otel_logs SYNC');
      expect(await sender.write(requestOf([line(2)]), never)).toMatchObject({
        status: 'retry',
        cause: 'misconfigured',
        reason: expect.stringContaining('it is created again at the next attempt'),
      });
      expect(await sender.write(requestOf([line(2)]), never)).toEqual(delivered);
      expect(await value('SELECT Body FROM DB.otel_logs')).toBe('line 2');
      await query(`DROP DATABASE ${config.database} SYNC`);
      expect(await sender.write(requestOf([line(3)]), never)).toMatchObject({ status: 'retry' });
      expect(await sender.write(requestOf([line(3)]), never)).toEqual(delivered);
      expect(await value('SELECT Body FROM DB.otel_logs')).toBe('line 3');
      await sender.close();
    });

    test('has the retention of the configuration, also when that has changed', async () => {
      const { write, value, database, query } = rigWith({ retention: '2d' });
      const ttlOf = (table: string) =>
        value(
          `SELECT extract(engine_full, 'TTL .*Second\\(\\d+\\)') FROM system.tables WHERE database = '${database}' AND name = '${table}'`,
        );
      expect(await write(line(1))).toEqual(delivered);
      const age = (seconds: number) => `TTL TimestampTime + toIntervalSecond(${seconds})`;
      expect(await ttlOf('otel_logs')).toBe(age(172_800));
      expect(await ttlOf('meshbridge_samples')).toBe('TTL toDateTime(Timestamp) + toIntervalSecond(172800)');
      await query(`CREATE TABLE DB.somebodys (a DateTime) ENGINE = MergeTree ORDER BY a TTL a + toIntervalSecond(5)`);
      for (const [retention, expected] of [
        ['36h', age(129_600)],
        ['0s', ''],
        ['36h', age(129_600)],
      ]) {
        const later = clickhouse.config.parse({ url: engine.url, database, retention });
        const sender = new ClickhouseSender(later, { ...fakeRuntime(), name: 'c', decode: new RecordDecoders() });
        expect(await sender.write(requestOf([line(2)]), never)).toEqual(delivered);
        await sender.close();
        expect(await ttlOf('otel_logs')).toBe(expected);
      }
      expect(await ttlOf('somebodys')).toBe('TTL a + toIntervalSecond(5)');
    });

    test('lets tables of the OpenTelemetry Collector be, and inserts into them', async () => {
      const { write, query, database } = rigWith();
      await query(`CREATE DATABASE ${database}`);
      await query(
        `CREATE TABLE DB.otel_logs (Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt8, SeverityText LowCardinality(String),
          SeverityNumber UInt8, ServiceName LowCardinality(String), Body String, ResourceSchemaUrl LowCardinality(String),
          ResourceAttributes Map(LowCardinality(String), String), ScopeSchemaUrl LowCardinality(String), ScopeName String, ScopeVersion LowCardinality(String),
          ScopeAttributes Map(LowCardinality(String), String), LogAttributes Map(LowCardinality(String), String), EventName String)
          ENGINE = MergeTree ORDER BY (ServiceName, Timestamp) TTL toDateTime(Timestamp) + toIntervalDay(3)`,
      );
      expect(await write(line(1))).toEqual(delivered);
      expect(await query('SELECT Body FROM DB.otel_logs')).toEqual([['line 1']]);
      expect(
        await query(
          `SELECT engine_full LIKE '%toIntervalDay(3)%' FROM system.tables WHERE database = '${database}' AND name = 'otel_logs'`,
        ),
      ).toEqual([['1']]);
    });

    test('that is not ours to make must be there', async () => {
      const { config, write, migrate } = rigWith({ create_schema: false });
      expect(await write(line(1))).toMatchObject({ status: 'retry', cause: 'misconfigured' });
      const sender = new ClickhouseSender(config, { ...fakeRuntime(), name: 'c', decode: new RecordDecoders() });
      expect(await sender.check()).toMatchObject({ ok: false, reason: expect.stringContaining('Code: 81') });
      expect(await migrate(migrations)).toBeUndefined();
      expect(await sender.check()).toEqual({ ok: true });
      expect(await write(line(1))).toEqual(delivered);
      await sender.close();
    });
  });

  describe('what is refused', () => {
    test('for its values asks for halves, and is final alone; nothing of it is there', async () => {
      const { write, query, value } = rigWith();
      const good = logRecord([{ message: 'good', timeNanos: nowNanos }], { seq: 1 });
      const bad = logRecord([{ message: 'bad', timeNanos: nowNanos }], { seq: 2 });
      expect(await write(good)).toEqual(delivered);
      await query(`ALTER TABLE DB.otel_logs ADD CONSTRAINT no_bad CHECK Body != 'bad'`);
      const third = { ...good, seq: 3 };
      expect(await write(third, { ...bad, seq: 4 })).toMatchObject({
        status: 'split',
        reason: expect.stringContaining('Code: 469'),
      });
      expect(await write({ ...bad, seq: 4 })).toMatchObject({ status: 'rejected' });
      expect(await write(third)).toEqual(delivered);
      expect(await value('SELECT count() FROM DB.otel_logs')).toBe('2');
    });

    test('for too many days asks for halves', async () => {
      const { write, value } = rigWith({ retention: '0s' });
      const dayNanos = 86_400_000_000_000n;
      const days = (from: number, count: number, seq: number) =>
        logRecord(
          Array.from({ length: count }, (_, i) => ({
            message: `${from + i}`,
            timeNanos: nowNanos - BigInt(from + i) * dayNanos,
          })),
          { seq },
        );
      expect(await write(days(0, 80, 1), days(80, 80, 2))).toMatchObject({ status: 'split' });
      expect(await write(days(0, 80, 1))).toEqual(delivered);
      expect(await write(days(80, 80, 2))).toEqual(delivered);
      expect(await value('SELECT uniqExact(Body) FROM DB.otel_logs')).toBe('160');
      expect(await write(days(0, 160, 3))).toMatchObject({ status: 'rejected' });
    });

    test('has a code that the engine knows by the name that stands beside it', async () => {
      const source = await readFile(join(import.meta.dirname, '../../src/outputs/clickhouse/exceptions.ts'), 'utf8');
      const named = new Map(
        [...source.matchAll(/^ {2}\[?(\d+),.*\/\/ ([A-Z0-9_]+)$/gm)].map(([, code, name]) => [Number(code), name]),
      );
      expect([...named.keys()].toSorted()).toEqual([...knownCodes].toSorted());
      const rows = await engine.query(
        `SELECT arrayJoin([${[...named.keys()]}]) AS code, errorCodeToName(toUInt32(code)) ORDER BY code`,
      );
      expect(rows).toEqual([...named].toSorted(([a], [b]) => a - b).map(([code, name]) => [String(code), name]));
    });
  });

  describe('questions', () => {
    const traceId = '4d1e00c0db9010db86154a4ba6e91385';
    let mesh: Rig;

    /** An hour of a small mesh, by the output's own way, and many more rows behind it so that there is something to skip. */
    beforeAll(async () => {
      mesh = rigWith();
      const atMicros = (agoSeconds: number) => (nowSeconds - agoSeconds) * 1_000_000;
      const hop = (id: string, parentId: string | undefined, serviceName: string) => ({
        ...(parentId !== undefined && { parentId }),
        ...{ traceId, id, name: 'get /', kind: 'SERVER' as const, duration: 5_000, timestamp: atMicros(60) },
        localEndpoint: { serviceName },
        tags: { 'http.status_code': '200' },
      });
      const spans = [
        hop('000000000000000a', undefined, 'productpage'),
        hop('000000000000000b', '000000000000000a', 'reviews'),
      ];
      expect(await mesh.write(spanRecord(spans, { seq: 1 }))).toEqual(delivered);
      const line = {
        message: 'upstream timeout after 5s',
        timeNanos: nowNanos - 60_000_000_000n,
        level: 'error' as const,
      };
      expect(await mesh.write(logRecord([line], { seq: 1, origin: { pod: 'r-1', app: 'reviews' } }))).toEqual(
        delivered,
      );
      const labels = { destination_service_name: 'reviews' };
      const counter = seriesOf('istio_requests_total', labels, 'counter');
      const buckets = ['10', '50', '+Inf'].map((le) =>
        seriesOf('istio_request_duration_milliseconds_bucket', { ...labels, le }, 'histogram'),
      );
      const scrapes = [
        [10, 0, 0, 0],
        [70, 90, 96, 100],
        [6, 90, 96, 100],
      ].map((values, i) =>
        frameRecord([counter, ...buckets], values, { seq: i + 1, timestampMs: (nowSeconds - 180 + i * 60) * 1000 }),
      );
      expect(await mesh.write(...scrapes)).toEqual(delivered);
      const view: RumPoint = {
        ...{ measurement: 'view', tags: { app_id: 'shop', view_name: '/cart' }, timeNanos: nowNanos - 60_000_000_000n },
        fields: { largest_contentful_paint: 2e9 },
      };
      const rum = { signal: 'rum', format: 'rum-points', items: 1, payload: encodeRumPoints([view]) } as const;
      expect(await mesh.write({ ...logRecord([], { seq: 1 }), ...rum })).toEqual(delivered);
    });

    async function sqlOfDocs(): Promise<readonly string[]> {
      const text = await readFile(join(import.meta.dirname, '../../docs/clickhouse.md'), 'utf8');
      return [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, statement]) => statement ?? '');
    }

    async function answersOfDocs(): Promise<ReadonlyMap<string, readonly (readonly string[])[]>> {
      const answers = new Map<string, readonly (readonly string[])[]>();
      for (const statement of await sqlOfDocs()) {
        const own = statement.replaceAll('meshbridge.', 'DB.').replaceAll(`'meshbridge'`, `'${mesh.database}'`);
        answers.set(statement.split('\n').slice(0, 2).join(' '), await mesh.query(own));
      }
      return answers;
    }

    test('of the documentation have the answers that they should have', async () => {
      const answers = await answersOfDocs();
      const of = (part: string) => [...answers].find(([statement]) => statement.includes(part))?.[1];
      expect([...answers].filter(([, rows]) => rows.length === 0).map(([statement]) => statement)).toEqual([]);
      expect(
        of('AS requests')
          ?.map((row) => row.slice(0, 2))
          .toSorted(),
      ).toEqual([
        ['productpage', '1'],
        ['reviews', '1'],
      ]);
      expect(
        of(traceId)
          ?.map(([, service, name, kind, ms, status]) => [service, name, kind, ms, status])
          .toSorted(),
      ).toEqual([
        ['productpage', 'get /', 'Server', '5', '200'],
        ['reviews', 'get /', 'Server', '5', '200'],
      ]);
      expect(of('caller.ServiceName AS caller')).toEqual([['productpage', 'reviews', '1', '0']]);
      expect(of(`AS pod, Body`)?.map(([, ...row]) => row)).toEqual([['reviews', 'r-1', 'upstream timeout after 5s']]);
      // 10 → 70 and, after a restart, 6.
      expect(of('AS per_second')?.map(([, name, rate]) => [name, Number(rate) * 60])).toEqual([
        ['reviews', 0],
        ['reviews', 60],
        ['reviews', 6],
      ]);
      expect(of('WITH buckets')).toEqual([['50']]);
      expect(of('SELECT ViewName')).toEqual([['/cart', '1', '2000']]);
    });

    test('by the Collector’s names find the samples', async () => {
      const [total] = await mesh.query(
        `SELECT count(), max(Value), any(IsMonotonic), any(AggregationTemporality), any(ResourceAttributes['service.name']) FROM DB.otel_metrics_sum WHERE MetricName = 'istio_requests_total'`,
      );
      expect(total).toEqual(['3', '70', 'true', '2', '']);
      expect(await mesh.value('SELECT count() FROM DB.otel_metrics_sum')).toBe('12');
      expect(await mesh.value('SELECT count() FROM DB.otel_metrics_gauge')).toBe('0');
      const ended = frameRecord([seriesOf('up'), seriesOf('gone_x')], [1, 2], {
        seq: 9,
        timestampMs: nowMs,
        stale: [1],
      });
      expect(await mesh.write(ended)).toEqual(delivered);
      expect(await mesh.query('SELECT MetricName, Value FROM DB.otel_metrics_gauge')).toEqual([['up', '1']]);
    });

    describe('read little of much', () => {
      const rows = 200_000;

      /** How many of the granules of the table are read, after the index of that name. */
      async function granules(statement: string, index: string): Promise<readonly [read: number, all: number]> {
        const plan = (await mesh.query(`EXPLAIN indexes = 1 ${statement}`)).map(([line]) => line?.trim() ?? '');
        const at = plan.findIndex((line) => line === index || line === `Name: ${index}`);
        const counts = plan.slice(at).find((line) => line.startsWith('Granules: '));
        expect([index, at]).not.toEqual([index, -1]);
        const [read = Number.NaN, all = Number.NaN] = counts?.slice('Granules: '.length).split('/').map(Number) ?? [];
        return [read, all];
      }

      beforeAll(async () => {
        await mesh.query(
          `INSERT INTO DB.otel_traces (Timestamp, TraceId, SpanId, ServiceName, SpanName, SpanAttributes)
            SELECT now() - number % 3600, lower(hex(cityHash64(number, 1))) || lower(hex(cityHash64(number))), toString(number), 's' || toString(number % 10),
            'op', map('user', toString(number)) FROM numbers(${rows})`,
        );
        await mesh.query(
          `INSERT INTO DB.otel_logs (Timestamp, ServiceName, Body, LogAttributes) SELECT now() - number % 3600, 's' || toString(number % 10),
            'GET /item/' || toString(number % 500) || ' id' || toString(number), map('user', toString(number)) FROM numbers(${rows})`,
        );
        await mesh.query(
          `INSERT INTO DB.meshbridge_samples (Timestamp, ServiceName, MetricName, Attributes, Value) SELECT now() - 15 * (number % 200), 's' || toString(intDiv(number, 200) % 10),
            'm' || toString(intDiv(number, 2000)), map('pod', toString(number % 7)), number FROM numbers(${rows})`,
        );
      }, 180_000);

      test.each([
        ['a trace by its id', `SELECT * FROM DB.otel_traces WHERE TraceId = '${traceId}'`, 'idx_trace_id', 0.3],
        ['a service’s spans', `SELECT * FROM DB.otel_traces WHERE ServiceName = 's3'`, 'PrimaryKey', 0.3],
        [
          'spans with a tag',
          `SELECT * FROM DB.otel_traces WHERE SpanAttributes['user'] = '777'`,
          'idx_span_attr_value',
          0.3,
        ],
        ['lines with a word', `SELECT * FROM DB.otel_logs WHERE hasToken(Body, 'id777')`, 'idx_body', 0.6],
        [
          'lines with a field',
          `SELECT * FROM DB.otel_logs WHERE LogAttributes['user'] = '777'`,
          'idx_log_attr_value',
          0.3,
        ],
        [
          'a service’s lines of some minutes',
          `SELECT * FROM DB.otel_logs WHERE ServiceName = 's3' AND TimestampTime > now() - 600`,
          ...(['PrimaryKey', 0.3] as const),
        ],
        [
          'a metric of a service',
          `SELECT * FROM DB.meshbridge_samples WHERE MetricName = 'm3' AND ServiceName = 's3'`,
          ...(['PrimaryKey', 0.2] as const),
        ],
        [
          'a metric by the Collector’s name',
          `SELECT * FROM DB.otel_metrics_gauge WHERE MetricName = 'm3'`,
          'PrimaryKey',
          0.2,
        ],
      ])('for %s', async (_, statement, index, share) => {
        const [read, all] = await granules(statement, index);
        expect(all).toBeGreaterThan(20);
        expect(read).toBeGreaterThan(0);
        expect(read / all).toBeLessThan(share);
      });
    });
  });
});

function seriesOf(name: string, labels: Record<string, string> = {}, type: MetricType = 'gauge'): Series {
  const [measurement = '', ...field] = name.split('_');
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { name, labels: sorted, type, measurement, field: field.join('_') };
}
