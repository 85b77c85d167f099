import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { checkOpenMetrics } from '../../src/codec/openmetrics/openmetrics.ts';
import { PageParser } from '../../src/codec/prometheus-text/prometheus-text.ts';
import { describeWith } from '../components/needs.ts';
import { startPrometheus } from '../components/prometheus.ts';
import { fakeFarSide } from '../fakes/far-side.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';

const pages: readonly string[] = [
  'a 1',
  'a 1\n',
  '\n\na 1\n',
  'a 1\n\n\nb 1\n\n',
  'a 1\n\t\n',
  'a{} 1\n',
  'a { b = "c" , d="e" , } 1\n',
  'a{b="c"}1\n',
  'a\t1\n',
  'a 1 \n',
  'a 1\t\t\n',
  'a-1\n',
  'a+Inf\n',
  ':a:b9 1\n',
  '9a 1\n',
  'a.b 1\n',
  'é 1\n',
  'a{b="é度😀"} 1\n',
  'a{é="b"} 1\n',
  'a{b="c\\\\d\\"e\\nf\\g"} 1\n',
  'a{b="c\nd"} 1\n',
  'a{b="} 2 # {"} 1\n',
  'a{b=""} 1\n',
  'a{b="c",b="d"} 1\n',
  'a{__name__="b"} 1\n',
  'a{b="c" d="e"} 1\n',
  'a{b="c",,d="e"} 1\n',
  'a{,} 1\n',
  'a{b:c="d"} 1\n',
  'a{b} 1\n',
  'a{b=c} 1\n',
  'a{b="c} 1\n',
  'a{b="c" 1\n',
  '{b="c"} 1\n',
  '{} 1\n',
  'a\n',
  'a \n',
  'a {}\n',
  'a 1 2 3\n',
  'a 1 1.5\n',
  'a 1 x\n',
  'a 1 # comment\n',
  'a 1\r\n',
  'a 0x1p-2\n',
  'a 0x10\n',
  'a 1_000\n',
  'a 0b1\n',
  'a 1e5\n',
  'a 1E+05\n',
  'a 1e\n',
  'a .5\n',
  'a 5.\n',
  'a .\n',
  'a 1e400\n',
  'a 1e-400\n',
  'a NaN\n',
  'a nan\n',
  'a +nan\n',
  'a inf\n',
  'a -Infinity\n',
  'a infinit\n',
  'a 123456789012345678901234567890\n',
  'a 0.1234567890123456789\n',
  'a 4.9e-324\n',
  'a true\n',
  'a 1\nb{c="d"} 2\na 1\n',
  '# comment\na 1\n#\n#x\n# EOF\n',
  '# TYPE a counter\na 1\n# TYPE a gauge\n# HELP a x\n# HELP a y\n',
  '# TYPE a counter\na 1\n# TYPE b gauge\nb 1\na{c="d"} 2\n',
  '# TYPE a untyped\na 1\n',
  '# TYPE a guage\na 1\n',
  '# TYPE a\na 1\n',
  '# TYPE 9 gauge\na 1\n',
  '# TYPE\na 1\n',
  '# TYPES x\n#TYPE x y\n# HELP\n# HELPER x\na 1\n',
  '# HELP a\na 1\n',
  '# HELP 9 x\na 1\n',
  '# UNIT a seconds\na 1\n',
  '#\tTYPE\ta\tgauge\na 1\n',
  ' # TYPE a gauge\na 1\n',
  '<html></html>\n',
  '{"json": true}\n',
  '',
  '\n',
];

/** Pages that Prometheus refuses and we read, since nothing on them is in doubt. */
const lenient: readonly string[] = [
  '  a 1\n',
  'a 1\n\tb 1\n',
  '{"a"} 1\n',
  '{"a.b","c.d"="e"} 1\n',
  'a 1 # {b="c"} 1\n',
  '# TYPE a info\na 1\n',
];

