import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { type FakeFarSide, type Received, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { requestOf } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { Output } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { clickhouse } from './clickhouse.ts';

const never = new AbortController().signal;
const timeNanos = 1_795_253_153_000_000_007n;

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

function rowsIn(received: Received): readonly Readonly<Record<string, unknown>>[] {
  return parameters(received).has('query')
    ? bodyOf(received)
        .toString()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
}

describeOutput({
  kind: 'http',
  definition: clickhouse,
  decode: new RecordDecoders(),
  request: (records) => requestOf(Array.from({ length: records }, (_, i) => linesRecord(i + 1))),
  config: (endpoint) => ({ url: endpoint, create_schema: false }),
  itemsIn: (received) => rowsIn(received).length,
});

function withOutput<T>(table: object, run: (output: Output, far: FakeFarSide) => Promise<T>): Promise<T> {
  return withFakeFarSide(async (far) => {
    const runtime = { ...fakeRuntime(), name: 'clickhouse', decode: new RecordDecoders() };
    const { path = '', ...others } = table as { path?: string };
    const output = clickhouse.create(clickhouse.config.parse({ url: `${far.url}${path}`, ...others }), runtime);
    await output.start();
    try {
      return await run(output, far);
    } finally {
      await output.stop();
    }
  });
}

const asIs = { create_schema: false };

describe('an insert', () => {
  test('names its table and columns, and is taken once', async () => {
    await withOutput({ ...asIs, database: 'mesh' }, async (output, far) => {
      await output.write(requestOf([linesRecord(3), linesRecord(4)]), never);
      const [first] = far.requests;
      expect(first?.path.startsWith('/?query=INSERT+INTO+%60mesh%60.%60otel_logs%60+%28%60Timestamp%60')).toBe(true);
      const { query, ...settings } = Object.fromEntries(first ? parameters(first) : []);
      expect(query).toMatch(/\) FORMAT JSONEachRow$/);
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
});
