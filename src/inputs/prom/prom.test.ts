import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { describeInput, type Source } from '../../../test/contracts/input-contract.ts';
import { type Answer, type FakeFarSide, fakeFarSide, refusedUrl } from '../../../test/fakes/far-side.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { until, within } from '../../../test/fakes/until.ts';
import { decodeLogBlock } from '../../codec/log-block/log-block.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import { idleKeys } from '../../config/idle-keys.ts';
import type { Input } from '../../contract/input.ts';
import { logLevels } from '../../model/log.ts';
import { isStale, type MetricFrame } from '../../model/metric.ts';
import { prom } from './prom.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

const decoder = new FrameDecoder();
function frameOf(emission: Emission): MetricFrame {
  return decoder.decode(emission.payload, emission.dictionary);
}

/** `name{labels} value` without `job` and `instance`. */
function shown(emission: Emission | undefined): string[] {
  if (emission === undefined) {
    return [];
  }
  const frame = frameOf(emission);
  return frame.shape.series.map(({ name, labels }, i) => {
    const own = labels.filter(([label]) => label !== 'job' && label !== 'instance');
    const inner = own.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',');
    return `${name}${inner === '' ? '' : `{${inner}}`} ${isStale(frame, i) ? 'stale' : frame.values[i]}`;
  });
}

/** Without the report of the scrape, apart from `up`. */
function core(emission: Emission | undefined): string[] {
  return shown(emission).filter((line) => !line.startsWith('scrape_'));
}

/** Lets the next scrape begin, if none is under way. */
async function nudge(runtime: FakeInputRuntime): Promise<void> {
  const wakeMs = runtime.clock.nextWakeMs;
  if (wakeMs !== undefined) {
    await runtime.clock.advance(wakeMs - runtime.clock.now());
  }
}

/** A page that shows each line once, and garbage first. */
async function queueingPage(): Promise<Source> {
  const far = await fakeFarSide();
  const lines: string[] = [];
  let garbage = 0;
  far.answer(() => {
    if (garbage > 0) {
      garbage--;
      return { status: 200, body: '<html>no metrics</html>' };
    }
    return { status: 200, body: lines.splice(0).join('') };
  });
  return {
    config: { url: `${far.url}/metrics`, interval: '10s' },
    send: async (id) => {
      lines.push(`item{id="${id}"} 1\n`);
      return 'accepted';
    },
    sendGarbage: async () => {
      garbage++;
      return 'refused';
    },
    nudge: (runtime) => (lines.length + garbage > 0 ? nudge(runtime) : Promise.resolve()),
    close: () => far.close(),
  };
}

describeInput(
  {
    definition: prom,
    source: queueingPage,
    ids: (emission) => {
      const frame = frameOf(emission);
      const here = frame.shape.series.filter(({ name }, i) => name === 'item' && !isStale(frame, i));
      return here.flatMap(({ labels }) => labels.filter(([name]) => name === 'id').map(([, value]) => value));
    },
    count: (emission) => frameOf(emission).values.length,
  },
  {
    'tells the sender to come back when the queue is full': 'a page is read: nobody waits for an answer',
    'does not acknowledge before the batch is durable': 'a page is read: nobody waits for an answer',
    'tells the sender to come back when the disk refuses what was taken': 'a page is read: nobody waits for an answer',
    'takes items again once the queue has room': 'what a page showed while the queue was full is not shown again',
  },
);

interface Rig {
  readonly far: FakeFarSide;
  readonly runtime: FakeInputRuntime;
  readonly input: Input;
  /** Waits for the next scrape and gives what it emitted. */
  scrape(answer?: Answer): Promise<Emission | undefined>;
}

async function withTarget(config: object, run: (rig: Rig) => Promise<void>): Promise<void> {
  const far = await fakeFarSide();
  const runtime = fakeInputRuntime({ id: 'inputs.prom[0]' });
  const parsed = prom.config.parse({ url: `${far.url}/metrics`, interval: '10s', ...config });
  const input = prom.create(parsed, runtime);
  const scrape = async (answer?: Answer): Promise<Emission | undefined> => {
    if (answer !== undefined) {
      far.answer(answer);
    }
    await until(() => runtime.clock.sleepers > 0, { what: 'the last scrape is over' });
    const before = runtime.calls;
    await nudge(runtime);
    await until(() => runtime.calls > before && runtime.clock.sleepers > 0, { what: 'a scrape' });
    return runtime.emitted.at(-1);
  };
  try {
    await input.start();
    await run({ far, runtime, input, scrape });
  } finally {
    await within(input.stop(), 5_000, 'stop');
    await far.close();
  }
}

