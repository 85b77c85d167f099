import { appendFileSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Page, Response } from 'playwright-core';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { coloursIn, dragOver, json, lookAt, numberIn, soon, textOf } from './page-tools.ts';

jest.setTimeout(120_000);
const patient = { withinMs: 60_000 };

interface Line {
  readonly id: string;
  readonly message: string;
  readonly level: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly traceId?: string;
}
interface Lines {
  readonly lines: readonly Line[];
  readonly next?: string;
}
interface Counts {
  readonly total: number;
  readonly levels: Readonly<Record<string, readonly number[]>>;
}
interface Matrix {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

const traceId = '7f3c19d2a45e4b0f8a1c6d9e2b3f4a5c';
const lineCount = 1_400;
const pod = 'reviews-v1-6b746f74dc-9rlqm';

/** A page of metrics whose counters grow with time. */
function metricsPage(): string {
  const seconds = performance.now() / 1_000;
  const each = (name: string, values: Readonly<Record<string, number>>): string =>
    Object.entries(values)
      .map(([labels, value]) => `${name}{${labels}} ${value}\n`)
      .join('');
  return [
    '# HELP shop_requests_total Requests to the shop.\n# TYPE shop_requests_total counter\n',
    each('shop_requests_total', { 'app="a",code="200"': 7 * seconds, 'app="b",code="200"': 3 * seconds }),
    each('shop_requests_total', { 'app="a",code="503"': seconds }),
    '# HELP shop_queue_length Baskets that wait.\n# TYPE shop_queue_length gauge\n',
    each('shop_queue_length', { 'app="a"': 5 + Math.sin(seconds), 'app="b"': 12_345 }),
    '# TYPE shop_latency_seconds histogram\n',
    each('shop_latency_seconds_bucket', { 'le="0.1"': 2 * seconds, 'le="1"': 3 * seconds, 'le="+Inf"': 4 * seconds }),
    `shop_latency_seconds_sum ${2 * seconds}\nshop_latency_seconds_count ${4 * seconds}\n`,
  ].join('');
}

function serveMetrics(): Promise<Server> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metricsPage());
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** One line of a container as its runtime writes it. */
function cri(atMs: number, text: string): string {
  return `${new Date(atMs).toISOString().replace('Z', '000000Z')} stdout F ${text}\n`;
}

/** Lines of the last ten minutes: access logs, some warnings and errors, one of them of a trace. */
function logText(nowMs: number): string {
  return Array.from({ length: lineCount }, (_, i) => {
    const atMs = nowMs - 600_000 + i * 400;
    if (i === lineCount - 10) {
      const access = { method: 'GET', path: '/reviews/0', response_code: 503, response_flags: 'UH', duration: 27 };
      return cri(atMs, JSON.stringify({ ...access, trace_id: traceId, authority: 'reviews:9080' }));
    }
    if (i % 100 === 7) {
      return cri(atMs, `level=error msg="no ratings" number=${i}`);
    }
    return cri(atMs, i % 10 === 3 ? `level=warn msg="slow answer" number=${i}` : `level=info served number=${i}`);
  }).join('');
}

function trace(nowMs: number): object[] {
  const startMicros = (nowMs - 20_000) * 1_000;
  const span = (ids: readonly [string, string], service: string, offset: number, duration: number): object => ({
    traceId,
    id: ids[0].padStart(16, '0'),
    ...(ids[1] === '' ? {} : { parentId: ids[1].padStart(16, '0') }),
    name: `call ${service}`,
    kind: 'SERVER',
    timestamp: startMicros + offset,
    duration,
    localEndpoint: { serviceName: `${service}.shop` },
    tags: { 'http.status_code': '200', ...(service === 'ratings' ? { error: 'true' } : {}) },
  });
  return [
    span(['a1', ''], 'productpage', 0, 50_000),
    span(['a2', 'a1'], 'details', 2_000, 10_000),
    span(['a3', 'a1'], 'reviews', 8_000, 40_000),
    span(['a4', 'a3'], 'ratings', 12_000, 25_000),
  ];
}

