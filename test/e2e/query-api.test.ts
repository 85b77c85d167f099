import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type Prometheus, startPrometheus } from '../components/prometheus.ts';
import { closedAfterEach } from '../fakes/closing.ts';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const atTheEnd = closedAfterEach();

async function newDir(): Promise<string> {
  const dir = await tempDir();
  atTheEnd(() => dir.remove());
  return dir.path;
}

async function daemonWith(dir: string, toml: string): Promise<Daemon> {
  const daemon = await startDaemon({ dir: join(dir, 'bridge'), config: { 'test.conf': toml } });
  atTheEnd(() => daemon.end());
  return daemon;
}

interface Reply {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

type Parameters = readonly (readonly [string, string])[];

async function ask(url: string, path: string, parameters: Parameters = [], init: RequestInit = {}): Promise<Reply> {
  const query = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value]));
  const answer = await fetch(`${url}${path}?${query}`, init);
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
}

describe('logs', () => {
  const start = '2026-01-01T10:00:00Z';
  const end = '2026-01-01T11:00:00Z';
  const range: Parameters = [
    ['start', start],
    ['end', end],
  ];
  const words = ['GET /productpage 200', 'level=warn slow answer', '{"level":"error","msg":"no ratings"}'];

  /** Three pods that wrote thirty lines each, one every ten seconds, in turn. */
  function writtenLines(root: string): string[] {
    const pods = ['reviews-1', 'ratings-1', 'details-1'];
    const lines = pods.map(() => [] as string[]);
    const all: string[] = [];
    for (let index = 0; index < 90; index += 1) {
      const time = new Date(Date.parse(start) + index * 10_000).toISOString().replace('Z', '000000Z');
      const message = `${words[index % 7 === 0 ? 2 : index % 2]} #${index}`;
      lines[index % 3]?.push(`${time} ${index % 5 === 0 ? 'stderr' : 'stdout'} F ${message}\n`);
      all.push(message);
    }
    for (const [index, pod] of pods.entries()) {
      const directory = join(root, `prod_${pod}_uid-${pod}`, 'app');
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, '0.log'), (lines[index] ?? []).join(''));
    }
    return all;
  }

  interface Line {
    readonly id: string;
    readonly time: string;
    readonly timeMs: number;
    readonly message: string;
    readonly level: string;
    readonly stream: string;
    readonly labels: Readonly<Record<string, string>>;
  }
  interface Lines {
    readonly lines: readonly Line[];
    readonly next?: string;
  }

  async function lines(daemon: Daemon, path: string, parameters: Parameters): Promise<Lines> {
    const { status, text } = await ask(daemon.url, `/api/native/logs/${path}`, parameters);
    expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' });
    return JSON.parse(text) as Lines;
  }

  async function counted(daemon: Daemon, parameters: Parameters): Promise<number> {
    const { text } = await ask(daemon.url, '/api/native/logs/counts', [...range, ...parameters]);
    return (JSON.parse(text) as { total: number }).total;
  }

  test('are searched page by page, filtered, counted and followed', async () => {
    const dir = await newDir();
    const root = join(dir, 'pods');
    const written = writtenLines(root);
    const daemon = await daemonWith(dir, `[[inputs.container]]\n  root = "${root}"\n`);
    await until(async () => (await counted(daemon, [])) === 90, {
      what: 'ninety lines in the store',
    });

    const pages: Line[] = [];
    let before: string | undefined;
    do {
      const page = await lines(daemon, 'search', [
        ...range,
        ['limit', '40'],
        ...(before === undefined ? [] : ([['before', before]] as const)),
      ]);
      pages.push(...page.lines);
      before = page.next;
    } while (before !== undefined && pages.length < 200);
    expect(pages.map(({ message }) => message)).toEqual(written.toReversed());
    expect(new Set(pages.map(({ id }) => id)).size).toBe(90);
    expect(pages.at(-1)).toMatchObject({
      time: '2026-01-01T10:00:00.000000000Z',
      timeMs: Date.parse(start),
      level: 'error',
      stream: 'stderr',
      labels: { namespace: 'prod', pod: 'reviews-1', container: 'app' },
    });

    const filters: [Parameters, (line: Line) => boolean][] = [
      [[['match', 'pod=ratings-1']], ({ labels }) => labels['pod'] === 'ratings-1'],
      [
        [
          ['match', 'pod=~r.*'],
          ['match', 'stream!=stderr'],
        ],
        (line) => /^r/.test(line.labels['pod'] ?? '') && line.stream === 'stdout',
      ],
      [[['match', 'pod!~r.*']], ({ labels }) => labels['pod'] === 'details-1'],
      [[['text', 'NO RATINGS']], ({ message }) => message.includes('no ratings')],
      [
        [
          ['text', 'get'],
          ['text', '#4'],
        ],
        ({ message }) => message.startsWith('GET') && message.includes('#4'),
      ],
      [
        [
          ['level', 'error'],
          ['level', 'warn'],
        ],
        ({ level }) => level === 'error' || level === 'warn',
      ],
    ];
    for (const [filter, holds] of filters) {
      const wanted = pages.filter(holds);
      const found = await lines(daemon, 'search', [...range, ...filter]);
      expect([filter, found.lines]).toEqual([filter, wanted]);
      expect(wanted.length).toBeGreaterThan(0);
      expect([filter, await counted(daemon, filter)]).toEqual([filter, wanted.length]);
    }

    const labels = await ask(daemon.url, '/api/native/logs/labels', range);
    expect(JSON.parse(labels.text)).toEqual(expect.arrayContaining(['container', 'namespace', 'pod', 'stream']));
    const pods = await ask(daemon.url, '/api/native/logs/label/pod/values', range);
    expect(JSON.parse(pods.text)).toEqual(['details-1', 'ratings-1', 'reviews-1']);

    const { lines: none, next = '' } = await lines(daemon, 'tail', [['match', 'pod=ratings-1']]);
    expect(none).toEqual([]);
    const file = join(root, 'prod_ratings-1_uid-ratings-1', 'app', '0.log');
    appendFileSync(file, `${new Date().toISOString()} stdout F brand new\n`);
    const arrived = await until(
      async () => {
        const tail = await lines(daemon, 'tail', [
          ['match', 'pod=ratings-1'],
          ['after', next],
        ]);
        return tail.lines.length > 0 ? tail : undefined;
      },
      { withinMs: 60_000, what: 'the new line' },
    );
    expect(arrived.lines.map(({ message }) => message)).toEqual(['brand new']);
    const after = await lines(daemon, 'tail', [
      ['match', 'pod=ratings-1'],
      ['after', arrived.next ?? ''],
    ]);
    expect(after.lines).toEqual([]);
  }, 180_000);
});

