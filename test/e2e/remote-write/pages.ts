import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../../fakes/far-side.ts';

/** A page that changes from phase to phase; behind the last one it stays as it is. */
export interface ChangingPage {
  readonly name: string;
  readonly phases: readonly Answer[];
  /** Where it writes the same series in other ways, which Prometheus counts as added. */
  readonly rewritten?: true;
  /** What VictoriaMetrics' own scraper makes of it that Prometheus does not. */
  readonly victoriaDiffers?: string;
  /** Why VictoriaMetrics cannot hold it. */
  readonly beyondVictoria?: string;
}

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const sidecar = readFileSync(join(samples, 'istio/bookinfo-15020.txt'), 'utf8');
const istiod = readFileSync(join(samples, 'istio/istiod-15014.txt'), 'utf8');
const envoy = readFileSync(join(samples, 'envoy/stats-prometheus.txt'), 'utf8');

function text(body: string, type = 'text/plain; version=0.0.4'): Answer {
  return { status: 200, headers: { 'content-type': type }, body };
}

function openMetrics(body: string): Answer {
  return text(`${body}# EOF\n`, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
}

/** Every number of the page a little larger. */
function grown(page: string, by: number): string {
  return page.replaceAll(/ (\d+)$/gm, (_, digits: string) => ` ${Number(digits) + by}`);
}

function histogram(scale: number, codes: readonly string[]): string {
  const lines = codes.flatMap((code) => [
    ...['0.5', '1', '2.5', '+Inf'].map((le, i) => `rt_bucket{code="${code}",le="${le}"} ${(i + 1) * scale}`),
    `rt_sum{code="${code}"} ${scale * 1.25}`,
    `rt_count{code="${code}"} ${4 * scale}`,
  ]);
  const summary = ['0.5', '0.99'].map((quantile) => `gc{quantile="${quantile}"} ${scale === 1 ? 'NaN' : scale / 7}`);
  return `# TYPE rt histogram\n${lines.join('\n')}\n# TYPE gc summary\n${summary.join('\n')}\ngc_sum ${scale}\ngc_count ${scale}\n`;
}

function pods(from: number, to: number, value: number): string {
  return Array.from({ length: to - from }, (_, i) => `churn{pod="p-${from + i}"} ${value}\n`).join('');
}

/** Samples with times of their own lie just before `nowMs`. */
export function changingPages(nowMs: number): readonly ChangingPage[] {
  const at = (seconds: number): number => nowMs + seconds * 1000;
  return [
    {
      name: 'sidecar',
      phases: [
        text(sidecar),
        text(sidecar.replaceAll(/^istio_requests_total.*\n/gm, '')),
        { status: 503 },
        text(grown(sidecar, 3)),
      ],
    },
    { name: 'istiod', phases: [text(istiod), 'drop', text(grown(istiod, 1)), text('')] },
    {
      name: 'envoy',
      phases: [text(envoy, 'text/plain; charset=UTF-8'), text(grown(envoy, 2)), 'drop half-way', text(envoy)],
    },
    {
      name: 'vanishing',
      phases: [
        text('a 1\nb{x="1"} 2\nb{x="2"} 3\n'),
        text('a 1\nb{x="2"} 3\n'),
        text('b{x="1"} 4\n'),
        text('a 5\nb{x="1"} 4\n'),
      ],
    },
    {
      name: 'numbers',
      phases: [
        text('nan NaN\npos +Inf\nneg -Inf\nzero -0\n'),
        text('nan 1\npos 2\nneg 3\nzero 0\n'),
        text('nan NaN\npos NaN\nneg inf\nzero -inf\n'),
      ],
    },
    {
      name: 'extremes',
      beyondVictoria: 'it scales the values of a series alike, and loses small ones beside large ones',
      phases: [
        text('tiny 4.9e-324\nhuge 1.7976931348623157e308\nodd 9007199254740993\n'),
        text('tiny .5\nhuge 5.\nodd 0.1234567890123456789\n'),
        text('tiny 1e-400\nhuge 1E+05\nodd 007\n'),
      ],
    },
    {
      name: 'own-times',
      victoriaDiffers: 'it marks series with times of their own as stale, though they go on',
      phases: [
        text(`t 1 ${at(-5)}\nu 1 ${at(-5)}\nv 1\n`),
        text(`t 2 ${at(-4)}\nu 1 ${at(-5)}\nv 2\n`),
        text(`t 2 ${at(-4)}\nv 3\n`),
        { status: 500 },
        text(`t NaN ${at(-3)}\nu 4 ${at(-3)}\nv 3\n`),
      ],
    },
    {
      name: 'histograms',
      phases: [
        text(histogram(1, ['200'])),
        text(histogram(9, ['200', '503'])),
        text(histogram(2, ['503'])),
        text('gc_count 1\n'),
      ],
    },
    {
      name: 'openmetrics',
      victoriaDiffers: 'it takes samples that run backwards',
      phases: [
        openMetrics(
          `# TYPE calls counter\n# UNIT calls \n# HELP calls How many.\ncalls_total{code="200"} 5 # {trace_id="4bf92f"} 0.5 ${at(-1) / 1000}\ncalls_created{code="200"} 1.6e9\n# TYPE up_to gauge\nup_to 1.5\n`,
        ),
        openMetrics(
          `# TYPE calls counter\ncalls_total{code="200"} 7 # {trace_id="00aa"} 0.7\n# TYPE up_to gauge\nup_to 2 ${at(-2) / 1000}\n`,
        ),
        openMetrics('# TYPE calls counter\ncalls_total{code="500"} 1\n# TYPE build info\nbuild_info{v="1"} 1\n'),
      ],
    },
    {
      name: 'letters',
      phases: [
        text('a{path="C:\\\\x\\"y\\"\\n",city="Zürich",emoji="😀 度"} 1\na{path="} # {",city="",emoji="\u0001"} 2\n'),
        text('a{path="C:\\\\x\\"y\\"\\n",city="Zürich",emoji="😀 度"} 1\n'),
      ],
    },
    {
      name: 'quirks',
      victoriaDiffers: 'a series that is written differently ends and begins for it',
      rewritten: true,
      phases: [
        text(
          '# TYPE a counter\n# TYPE a counter\na{} 1\n# TYPE b gauge\nb{x="1",} 2\n# TYPE a gauge\na{y="2"} 3\n\n# HELP b\nb{x="2"}4\n',
        ),
        text('b{x="1"} 2\na 1\na{y="2",} 3\nb{ x = "2" } 4\n', ''),
        text('a{z="1",y="2"} 5\na 6\n'),
        text('a{y="2",z="1"} 5\na 6\n'),
      ],
    },
    {
      name: 'types',
      phases: [text('# TYPE a gauge\na 1\n'), text('# TYPE a counter\na 1\n'), text('a 1\n'), text('# TYPE a gauge\n')],
    },
    {
      name: 'broken',
      victoriaDiffers: 'it skips lines that it cannot read, and is up',
      phases: [text('a 1\nb 2\n'), text('b x\na 2\n'), text('a 3\nb 4\n'), text('<html></html>'), text('b 5\n')],
    },
    { name: 'statuses', phases: [text('a 1\n'), { status: 404 }, { status: 202, body: 'a 1\n' }, text('a 2\n')] },
    { name: 'late', phases: ['drop', text('a 1\n'), text('a 1\n')] },
    {
      name: 'labels',
      rewritten: true,
      phases: [text('a{instance="mine",x="1"} 1\nb{instance=""} 2\n'), text('a{x="1"} 1\nb 2\n')],
    },
    {
      name: 'churn',
      phases: [text(pods(0, 300, 1)), text(pods(100, 400, 2)), text(pods(0, 300, 3)), text(pods(299, 301, 4))],
    },
  ];
}

/** How many phases there are in all. */
export function phaseCount(pages: readonly ChangingPage[]): number {
  return Math.max(...pages.map(({ phases }) => phases.length));
}

export function answerIn(page: ChangingPage, phase: number): Answer {
  return page.phases[Math.min(phase, page.phases.length - 1)] ?? 'drop';
}

/** Names in quotes, which neither of the two can scrape; both can store them. */
export const quotedNames = text(
  '# TYPE "my.metric" counter\n{"my.metric","label.x"="v","é"="ü"} 7\n{"度"} 1\nplain 3\n',
  'text/plain; version=1.0.0; escaping=allow-utf-8',
);
