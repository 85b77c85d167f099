import type { MetricFrame, Series } from '../../src/model/metric.ts';
import type { Samples } from '../../src/promql/source.ts';

const stepMs = 15_000;
/** Apart from whole seconds, so that no sample lies on the bound of a window: there releases of Prometheus differ. */
const phaseMs = 3_217;

/** At one scrape: a value, the end of the series, or nothing. */
type Reading = number | 'stale' | undefined;
type Curve = (scrape: number) => Reading;

/** A row of numbers in [0, 1) that is always the same. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Grows unevenly; begins anew at those scrapes. */
function counter(seed: number, perScrape: number, resets: readonly number[] = []): Curve {
  const next = random(seed);
  let value = 100_000 * perScrape;
  return (scrape) => {
    value = resets.includes(scrape) ? seed + 1 : value + Math.floor(next() * 2 * perScrape);
    return value;
  };
}

function gauge(seed: number, around: number): Curve {
  const next = random(seed);
  return () => around * (0.5 + next());
}

function without(curve: Curve, gap: (scrape: number) => boolean): Curve {
  return (scrape) => {
    const reading = curve(scrape);
    return gap(scrape) ? undefined : reading;
  };
}

function marked(curve: Curve, stale: readonly number[]): Curve {
  return (scrape) => {
    const reading = curve(scrape);
    return stale.includes(scrape) ? 'stale' : reading;
  };
}

function curves(): Map<string, Curve> {
  const all = new Map<string, Curve>();
  for (const [index, app] of ['productpage', 'reviews', 'ratings'].entries()) {
    for (const [at, code] of ['200', '404', '503'].entries()) {
      const seed = index * 10 + at;
      all.set(
        `istio_requests_total{app="${app}",response_code="${code}"}`,
        counter(seed, 50 / (at + 1), [40 + 30 * index]),
      );
    }
    all.set(`memory_bytes{app="${app}",zone="z${index % 2}"}`, gauge(90 + index, 1e9));
    all.set(`build_info{app="${app}",version="1.${index}"}`, () => 1);
    const bounds = ['1', '5', '10', '100', '+Inf'];
    const parts = bounds.map((_, bound) => counter(200 + 10 * index + bound, 10));
    for (const [bound, le] of bounds.entries()) {
      // Every bucket counts what the lower ones do.
      const own = parts.slice(0, bound + 1).map((_, part) => counter(200 + 10 * index + part, 10));
      all.set(`latency_bucket{app="${app}",le="${le}"}`, (scrape) =>
        own.reduce((sum, curve) => sum + Number(curve(scrape)), 0),
      );
    }
    all.set(`latency_count{app="${app}"}`, counter(300 + index, 50));
    all.set(`latency_sum{app="${app}"}`, counter(400 + index, 900));
  }
  all.set(
    'late_total{app="late"}',
    without(counter(501, 9), (scrape) => scrape < 120),
  );
  all.set('gone_total{app="gone"}', marked(counter(502, 9), [100, 101, 180]));
  all.set(
    'gap_total{app="gap"}',
    without(counter(503, 9), (scrape) => scrape > 60 && scrape < 110),
  );
  all.set(
    'jitter_gauge{app="jitter"}',
    without(gauge(504, 10), (scrape) => scrape % 7 === 3 || scrape % 5 === 1),
  );
  all.set('odd{kind="nan"}', (scrape) => (scrape % 4 === 0 ? Number.NaN : scrape));
  all.set('odd{kind="inf"}', (scrape) => (scrape % 9 === 5 ? Number.POSITIVE_INFINITY : -scrape));
  all.set('odd{kind="-inf"}', () => Number.NEGATIVE_INFINITY);
  all.set('odd{kind="tiny"}', (scrape) => scrape * 1e-300);
  all.set('odd{kind="huge"}', (scrape) => (scrape % 2 === 0 ? 1.7e308 : 1.6e308));
  all.set('steps{kind="down"}', (scrape) => 240 - Math.floor(scrape / 10));
  all.set('steps{kind="zero"}', () => 0);
  all.set('steps{kind="half"}', (scrape) => scrape * 0.5 - 60);
  return all;
}

export interface Recording {
  readonly samples: readonly Samples[];
  /** The same, as scrapes. */
  readonly frames: readonly MetricFrame[];
}

function seriesOf(text: string): Series {
  const [, name = '', inner = ''] = /^(\w+)\{(.*)\}$/.exec(text) ?? [];
  const labels = [...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value] as const);
  return { name, labels, type: 'unknown', measurement: name, field: 'value' };
}

/** Counters with resets, gauges, histograms, series that begin, end and pause: so many scrapes from then on. */
export function meshSamples(fromMs: number, scrapes: number): Recording {
  const firstMs = Math.ceil(fromMs / stepMs) * stepMs + phaseMs;
  const all = [...curves()].map(([text, curve]) => ({
    series: seriesOf(text),
    readings: Array.from({ length: scrapes }, (_, scrape) => curve(scrape)),
  }));
  const timeOf = (scrape: number): number => firstMs + scrape * stepMs;
  const samples = all.map(({ series, readings }): Samples => {
    const there = [...readings.keys()].filter((scrape) => readings[scrape] !== undefined);
    return {
      labels: [['__name__', series.name], ...series.labels],
      timesMs: Float64Array.from(there, timeOf),
      values: Float64Array.from(there, (scrape) => numberOf(readings[scrape])),
      stale: Uint8Array.from(there, (scrape) => (readings[scrape] === 'stale' ? 1 : 0)),
    };
  });
  const frames = Array.from({ length: scrapes }, (_, scrape): MetricFrame => {
    const there = all.filter(({ readings }) => readings[scrape] !== undefined);
    const stale = new Uint8Array(Math.ceil(there.length / 8));
    for (const [index, { readings }] of there.entries()) {
      if (readings[scrape] === 'stale') {
        stale[index >> 3] = (stale[index >> 3] ?? 0) | (1 << (index & 7));
      }
    }
    const series = there.map((one) => one.series);
    return {
      shape: { id: series.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`).join(), series },
      timestampMs: timeOf(scrape),
      values: Float64Array.from(there, ({ readings }) => numberOf(readings[scrape])),
      stale,
    };
  });
  return { samples, frames };
}

function numberOf(reading: Reading): number {
  return typeof reading === 'number' ? reading : Number.NaN;
}