test('neither API answers to strangers, and both say what opens it', async () => {
  const daemon = await daemonWith(await newDir(), '');
  for (const path of ['/api/v1/query', '/api/native/logs/search', '/api/native/metrics/catalogue']) {
    const { status, text } = await ask(daemon.url, path, [['query', '1']], {
      headers: { 'x-forwarded-for': '10.0.0.1' },
    });
    expect([path, status]).toEqual([path, 401]);
    expect(text).toContain('token');
  }
}, 180_000);

const app = ['productpage', 'reviews', 'ratings'];

/** Counters that grow with every scrape, and one that begins anew. */
function pageOf(scrape: number): string {
  const lines = ['# HELP requests_total Requests so far.', '# TYPE requests_total counter'];
  for (const [index, name] of app.entries()) {
    lines.push(`requests_total{app="${name}",code="200"} ${1000 + scrape * (index + 1)}`);
    lines.push(`requests_total{app="${name}",code="503"} ${(scrape % 7) * (index + 1)}`);
  }
  lines.push('# HELP took_seconds Time taken.', '# TYPE took_seconds histogram');
  for (const [index, le] of ['0.1', '1', '+Inf'].entries()) {
    lines.push(`took_seconds_bucket{le="${le}"} ${scrape * (index + 2)}`);
  }
  lines.push(`took_seconds_sum ${scrape * 0.37}`, `took_seconds_count ${scrape * 4}`, '# TYPE heap_bytes gauge');
  lines.push(`heap_bytes{app="reviews"} ${1e6 + 1e5 * Math.sin(scrape)}`);
  return `${lines.join('\n')}\n`;
}

