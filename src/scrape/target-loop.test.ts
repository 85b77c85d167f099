import { describe, expect, test } from '@jest/globals';
import { type Answer, type FakeFarSide, withFakeFarSide } from '../../test/fakes/far-side.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../test/fakes/input-runtime.ts';
import { until, within } from '../../test/fakes/until.ts';
import { FrameDecoder } from '../codec/metric-frame/metric-frame.ts';
import { isStale } from '../model/metric.ts';
import { promConfig } from './config.ts';
import { nameFilter } from './name-filter.ts';
import { PageBuffers } from './page-buffers.ts';
import { Target } from './target.ts';

const decoder = new FrameDecoder();

interface Scraped {
  readonly timestampMs: number;
  /** Series of the page: `name value`, or `name stale`. */
  readonly page: readonly string[];
  readonly report: Readonly<Record<string, number>>;
}

function scrapedOf({ payload, dictionary }: Emission): Scraped {
  const frame = decoder.decode(payload, dictionary);
  const report: Record<string, number> = {};
  const page: string[] = [];
  for (const [i, { name, measurement }] of frame.shape.series.entries()) {
    if (measurement === 'collector') {
      report[name] = frame.values[i] ?? Number.NaN;
    } else {
      page.push(`${name} ${isStale(frame, i) ? 'stale' : frame.values[i]}`);
    }
  }
  return { timestampMs: frame.timestampMs, page, report };
}

interface Rig {
  readonly far: FakeFarSide;
  readonly runtime: FakeInputRuntime;
  readonly target: Target;
  readonly stop: AbortController;
  /** Lets the next scrape happen at its time, or so much later. */
  scrape(answer?: Answer, lateMs?: number): Promise<Scraped>;
}

function withTarget(config: object, run: (rig: Rig) => Promise<void>): Promise<void> {
  return withFakeFarSide(async (far) => {
    const runtime = fakeInputRuntime();
    const url = `${far.url}/metrics`;
    const checked = promConfig.parse({ url, interval: '10s', ...config });
    const [buffers, wantedName] = [new PageBuffers(), nameFilter(checked)];
    const target = new Target({ url, config: checked, runtime, buffers, wantedName, onChange: () => undefined });
    const stop = new AbortController();
    const running = target.run(stop.signal);
    const scrape = async (answer?: Answer, lateMs = 0): Promise<Scraped> => {
      if (answer !== undefined) {
        far.answer(answer);
      }
      await until(() => runtime.clock.sleepers > 0, { what: 'the last scrape is over' });
      const before = runtime.emitted.length;
      runtime.clock.step((runtime.clock.nextWakeMs ?? 0) + lateMs - runtime.clock.now());
      await runtime.clock.advance(0);
      const emission = await until(() => (runtime.clock.sleepers > 0 ? runtime.emitted[before] : undefined), {
        what: 'a scrape',
      });
      return scrapedOf(emission);
    };
    try {
      await run({ far, runtime, target, stop, scrape });
    } finally {
      stop.abort();
      await within(running, 5_000, 'the end of the loop');
    }
  });
}

const page = (body: string, type = 'text/plain; version=0.0.4'): Answer => ({
  status: 200,
  headers: { 'content-type': type },
  body,
});