function page(body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4', ...headers }, body };
}

function target(input: Input): Record<string, unknown> {
  const status: { targets?: readonly Record<string, unknown>[] } = input.status?.() ?? {};
  return status.targets?.[0] ?? {};
}

describe('a scrape', () => {
  test('of a real sidecar gives all its samples, with the labels of the target and the split names', () =>
    withTarget({ source: 'sidecar', measurement_name: 'istio_prom', tags: { pod: 'p-1' } }, async ({ far, scrape }) => {
      const emission = await scrape(page(readFileSync(join(samples, 'istio/bookinfo-15020.txt'))));
      expect(emission).toMatchObject({
        signal: 'metrics',
        format: 'metric-frame',
        items: 826,
        origin: { source: 'sidecar' },
      });
      const { series } = frameOf(emission as Emission).shape;
      const requests = series.filter((one) => one.name === 'istio_requests_total');
      expect(requests).toHaveLength(6);
      expect(requests[0]).toMatchObject({ type: 'counter', measurement: 'istio_prom', field: 'istio_requests_total' });
      const labels = Object.fromEntries(requests[0]?.labels ?? []);
      expect(labels).toMatchObject({
        job: 'sidecar',
        instance: `127.0.0.1:${far.port}`,
        pod: 'p-1',
        reporter: 'destination',
      });
      expect(labels).not.toHaveProperty('grpc_response_status');
      expect(series.at(-1)).toMatchObject({ name: 'scrape_series_added', measurement: 'collector' });
    }));

  test('asks for text, over one connection, and says who asks and how long it waits', () =>
    withTarget({ timeout: '7s', http_headers: { 'X-Own': 'mine', 'User-Agent': 'me' } }, async ({ far, scrape }) => {
      await scrape(page('a 1\n'));
      await scrape();
      expect(far.connections).toBe(1);
      expect(far.requests).toHaveLength(2);
      expect(far.requests[1]).toMatchObject({
        method: 'GET',
        path: '/metrics',
        headers: {
          host: `127.0.0.1:${far.port}`,
          'x-own': 'mine',
          'user-agent': 'me',
          'x-prometheus-scrape-timeout-seconds': '7',
        },
      });
      const { accept } = far.requests[1]?.headers ?? {};
      expect(accept).toMatch(/^text\/plain/);
      expect(accept).not.toContain('protobuf');
    }));

  test('happens at the same time of each interval, which is the time of all its samples', () =>
    withTarget({}, async ({ runtime, scrape }) => {
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        times.push(frameOf((await scrape(page('a 1\n'))) as Emission).timestampMs);
      }
      const [first = 0, second = 0, third = 0] = times;
      expect([second - first, third - second]).toEqual([10_000, 10_000]);
      expect(third).toBe(runtime.clock.now());
    }));

  test('that begins a little late has the time of its tick; one that begins much later its own', () =>
    withTarget({}, async ({ runtime, scrape }) => {
      const wake = async (lateMs: number): Promise<number> => {
        const before = runtime.calls;
        const dueMs = runtime.clock.nextWakeMs ?? 0;
        runtime.clock.step(dueMs + lateMs - runtime.clock.now());
        await runtime.clock.advance(0);
        await until(() => runtime.calls > before && runtime.clock.sleepers > 0, { what: 'a scrape' });
        return frameOf(runtime.emitted.at(-1) as Emission).timestampMs - dueMs;
      };
      await scrape(page('a 1\n'));
      expect([await wake(60), await wake(0), await wake(2_000), await wake(0)]).toEqual([0, 0, 2_000, 0]);
    }));

  test('spreads targets over the interval, the same way in each life', async () => {
    const urls = Array.from({ length: 40 }, (_, i) => `http://127.0.0.1:1/metrics/${i}`);
    const offsets = async (): Promise<number[]> => {
      const runtime = fakeInputRuntime();
      const input = prom.create(prom.config.parse({ urls, interval: '40s' }), runtime);
      await input.start();
      const status = input.status?.() as { targets: readonly { nextMs: number }[] };
      await input.stop();
      return status.targets.map(({ nextMs }) => nextMs % 40_000);
    };
    const first = await offsets();
    expect(await offsets()).toEqual(first);
    expect(new Set(first.map((ms) => Math.floor(ms / 10_000)))).toEqual(new Set([0, 1, 2, 3]));
  });

  test('marks series that vanish, all of them when the target is away, and comes back', () =>
    withTarget({}, async ({ scrape, runtime, input }) => {
      expect(core(await scrape(page('a 1\nb{x="y"} 2\n')))).toEqual(['a 1', 'b{x="y"} 2', 'up 1']);
      expect(core(await scrape(page('a 3\n')))).toEqual(['a 3', 'b{x="y"} stale', 'up 1']);
      expect(core(await scrape({ status: 503 }))).toEqual(['a stale', 'up 0']);
      expect(core(await scrape('drop'))).toEqual(['up 0']);
      expect(target(input)).toMatchObject({ state: 'down', samples: 0, error: expect.stringContaining('closed') });
      expect(core(await scrape(page('a 4\n')))).toEqual(['a 4', 'up 1']);
      expect(target(input)).toMatchObject({ state: 'up', samples: 1, bytes: 4 });
      expect(target(input)).not.toHaveProperty('error');
      expect(runtime.log.at('warn').map((entry) => entry.fields)).toEqual([
        { url: expect.any(String), error: 'HTTP 503' },
      ]);
      expect(runtime.log.at('info')).toHaveLength(1);
    }));

  test('with a bad line fails whole, and names the line', () =>
    withTarget({}, async ({ scrape, input }) => {
      await scrape(page('a 1\nb 1\n'));
      expect(core(await scrape(page('a 2\nb x\n')))).toEqual(['a stale', 'b stale', 'up 0']);
      expect(target(input)).toMatchObject({ state: 'down', error: 'line 2: expected a value, got "x"' });
      await scrape(page('<!DOCTYPE html>\n<p>Not found'));
      expect(target(input)).toMatchObject({ hint: expect.stringContaining('web page') });
    }));

  test('counts what it leaves out', () =>
    withTarget({ metric_name_filter_ignore: ['^go_'] }, async ({ scrape, runtime }) => {
      const lines = shown(await scrape(page('a 1\ngo_x 1\ngo_y 1\na 2\n')));
      expect(lines).toEqual([
        'a 2',
        'up 1',
        expect.stringMatching(/^scrape_duration_seconds 0\.\d+$/),
        'scrape_samples_scraped 4',
        'scrape_samples_post_metric_relabeling 2',
        'scrape_series_added 1',
      ]);
      expect(runtime.drops).toEqual([
        { signal: 'metrics', items: 2, reason: 'filtered' },
        { signal: 'metrics', items: 1, reason: 'duplicate' },
      ]);
    }));

  test('that finds the queue full is lost, once said, and its stale markers come with the next', () =>
    withTarget({}, async ({ scrape, runtime }) => {
      await scrape(page('a 1\nb 1\n'));
      runtime.overload();
      await scrape(page('a 1\n'));
      await scrape();
      expect(runtime.log.at('error').map((entry) => entry.message)).toEqual([
        'Scrapes are lost because the queue is full.',
      ]);
      runtime.recover();
      expect(core(await scrape())).toEqual(['a 1', 'b stale', 'up 1']);
    }));

  test('goes on after an error of the disk', () =>
    withTarget({}, async ({ scrape, runtime }) => {
      const { emit } = runtime;
      Object.assign(runtime, { emit: () => Promise.reject(new Error('EIO')) });
      await until(() => runtime.clock.sleepers > 0);
      await nudge(runtime);
      await until(() => runtime.log.at('error').length > 0 && runtime.clock.sleepers > 0, {
        what: 'a line of the log',
      });
      Object.assign(runtime, { emit });
      expect(core(await scrape(page('a 1\n')))).toEqual(['a 1', 'up 1']);
    }));
});

