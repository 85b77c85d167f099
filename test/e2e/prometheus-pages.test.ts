import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
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

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

const all = [...pages, ...lenient];

type Outcome = readonly string[] | 'refused';

function ours(page: string): Outcome {
  const parser = new PageParser({
    place: ({ name, labels, type }) => ({ name, labels, type, measurement: 'm', field: name }),
    dialect: 'text',
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

function line(labels: Readonly<Record<string, string>>, value: unknown): string {
  const kept = Object.entries(labels).filter(([, text]) => text !== '');
  const number = Number(String(value).replace(/Inf(inity)?/, 'Infinity'));
  return `${JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)))} ${number}`;
}

describeWith('prometheus', (program) => {
  test('pages are read and refused as Prometheus does, each for itself', async () => {
    const dir = await tempDir();
    cleanups.push(() => dir.remove());
    const far = await fakeFarSide();
    cleanups.push(() => far.close());
    far.answer((request) => ({
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4' },
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
            scrape_interval: 1s
            scrape_timeout: 1s
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
    const theirs = all.map((_, i): Outcome => {
      const own = rows.filter(({ metric }) => metric['page'] === String(i));
      const bare = own.map(({ metric: { page, job, instance, ...labels }, value }) => line(labels, value));
      return up.get(String(i)) === '1' ? bare.sort() : 'refused';
    });
    expect(pages.map((page) => [page, ours(page)])).toEqual(pages.map((page, i) => [page, theirs[i]]));
    expect(theirs.slice(pages.length)).toEqual(lenient.map(() => 'refused'));
    expect(lenient.map(ours)).not.toContain('refused');
  }, 240_000);
});