interface Rig {
  readonly daemon: Daemon;
  readonly prometheus: Prometheus;
  readonly target: FakeFarSide;
}

/** A daemon that scrapes a target, keeps what it gets and writes it to a Prometheus: both have the same samples. */
async function rig(program: string): Promise<Rig> {
  const dir = await newDir();
  const target = await fakeFarSide();
  atTheEnd(() => target.close());
  let scrape = 0;
  target.answer(() => {
    scrape += 1;
    return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: pageOf(scrape) };
  });
  const config = 'global: {}\n';
  const prometheus = await startPrometheus({ program, dir: join(dir, 'prometheus'), config });
  atTheEnd(() => prometheus.stop());
  const daemon = await daemonWith(
    dir,
    `[[inputs.prom]]
       url = "${target.url}/metrics"
       source = "bridge"
       interval = "1s"
     [[outputs.remote_write]]
       url = "${prometheus.writeUrl}"
       batch_wait = "50ms"`,
  );
  return { daemon, prometheus, target };
}

const asked = [
  'requests_total',
  'requests_total{app=~"r.*",code!="503"}',
  'rate(requests_total[5s])',
  'increase(requests_total{code="503"}[8s])',
  'sum by (app) (rate(requests_total[5s]))',
  'sum by (app) (rate(requests_total{code="503"}[5s])) / sum by (app) (rate(requests_total[5s]))',
  'histogram_quantile(0.9, sum by (le) (rate(took_seconds_bucket[5s])))',
  'rate(took_seconds_sum[5s]) / rate(took_seconds_count[5s])',
  'heap_bytes * on (app) group_right requests_total',
  'max_over_time(heap_bytes[5s]) - min_over_time(heap_bytes[5s])',
  'topk(2, requests_total)',
  'count by (__name__) ({job="bridge"})',
  'round(sum(irate(requests_total[5s])), 0.01) or vector(0)',
  'label_join(requests_total, "id", "-", "app", "code")',
  'time() - timestamp(up)',
  '1 + 2',
  'absent(nothing{app="x"})',
];

/** Series in one order, numbers cut to what no order of adding changes. */
function comparable({ text }: Reply): unknown {
  const { data, ...rest } = JSON.parse(text) as { data?: unknown };
  if (typeof data !== 'object' || data === null || !('result' in data) || !Array.isArray(data.result)) {
    return { data, ...rest };
  }
  const cut = (value: unknown): unknown =>
    typeof value === 'string' && value !== '' && Number.isFinite(Number(value))
      ? Number(Number(value).toPrecision(9))
      : value;
  const result = data.result.map(
    (row: unknown) => JSON.parse(JSON.stringify(row), (_, value) => cut(value)) as unknown,
  );
  const series = result.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...rest, type: 'resultType' in data ? data.resultType : undefined, result: series };
}

