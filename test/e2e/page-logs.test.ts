import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { json, lookAt, soon, textOf } from './page-tools.ts';

jest.setTimeout(180_000);

interface Line {
  readonly id: string;
  readonly timeMs: number;
  readonly message: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, string | number>>;
}

const pod = 'reviews-v1-6b746f74dc-9rlqm';
const lineCount = 60;

function cri(atMs: number, text: string): string {
  return `${new Date(atMs).toISOString().replace('Z', '000000Z')} stdout F ${text}\n`;
}

function access(i: number): string {
  const said = { start_time: '2026-11-21T09:39:00.695Z', method: 'GET', path: `/reviews/${i}`, protocol: 'HTTP/1.1' };
  return JSON.stringify({
    ...said,
    response_code: i % 10 === 0 ? 503 : 200,
    response_flags: '-',
    duration: i,
    request_id: `r-${i}`,
    upstream_cluster: 'outbound|9080||reviews',
  });
}

describeWith('chromium', (program) => {
  let browser: Browser;
  let dir: TempDir;
  let daemon: Daemon;

  function write(container: string, text: (i: number) => string): void {
    const logs = join(dir.path, 'pods', `shop_${pod}_0b7c6f1e`, container);
    mkdirSync(logs, { recursive: true });
    const nowMs = Date.now() - 120_000;
    appendFileSync(
      join(logs, '0.log'),
      Array.from({ length: lineCount }, (_, i) => cri(nowMs + i * 1_000, text(i))).join(''),
    );
  }

  beforeAll(async () => {
    [browser, dir] = [await startBrowser(program), await tempDir()];
    write('app', (i) => `level=info msg="step ${i}" took=${i}ms`);
    write('istio-proxy', access);
    daemon = await startDaemon({
      dir: dir.path,
      config: {
        'container.conf': `[[inputs.container]]\n  root = "${join(dir.path, 'pods')}"\n  from = "beginning"\n`,
        'loki.conf': '[[inputs.loki]]\n',
      },
    });
    const values = [[`${Date.now() - 1_000}000000`, 'basket paid', { 'order.id': 'o-17', amount: '12' }]];
    const pushed = await fetch(`${daemon.url}/loki/api/v1/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ streams: [{ stream: { app: 'basket' }, values }] }),
    });
    expect(pushed.status).toBe(204);
    await until(async () => (await linesOf('')).length === 2 * lineCount + 1, {
      what: 'all lines in the store',
    });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await daemon?.end();
    await dir?.remove();
  });

  async function linesOf(filter: string): Promise<readonly Line[]> {
    return (await json<{ lines: Line[] }>(daemon, `/api/native/logs/search?limit=1000${filter}`)).lines;
  }

  function look(search: string, run: (page: Page) => Promise<void>, expected?: RegExp): Promise<void> {
    return lookAt({ browser, daemon, hash: `#/logs${search}`, ...(expected === undefined ? {} : { expected }) }, run);
  }

  test('LogQL typed into the field narrows the lines, by what stands in them and by fields of an access log', () =>
    look('', async (page) => {
      const field = page.locator('[data-find]').last();
      await field.fill('{container="app"} |= "step" | logfmt | took >= 57ms');
      await soon(async () => expect(await page.locator('[data-line]').count()).toBe(3));
      expect(await textOf(page.locator('[data-line] mark').first())).toBe('step');
      expect(page.url()).toContain('text=%7Bcontainer');
      await field.fill('{container="istio-proxy"} | response_code >= 500');
      await soon(async () => expect(await page.locator('[data-line]').count()).toBe(6));
      const meant = await linesOf(`&logql=${encodeURIComponent('{container="istio-proxy"} | response_code >= 500')}`);
      expect(await page.locator('[data-line]').first().getAttribute('data-line')).toBe(meant[0]?.id);
    }));

  test('what is wrong with LogQL is said in words', () =>
    look(
      `?text=${encodeURIComponent('{container="app"} | json | line_format "{{ date .x }}"')}`,
      async (page) => {
        await soon(async () =>
          expect(await textOf(page.locator('[role=alert]'))).toContain(
            'the function date in a template is not evaluated',
          ),
        );
      },
      /4\d\d/,
    ));

  test('a line of an access log shows its fields', () =>
    look(`?text=${encodeURIComponent('{container="istio-proxy"} |= "r-20"')}`, async (page) => {
      await page.locator('[data-line]').click();
      const detail = page.locator('.log-detail');
      const [line] = await linesOf('&text=r-20');
      expect(line?.fields).toMatchObject({ response_code: 503, path: '/reviews/20' });
      for (const [name, value] of Object.entries(line?.fields ?? {})) {
        expect(await textOf(detail.locator(`[data-fact="${name}"] dd`))).toBe(String(value));
      }
    }));

  test('a line shows what was sent along with it', () =>
    look('?text=basket', async (page) => {
      await page.locator('[data-line]').click();
      const [line] = await linesOf('&text=basket');
      expect(Object.values(line?.attributes ?? {}).sort()).toEqual(['12', 'o-17']);
      for (const [name, value] of Object.entries(line?.attributes ?? {})) {
        expect(await textOf(page.locator(`.log-detail [data-fact="${name}"] dd`))).toBe(value);
      }
    }));

  test('a line opens between those that its container wrote before and after it, and more on demand', () =>
    look(`?text=${encodeURIComponent('"step 30"')}`, async (page) => {
      await page.locator('[data-line]').click();
      await page.getByText('Before and after').click();
      const neighbours = page.locator('[data-neighbour]');
      await soon(async () => expect(await neighbours.count()).toBe(11));
      const numbers = async (): Promise<string[]> =>
        (await neighbours.allTextContents()).map((text) => /step (\d+)/.exec(text)?.[1] ?? text);
      expect(await numbers()).toEqual(Array.from({ length: 11 }, (_, i) => String(25 + i)));
      expect(await textOf(page.locator('[data-neighbour][aria-current=true]'))).toContain('step 30');
      await page.getByText('More', { exact: true }).click();
      await soon(async () => expect(await neighbours.count()).toBe(41));
    }));
});