/** Pages in OpenMetrics that Prometheus reads too. */
const openMetrics: readonly string[] = [
  '# EOF\n',
  '# EOF',
  'a 1\n# EOF\n',
  'a{} 1\n# EOF\n',
  'a{b="c",d="e"} 1\n# EOF\n',
  'a{b="",c="d"} 1\n# EOF\n',
  'a{b="\\\\c\\"d\\ne\\z"} 1\n# EOF\n',
  'a{b="} 1 # {"} 1\n# EOF\n',
  'a 1 1.5\n# EOF\n',
  'a 1 -1.5\n# EOF\n',
  'a 1 1e3\n# EOF\n',
  'a NaN\nb +Inf\nc -Inf\nd 1e-3\n# EOF\n',
  'a nan\nb inf\nc -infinity\nd 1.\ne .5\n# EOF\n',
  '# TYPE a counter\n# HELP a x\n# UNIT a \na_total 1\n# EOF\n',
  '# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\na_seconds_created 2\n# EOF\n',
  '# TYPE a counter\na_total 1 # {trace_id="b"} 0.5\n# EOF\n',
  '# TYPE a counter\na_total 1 5 # {} 0.5 6.5\n# EOF\n',
  '# TYPE a histogram\na_bucket{le="1"} 1 # {b="c"} 0.5\na_bucket{le="+Inf"} 2\na_count 2\na_sum 3\n# EOF\n',
  '# TYPE a gaugehistogram\na_bucket{le="+Inf"} 2\na_gcount 2\na_gsum 3\n# EOF\n',
  '# TYPE a summary\na{quantile="0.5"} 1\na_sum 1\na_count 1\n# EOF\n',
  '# TYPE a info\na_info{b="c"} 1\n# EOF\n',
  '# TYPE a stateset\na{a="b"} 1\na{a="c"} 0\n# EOF\n',
  '# TYPE a unknown\na 1\n# EOF\n',
  '# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{c="d"} 1\n# EOF\n',
  '# TYPE a histogram\na_bucket{le="2"} 2\na_bucket{le="1"} 1\n# EOF\n',
  '# TYPE a counter\na 1\n# EOF\n',
];

/** Those that it refuses and we read, since nothing on them is in doubt: the strict mode refuses them too. */
const lenientOpenMetrics: readonly string[] = [
  '',
  'a 1\n',
  'a 1\n\n# EOF\n',
  'a 1\n# EOF\nb 1\n',
  'a  1\n# EOF\n',
  'a 1 \n# EOF\n',
  'a{b="c",} 1\n# EOF\n',
  'a{b="c" ,d="e"} 1\n# EOF\n',
  'a { b = "c" } 1\n# EOF\n',
  '# comment\na 1\n# EOF\n',
  '#TYPE a gauge\na 1\n# EOF\n',
  '# TYPE a untyped\na 1\n# EOF\n',
  '# UNIT a seconds\na 1\n# EOF\n',
  '# TYPE a gauge\na 1 # {b="c"} 1\n# EOF\n',
  '{"a.b","c.d"="e"} 1\n# EOF\n',
];

/** Neither reads them. */
const brokenOpenMetrics: readonly string[] = [
  '9a 1\n# EOF\n',
  'a{b="c",b="d"} 1\n# EOF\n',
  'a{b=c} 1\n# EOF\n',
  'a{b="c} 1\n# EOF\n',
  'a\n# EOF\n',
  'a x\n# EOF\n',
  'a 0x1\n# EOF\n',
  'a 1_0\n# EOF\n',
  'a 1 x\n# EOF\n',
  'a 1 2 3\n# EOF\n',
  'a 1 # b\n# EOF\n',
  'a_total 1 # {b="c"}\n# EOF\n',
  '# TYPE a guage\na 1\n# EOF\n',
  '# TYPE a\na 1\n# EOF\n',
  '<html></html>\n',
];

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

type Outcome = readonly string[] | 'refused';