describe('a scrape that fails ends all series that were there, and the next good one begins them again', () => {
  const strict = 'application/openmetrics-text; version=1.0.0';
  test.each<readonly [why: string, config: object, answer: Answer]>([
    ['the connection is closed', {}, 'drop'],
    ['the page ends half-way', {}, 'drop half-way'],
    ['the time is over', { timeout: '1s' }, 'hang'],
    ['the status is not 200', {}, { status: 204 }],
    ['the last line cannot be read', {}, page('a 3\nb 3\nc x\n')],
    ['a label stands there twice', {}, page('a 3\nb{x="1",x="2"} 3\n')],
    ['a sample has no name', {}, page('a 3\n{x="1"} 3\n')],
    ['the page is too large', { body_size_limit: '1kB' }, page(`a 3\nb 3\n#${'x'.repeat(2_000)}\n`)],
    ['there are too many samples', { sample_limit: 2 }, page('a 3\nb 3\nc 3\n')],
    ['there are too many labels', { label_limit: 2 }, page('a 3\nb{x="1"} 3\n')],
    ['a value of a label is too long', { label_value_length_limit: 30 }, page(`a 3\nb{x="${'y'.repeat(31)}"} 3\n`)],
    ['a rule of OpenMetrics is broken', { openmetrics: 'strict' }, page('a 3\nb 3\n\n# EOF\n', strict)],
  ])('where %s', (_, config, answer) =>
    withTarget({ disable_instance_tag: true, ...config }, async ({ scrape }) => {
      expect((await scrape(page('a 1\nb 1\n'))).page).toEqual(['a 1', 'b 1']);
      const bad = await scrape(answer);
      expect(bad.page).toEqual(['a stale', 'b stale']);
      expect(bad.report).toMatchObject({ up: 0, scrape_series_added: 0 });
      expect((await scrape()).page).toEqual([]);
      const good = await scrape(page('a 4\nb 4\n'));
      expect(good.page).toEqual(['a 4', 'b 4']);
      expect(good.report).toMatchObject({ up: 1, scrape_series_added: 0 });
    }),
  );
});

describe('the report of a scrape', () => {
  test('counts all samples of a page that has too many, and those that the filters leave', () =>
    withTarget({ sample_limit: 2, metric_name_filter_ignore: ['^go_'] }, async ({ scrape }) => {
      const { report } = await scrape(page('a 1\nb 1\nc 1\ngo_d 1\na 2\n'));
      expect(report).toMatchObject({
        up: 0,
        scrape_samples_scraped: 5,
        scrape_samples_post_metric_relabeling: 4,
        scrape_series_added: 0,
      });
    }));

  test('counts nothing of a page that cannot be read', () =>
    withTarget({}, async ({ scrape }) => {
      const { report } = await scrape(page('a 1\nb 1\nc x\n'));
      expect(report).toMatchObject({ up: 0, scrape_samples_scraped: 0, scrape_samples_post_metric_relabeling: 0 });
    }));

  test('counts a series as added when it comes, and when it comes back to a page that was without it', () =>
    withTarget({}, async ({ scrape }) => {
      const added = async (body: string): Promise<number | undefined> =>
        (await scrape(page(body))).report['scrape_series_added'];
      expect(await added('a 1\nb 1\nb 2\n')).toBe(2);
      expect(await added('a 1\nb 1\n')).toBe(0);
      expect(await added('a 1\n')).toBe(0);
      expect(await added('a 1\nb 1\nc 1\n')).toBe(2);
    }));

  test('says how long the scrape took, in seconds', () =>
    withTarget({}, async ({ scrape }) => {
      const seconds = (await scrape(page('a 1\n'))).report['scrape_duration_seconds'] ?? -1;
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThan(5);
    }));
});

describe('a series with times of its own', () => {
  const own = (runtime: FakeInputRuntime): string => `a 1 ${runtime.clock.now()}\nb 1\n`;

  test('is not marked when it is gone', () =>
    withTarget({}, async ({ scrape, runtime }) => {
      expect((await scrape(page(own(runtime)))).page).toEqual(['a 1', 'b 1']);
      expect((await scrape(page(''))).page).toEqual(['b stale']);
    }));

  test.each([{ track_timestamps_staleness: true }, { honor_timestamps: false }])('is marked with %j', (config) =>
    withTarget(config, async ({ scrape, runtime }) => {
      expect((await scrape(page(own(runtime)))).page).toEqual(['a 1', 'b 1']);
      expect((await scrape(page(''))).page).toEqual(['a stale', 'b stale']);
    }),
  );

  test('is left out, and counted, where no receiver would take it; the others are not touched by it', () =>
    withTarget({}, async ({ scrape, runtime }) => {
      const nowMs = runtime.clock.now();
      await scrape(page(`a 1 ${nowMs}\nb 1\n`));
      const { page: seen, report } = await scrape(page(`a 2 ${nowMs - 1}\nb 2\nc 1 ${nowMs + 3_600_000}\n`));
      expect(seen).toEqual(['b 2']);
      expect(report).toMatchObject({ up: 1, scrape_samples_scraped: 3, scrape_samples_post_metric_relabeling: 3 });
      expect(runtime.drops).toEqual([
        { signal: 'metrics', items: 1, reason: 'out-of-order' },
        { signal: 'metrics', items: 1, reason: 'future' },
      ]);
      expect((await scrape(page(`a 3 ${nowMs + 1}\nb 3\n`))).page).toEqual(['a 3', 'b 3']);
    }));
});

