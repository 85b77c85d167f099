import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { BridgeStatus } from '../../src/contract/status.ts';
import type { Span } from '../../src/model/span.ts';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser, type Tab } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { json, lightness, lookAt, numberIn, soon, textOf } from './page-tools.ts';

const root = join(import.meta.dirname, '../..');
const envoy = join(process.env['MESHBRIDGE_SHARED'] ?? join(root, '../shared'), 'samples/envoy');

jest.setTimeout(120_000);

/** What a real Envoy sent, moved to the present. */
function envoyBodies(): Span[][] {
  const bodies = ['zipkin-v2-json', 'zipkin-v2-json-gateway'].flatMap((dir) =>
    readdirSync(join(envoy, dir))
      .filter((name) => name.endsWith('.body'))
      .map((name): Span[] => JSON.parse(readFileSync(join(envoy, dir, name), 'utf8'))),
  );
  const traces = Map.groupBy(bodies.flat(), (span) => span.traceId);
  const newest = new Map([...traces].map(([id, spans]) => [id, Math.max(...spans.map((span) => span.timestamp ?? 0))]));
  const endMicros = (Date.now() - 60_000) * 1_000;
  return bodies.map((spans) =>
    spans.map((span) => {
      const shift = endMicros - (newest.get(span.traceId) ?? 0);
      return {
        ...span,
        timestamp: (span.timestamp ?? 0) + shift,
        annotations: (span.annotations ?? []).map((a) => ({ ...a, timestamp: a.timestamp + shift })),
      };
    }),
  );
}

/** A request through two services whose spans share an id, with an error at its end. */
function bookinfoTrace(): Span[] {
  const startMicros = (Date.now() - 5_000) * 1_000;
  const span = (fields: Partial<Span> & Pick<Span, 'id'>, offset: number, duration: number): Span => ({
    traceId: '5b2b4ac0e1d64f7aa3c9f0d2b7e81c66',
    timestamp: startMicros + offset,
    duration,
    ...fields,
  });
  const at = (serviceName: string): { serviceName: string; ipv4: string } => ({ serviceName, ipv4: '10.244.1.7' });
  const root = '00000000000000a1';
  const call = '00000000000000a2';
  return [
    span({ id: root, kind: 'SERVER', name: 'get /productpage', localEndpoint: at('productpage.bookinfo') }, 0, 48_000),
    span(
      { id: call, parentId: root, kind: 'CLIENT', name: 'reviews:9080/*', localEndpoint: at('productpage.bookinfo') },
      6_000,
      31_000,
    ),
    span(
      {
        id: call,
        parentId: root,
        kind: 'SERVER',
        shared: true,
        name: 'reviews:9080/*',
        localEndpoint: at('reviews.bookinfo'),
        annotations: [{ timestamp: startMicros + 9_000, value: 'wr' }],
        tags: {
          'http.method': 'GET',
          'http.status_code': '503',
          error: 'true',
          'http.url': 'http://reviews:9080/<b>1</b>',
        },
      },
      8_000,
      27_000,
    ),
    span(
      {
        id: '00000000000000a3',
        parentId: call,
        kind: 'CLIENT',
        name: 'ratings:9080/*',
        localEndpoint: at('reviews.bookinfo'),
      },
      12_000,
      14_500,
    ),
  ];
}