describeWith('chromium', (program) => {
  let browser: Browser;
  let dir: TempDir;
  let daemon: Daemon;
  let metrics: Server;
  let target: string;
  let logFile: string;

  beforeAll(async () => {
    [browser, dir, metrics] = [await startBrowser(program), await tempDir(), await serveMetrics()];
    target = `http://127.0.0.1:${(metrics.address() as AddressInfo).port}/metrics`;
    const logs = join(dir.path, 'pods', `shop_${pod}_0b7c6f1e`, 'reviews');
    mkdirSync(logs, { recursive: true });
    logFile = join(logs, '0.log');
    const nowMs = Date.now();
    appendFileSync(logFile, logText(nowMs));
    daemon = await startDaemon({
      dir: dir.path,
      config: {
        'prom.conf': `[[inputs.prom]]\n  url = "${target}"\n  source = "shop"\n  interval = "1s"\n`,
        'container.conf': `[[inputs.container]]\n  root = "${join(dir.path, 'pods')}"\n  from = "beginning"\n`,
      },
    });
    await fetch(`${daemon.url}/api/v2/spans`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(trace(nowMs)),
    });
    await until(async () => (await logCounts('')).total === lineCount, { ...patient, what: 'all lines in the store' });
    await until(async () => (await rangeOf('shop_requests_total')).some(({ values }) => values.length > 5), {
      ...patient,
      what: 'some samples in the store',
    });
  });

  afterAll(async () => {
    await browser?.close();
    await daemon?.end();
    metrics?.closeAllConnections();
    metrics?.close();
    await dir?.remove();
  });

  function look(hash: string, run: (page: Page) => Promise<void>, expected?: RegExp): Promise<void> {
    return lookAt({ browser, daemon, hash, ...(expected === undefined ? {} : { expected }) }, run);
  }

  function logCounts(filter: string): Promise<Counts> {
    const now = Date.now();
    return json(daemon, `/api/native/logs/counts?start=${now - 900_000}&end=${now + 1_000}&step=60000${filter}`);
  }

  async function rangeOf(query: string): Promise<Matrix['data']['result']> {
    const now = Math.floor(Date.now() / 1_000);
    const params = new URLSearchParams({ query, start: String(now - 60), end: String(now), step: '1' });
    return (await json<Matrix>(daemon, `/api/v1/query_range?${params}`)).data.result;
  }

  /** The time until now, as it stands in a URL: what is shown does not change any more. */
  function still(): string {
    const now = Date.now();
    return `from=${now - 300_000}&until=${now}`;
  }

  const isRange = (response: Response): boolean => response.url().includes('/api/v1/query_range');

  describe('the overview', () => {
    test('has each target with what the status says of it, and each log file', () =>
      look('#/', async (page) => {
        await soon(async () => {
          const { inputs } = await daemon.status();
          const prom = inputs.find(({ type }) => type === 'prom')?.detail as { targets: { samples: number }[] };
          const row = page.locator(`[data-target="${target}"]`);
          expect(await row.getAttribute('data-state')).toBe('up');
          expect(await numberIn(row.locator('[data-field=samples]'))).toBe(prom.targets[0]?.samples);
          expect(await numberIn(page.locator('[data-file] [data-field=lines]').first())).toBe(lineCount);
        });
      }));
  });

  describe('the metrics', () => {
    test('are those of the catalogue, the parts of a histogram as one', () =>
      look('#/metrics', async (page) => {
        const catalogue = await json<{ name: string; series: number }[]>(daemon, '/api/native/metrics/catalogue');
        const shop = catalogue.filter(({ name }) => name.startsWith('shop_'));
        const rows = page.locator('[data-metric^=shop_]');
        await soon(async () =>
          expect((await rows.evaluateAll((all) => all.map((row) => row.dataset['metric']))).sort()).toEqual([
            'shop_latency_seconds',
            'shop_queue_length',
            'shop_requests_total',
          ]),
        );
        const requests = page.locator('[data-metric=shop_requests_total] .series-count');
        expect(await numberIn(requests)).toBe(shop.find(({ name }) => name === 'shop_requests_total')?.series);
      }));

    test('are found by typing, and drawn as what the API answers: a counter as its rate', () =>
      look(`#/metrics?${still()}`, async (page) => {
        await page.locator('[data-metric]').first().waitFor();
        await page.keyboard.press('/');
        await page.keyboard.type('shop requests');
        const answered = page.waitForResponse(isRange);
        await page.keyboard.press('Enter');
        const response = await answered;
        const url = new URL(response.url());
        expect(url.searchParams.get('query')).toBe('rate(shop_requests_total[2m])');
        expect(await page.locator('.query textarea').inputValue()).toBe('rate(shop_requests_total[2m])');
        const { data } = (await response.json()) as Matrix;
        expect(data.result.length).toBe(3);
        await page.locator('[data-series]').first().waitFor();
        for (const { metric, values } of data.result) {
          const row = page.locator(`[data-series='${JSON.stringify(metric)}']`);
          const numbers = values.map(([, value]) => Number(value));
          expect(Number(await row.locator('[data-field=last]').getAttribute('data-value'))).toBe(numbers.at(-1));
          expect(Number(await row.locator('[data-field=max]').getAttribute('data-value'))).toBe(Math.max(...numbers));
        }
        await soon(async () => expect(await coloursIn(page.locator('.chart canvas'))).toBeGreaterThan(3));
        expect(await textOf(page.locator('.metric-view'))).toContain('Requests to the shop.');
      }));

    test('of a gauge are plain, and narrowed by a label', () =>
      look(`#/metrics?metric=shop_queue_length&${still()}`, async (page) => {
        await soon(async () => expect(await page.locator('[data-series]').count()).toBe(2));
        expect(await textOf(page.locator('[data-series]').first().locator('[data-field=last]'))).toBe('12,345');
        const choices = page.locator('.filter select');
        await choices.last().selectOption('app');
        await soon(async () =>
          expect(await choices.last().locator('option').allInnerTexts()).toEqual(['choose …', 'a', 'b']),
        );
        await choices.last().selectOption('a');
        await page.waitForURL(/match=app%3Da/);
        await soon(async () =>
          expect(await page.locator('.query textarea').inputValue()).toBe('shop_queue_length{app="a"}'),
        );
        await soon(async () => expect(await page.locator('[data-series]').count()).toBe(1));
        await page.locator('.chip .away').click();
        await soon(async () => expect(await page.locator('[data-series]').count()).toBe(2));
      }));

    test('of a histogram are its average and percentiles, too', () =>
      look(`#/metrics?metric=shop_latency_seconds&as=average&${still()}`, async (page) => {
        const last = page.locator('[data-series] [data-field=last]');
        await soon(async () => expect(Number(await last.getAttribute('data-value'))).toBeCloseTo(0.5, 5));
        await page.getByLabel('Show').selectOption('p50');
        await soon(async () =>
          expect(await page.locator('.query textarea').inputValue()).toContain('histogram_quantile(0.50'),
        );
        await soon(async () => expect(Number(await last.getAttribute('data-value'))).toBeCloseTo(0.1, 5));
      }));

    test('are summed by a label, and the query can be written by hand', () =>
      look(`#/metrics?metric=shop_requests_total&sum=sum&by=code&${still()}`, async (page) => {
        const box = page.locator('.query textarea');
        await soon(async () => expect(await box.inputValue()).toBe('sum by (code) (rate(shop_requests_total[2m]))'));
        await soon(async () => expect(await page.locator('[data-series]').count()).toBe(2));
        await box.fill('count(shop_requests_total)');
        await box.press('Enter');
        await page.waitForURL(/query=count/);
        await soon(async () => expect(await textOf(page.locator('[data-series] [data-field=last]'))).toBe('3'));
        await page.getByText('Back to the form').click();
        await soon(async () => expect(await page.locator('[data-series]').count()).toBe(2));
      }));

    test('are asked by a query before any is chosen, and one step back is where it began', () =>
      look(`#/metrics?${still()}`, async (page) => {
        await page.locator('[data-metric]').first().waitFor();
        const before = page.url();
        const box = page.locator('.query textarea');
        await box.fill('sum by (app) (shop_requests_total)');
        await box.press('Enter');
        await soon(async () => expect(await page.locator('[data-series]').count()).toBe(2));
        expect(page.url()).toContain('query=sum');
        expect(await box.evaluate((element) => element.matches(':focus'))).toBe(true);
        await page.goBack();
        await soon(async () => expect(await page.locator('.starts').count()).toBe(1));
        expect(page.url()).toBe(before);
        expect(await box.inputValue()).toBe('');
      }));

    test('that the API refuses show what it says, in its place', () =>
      look(
        `#/metrics?query=rate(shop_requests_total)&${still()}`,
        async (page) => {
          const now = Math.floor(Date.now() / 1_000);
          const answer = await fetch(
            `${daemon.url}/api/v1/query_range?query=rate(shop_requests_total)&start=${now}&end=${now}&step=1`,
          );
          const { error } = (await answer.json()) as { error: string };
          expect(error.length).toBeGreaterThan(10);
          await soon(async () => expect(await textOf(page.locator('.query [role=alert]'))).toBe(error));
        },
        /400/,
      ));

    test('are drawn closer where somebody drags', () =>
      look(`#/metrics?metric=shop_queue_length&${still()}`, async (page) => {
        await page.locator('.chart canvas').waitFor();
        const before = new URLSearchParams(new URL(page.url()).hash.split('?')[1]);
        await dragOver(page, page.locator('.u-over'), 0.5, 0.9);
        await soon(async () => {
          const after = new URLSearchParams(new URL(page.url()).hash.split('?')[1]);
          const length = Number(after.get('until')) - Number(after.get('from'));
          expect(length / (Number(before.get('until')) - Number(before.get('from')))).toBeCloseTo(0.4, 1);
        });
      }));
  });

  describe('the logs', () => {
    test('are counted and listed as the API does, newest first', () =>
      look('#/logs', async (page) => {
        const counts = await logCounts('');
        await soon(async () => {
          expect(await page.locator('[data-field=total]').getAttribute('data-value')).toBe(String(counts.total));
          for (const [level, numbers] of Object.entries(counts.levels)) {
            const total = numbers.reduce((a, b) => a + b, 0);
            const shown = page.locator(`.histogram [data-level=${level}] b`);
            expect(total === 0 ? 0 : await numberIn(shown)).toBe(total);
          }
        });
        const { lines } = await json<Lines>(daemon, '/api/native/logs/search?limit=20');
        const ids = await page.locator('[data-line]').evaluateAll((rows) => rows.map((row) => row.dataset['line']));
        expect(ids.slice(0, 20)).toEqual(lines.map(({ id }) => id));
        expect(await textOf(page.locator('[data-line] .text').first())).toBe(lines[0]?.message);
        await soon(async () => expect(await coloursIn(page.locator('.bars canvas'))).toBeGreaterThan(2));
      }));

    test('are narrowed by text, level and label, all in the URL', () =>
      look('#/logs', async (page) => {
        await page.locator('[data-line]').first().waitFor();
        await page.locator('.histogram [data-level=warn]').click();
        await page.waitForURL(/level=warn/);
        await page.keyboard.press('/');
        await page.keyboard.type('slow "number=1003"');
        await page.keyboard.press('Enter');
        await page.waitForURL(/text=slow/);
        await soon(async () => {
          expect(await page.locator('[data-line]').allInnerTexts()).toHaveLength(1);
          expect(await page.locator('[data-line] mark').allInnerTexts()).toEqual(['slow', 'number=1003']);
        });
        await page.locator('[data-line]').click();
        await page.locator('[data-label=pod] button').last().click();
        await page.waitForURL(/match=pod%21%3D/);
        await page.getByText('No lines match in this range.').waitFor();
        await page.reload();
        await page.getByText('No lines match in this range.').waitFor();
        await page.locator('.empty button').click();
        await page.waitForURL(/#\/logs$/);
        await page.locator('[data-line]').first().waitFor();
      }));

    test('load older ones as somebody scrolls, and draw only those in sight', () =>
      look('#/logs', async (page) => {
        const list = page.locator('.log-list');
        await list.waitFor();
        await soon(async () => {
          await list.evaluate((box) => {
            box.scrollTop = box.scrollHeight;
          });
          expect(await textOf(page.locator('[data-field=shown]'))).toBe('1,400 lines here');
        });
        await soon(async () => {
          await list.evaluate((box) => {
            box.scrollTop = box.scrollHeight;
          });
          expect(await textOf(page.locator('[data-line] .text').last())).toBe('level=info served number=0');
        });
        expect(await page.locator('[data-line]').count()).toBeLessThan(100);
        expect(await textOf(page.locator('.logs .hint'))).toContain('no older ones');
      }));

    test('appear by themselves as they arrive', () =>
      look('#/logs?text=fresh', async (page) => {
        await page.getByText('No lines match in this range.').waitFor();
        appendFileSync(logFile, cri(Date.now(), 'level=info a fresh line'));
        await soon(async () => expect(await page.locator('[data-line]').count()).toBe(1));
        expect(await textOf(page.locator('[data-line] .text'))).toBe('level=info a fresh line');
      }));

    test('come when the daemon can answer again', () =>
      look(
        '#/',
        async (page) => {
          const refused = { status: 503, contentType: 'text/plain', body: 'the store is busy' };
          await page.route('**/api/native/logs/search*', (route) => route.fulfill(refused), { times: 1 });
          await page.goto(`${daemon.url}/#/logs`);
          await page.getByText('the store is busy').waitFor();
          await page.locator('[data-line]').first().waitFor();
          await page.getByText('the store is busy').waitFor({ state: 'detached' });
        },
        /503/,
      ));

    test('open to the whole line and its labels, and lead to its trace', () =>
      look(`#/logs?text=${traceId}`, async (page) => {
        const { lines } = await json<Lines>(daemon, `/api/native/logs/search?text=${traceId}`);
        expect(lines).toHaveLength(1);
        await soon(async () =>
          expect(await textOf(page.locator('[data-line] .text'))).toContain('GET /reviews/0 503 UH 27 ms'),
        );
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('Enter');
        const detail = page.locator('.log-detail');
        expect(JSON.parse(await textOf(detail.locator('pre')))).toEqual(JSON.parse(lines[0]?.message ?? ''));
        for (const [name, value] of Object.entries(lines[0]?.labels ?? {})) {
          expect(await textOf(detail.locator(`[data-label="${name}"] dd`))).toContain(value);
        }
        await page.keyboard.press('Escape');
        await detail.waitFor({ state: 'detached' });
        expect(lines[0]?.traceId).toBe(traceId);
        await page.locator('.to-trace').click();
        await page.waitForURL(`**/#/trace/${traceId}`);
        await page.locator('[role=treeitem]').first().waitFor();
      }));

    test('around a line are those of its container, half a minute to either side', () =>
      look(`#/logs?text=${traceId}`, async (page) => {
        await page.locator('[data-line]').click();
        await page.getByText('Lines around it').click();
        await page.waitForURL(/match=pod/);
        await soon(async () => expect(await page.locator('[data-line]').count()).toBeGreaterThan(20));
        expect(page.url()).toContain('until=');
      }));

    test('of a time are chosen by dragging over the bars', () =>
      look('#/logs', async (page) => {
        await soon(async () => expect(await coloursIn(page.locator('.bars canvas'))).toBeGreaterThan(2));
        await dragOver(page, page.locator('.bars'), 0.6, 0.8);
        await page.waitForURL(/from=\d+&until=\d+/);
        const params = new URLSearchParams(new URL(page.url()).hash.split('?')[1]);
        const { lines } = await json<Lines>(
          daemon,
          `/api/native/logs/search?start=${params.get('from')}&end=${params.get('until')}&limit=5000`,
        );
        expect(lines.length).toBeGreaterThan(100);
        await soon(async () =>
          expect(await page.locator('[data-line]').first().getAttribute('data-line')).toBe(lines[0]?.id),
        );
      }));
  });

  describe('the flame graph', () => {
    const url = `#/trace/${traceId}?view=flame`;

    test('is painted, and says what the arrow keys are at', () =>
      look(url, async (page) => {
        await soon(async () => expect(await coloursIn(page.locator('.flame canvas'))).toBeGreaterThan(5));
        const told = page.locator('.told');
        await page.keyboard.press('ArrowDown');
        await soon(async () =>
          expect(await textOf(told)).toBe('productpage.shop call productpage 50.0 ms · 100 % · itself 4 ms'),
        );
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('ArrowRight');
        await page.keyboard.press('ArrowDown');
        await soon(async () =>
          expect(await textOf(told)).toBe('ratings.shop call ratings 25.0 ms · 50 % · itself 25.0 ms'),
        );
        await page.keyboard.press('Enter');
        await page.getByText('Whole trace · 50.0 ms').waitFor();
        await page.keyboard.press('Escape');
        await page.getByText('Whole trace · 50.0 ms').waitFor({ state: 'detached' });
      }));

    test('looks closer at a span that is clicked, and shows its tags', () =>
      look(url, async (page) => {
        await soon(async () => expect(await coloursIn(page.locator('.flame canvas'))).toBeGreaterThan(5));
        const box = await page.locator('.flame canvas').boundingBox();
        // The third row: reviews runs while details does, and stands below it.
        await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) * 0.5, (box?.y ?? 0) + 20 + 2.5 * 21);
        await page.waitForURL(/span=/);
        await soon(async () => expect(await textOf(page.locator('.told'))).toContain('reviews.shop'));
        expect(await textOf(page.locator('.detail .tags'))).toContain('http.status_code');
        await page.getByText('Whole trace · 50.0 ms').waitFor();
      }));

    test('shares the time out among the services', () =>
      look(url, async (page) => {
        await page.locator('[data-service]').first().waitFor();
        const rows = await page
          .locator('[data-service]')
          .evaluateAll((all) =>
            all.map((row) => [row.dataset['service'], row.querySelector('[data-field=self]')?.textContent]),
          );
        expect(rows).toEqual([
          ['ratings.shop', '25.0 ms'],
          ['reviews.shop', '15.0 ms'],
          ['details.shop', '10.0 ms'],
          ['productpage.shop', '4 ms'],
        ]);
      }));

    test('and the timeline highlight what is looked for, and one key goes from one to the other', () =>
      look(url, async (page) => {
        await page.locator('.flame canvas').waitFor();
        await page.keyboard.press('/');
        await page.keyboard.type('error=true');
        await page.keyboard.press('Enter');
        await page.waitForURL(/find=error/);
        expect(await textOf(page.locator('[data-field=found]'))).toBe('1 of 4 spans');
        await page.keyboard.press('f');
        await page.locator('[role=treeitem]').first().waitFor();
        expect(await page.locator('[role=treeitem].dim').count()).toBe(3);
        expect(page.url()).not.toContain('view=');
      }));

    test('leads to the lines of its trace', () =>
      look(url, async (page) => {
        await page.locator('.to-logs').click();
        await page.waitForURL(/#\/logs\?/);
        await soon(async () => expect(await page.locator('[data-line]').count()).toBe(1));
        expect(await textOf(page.locator('[data-line] .text'))).toContain('GET /reviews/0 503');
      }));
  });

  describe('everywhere', () => {
    test('the chosen time goes along, and the keys 1 to 4 go from view to view', () =>
      look('#/traces?range=6h', async (page) => {
        await page.locator('[data-trace]').first().waitFor();
        await page.keyboard.press('4');
        await page.waitForURL('**/#/logs?range=6h');
        await page.keyboard.press('2');
        await page.waitForURL('**/#/metrics?range=6h');
        await page.keyboard.press('1');
        await page.waitForURL('**/#/');
        await page.keyboard.press('3');
        await page.waitForURL('**/#/traces?range=6h');
        await page.locator('[data-trace]').first().click();
        await page.waitForURL('**/#/trace/*');
        await page.keyboard.press('4');
        await page.waitForURL('**/#/logs?range=6h');
      }));

    test('a question mark shows the keys, Esc hides them', () =>
      look('#/logs', async (page) => {
        await page.locator('[data-line]').first().waitFor();
        await page.keyboard.press('?');
        await page.locator('dialog[open]').waitFor();
        expect(await textOf(page.locator('dialog'))).toContain('choose and open a line');
        await page.keyboard.press('Escape');
        await page.locator('dialog').waitFor({ state: 'hidden' });
      }));

    test('the colours are those of the system until somebody chooses others', () =>
      look('#/', async (page) => {
        const theme = (): Promise<string> => page.evaluate<string>('document.documentElement.dataset.theme');
        await page.locator('main').waitFor();
        await page.emulateMedia({ colorScheme: 'dark' });
        await soon(async () => expect(await theme()).toBe('dark'));
        await page.locator('button.theme').click();
        await soon(async () => expect(await theme()).toBe('light'));
        await page.reload();
        await soon(async () => expect(await theme()).toBe('light'));
        await page.locator('button.theme').click();
        await page.locator('button.theme').click();
        await page.emulateMedia({ colorScheme: 'light' });
        await soon(async () => expect(await theme()).toBe('light'));
      }));

    test.each([400, 1024, 1600])('at %i px no view is wider than the screen', async (width) => {
      const { page, complaints, close } = await browser.open(`${daemon.url}/`, { viewport: { width, height: 900 } });
      try {
        for (const hash of [
          `#/metrics?metric=shop_requests_total&match=app%3Da&${still()}`,
          `#/logs?match=namespace%3Dshop&${still()}`,
          `#/trace/${traceId}?view=flame`,
        ]) {
          await page.goto(`${daemon.url}/${hash}`);
          await page.locator('[data-series], [data-line], [data-service]').first().waitFor();
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        }
        expect(complaints).toEqual([]);
      } finally {
        await close();
      }
    });
  });
});