describeWith('prometheus', (program) => {
  test('Prometheus’ API answers as a Prometheus with the same samples does', async () => {
    const { daemon, prometheus } = await rig(program);
    const lastSeconds = await until(
      async () => {
        const [row] = await prometheus.query('timestamp(up{job="bridge"}) and count_over_time(up[1h]) >= 23');
        return row === undefined ? undefined : Number(row.value);
      },
      { what: `23 scrapes in Prometheus; the daemon said:\n${daemon.output()}` },
    );
    await until(
      async () => {
        const { text } = await ask(daemon.url, '/api/v1/query', [['query', `timestamp(up) >= ${lastSeconds}`]]);
        return text.includes('"up"') || text.includes('"value"');
      },
      { withinMs: 60_000, what: 'the same scrape in the store' },
    );
    // Half a second from every scrape, so that none lies on the bound of a window, and late enough for every window to be
    // full: releases of Prometheus differ at the bounds, and where a series begins.
    const times: Parameters = [
      ['start', String(lastSeconds - 12.5)],
      ['end', String(lastSeconds - 0.5)],
      ['step', '1'],
    ];
    const both = async (path: string, parameters: Parameters, init: RequestInit = {}) => {
      const ours = await ask(daemon.url, path, parameters, init);
      const theirs = await ask(prometheus.url, path, parameters, init);
      expect([path, parameters, ours.status, ours.type]).toEqual([path, parameters, theirs.status, theirs.type]);
      expect([path, parameters, comparable(ours)]).toEqual([path, parameters, comparable(theirs)]);
      return ours;
    };
    for (const query of asked) {
      const found = await both('/api/v1/query', [
        ['query', query],
        ['time', String(lastSeconds - 0.5)],
      ]);
      expect([query, found.text.includes('"result":[]')]).toEqual([query, false]);
      await both('/api/v1/query_range', [['query', query], ...times]);
    }
    const form = {
      method: 'POST',
      body: new URLSearchParams({ query: 'sum(requests_total)', time: String(lastSeconds) }),
    };
    await both('/api/v1/query', [], form);
    await both('/api/v1/query', [
      ['query', 'heap_bytes[6s]'],
      ['time', String(lastSeconds - 0.5)],
    ]);

    await both('/api/v1/labels', []);
    await both('/api/v1/labels', [
      ['match[]', 'up'],
      ['match[]', 'heap_bytes'],
    ]);
    await both('/api/v1/label/__name__/values', []);
    await both('/api/v1/label/app/values', [['match[]', 'requests_total{code="503"}']]);
    await both('/api/v1/series', [
      ['match[]', 'requests_total'],
      ['match[]', '{le="1"}'],
    ]);
    await both('/api/v1/label/app/values', [
      ['start', '0'],
      ['end', '1'],
    ]);

    for (const query of ['sum(', 'foo(up)', 'rate(up)', 'up{', '1 == 1', 'requests_total + on (app) requests_total']) {
      const parameters: Parameters = [
        ['query', query],
        ['time', String(lastSeconds)],
      ];
      const ours = await ask(daemon.url, '/api/v1/query', parameters);
      const theirs = await ask(prometheus.url, '/api/v1/query', parameters);
      const kind = ({ status, text }: Reply) => [query, status, (JSON.parse(text) as { errorType: string }).errorType];
      expect(kind(ours)).toEqual(kind(theirs));
    }
    for (const wrong of [
      [
        ['query', 'up'],
        ['time', 'soon'],
      ],
      [
        ['query', 'up'],
        ['timeout', 'soon'],
      ],
    ] as const) {
      await both('/api/v1/query', wrong);
    }
    for (const wrong of [
      [['query', 'up']],
      [
        ['query', 'up'],
        ['start', '2'],
        ['end', '1'],
        ['step', '1'],
      ],
      [
        ['query', 'up'],
        ['start', '1'],
        ['end', '2'],
        ['step', '0'],
      ],
      [
        ['query', 'up'],
        ['start', '1'],
        ['end', '20000'],
        ['step', '1'],
      ],
    ] as const) {
      await both('/api/v1/query_range', wrong);
    }
    await both('/api/v1/series', []);

    const metadata = await ask(daemon.url, '/api/v1/metadata', [['metric', 'requests_total']]);
    expect(JSON.parse(metadata.text)).toEqual({
      status: 'success',
      data: { requests_total: [{ type: 'counter', help: 'Requests so far.', unit: '' }] },
    });
    const catalogue = await ask(daemon.url, '/api/native/metrics/catalogue');
    expect(JSON.parse(catalogue.text)).toContainEqual({
      name: 'requests_total',
      measurement: 'requests',
      field: 'total',
      type: 'counter',
      help: 'Requests so far.',
      series: 6,
    });
  }, 120_000);
});
