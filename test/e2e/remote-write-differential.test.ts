import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type Prometheus, startPrometheus } from '../components/prometheus.ts';
import { type RawSeries, readRaw } from '../components/raw-samples.ts';
import { startVictoriaMetrics, type VictoriaMetrics } from '../components/victoria-metrics.ts';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { type Histories, historiesOf } from './remote-write/histories.ts';
import { answerIn, type ChangingPage, changingPages, phaseCount, quotedNames } from './remote-write/pages.ts';

/** As long as a busy machine may need for a scrape: one that is given up would be another history. */
const interval = '5s';

const firstScrapeMs = Date.now();
const pages = changingPages(firstScrapeMs);
const forVictoria = pages.filter(({ beyondVictoria }) => beyondVictoria === undefined);

/** All that scrape, by what they call themselves. */
const scrapers = ['Prometheus', 'meshbridge', 'vm_promscrape'];

const cleanups: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** A target whose pages go through their phases together, as soon as everybody has seen them. */
async function changingTarget(): Promise<{ readonly target: FakeFarSide; throughAll(): Promise<void> }> {
  const target = await fakeFarSide();
  cleanups.push(() => target.close());
  const byPath = new Map(pages.map((page) => [`/${page.name}`, page]));
  let phase = 0;
  target.answer(({ path }) => {
    if (path === '/names') {
      return quotedNames;
    }
    const page = byPath.get(path);
    return page === undefined ? { status: 404 } : answerIn(page, phase);
  });
  const everybodySaw = (): boolean => {
    const seen = new Map<string, number>();
    for (const { path, headers } of target.requests) {
      const key = `${String(headers['user-agent']).split('/')[0]} ${path}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    // Where a kept connection breaks without an answer Go's client asks once more, in the same scrape.
    const times = (page: ChangingPage): number => (String(answerIn(page, phase)).startsWith('drop') ? 2 : 1);
    return scrapers.every((scraper) =>
      [...byPath].every(([path, page]) => (seen.get(`${scraper} ${path}`) ?? 0) >= times(page)),
    );
  };
  const throughAll = async (): Promise<void> => {
    for (phase = 0; phase < phaseCount(pages); phase++) {
      target.forget();
      await until(everybodySaw, { withinMs: 60_000, what: `all scrapes of phase ${phase}` });
    }
  };
  return { target, throughAll };
}

function scrapeConfig(job: string, port: number): string {
  const targets = pages.map(
    ({ name }) => `
            - { targets: ["127.0.0.1:${port}"], labels: { __metrics_path__: "/${name}", page: "${name}" } }`,
  );
  return `
      scrape_configs:
        - job_name: ${job}
          scrape_interval: ${interval}
          scrape_timeout: ${interval}
          honor_labels: true
          static_configs:${targets.join('')}`;
}

function daemonConfig(port: number, writeUrls: readonly string[]): string {
  const inputs = [...pages.map(({ name }) => name), 'names'].map(
    (name) => `
      [[inputs.prom]]
        url = "http://127.0.0.1:${port}/${name}"
        source = "bridge"
        interval = "${interval}"
        timeout = "${interval}"
        tags = { page = "${name}" }`,
  );
  const outputs = writeUrls.map(
    (url, i) => `
      [[outputs.remote_write]]
        name = "receiver-${i}"
        url = "${url}"
        batch_wait = "50ms"`,
  );
  return [...inputs, ...outputs, '[store]\nenabled = false'].join('\n');
}

interface Rig {
  readonly prometheus: Prometheus;
  readonly victoria: VictoriaMetrics;
  readonly daemon: Daemon;
}

/** Everything scraped the target through all its phases; the daemon wrote what it scraped to both receivers. */
async function scrapedByAll(prometheusProgram: string, victoriaProgram: string): Promise<Rig> {
  const dir = await tempDir();
  cleanups.push(() => dir.remove());
  const { target, throughAll } = await changingTarget();
  const prometheus = await startPrometheus({
    program: prometheusProgram,
    dir: join(dir.path, 'prometheus'),
    config: scrapeConfig('direct', target.port),
    args: ['--enable-feature=exemplar-storage'],
  });
  cleanups.push(() => prometheus.stop());
  const victoria = await startVictoriaMetrics({
    program: victoriaProgram,
    dir: join(dir.path, 'victoria'),
    config: scrapeConfig('direct', target.port),
  });
  cleanups.push(() => victoria.stop());
  const daemon = await startDaemon({
    dir: join(dir.path, 'bridge'),
    config: { 'prom.conf': daemonConfig(target.port, [prometheus.writeUrl, victoria.writeUrl]) },
  });
  cleanups.push(() => daemon.end());
  await throughAll();
  return { prometheus, victoria, daemon };
}

/** What both receivers hold of what everybody scraped. */
interface Stored {
  readonly prometheus: { readonly own: readonly RawSeries[]; readonly ours: readonly RawSeries[] };
  readonly victoria: { readonly own: readonly RawSeries[]; readonly ours: readonly RawSeries[] };
}

async function storedBy({ prometheus, victoria }: Rig): Promise<Stored> {
  const own = { prometheus: await readRaw(prometheus.url, 'direct'), victoria: await victoria.export('direct') };
  const ours = { prometheus: await readRaw(prometheus.url, 'bridge'), victoria: await victoria.export('bridge') };
  return {
    prometheus: { own: own.prometheus, ours: ours.prometheus },
    victoria: { own: own.victoria, ours: ours.victoria },
  };
}

type Comparison = (page: ChangingPage, stored: Stored) => readonly [ours: Histories, theirs: Histories];

const comparisons: Readonly<Record<string, { readonly of: readonly ChangingPage[]; readonly compared: Comparison }>> = {
  'Prometheus gets what it scraped itself': {
    of: pages,
    compared: (page, { prometheus: { own, ours } }) => {
      const added = page.rewritten === true ? 'left out' : 'compared';
      const options = { page, firstScrapeMs, precision: 'full', added } as const;
      return [historiesOf(ours, options), historiesOf(own, options)];
    },
  },
  'VictoriaMetrics gets what Prometheus scraped': {
    of: forVictoria,
    compared: (page, { prometheus: { own }, victoria: { ours } }) => {
      const added = page.rewritten === true ? 'left out' : 'compared';
      const options = { page, firstScrapeMs, precision: 'victoria', added } as const;
      return [historiesOf(ours, options), historiesOf(own, options)];
    },
  },
  'VictoriaMetrics gets what it scraped itself': {
    of: forVictoria.filter(({ victoriaDiffers }) => victoriaDiffers === undefined),
    compared: (page, { victoria: { own, ours } }) => {
      const options = { page, firstScrapeMs, precision: 'victoria', added: 'left out' } as const;
      return [historiesOf(ours, options), historiesOf(own, options)];
    },
  },
};

interface ExemplarRow {
  readonly seriesLabels: Readonly<Record<string, string>>;
  readonly exemplars: readonly { readonly labels: object; readonly value: string; readonly timestamp: number }[];
}

/** Those of one job, with their times where they have some of their own. */
async function exemplarsOf({ url }: Prometheus, job: string): Promise<readonly object[]> {
  const query = new URLSearchParams({
    query: `{job="${job}",page="openmetrics",__name__=~".+"}`,
    start: String(firstScrapeMs / 1000 - 60),
    end: String(Date.now() / 1000 + 60),
  });
  const answer = await fetch(`${url}/api/v1/query_exemplars?${query}`);
  const { data } = (await answer.json()) as { readonly data: readonly ExemplarRow[] };
  return data.flatMap(({ seriesLabels: { job: _, ...series }, exemplars }) =>
    exemplars.map(({ labels, value, timestamp }) => {
      const timeMs = Math.round(timestamp * 1000);
      return { series, labels, value: Number(value), ...(timeMs <= firstScrapeMs && { timeMs }) };
    }),
  );
}

/** What was scraped last may still be on its way: waits for it, and leaves it to the tests to say what never came. */
async function settled(rig: Rig): Promise<Stored> {
  let stored = await storedBy(rig);
  const isEqual = (): boolean =>
    Object.values(comparisons).every(({ of, compared }) =>
      of.every((page) => {
        const [ours, theirs] = compared(page, stored);
        return JSON.stringify(ours) === JSON.stringify(theirs);
      }),
    );
  const equal = async (): Promise<boolean> => {
    stored = await storedBy(rig);
    return isEqual();
  };
  await until(equal, { withinMs: 60_000 }).catch(() => undefined);
  return stored;
}

describeWith('prometheus', (prometheusProgram) => {
  describeWith('victoria-metrics', (victoriaProgram) => {
    let rig: Rig;
    let stored: Stored;
    beforeAll(async () => {
      rig = await scrapedByAll(prometheusProgram, victoriaProgram);
      stored = await settled(rig);
    }, 240_000);

    describe.each(Object.entries(comparisons))('%s', (_, { of, compared }) => {
      test.each(of.map((page) => [page.name, page] as const))('of the page %s', (_name, page) => {
        const [ours, theirs] = compared(page, stored);
        expect(Object.keys(theirs).length).toBeGreaterThan(3);
        expect(ours).toEqual(theirs);
      });
    });

    test('Prometheus gets the exemplars that it scraped itself', async () => {
      const own = await exemplarsOf(rig.prometheus, 'direct');
      expect(own).toHaveLength(2);
      expect(await exemplarsOf(rig.prometheus, 'bridge')).toEqual(own);
    });

    test.each(['prometheus', 'victoria'] as const)('names of any letters reach %s', (receiver) => {
      const series = stored[receiver].ours.filter(({ labels }) => labels['page'] === 'names');
      const own = series.filter(({ labels }) => !/^(up|scrape_.*)$/.test(labels['__name__'] ?? ''));
      const shown = own.map(({ labels: { instance, job, page, ...rest }, samples }) => [rest, samples[0]?.value]);
      expect(shown).toHaveLength(3);
      expect(shown).toEqual(
        expect.arrayContaining([
          [{ __name__: 'my.metric', 'label.x': 'v', é: 'ü' }, 7],
          [{ __name__: '度' }, 1],
          [{ __name__: 'plain' }, 3],
        ]),
      );
    });
  });
});
