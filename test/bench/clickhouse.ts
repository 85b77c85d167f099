/**
 * npm run bench -- clickhouse [--records 50] [--rounds 7]
 *
 * How fast rows for ClickHouse are made of decoded records of 1,000 items, on one thread: lines of an access log in JSON, samples of
 * Istio's counters, spans of a sidecar. Best of the rounds by CPU time; then what zstd and gzip make of them.
 */
import { parseArgs } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { RecordDecoders } from '../../src/codec/record-decoder.ts';
import type { QueueRecord } from '../../src/model/batch.ts';
import type { Series } from '../../src/model/metric.ts';
import { Rows } from '../../src/outputs/clickhouse/rows.ts';
import { frameRecord } from '../fakes/frames.ts';
import { logRecord } from '../fakes/log-records.ts';
import { spanRecord } from '../fakes/requests.ts';

const { values } = parseArgs({
  options: { records: { type: 'string', default: '50' }, rounds: { type: 'string', default: '7' } },
});
const records = Number(values.records);
const rounds = Number(values.rounds);
const each = 1_000;
const nowMs = Date.UTC(2026, 10, 21, 12);

function many<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Looks random, and is the same each time. */
function scrambled(index: number): number {
  return Math.imul(index + 1, 2_654_435_761) >>> 0;
}

function lines(seq: number): QueueRecord {
  const message = (i: number): string =>
    `{"level":"info","msg":"GET /productpage?u=${seq * each + i} took ${scrambled(i) % 97}ms","route":"inbound|9080||","upstream":"10.0.0.${scrambled(i) % 255}:9080","id":"${scrambled(seq * each + i).toString(16)}"}`;
  const origin = { namespace: 'default', pod: 'reviews-1', container: 'app', node: 'n1', workload: 'reviews' };
  const made = many(each, (i) => ({
    message: message(i),
    timeNanos: BigInt(nowMs) * 1_000_000n + BigInt(i),
    level: 'info' as const,
  }));
  return logRecord(made, { seq, origin });
}

const series: readonly Series[] = many(each, (i) => {
  const labels = {
    app: 'reviews',
    connection_security_policy: 'mutual_tls',
    destination_service: `svc-${i % 20}.default.svc.cluster.local`,
    destination_workload: `w${i % 20}`,
    instance: '10.0.0.1:15020',
    job: 'sidecar',
    namespace: 'default',
    pod: 'reviews-1',
    reporter: 'destination',
    response_code: String(200 + (i % 5)),
    response_flags: '-',
    source_workload: `w${i % 7}`,
  };
  const field = `requests_${i % 50}`;
  return { name: `istio_${field}`, labels: Object.entries(labels), type: 'counter', measurement: 'istio', field };
});

function samples(seq: number): QueueRecord {
  const numbers = many(each, (i) => seq * each + (scrambled(i) % 10_000));
  return frameRecord(series, numbers, { seq, timestampMs: nowMs + seq * 15_000 });
}

function spans(seq: number): QueueRecord {
  const made = many(each, (i) => ({
    traceId: scrambled(seq * each + i)
      .toString(16)
      .padStart(32, 'a'),
    id: (seq * each + i + 1).toString(16).padStart(16, '0'),
    parentId: 'a'.repeat(16),
    kind: 'SERVER' as const,
    name: 'reviews.default.svc.cluster.local:9080/*',
    timestamp: nowMs * 1_000 + i,
    duration: 1_000 + (scrambled(i) % 9_000),
    localEndpoint: { serviceName: 'reviews.default', ipv4: '10.0.0.1', port: 9080 },
    tags: {
      component: 'proxy',
      'http.method': 'GET',
      'http.status_code': '200',
      'http.url': `http://reviews:9080/reviews/${i % 10}`,
      'istio.namespace': 'default',
      node_id: 'sidecar~10.0.0.1~reviews-1.default~default.svc.cluster.local',
      response_flags: '-',
      response_size: String(scrambled(i) % 4_096),
      upstream_cluster: 'inbound|9080||',
    },
  }));
  return spanRecord(made, { seq });
}

/** Least CPU of the rounds, in s; the first ones warm up. */
function leastCpu<T>(run: () => T): { readonly seconds: number; readonly result: T } {
  let best = Number.POSITIVE_INFINITY;
  let result = run();
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    result = run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return { seconds: best, result };
}

console.log('| rows | a second | MB/s | bytes | zstd, bytes | zstd, MB/s | gzip, bytes | gzip, MB/s |');
console.log('|---|---|---|---|---|---|---|---|');
for (const [name, make] of Object.entries({ lines, samples, spans })) {
  const made = many(records, (i) => make(i + 1));
  const rows = new Rows(new RecordDecoders());
  const signal = made[0]?.signal ?? 'logs';
  const { seconds, result } = leastCpu(() => rows.of(signal, made));
  const body = Buffer.concat(result);
  const count = records * each;
  const [zstd, gzip] = [leastCpu(() => zstdCompressSync(body)), leastCpu(() => gzipSync(body))];
  const coded = [zstd, gzip].flatMap((one) => [
    (one.result.length / count).toFixed(1),
    (body.length / one.seconds / 1e6).toFixed(0),
  ]);
  const figures = [
    Math.round(count / seconds),
    (body.length / seconds / 1e6).toFixed(0),
    (body.length / count).toFixed(0),
  ];
  console.log(`| ${[name, ...figures, ...coded].join(' | ')} |`);
}