function ours(page: string, dialect: 'text' | 'openmetrics' = 'text'): Outcome {
  const parser = new PageParser({
    place: ({ name, labels, type }) => ({ name, labels, type, measurement: 'm', field: name }),
    dialect,
    timestamps: 'honor',
  });
  try {
    const { series, values } = parser.parse(Buffer.from(page));
    return series
      .map(({ name, labels }, i) => line({ __name__: name, ...Object.fromEntries(labels) }, values[i]))
      .sort();
  } catch {
    return 'refused';
  }
}

function isStrict(page: string): boolean {
  try {
    checkOpenMetrics(Buffer.from(page));
    return true;
  } catch {
    return false;
  }
}

function line(labels: Readonly<Record<string, string>>, value: unknown): string {
  const kept = Object.entries(labels).filter(([, text]) => text !== '');
  const number = Number(String(value).replace(/inf(inity)?/i, 'Infinity'));
  return `${JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)))} ${number}`;
}

/** What a Prometheus makes of each of the pages. */
async function scrapedBy(program: string, all: readonly string[], type: string): Promise<readonly Outcome[]> {
  const dir = await tempDir();
  cleanups.push(() => dir.remove());
  const far = await fakeFarSide();
  cleanups.push(() => far.close());
  far.answer((request) => ({
    status: 200,
    headers: { 'content-type': type },
    body: all[Number(request.path.slice(1))] ?? '',
  }));
  const target = (i: number): string => `
            - { targets: ["127.0.0.1:${far.port}"], labels: { __metrics_path__: "/${i}", page: "${i}" } }`;
  const prometheus = await startPrometheus({
    program,
    dir: join(dir.path, 'prometheus'),
    config: `
        scrape_configs:
          - job_name: pages
            scrape_interval: 5s
            scrape_timeout: 5s
            honor_timestamps: false
            static_configs:${all.map((_, i) => target(i)).join('')}`,
  });
  cleanups.push(() => prometheus.stop());

  const up = await until(
    async () => {
      const rows = await prometheus.query('up');
      return rows.length === all.length ? new Map(rows.map((row) => [row.metric['page'], row.value])) : undefined;
    },
    { withinMs: 60_000, what: 'a scrape of each page' },
  );
  const rows = await prometheus.query('{job="pages",__name__!~"up|scrape_.*"}');
  return all.map((_, i): Outcome => {
    const own = rows.filter(({ metric }) => metric['page'] === String(i));
    const bare = own.map(({ metric: { page, job, instance, ...labels }, value }) => line(labels, value));
    return up.get(String(i)) === '1' ? bare.sort() : 'refused';
  });
}

describeWith('prometheus', (program) => {
  test('pages are read and refused as Prometheus does, each for itself', async () => {
    const theirs = await scrapedBy(program, [...pages, ...lenient], 'text/plain; version=0.0.4');
    expect(pages.map((page) => [page, ours(page)])).toEqual(pages.map((page, i) => [page, theirs[i]]));
    expect(theirs.slice(pages.length)).toEqual(lenient.map(() => 'refused'));
    expect(lenient.map((page) => ours(page))).not.toContain('refused');
  }, 240_000);

  test('pages in OpenMetrics too; what passes the strict check it reads, and what it refuses does not pass', async () => {
    const known = [...openMetrics, ...lenientOpenMetrics, ...brokenOpenMetrics];
    const theirs = await scrapedBy(program, known, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    const read = (page: string): Outcome => ours(page, 'openmetrics');
    expect(openMetrics.map((page) => [page, read(page)])).toEqual(openMetrics.map((page, i) => [page, theirs[i]]));
    const refused = known.filter((_, i) => theirs[i] === 'refused');
    expect(refused).toEqual([...lenientOpenMetrics, ...brokenOpenMetrics]);
    expect(lenientOpenMetrics.filter((page) => read(page) === 'refused')).toEqual([]);
    expect(brokenOpenMetrics.filter((page) => read(page) !== 'refused')).toEqual([]);
    expect(known.filter(isStrict).length).toBeGreaterThan(20);
    expect(refused.filter(isStrict)).toEqual([]);
  }, 240_000);
});