describe('the loop', () => {
  test('leaves out the ticks that it missed, and keeps to its grid', () =>
    withTarget({}, async ({ scrape }) => {
      const { timestampMs: first } = await scrape(page('a 1\n'));
      const { timestampMs: late } = await scrape(page('a 2\n'), 34_000);
      const { timestampMs: next } = await scrape();
      expect([late - first, next - first]).toEqual([44_000, 50_000]);
    }));

  test('follows a clock that was set, back and on', () =>
    withTarget({}, async ({ scrape, runtime }) => {
      const { timestampMs: first } = await scrape(page('a 1\n'));
      for (const byMs of [-3_600_000, 7_200_000]) {
        await until(() => runtime.clock.sleepers > 0);
        runtime.clock.step(byMs);
        await scrape();
        const { timestampMs } = await scrape();
        expect(Math.abs(timestampMs - runtime.clock.now())).toBeLessThanOrEqual(10_000);
        expect((timestampMs - first) % 10_000).toBe(0);
      }
    }));

  test('gives a scrape no more time than the interval', () =>
    withTarget({ interval: '2s', timeout: '1m' }, async ({ scrape, far }) => {
      await scrape(page('a 1\n'));
      expect(far.requests[0]?.headers['x-prometheus-scrape-timeout-seconds']).toBe('2');
    }));

  test('that is stopped before it ran, or in the middle of a scrape, ends at once and says nothing', () =>
    withTarget({}, async ({ far, runtime, stop, target }) => {
      const never = new AbortController();
      never.abort();
      await within(target.run(never.signal), 1_000, 'the end of a loop that was stopped before');
      far.answer('hang');
      await until(() => runtime.clock.sleepers > 0);
      await runtime.clock.advance((runtime.clock.nextWakeMs ?? 0) - runtime.clock.now());
      await until(() => far.requests.length === 1, { what: 'a scrape under way' });
      stop.abort();
      await until(() => far.connections === 0, { what: 'the connection is closed' });
      expect(runtime.calls).toBe(0);
    }));

  test('goes on with a target that was never there, and says it once', () =>
    withTarget({}, async ({ scrape, runtime }) => {
      for (let i = 0; i < 3; i++) {
        expect((await scrape('drop')).report).toMatchObject({ up: 0, scrape_samples_scraped: 0 });
      }
      expect(runtime.log.at('warn')).toHaveLength(1);
      expect((await scrape(page('a 1\n'))).page).toEqual(['a 1']);
    }));
});

describe('what a target says of its page', () => {
  test.each([
    ['nothing', ''],
    ['JSON', 'application/json'],
    ['a web page', 'text/html'],
    ['text of another version', 'text/plain; version=9'],
    ['words of no meaning', ';;=,'],
  ])('does not matter where it is %s: the page is read as text', (_, type) =>
    withTarget({}, async ({ scrape }) => {
      expect((await scrape(page('# TYPE a counter\na_total 1 5\n', type))).page).toEqual(['a_total 1']);
      expect((await scrape(page('', type))).report).toMatchObject({ up: 1, scrape_samples_scraped: 0 });
    }),
  );

  test('does not matter where pilot-agent has put pages of both formats together', () =>
    withTarget({}, async ({ scrape }) => {
      const merged =
        '# TYPE istio_agent_x counter\nistio_agent_x 1\n# TYPE envoy_y counter\nenvoy_y{} 2\n' +
        '# TYPE app counter\napp_total 3 # {trace_id="1"} 1\n# EOF\n# TYPE envoy_y counter\nenvoy_y{a=""} 4\n';
      for (const type of ['text/plain', 'application/openmetrics-text; version=1.0.0']) {
        expect((await scrape(page(merged, type))).page).toEqual(['istio_agent_x 1', 'envoy_y 4', 'app_total 3']);
      }
    }));
});
