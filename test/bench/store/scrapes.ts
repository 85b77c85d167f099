/** Scrapes of sidecars: the series that an Envoy beside a pod has, and values that move as theirs do. */
import { encodeFrame, encodeShape } from '../../../src/codec/metric-frame/metric-frame.ts';
import type { QueueRecord } from '../../../src/model/batch.ts';
import type { MetricType, Series } from '../../../src/model/metric.ts';
import { seededBits } from '../zipkin/random.ts';

/** Series of `istio_requests_total` of each target. */
export const requestSeries = 40;
const scrapeMs = 15_000;

/** How a value goes on from scrape to scrape. */
type Moves = (before: number, bits: () => number) => number;
const idle: Moves = (before) => before;
const busy: Moves = (before, bits) => before + (bits() % 8 === 0 ? 0 : bits() % 40);
const bucket: Moves = (before, bits) => (bits() % 3 === 0 ? before + (bits() % 20) : before);
const sum: Moves = (before, bits) => before + (bits() % 1_000_000) / 1000;
const gauge: Moves = (before, bits) => (bits() % 4 === 0 ? 1_000_000 + (bits() % 4_000_000) : before);

interface Target {
  readonly shape: ReturnType<typeof encodeShape>;
  readonly values: Float64Array;
  readonly moves: readonly Moves[];
}

/** The same for the same seed. */
export class Scrapes {
  readonly #bits: () => number;
  readonly #targets: readonly Target[];
  #seq = 0;
  #items = 0;
  timeMs: number;

  constructor(seed: number, options: { readonly targets: number; readonly series: number; readonly startMs: number }) {
    this.#bits = seededBits(seed);
    this.timeMs = options.startMs;
    this.#targets = Array.from({ length: options.targets }, (_, number) => this.#target(number, options.series));
  }

  /** All targets, one scrape each. */
  next(): QueueRecord[] {
    this.timeMs += scrapeMs;
    return this.#targets.map((target, number) => this.#scrape(target, number));
  }

  #scrape({ shape, values, moves }: Target, number: number): QueueRecord {
    for (const [i, move] of moves.entries()) {
      values[i] = move(values[i] ?? 0, this.#bits);
    }
    const timestampMs = this.timeMs + number * 37;
    this.#items += values.length;
    return {
      seq: ++this.#seq,
      signal: 'metrics',
      format: 'metric-frame',
      receivedAtMs: timestampMs + 5,
      items: values.length,
      cumItems: this.#items,
      origin: {},
      payload: Buffer.concat(encodeFrame({ timestampMs, values })),
      dictionary: shape,
    };
  }

  #target(number: number, count: number): Target {
    const moves: Moves[] = [];
    const series = Array.from({ length: count }, (_, i): Series => {
      const [name, type, move, own] = kindOf(i, this.#bits);
      moves.push(move);
      const labels = { ...shared(number), ...own };
      const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
      return { name, type, labels: sorted, measurement: 'istio', field: name };
    });
    const values = Float64Array.from(series, () => this.#bits() % 100_000);
    return { shape: encodeShape(series), values, moves };
  }
}

type Kind = readonly [name: string, type: MetricType, moves: Moves, labels: Readonly<Record<string, string>>];

/** 40 counters of requests, histograms of 20 buckets, and Envoy's own: most of them stand still. */
function kindOf(i: number, bits: () => number): Kind {
  if (i < requestSeries) {
    return ['istio_requests_total', 'counter', i % 4 === 3 ? idle : busy, call(i)];
  }
  if (i % 3 === 0) {
    const le = String([0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000][(i / 3) % 10]);
    return [
      'istio_request_duration_milliseconds_bucket',
      'histogram',
      bits() % 4 === 0 ? bucket : idle,
      { ...call(Math.floor(i / 30)), le },
    ];
  }
  const move = [idle, idle, busy, idle, sum, idle, gauge, idle, idle, idle][i % 10] ?? idle;
  return [
    `envoy_stat_${i}`,
    move === gauge ? 'gauge' : 'counter',
    move,
    { cluster_name: `outbound|9080||svc-${i % 7}` },
  ];
}

function call(n: number): Readonly<Record<string, string>> {
  return {
    reporter: n % 2 === 0 ? 'source' : 'destination',
    response_code: ['200', '404', '500', '503'][n % 4] ?? '200',
    destination_service: `svc-${n}.default.svc.cluster.local`,
    destination_service_name: `svc-${n}`,
    destination_workload: `svc-${n}-v1`,
    source_workload: 'productpage-v1',
    request_protocol: 'http',
    connection_security_policy: 'mutual_tls',
    response_flags: '-',
  };
}

function shared(number: number): Readonly<Record<string, string>> {
  return {
    namespace: 'default',
    pod: `workload-${number}-7d4f8b9c6-x${number}k2p`,
    node: 'node-1',
    instance: `10.0.0.${number}:15020`,
    job: 'istio',
  };
}
