import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type Prometheus, type Row, startPrometheus } from '../components/prometheus.ts';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const bookinfo = readFileSync(join(samples, 'istio/bookinfo-15020.txt'), 'utf8');

/** Sorted lines that two results can be compared by. The job tells them apart, so it is left out. */
function lines(rows: readonly Row[]): string[] {
  return rows
    .map(({ metric, value }) => {
      const labels = Object.entries(metric).filter(([name]) => name !== 'job');
      return `${JSON.stringify(labels.sort(([a], [b]) => (a < b ? -1 : 1)))} ${Number(value)}`;
    })
    .sort();
}

/** The same lines, read from the page with nothing but string functions. */
function linesOf(page: string, instance: string): string[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const at = line.lastIndexOf(' ');
      const [name = '', inner = ''] = line.slice(0, at).replace(/\}$/, '').split('{');
      const labels = [...inner.matchAll(/([a-zA-Z_]+)="([^"]*)"/g)].map((match) => [match[1], match[2]] as const);
      const all = [...labels, ['__name__', name] as const, ['instance', instance] as const];
      const kept = all.filter(([, value]) => value !== '').sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
      return `${JSON.stringify(kept)} ${Number(line.slice(at + 1))}`;
    })
    .sort();
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

interface Rig {
  readonly prometheus: Prometheus;
  readonly target: FakeFarSide;
  readonly daemon: Daemon;
}

const reports = 'up|scrape_.*';
const ours = (names: string): string => `{job="bridge",__name__${names}}`;

/** A target, a Prometheus that scrapes it as job `direct`, and a daemon that scrapes it as job `bridge` and writes there. */
async function rig(program: string): Promise<Rig> {
  const dir = await tempDir();
  cleanups.push(() => dir.remove());
  const target = await fakeFarSide();
  cleanups.push(() => target.close());
  target.answer({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: bookinfo });
  const prometheus = await startPrometheus({
    program,
    dir: join(dir.path, 'prometheus'),
    config: `
      scrape_configs:
        - job_name: direct
          scrape_interval: 1s
          scrape_timeout: 1s
          honor_labels: true
          metrics_path: /stats/prometheus
          static_configs: [{ targets: ["127.0.0.1:${target.port}"] }]`,
  });
  cleanups.push(() => prometheus.stop());
  const daemon = await startDaemon({
    dir: join(dir.path, 'bridge'),
    config: {
      'prom.conf': `
        [[inputs.prom]]
          url = "${target.url}/stats/prometheus"
          source = "bridge"
          interval = "1s"
        [[outputs.remote_write]]
          url = "${prometheus.writeUrl}"
          batch_wait = "50ms"
        [store]
          enabled = false`,
    },
  });
  cleanups.push(() => daemon.end());
  return { prometheus, target, daemon };
}

/** Waits for a scrape after which `up` is as wanted, and gives the time of its samples in seconds. */
function scraped({ prometheus, daemon }: Rig, up: '0' | '1'): Promise<number> {
  return until(
    async () => {
      const [row] = await prometheus.query(`timestamp(${ours('="up"')} == ${up})`);
      return row === undefined ? undefined : Number(row.value);
    },
    { withinMs: 60_000, what: `up == ${up} in Prometheus; the daemon said:\n${daemon.output()}` },
  );
}

describeWith('prometheus', (program) => {
  test('every sample of a sidecar arrives as it is, and as Prometheus itself would have it', async () => {
    const all = await rig(program);
    const { prometheus, target } = all;
    const atSeconds = await scraped(all, '1');
    const arrived = await prometheus.query(ours(`!~"${reports}"`), atSeconds);
    expect(arrived).toHaveLength(821);
    expect(lines(arrived)).toEqual(linesOf(bookinfo, `127.0.0.1:${target.port}`));

    const direct = await until(
      async () => {
        const rows = await prometheus.query(`{job="direct",__name__!~"${reports}"}`);
        return rows.length > 0 ? rows : undefined;
      },
      { what: 'a scrape of its own' },
    );
    expect(lines(arrived)).toEqual(lines(direct));
    const steady = '=~"up|scrape_samples_.*"';
    expect(lines(await prometheus.query(ours(steady), atSeconds))).toEqual(
      lines(await prometheus.query(`{job="direct",__name__${steady}}`)),
    );
  }, 240_000);

  test('series end with the very scrape that fails, and those that vanish with the page without them', async () => {
    const all = await rig(program);
    const { prometheus, target } = all;
    const count = async (names: string, atSeconds: number): Promise<string | undefined> =>
      (await prometheus.query(`count(${ours(names)})`, atSeconds))[0]?.value;
    await scraped(all, '1');

    target.answer({ status: 200, body: bookinfo.replaceAll(/^istio_requests_total.*\n/gm, '') });
    const withoutSeconds = await until(
      async () => {
        const [row] = await prometheus.query(`timestamp(${ours('="scrape_samples_scraped"')} == ${821 - 6})`);
        return row === undefined ? undefined : Number(row.value);
      },
      { withinMs: 60_000, what: 'a scrape of the shorter page' },
    );
    expect(await count('="istio_requests_total"', withoutSeconds)).toBeUndefined();
    expect(await count(`!~"${reports}"`, withoutSeconds)).toBe('815');

    target.answer({ status: 503 });
    const downSeconds = await scraped(all, '0');
    expect(await count(`!~"${reports}"`, downSeconds - 1)).toBe('815');
    expect(await count(`!~"${reports}"`, downSeconds)).toBeUndefined();

    target.answer({ status: 200, body: bookinfo });
    const againSeconds = await scraped(all, '1');
    expect(await count(`!~"${reports}"`, againSeconds)).toBe('821');
  }, 240_000);

  test('a daemon that ends says nothing about its targets', async () => {
    const all = await rig(program);
    const { prometheus, daemon } = all;
    await scraped(all, '1');
    expect(await daemon.end()).toBe(0);
    const nowSeconds = Date.now() / 1000;
    expect(await prometheus.query(ours(`!~"${reports}"`), nowSeconds)).toHaveLength(821);
    expect(await prometheus.query(ours('="up"'), nowSeconds)).toMatchObject([{ value: '1' }]);
  }, 240_000);
});