describe('what targets answer', () => {
  test.each([
    ['an empty content type', page('a 1\n', { 'content-type': '' })],
    ['gzip', page(gzipSync('a 1\n'), { 'content-encoding': 'gzip' })],
    ['x-gzip', page(gzipSync('a 1\n'), { 'content-encoding': 'x-gzip' })],
    ['identity', page('a 1\n', { 'content-encoding': 'identity' })],
    [
      'OpenMetrics with lines of the text format',
      page('# TYPE a counter\na 1\n# EOF\n', { 'content-type': 'application/openmetrics-text; version=1.0.0' }),
    ],
  ])('with %s is read', (_, answer) =>
    withTarget({}, async ({ scrape }) => {
      expect(core(await scrape(answer))).toEqual(['a 1', 'up 1']);
    }),
  );

  test('in OpenMetrics has its times in seconds, in text in ms, also one after the other', () =>
    withTarget({}, async ({ scrape }) => {
      const om = { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' };
      const time = (emission: Emission | undefined) => frameOf(emission as Emission).timestampsMs?.[0];
      expect(time(await scrape(page('a 1 1700000000.5\n# EOF\n', om)))).toBe(1_700_000_000_500);
      expect(time(await scrape(page('a 1 1700000001500\n')))).toBe(1_700_000_001_500);
      expect(time(await scrape(page('a 1 1700000002.5\n# EOF\n', om)))).toBe(1_700_000_002_500);
    }));

  test('in OpenMetrics is checked by all its rules where that is wanted, and in text is not', () =>
    withTarget({ openmetrics: 'strict' }, async ({ scrape, input, far }) => {
      const om = { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' };
      expect(core(await scrape(page('# TYPE a counter\na_total 1\n# EOF\n', om)))).toEqual(['a_total 1', 'up 1']);
      expect(far.requests[0]?.headers.accept).toMatch(/^application\/openmetrics-text;version=1\.0\.0;q=/);
      expect(core(await scrape(page('# TYPE a counter\na 1\n# EOF\n', om)))).toEqual(['a_total stale', 'up 0']);
      expect(target(input)).toMatchObject({
        error: 'line 2: a is not a sample of counter a: those are a_total, a_created',
      });
      expect(core(await scrape(page('# TYPE a counter\na 1\n')))).toEqual(['a 1', 'up 1']);
    }));

  test.each([
    ['403', { status: 403 }, 'HTTP 403', 'METRICS_LOCALHOST_ACCESS_ONLY'],
    ['404', { status: 404 }, 'HTTP 404', '/stats/prometheus'],
    ['202', { status: 202 }, 'HTTP 202', undefined],
    ['protobuf', page('x', { 'content-type': 'application/vnd.google.protobuf; proto=x' }), 'protobuf', 'settings'],
    ['broken gzip', page('nonsense', { 'content-encoding': 'gzip' }), 'not valid gzip', undefined],
    [
      'gzip that ends early',
      page(gzipSync('a 1\n').subarray(0, 15), { 'content-encoding': 'gzip' }),
      'ends before its gzip',
      undefined,
    ],
    [
      'gzip of too much',
      page(gzipSync('a'.repeat(2_000_000)), { 'content-encoding': 'gzip' }),
      'larger than body_size_limit',
      undefined,
    ],
    ['too much', page('a'.repeat(2_000_000)), 'larger than 1000000 bytes', undefined],
    ['another encoding', page('x', { 'content-encoding': 'br' }), 'content encoding "br"', undefined],
    ['half a page', 'drop half-way' as const, 'closed', undefined],
  ])('with %s fails, and the status says why', (_, answer, error, hint) =>
    withTarget({ body_size_limit: '1MB' }, async ({ scrape, input }) => {
      expect(core(await scrape(answer))).toEqual(['up 0']);
      expect(target(input)).toMatchObject({ state: 'down', error: expect.stringContaining(error) });
      expect(String(target(input)['hint'] ?? 'none')).toContain(hint ?? 'none');
    }),
  );

  test('with any status is read where that is wanted', () =>
    withTarget({ ignore_http_status: true }, async ({ scrape, input }) => {
      expect(core(await scrape({ status: 500, body: 'a 1\n' }))).toEqual(['a 1', 'up 1']);
      expect(core(await scrape({ status: 404, body: '<html></html>' }))).toEqual(['a stale', 'up 0']);
      expect(target(input)).toMatchObject({ hint: expect.stringContaining('web page') });
      expect(core(await scrape({ status: 404, headers: { 'content-type': 'application/x-protobuf' } }))).toEqual([
        'up 0',
      ]);
    }));

  test('with nothing in time is given up', () =>
    withTarget({ timeout: '1s' }, async ({ scrape, input }) => {
      expect(core(await scrape('hang'))).toEqual(['up 0']);
      expect(target(input)).toMatchObject({
        error: 'no whole answer within 1 s',
        hint: expect.stringContaining('timeout'),
      });
      expect(core(await scrape(page('a 1\n')))).toEqual(['a 1', 'up 1']);
    }));

  test('with a redirect is followed, without the token to another host', () =>
    withTarget({ auth: { token: 'secret-token' } }, async ({ far, scrape }) => {
      const other = await fakeFarSide();
      try {
        other.answer(page('there 1\n'));
        far.answer((request) =>
          request.path === '/metrics' ? { status: 302, headers: { location: '/elsewhere' } } : page('here 1\n'),
        );
        expect(core(await scrape())).toEqual(['here 1', 'up 1']);
        expect(core(await scrape())).toEqual(['here 1', 'up 1']);
        expect(far.requests.at(-1)?.headers.authorization).toBe('Bearer secret-token');
        expect(core(await scrape({ status: 307, headers: { location: `${other.url}/x` } }))).toEqual([
          'there 1',
          'here stale',
          'up 1',
        ]);
        expect(other.requests[0]?.headers.authorization).toBeUndefined();
        expect(core(await scrape({ status: 302, headers: { location: '/metrics' } }))).toContain('up 0');
      } finally {
        await other.close();
      }
    }));
});

describe('a page on disk', () => {
  test('is read anew each time, up to the limit, and one that is missing is down', () =>
    inTempDir(async (dir) => {
      const file = join(dir, 'metrics.prom');
      await writeFile(file, 'a 1\n');
      await withTarget({ url: file, body_size_limit: '1kB' }, async ({ scrape, runtime, input }) => {
        expect(core(await scrape())).toEqual(['a 1', 'up 1']);
        const { series } = frameOf(runtime.emitted[0] as Emission).shape;
        expect(series[0]?.labels).toEqual([['job', 'prom']]);
        await writeFile(file, 'b 2\n');
        expect(core(await scrape())).toEqual(['b 2', 'a stale', 'up 1']);
        await writeFile(file, 'b 2\n'.repeat(300));
        expect(core(await scrape())).toEqual(['b stale', 'up 0']);
        expect(target(input)).toMatchObject({ url: file, error: 'the page is larger than 1000 bytes' });
      });
      await withTarget({ urls: [`file://${dir}/none`] }, async ({ scrape, input }) => {
        expect(core(await scrape())).toEqual(['up 0']);
        expect(target(input)).toMatchObject({ state: 'down', error: expect.stringContaining('is not there') });
      });
    }));
});

describe('limits', () => {
  test.each([
    [{ sample_limit: 2 }, 'a 1\nb 1\n', 'a 1\nb 1\nc 1\n', 'the page has 3 samples, more than sample_limit = 2'],
    [{ label_limit: 4 }, 'a{x="1"} 1\n', 'a{x="1",y="2"} 1\n', 'a has 5 labels, more than label_limit = 4'],
    [
      { label_name_length_limit: 8 },
      'a{x="1"} 1\n',
      'a{x23456789="1"} 1\n',
      'the name of label x23456789 is longer than label_name_length_limit allows',
    ],
    [
      { label_value_length_limit: 20 },
      'a{x="1"} 1\n',
      `a{x="${'é'.repeat(11)}"} 1\n`,
      'the value of label x is longer than label_value_length_limit allows',
    ],
  ])('%j fail the page that is past them, and it alone', (config, good, bad, error) =>
    withTarget(config, async ({ scrape, input }) => {
      expect(core(await scrape(page(good)))).toContain('up 1');
      expect(core(await scrape(page(bad)))).toContain('up 0');
      expect(target(input)).toMatchObject({ error: expect.stringContaining(error) });
      expect(core(await scrape())).toEqual(['up 0']);
      expect(core(await scrape(page(good)))).toContain('up 1');
    }),
  );

  test('of samples count what the filters leave', () =>
    withTarget({ sample_limit: 1, metric_name_filter: ['^a$'] }, async ({ scrape }) => {
      expect(core(await scrape(page('a 1\nb 1\nc 1\n')))).toEqual(['a 1', 'up 1']);
    }));
});

describe('access', () => {
  test('a token comes from the configuration, a file that is read each time, or the URL', () =>
    inTempDir(async (dir) => {
      const file = join(dir, 'token');
      await writeFile(file, 'one\n');
      await withTarget({ auth: { type: 'bearer_token', token_file: file } }, async ({ far, scrape, input }) => {
        await scrape(page('a 1\n'));
        await writeFile(file, 'two\r\n');
        await scrape();
        expect(far.requests.map((request) => request.headers.authorization)).toEqual(['Bearer one', 'Bearer two']);
        const url = far.url.replace('//', '//user:pass@');
        expect(JSON.stringify(input.status?.())).not.toContain('one');
        await withTarget({ url }, async (second) => {
          await second.scrape();
          expect(far.requests.at(-1)?.headers.authorization).toBe(
            `Basic ${Buffer.from('user:pass').toString('base64')}`,
          );
          expect(JSON.stringify(second.input.status?.())).not.toContain('pass');
        });
      });
      await withTarget({ auth: { token_file: join(dir, 'none') } }, async ({ scrape, input }) => {
        expect(core(await scrape())).toEqual(['up 0']);
        expect(target(input)).toMatchObject({
          error: expect.stringContaining('a file of the configuration is not there'),
        });
      });
    }));

  test('a name and password come from the configuration or a file that is read each time', () =>
    inTempDir(async (dir) => {
      const file = join(dir, 'password');
      await writeFile(file, 'one\n');
      await withTarget({ auth: { type: 'basic', username: 'u', password_file: file } }, async ({ far, scrape }) => {
        await scrape(page('a 1\n'));
        await writeFile(file, 'two');
        await scrape();
        const sent = far.requests.map(({ headers }) => Buffer.from(String(headers.authorization).slice(6), 'base64'));
        expect(sent.map(String)).toEqual(['u:one', 'u:two']);
      });
      await withTarget({ auth: { type: 'Basic', username: 'u', password: 'p' } }, async ({ far, scrape }) => {
        await scrape(page('a 1\n'));
        expect(far.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`);
      });
    }));

  test('a target that refuses connections is down, and says what to look at', async () => {
    const url = await refusedUrl();
    await withTarget({ url: `${url}/metrics` }, async ({ scrape, input }) => {
      expect(core(await scrape())).toEqual(['up 0']);
      expect(target(input)).toMatchObject({
        error: expect.stringContaining('the connection was refused'),
        hint: expect.stringContaining('is the port right'),
      });
    });
  });
});

describe('an input', () => {
  test('scrapes each of its urls by itself, and `url` only where there are none', () =>
    withTarget({}, async ({ far, runtime }) => {
      const ours = fakeInputRuntime();
      const urls = [`${far.url}/one`, `${far.url}/two`, `${far.url}/one`];
      const config = prom.config.parse({ url: 'http://127.0.0.1:1/', urls, source: 's', interval: '5s' });
      const input = prom.create(config, ours);
      await input.start();
      far.answer((request) => (request.path === '/two' ? { status: 500 } : page('a 1\n')));
      while (ours.emitted.length < 2) {
        await until(() => ours.clock.sleepers > 0);
        await nudge(ours);
      }
      const status = input.status?.() as { targets: readonly { url: string; state: string }[] };
      expect(status.targets.map(({ url, state }) => [url, state])).toEqual([
        [`${far.url}/one`, 'up'],
        [`${far.url}/two`, 'down'],
      ]);
      expect(ours.meter.value('meshbridge_scrape_targets', { input: ours.id, state: 'up' })).toBe(1);
      expect(ours.meter.value('meshbridge_scrape_targets', { input: ours.id, state: 'down' })).toBe(1);
      expect(ours.meter.value('meshbridge_scrape_targets', { input: ours.id, state: 'waiting' })).toBe(0);
      await input.stop();
      expect(runtime.calls).toBe(0);
    }));

  test('that is retired marks everything as ended; one that is stopped does not', () =>
    withTarget({}, async ({ scrape, runtime, input }) => {
      await scrape(page('a 1\n'));
      const calls = runtime.calls;
      await input.stop();
      expect(runtime.calls).toBe(calls);
      await input.retire?.();
      expect(shown(runtime.emitted.at(-1))).toEqual([
        'a stale',
        'up stale',
        'scrape_duration_seconds stale',
        'scrape_samples_scraped stale',
        'scrape_samples_post_metric_relabeling stale',
        'scrape_series_added stale',
      ]);
      await input.retire?.();
      expect(runtime.calls).toBe(calls + 1);
    }));

  test('is scraped every second at most, as in DataKit', async () => {
    const runtime = fakeInputRuntime();
    const input = prom.create(prom.config.parse({ url: 'http://127.0.0.1:1/', interval: '0s' }), runtime);
    await input.start();
    expect(target(input)).toMatchObject({ intervalMs: 1_000 });
    await input.stop();
  });

  test('says nothing in its log of scrapes that fail, where that is wanted', () =>
    withTarget({ ignore_req_err: true }, async ({ scrape, runtime, input }) => {
      expect(core(await scrape({ status: 500 }))).toEqual(['up 0']);
      expect(target(input)).toMatchObject({ state: 'down', error: 'HTTP 500' });
      expect(runtime.log.at('warn')).toEqual([]);
    }));

  test('takes what DataKit needs and this does not', () => {
    const idle = { stream_size: 10, disable_host_tag: true, disable_info_tag: false, max_file_size: 1, election: true };
    const measurements = [{ prefix: 'a_', pattern: 'x' }];
    expect(prom.config.safeParse({ url: 'http://x', ...idle, measurements }).success).toBe(true);
  });

  test('names what DataKit does and this does not', () => {
    const written = { url: 'http://x', output: 'f', as_logging: { enable: true }, election: true, stream_size: 1 };
    expect(idleKeys(prom.config, written).map(({ path }) => path.join('.'))).toEqual(['output']);
  });

  test('takes an empty text for what is not given, as the files of DataKit have it', () =>
    withTarget(
      { uds_path: '', tls_open: true, tls_ca: '', tls_cert: '', tls_key: '', cert: '', cert_key: '', server_name: '' },
      async ({ far, scrape }) => {
        expect(core(await scrape(page('a 1\n')))).toEqual(['a 1', 'up 1']);
        const empty = { url: far.url, urls: [], source: '', measurement_name: '', measurement_prefix: '', output: '' };
        expect(prom.config.parse(empty)).toMatchObject({ source: 'prom', output: undefined });
        expect(prom.config.parse({ ...empty, url: '', urls: [far.url] }).url).toBeUndefined();
        expect(prom.config.safeParse({ url: '' }).error?.issues[0]?.message).toContain('is missing');
      },
    ));

  test('writes samples as lines of a log where that is wanted, and how the scrape went as metrics', () =>
    withTarget({ as_logging: { enable: true }, source: 's' }, async ({ scrape, runtime, far }) => {
      const body = '# TYPE b histogram\na_x{p="1"} 1\nb_c_sum NaN 5001\na_y -Inf\na_y 7\n';
      const lines = (emission: Emission | undefined) => {
        const { count, offsets, bytes, seconds, nanos, levels } = decodeLogBlock(emission?.payload ?? Buffer.alloc(0));
        return Array.from({ length: count }, (_, i) => [
          JSON.parse(Buffer.from(bytes.subarray(offsets[i], offsets[i + 1])).toString()),
          (seconds[i] ?? 0) * 1000 + (nanos[i] ?? 0) / 1e6,
          logLevels[levels[i] ?? 0],
        ]);
      };
      await scrape(page(body));
      const [metrics, logs] = runtime.emitted;
      const instance = `127.0.0.1:${far.port}`;
      const common = { job: 's', instance, status: 'INFO' };
      expect(core(metrics)).toEqual(['up 1']);
      expect(shown(metrics)).toContain('scrape_samples_scraped 4');
      expect(logs).toMatchObject({ signal: 'logs', format: 'log-block', items: 3, origin: { source: 's' } });
      expect(lines(logs)).toEqual([
        [{ ...common, p: '1', service: 'a', measurement: 'a', x: 1 }, runtime.clock.now(), 'info'],
        [{ ...common, service: 'b', measurement: 'b', c_sum: 'NaN' }, 5001, 'info'],
        [{ ...common, service: 'a', measurement: 'a', y: 7 }, runtime.clock.now(), 'info'],
      ]);
      await scrape({ status: 500 });
      expect(runtime.emitted).toHaveLength(3);
      expect(core(runtime.emitted[2])).toEqual(['up 0']);
      await withTarget(
        { url: `${far.url}/x`, as_logging: { enable: true, service: 'mesh' }, measurement_name: 'istio_prom' },
        async (other) => {
          far.answer(page('a_x 1\n'));
          await other.scrape();
          const [, told] = other.runtime.emitted;
          expect(told?.origin).toEqual({ source: 'mesh' });
          expect(lines(told)[0]?.[0]).toMatchObject({ service: 'mesh', measurement: 'istio_prom', a_x: 1 });
        },
      );
    }));

  test('loses a page as lines when the queue is full, and says so', () =>
    withTarget({ as_logging: { enable: true } }, async ({ scrape, runtime }) => {
      await scrape(page('a 1\n'));
      runtime.overload();
      await scrape();
      expect(runtime.log.at('error').map((entry) => entry.message)).toEqual([
        'Scrapes are lost because the queue is full.',
      ]);
      runtime.recover();
      await scrape();
      expect(runtime.emitted.map(({ signal }) => signal)).toEqual(['metrics', 'logs', 'metrics', 'logs']);
    }));

  test('keeps info metrics as series, and their labels to themselves', () =>
    withTarget({}, async ({ scrape }) => {
      const body = '# TYPE build_info info\nbuild_info{version="1"} 1\n# TYPE b gauge\nb 2\n';
      expect(core(await scrape(page(body)))).toEqual(['build_info{version="1"} 1', 'b 2', 'up 1']);
    }));

  test('keeps NaN and infinities, and counts and sums, with the times of the page unless those are not wanted', () =>
    withTarget({}, async ({ scrape, far }) => {
      const body = 'a NaN 5\nb +Inf\n# TYPE h histogram\nh_sum 3 7\nh_count 1 7\n';
      const times = (emission: Emission | undefined) =>
        [...(frameOf(emission as Emission).timestampsMs ?? [])].slice(0, 4);
      const emission = await scrape(page(body));
      expect(core(emission)).toEqual(['a NaN', 'b Infinity', 'h_sum 3', 'h_count 1', 'up 1']);
      expect(times(emission)).toEqual([5, Number.NaN, 7, 7]);
      await withTarget({ url: `${far.url}/metrics`, honor_timestamps: false }, async (other) => {
        expect(times(await other.scrape())).toEqual([]);
      });
    }));

  test('reads what users of DataKit have written', () => {
    const config = prom.config.parse({
      url: 'http://istiod.istio-system.svc.cluster.local:15014/metrics',
      source: 'prom-istiod',
      metric_types: ['counter', 'gauge', 'histogram'],
      interval: '10s',
      measurement_name: 'istio_prom',
      tags: { app_id: 'istiod' },
    });
    expect(config).toMatchObject({ interval: 10_000, timeout: 30_000, honor_timestamps: true, urls: [] });
  });

  test.each([
    [{}, 'urls', 'is missing'],
    [{ url: 'ftp://x/metrics' }, 'url', 'is not an address'],
    [{ url: 'http://x', auth: { type: 'digest' } }, 'auth.type', 'is no kind of authorization'],
    [{ url: 'http://x', http_headers: { 'X-A': 'a\r\nb: c' } }, 'http_headers.X-A', 'has a line break'],
    [{ url: 'http://x', interval: '10' }, 'interval', 'is not a duration'],
  ])('says what is wrong with %j', (config, path, message) => {
    const { error } = prom.config.safeParse(config);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
    expect(error?.issues[0]?.message).toContain(message);
  });
});