async function post(daemon: Daemon, spans: readonly Span[]): Promise<void> {
  const response = await fetch(`${daemon.url}/api/v2/spans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(spans),
  });
  expect(response.status).toBe(202);
}

test('the page takes at most 150 kB over the wire, and nothing from anywhere else', () => {
  const assets = join(root, 'dist/ui/assets');
  const bytes = readdirSync(assets).reduce((sum, name) => sum + gzipSync(readFileSync(join(assets, name))).length, 0);
  expect(bytes).toBeLessThan(150_000);
  const html = readFileSync(join(root, 'dist/ui/index.html'), 'utf8');
  const links = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1]);
  expect(links.length).toBeGreaterThan(1);
  expect(links.filter((link) => link?.startsWith('/ui/assets/') !== true)).toEqual([]);
});

describeWith('chromium', (program) => {
  let browser: Browser;
  let dir: TempDir;
  let daemon: Daemon;
  const bodies = envoyBodies();
  const trace = bookinfoTrace();
  const spanCount = bodies.flat().length + trace.length;

  beforeAll(async () => {
    [browser, dir] = [await startBrowser(program), await tempDir()];
    daemon = await startDaemon({
      dir: dir.path,
      config: { 'out.conf': '[[outputs.file]]\n  path = "out.ndjson"\n  signals = ["traces"]\n' },
    });
    for (const spans of [...bodies, trace]) {
      await post(daemon, spans);
    }
    await until(async () => (await delivered(await daemon.status())).every((count) => count === spanCount), {
      what: 'all spans delivered',
      withinMs: 60_000,
    });
  });

  afterAll(async () => {
    await browser?.close();
    await daemon?.end();
    await dir?.remove();
  });

  function look(hash: string, run: (page: Page) => Promise<void>, tab?: Tab): Promise<void> {
    return lookAt({ browser, daemon, hash, ...(tab === undefined ? {} : { tab }) }, run);
  }

  async function delivered(status: BridgeStatus): Promise<number[]> {
    const outputs = status.lanes.find(({ signal }) => signal === 'traces')?.outputs ?? [];
    return outputs.length < 2 ? [0] : outputs.map((output) => output.delivered);
  }

  describe('the flow', () => {
    test('has the numbers of the status', () =>
      look('#/', async (page) => {
        const status = await daemon.status();
        const lane = status.lanes.find(({ signal }) => signal === 'traces');
        await soon(async () => {
          for (const input of status.inputs.filter(({ signal, received }) => signal === 'traces' && received > 0)) {
            const row = page.locator(`[data-signal=traces] [data-input="${input.id}"]`);
            expect(await numberIn(row.locator('[data-field=accepted]'))).toBe(input.accepted);
          }
          expect(lane?.outputs.map(({ output }) => output).sort()).toEqual(['file', 'store']);
          for (const output of lane?.outputs ?? []) {
            const row = page.locator(`[data-signal=traces] [data-output="${output.output}"]`);
            expect(await numberIn(row.locator('[data-field=delivered]'))).toBe(output.delivered);
            expect(await textOf(row)).toContain('idle');
          }
          const queued = page.locator('[data-signal=traces] [data-field=queued]');
          expect(await queued.getAttribute('data-value')).toBe('0');
        });
      }));

    test('says what the daemon is and where it listens', () =>
      look('#/', async (page) => {
        const status = await daemon.status();
        const about = await textOf(page.locator('.about'));
        for (const text of [status.version, status.node, ...status.configFiles]) {
          expect(about).toContain(text);
        }
        for (const { name, address, off } of status.listeners) {
          expect(about).toContain(name);
          expect(about).toContain(address ?? off ?? '');
        }
      }));

    test('counts what was refused, and says what that means', () =>
      look('#/', async (page) => {
        const response = await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body: '[{"traceId": 1}]' });
        expect(response.status).toBe(400);
        const refused = (await daemon.status()).inputs.find(({ type }) => type === 'zipkin')?.refused ?? {};
        const [reason, count] = Object.entries(refused)[0] ?? [];
        expect(count).toBeGreaterThan(0);
        await soon(async () => {
          const shown = page.locator(`[data-signal=traces] [data-reason="${reason}"]`);
          expect(await numberIn(shown.locator('b'))).toBe(count);
          expect(await textOf(page.locator('.problems'))).toContain(`refused ${count}: ${reason}`);
        });
      }));

    test('follows new data by itself, and stops when it is told to', () =>
      look('#/', async (page) => {
        const accepted = page.locator('[data-signal=traces] [data-field=accepted]').first();
        const before = await numberIn(accepted);
        const extra = {
          traceId: '00000000000000f1',
          id: '00000000000000f1',
          timestamp: Date.now() * 1_000,
          duration: 1,
        };
        await post(daemon, [extra]);
        await soon(async () => expect(await numberIn(accepted)).toBe(before + 1));
        const polls = await pollsOf(page);
        await soon(async () => expect(await polls(5)).toBeGreaterThan(0));
        await page.locator('button.live').click();
        // The look that the click itself begins comes first.
        await polls(3);
        expect(await polls(20)).toBe(0);
        await page.locator('button.live').click();
        await soon(async () => expect(await polls(5)).toBeGreaterThan(0));
      }));
  });

  describe('the traces', () => {
    test('are those that the API finds', () =>
      look('#/traces?limit=200', async (page) => {
        const found = await json<Span[][]>(daemon, '/api/v2/traces?lookback=3600000&limit=200');
        expect(found.length).toBeGreaterThan(5);
        await soon(async () => {
          const ids = await page.locator('[data-trace]').evaluateAll((rows) => rows.map((row) => row.dataset['trace']));
          expect([...ids].sort()).toEqual(found.map((spans) => spans[0]?.traceId).sort());
        });
        for (const spans of found) {
          const row = page.locator(`[data-trace="${spans[0]?.traceId}"]`);
          const text = await textOf(row);
          expect(text).toContain(spans.length === 1 ? '1 span' : `${spans.length} spans`);
          const errors = spans.filter((span) => span.tags !== undefined && 'error' in span.tags).length;
          expect(text.includes('error')).toBe(errors > 0);
        }
      }));

    test('of one service are named by the URL, and chosen in the form', () =>
      look('#/traces?service=productpage.bookinfo', async (page) => {
        await page.locator('[data-trace]').first().waitFor();
        expect(await page.locator('[data-trace]').count()).toBe(1);
        const row = page.locator(`[data-trace="${trace[0]?.traceId}"]`);
        const text = await textOf(row);
        for (const part of [
          'productpage.bookinfo',
          'get /productpage',
          '48.0 ms',
          '4 spans',
          '2 services',
          '1 error',
        ]) {
          expect(text).toContain(part);
        }
        const services = await json<string[]>(daemon, '/api/v2/services');
        await soon(async () => {
          const offered = await page.locator('.filter select').first().locator('option').allInnerTexts();
          expect(offered.slice(1)).toEqual(services);
        });
        await page.locator('.filter select').first().selectOption('reviews.bookinfo');
        await page.waitForURL(/service=reviews\.bookinfo/);
        await soon(async () => expect(await page.locator('[data-trace]').count()).toBeGreaterThan(1));
        await page.getByText('Errors only').click();
        await page.waitForURL(/errors=true/);
        const failed = await json<Span[][]>(
          daemon,
          '/api/v2/traces?serviceName=reviews.bookinfo&annotationQuery=error&lookback=3600000&limit=20',
        );
        await soon(async () => expect(await page.locator('[data-trace]').count()).toBe(failed.length));
      }));

    test('are as before after one step back from each choice', () =>
      look('#/traces', async (page) => {
        await page.locator('[data-trace]').first().waitFor();
        await page.locator('.times select').selectOption('1h');
        await page.waitForURL('**/#/traces?range=1h');
        await page.getByText('Errors only').click();
        await page.waitForURL(/errors=true/);
        await page.goBack();
        await page.waitForURL('**/#/traces?range=1h');
        await soon(async () => expect(await page.getByLabel('Errors only').isChecked()).toBe(false));
        await page.goForward();
        await page.waitForURL(/errors=true/);
        await soon(async () => expect(await page.getByLabel('Errors only').isChecked()).toBe(true));
      }));

    test('stay where they are while somebody points at them', () =>
      look('#/traces', async (page) => {
        const first = page.locator('[data-trace]').first();
        await first.hover();
        const before = await first.getAttribute('data-trace');
        const id = 'e1'.padStart(32, 'f');
        await post(daemon, [{ traceId: id, id: id.slice(16), timestamp: Date.now() * 1_000, duration: 1 }]);
        const withNew = page.waitForResponse(
          async (response) => response.url().includes('/api/v2/traces?') && (await response.text()).includes(id),
        );
        await withNew;
        // An answer behind that one: the one with the new trace has been drawn by then.
        await page.waitForResponse((response) => response.url().includes('/api/v2/traces?'));
        expect(await first.getAttribute('data-trace')).toBe(before);
        await page.locator('header').hover();
        await soon(async () => expect(await page.locator(`[data-trace="${id}"]`).count()).toBe(1));
      }));

    test('are chosen with the arrow keys and opened with Enter', () =>
      look('#/traces', async (page) => {
        await page.locator('[data-trace]').first().waitFor();
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('ArrowDown');
        const chosen = await page.locator('[data-trace].chosen').getAttribute('data-trace');
        await page.keyboard.press('Enter');
        await page.waitForURL(`**/#/trace/${chosen}`);
        await page.locator('[role=treeitem]').first().waitFor();
        await page.keyboard.press('Escape');
        await page.waitForURL('**/#/traces');
      }));

    test('that are not there are answered by what to change', () =>
      look('#/traces?service=nobody', async (page) => {
        await soon(async () => expect(await textOf(page.locator('main'))).toContain('No traces in this range.'));
      }));
  });

  describe('one trace', () => {
    const url = `#/trace/${trace[0]?.traceId}`;

    test('is a tree in which the shared span has two rows', () =>
      look(url, async (page) => {
        const rows = page.locator('[role=treeitem]');
        await rows.first().waitFor();
        const seen = await rows.evaluateAll((items) =>
          items.map((item) => `${item.ariaLevel} ${item.querySelector('.service')?.textContent}`),
        );
        expect(seen).toEqual([
          '1 productpage.bookinfo',
          '2 productpage.bookinfo',
          '3 reviews.bookinfo',
          '4 reviews.bookinfo',
        ]);
        expect(await textOf(page.locator('.trace-head [data-field=duration]'))).toBe('48.0 ms');
        expect(await rows.nth(2).getAttribute('class')).toContain('bad');
        expect(await textOf(rows.nth(3))).toContain('14.5 ms');
      }));

    test('draws each bar where its time is', () =>
      look(url, async (page) => {
        await page.locator('[role=treeitem]').first().waitFor();
        const shares = await page.locator('.track').evaluateAll((tracks) =>
          tracks.map((track) => {
            const [whole, bar] = [track.getBoundingClientRect(), track.querySelector('.bar')?.getBoundingClientRect()];
            return [(bar?.left ?? 0) - whole.left, bar?.width ?? 0].map((px) => Math.round((px / whole.width) * 480));
          }),
        );
        expect(shares).toEqual([
          [0, 480],
          [60, 310],
          [80, 270],
          [120, 145],
        ]);
      }));

    test('shows every tag and annotation of a span on a click, as text', () =>
      look(url, async (page) => {
        await page.locator('[role=treeitem]').nth(2).click();
        await page.waitForURL(/span=/);
        const detail = page.locator('.detail');
        const server = (await json<Span[]>(daemon, `/api/v2/trace/${trace[0]?.traceId}`)).find((span) => span.shared);
        const shown = await detail
          .locator('.tags > div')
          .evaluateAll((rows) =>
            rows.map((row) => [row.querySelector('dt')?.textContent, row.querySelector('dd')?.textContent]),
          );
        const tags = Object.entries(server?.tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
        expect(tags.length).toBe(4);
        expect(shown).toEqual([...tags, ['9 ms', 'wr']]);
        await page.reload();
        await detail.waitFor();
        await page.keyboard.press('Escape');
        await detail.waitFor({ state: 'detached' });
      }));

    test('folds and unfolds with the arrow keys', () =>
      look(url, async (page) => {
        const rows = page.locator('[role=treeitem]');
        await rows.first().waitFor();
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('ArrowLeft');
        await soon(async () => expect(await rows.count()).toBe(2));
        await page.keyboard.press('ArrowRight');
        await soon(async () => expect(await rows.count()).toBe(4));
      }));

    test('is drawn closer where somebody drags over the overview', () =>
      look(url, async (page) => {
        const box = await page.locator('.minimap').boundingBox();
        const at = (share: number): [number, number] => [
          (box?.x ?? 0) + (box?.width ?? 0) * share,
          (box?.y ?? 0) + (box?.height ?? 0) / 2,
        ];
        await page.mouse.move(...at(0.25));
        await page.mouse.down();
        await page.mouse.move(...at(0.75));
        await page.mouse.up();
        await soon(async () => expect(await textOf(page.locator('.axis'))).toContain('12.0 ms'));
        await page.locator('.minimap button').click();
        await soon(async () => expect(await textOf(page.locator('.axis'))).toContain('48.0 ms'));
      }));

    test('is found by a pasted id, after a slash', () =>
      look('#/', async (page) => {
        await page.keyboard.press('/');
        await page.keyboard.insertText(' 5B2B4AC0-e1d64f7aa3c9f0d2b7e81c66 ');
        await page.keyboard.press('Enter');
        await page.waitForURL('**/#/trace/5b2b4ac0e1d64f7aa3c9f0d2b7e81c66');
        await page.locator('[role=treeitem]').first().waitFor();
      }));

    test('shows the trace of a real Envoy with all of its spans', () =>
      look('#/', async (page) => {
        for (const id of new Set(bodies.flat().map((span) => span.traceId))) {
          const spans = await json<Span[]>(daemon, `/api/v2/trace/${id}`);
          await page.goto(`${daemon.url}/#/trace/${id}`);
          await page.locator(`.trace-head .id:text-is("${id}")`).waitFor();
          expect(await page.locator('[role=treeitem]').count()).toBe(spans.length);
        }
      }));
  });

  describe('whatever the screen', () => {
    test.each([400, 1024, 1600])(
      'at %i px nothing is cut off, in light and dark',
      async (width) => {
        for (const colorScheme of ['light', 'dark'] as const) {
          for (const hash of ['#/', '#/traces', `#/trace/${trace[0]?.traceId}`]) {
            const tab = await browser.open(`${daemon.url}/${hash}`, { viewport: { width, height: 900 }, colorScheme });
            await look(
              hash,
              async (page) => {
                await page.locator('[data-trace], [role=treeitem]').first().waitFor();
                expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
                const [ink = '', ground = ''] = await page.evaluate<string[]>(
                  '[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]',
                );
                expect(lightness(ink) > lightness(ground)).toBe(colorScheme === 'dark');
              },
              tab,
            );
          }
        }
      },
      60_000,
    );

    test('it speaks Chinese to who does, and English when told to', async () => {
      const tab = await browser.open(`${daemon.url}/`, { locale: 'zh-CN' });
      await look(
        '#/',
        async (page) => {
          await soon(async () => expect(await textOf(page.locator('main'))).toContain('最近的链路'));
          await page.getByText('English').click();
          await soon(async () => expect(await textOf(page.locator('main'))).toContain('Last traces'));
          await page.reload();
          await soon(async () => expect(await textOf(page.locator('main'))).toContain('Last traces'));
        },
        tab,
      );
    });

    test('it rests while nobody looks', () =>
      look('#/', async (page) => {
        const polls = await pollsOf(page);
        await soon(async () => expect(await polls(5)).toBeGreaterThan(0));
        await page.evaluate(hide('true'));
        await polls(3);
        expect(await polls(20)).toBe(0);
        await page.evaluate(hide('false'));
        await soon(async () => expect(await polls(5)).toBeGreaterThan(0));
      }));
  });

  test('a trace that is unknown is answered by what may have happened', async () => {
    const tab = await browser.open(`${daemon.url}/#/trace/abcdef`);
    await tab.page.getByText('There is no trace abcdef in the store.').waitFor();
    // The browser itself logs every 404.
    expect(tab.complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
    await tab.close();
  });

  test('who may not look is asked for the token, once', async () => {
    const tab = await browser.open(`${daemon.url}/`, { extraHTTPHeaders: { 'x-forwarded-for': '203.0.113.9' } });
    await tab.page.getByText('This page needs the token').waitFor();
    await tab.page.locator('input[name=token]').fill('wrong');
    await tab.page.keyboard.press('Enter');
    await tab.page.getByText('That is not the token.').waitFor();
    await tab.page.locator('input[name=token]').fill((await readFile(join(dir.path, 'data/token'), 'utf8')).trim());
    await tab.page.keyboard.press('Enter');
    await tab.page.locator('[data-signal=traces]').waitFor();
    await tab.page.reload();
    await tab.page.locator('[data-signal=traces]').waitFor();
    expect(tab.complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    await tab.close();
  });

  test('a new daemon says how to send it the first trace, and the command works', async () => {
    const place = await tempDir();
    const fresh = await startDaemon({ dir: place.path });
    const tab = await browser.open(`${fresh.url}/`);
    try {
      await tab.page.getByText('No problems').waitFor();
      await tab.page.getByText('No traces yet.').waitFor();
      const told = await textOf(tab.page.locator('.last-traces'));
      const zipkin = (await fresh.status()).listeners.find(({ name }) => name === 'zipkin')?.address;
      expect(told).toContain(`zipkin.address=${zipkin ?? `127.0.0.1:${fresh.port}`}`);
      const commands = await tab.page.locator('.last-traces code').allInnerTexts();
      const body = /-d '(.*)'$/s.exec(commands[1] ?? '')?.[1] ?? '';
      const filled = body
        .replace(/'\$\(openssl[^)]*\)'/, 'f'.repeat(32))
        .replace(/'\$\(date[^)]*\)'/, `${Date.now()}000`);
      await post(fresh, JSON.parse(filled));
      await tab.page.locator('[data-trace]').waitFor();
      expect(await textOf(tab.page.locator('[data-trace]'))).toContain('by-hand');
      expect(tab.complaints).toEqual([]);
      await fresh.end();
      await tab.page.getByText('has not answered').waitFor();
      const silent = await textOf(tab.page.locator('main'));
      expect(silent).toContain('Is it running');
      expect(silent).not.toContain('No problems');
      expect(silent).not.toContain('fetch');
      expect(await tab.page.locator('[role=alert]').count()).toBe(1);
    } finally {
      await tab.close();
      await fresh.end();
      await place.remove();
    }
  });
});

/** Holds the page's clock, begins it anew, and gives what counts the requests while `steps` times two seconds pass there. */
async function pollsOf(page: Page): Promise<(steps: number) => Promise<number>> {
  await page.clock.install();
  await page.reload();
  await page.locator('[data-signal]').first().waitFor();
  let asked = 0;
  page.on('request', () => {
    asked += 1;
  });
  return async (steps) => {
    asked = 0;
    for (let i = 0; i < steps; i++) {
      await page.clock.runFor(2_000);
      await page.evaluate('fetch("/-/healthy").then((answer) => answer.text())');
    }
    return asked - steps;
  };
}

/** What a browser does to a tab that comes to the front or goes. */
function hide(hidden: 'true' | 'false'): string {
  return `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`;
}
