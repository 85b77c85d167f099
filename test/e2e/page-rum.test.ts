import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { json, keepPicture, lightness, lookAt, numberIn, soon, textOf } from './page-tools.ts';
import { addressOf, rumTraceId, sendVisits, servePage, visits } from './rum-visits.ts';

jest.setTimeout(120_000);

interface Listed {
  readonly points: readonly { readonly tags: Readonly<Record<string, string>> }[];
}

describeWith('chromium', (program) => {
  let browser: Browser;
  let dir: TempDir;
  let daemon: Daemon;
  let elsewhere: Server;

  beforeAll(async () => {
    [browser, dir] = [await startBrowser(program), await tempDir()];
    daemon = await startDaemon({ dir: dir.path });
    elsewhere = await servePage(daemon.url);
  });

  afterAll(async () => {
    await browser?.close();
    await daemon?.end();
    elsewhere?.closeAllConnections();
    elsewhere?.close();
    await dir?.remove();
  });

  function look(hash: string, run: (page: Page) => Promise<void>): Promise<void> {
    return lookAt({ browser, daemon, hash }, run);
  }

  test('a view without data shows what to paste, with the address of this daemon', () =>
    look('#/rum', async (page) => {
      const snippet = page.locator('.rum-how-to .snippet');
      await soon(async () => expect(await textOf(snippet)).toContain(`datakitOrigin: '${daemon.url}'`));
      expect(await textOf(snippet)).toContain('DATAFLUX_RUM');
    }));

  test('a page of another origin can send in every way of the SDK', async () => {
    const tab = await browser.open(addressOf(elsewhere));
    await soon(async () => expect(await tab.page.title()).not.toBe('sending'));
    const refused = 'datakit.invalidLinePoint';
    expect(JSON.parse(await tab.page.title())).toEqual([200, 200, 200, 200, true, { content: {} }, refused]);
    await until(async () => (await sentFrom('elsewhere')).length === 5, { withinMs: 60_000, what: 'all five views' });
    await tab.close();
    const points = await sentFrom('elsewhere');
    expect(points.map(({ view_id }) => view_id).sort()).toEqual(['beacon', 'fetch', 'json', 'packed', 'xhr']);
    expect(points.map(({ ip }) => ip)).toEqual(Array(5).fill('127.0.0.1'));
  });

  async function sentFrom(app: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const { points } = await json<Listed>(daemon, `/api/native/rum/points?match=app_id=${app}&limit=5000`);
    return points.map(({ tags }) => tags);
  }

  describe('visits', () => {
    beforeAll(async () => {
      await sendVisits(daemon.url);
      await until(async () => (await sentFrom('bookinfo')).length === visits.points, {
        withinMs: 60_000,
        what: 'all points in the store',
      });
      const root = { traceId: rumTraceId, id: 'a1', name: 'get /reviews', timestamp: Date.now() * 1000, duration: 9 };
      await fetch(`${daemon.url}/api/v2/spans`, {
        method: 'POST',
        body: JSON.stringify([{ ...root, localEndpoint: { serviceName: 'reviews.shop' } }]),
      });
    });

    const shop = '#/rum?match=app_id%3Dbookinfo';

    test('are counted, a view that was sent twice once', () =>
      look(shop, async (page) => {
        const shown = async (field: string) => numberIn(page.locator(`[data-field=${field}]`));
        await soon(async () => expect(await shown('views')).toBe(visits.views));
        expect([await shown('users'), await shown('sessions')]).toEqual([visits.users, visits.sessions]);
        expect(await shown('errors')).toBe(visits.errors);
        expect(await page.locator('.rum-bars button').count()).toBeGreaterThan(30);
      }));

    test('are rated by their Web Vitals', () =>
      look(shop, async (page) => {
        const rating = (name: string) => page.locator(`[data-vital=${name}]`).getAttribute('data-rating');
        await soon(async () => expect(await rating('lcp')).toBe('fair'));
        expect([await rating('cls'), await rating('inp'), await rating('fid')]).toEqual(['poor', 'good', null]);
        expect(await textOf(page.locator('[data-vital=lcp] .big'))).toContain('3.9 s');
        await keepPicture(page, 'rum-1440-light');
      }));

    test('are narrowed to one view by a click on it', () =>
      look(shop, async (page) => {
        await page.locator('[data-view="/login"] button').click();
        await page.waitForURL(/match=view%3D%2Flogin/);
        await soon(async () => expect(await numberIn(page.locator('[data-field=views]'))).toBe(visits.views / 4));
        await page.locator('.chip .away').last().click();
        await soon(async () => expect(await numberIn(page.locator('[data-field=views]'))).toBe(visits.views));
      }));

    test('are narrowed by a value that is chosen', () =>
      look(shop, async (page) => {
        await page.locator('.label-filter select').selectOption('browser');
        await soon(async () =>
          expect(await page.locator('.label-filter select').last().locator('option').allInnerTexts()).toContain(
            'Firefox',
          ),
        );
        await page.locator('.label-filter select').last().selectOption('Firefox');
        await soon(async () => expect(await numberIn(page.locator('[data-field=views]'))).toBe(14));
      }));

    test('lead from a slow resource to its trace', () =>
      look(`${shop}&table=resources`, async (page) => {
        const row = page.locator('[data-resource="/api/v1/products/1/reviews"]');
        await soon(async () => expect(await textOf(row)).toContain('trace'));
        await row.locator('a').click();
        await page.waitForURL(new RegExp(`#/trace/${rumTraceId}`));
        await soon(async () => expect(await textOf(page.locator('main'))).toContain('reviews.shop'));
      }));

    test('lead from an error to its session, where each view shows what it loaded', () =>
      look(`${shop}&table=errors`, async (page) => {
        const row = page.locator('[data-error="stars is undefined"]');
        await soon(async () => expect(await textOf(row)).toContain('TypeError'));
        await row.getByText('Stack').click();
        expect(await textOf(row.locator('pre'))).toContain('at rate (app.js:3:7)');
        await row.getByText('session', { exact: true }).click();
        await page.waitForURL(/session=session-17/);
        await soon(async () => expect(await page.locator('.rum-stage').count()).toBe(2));
        const events = page.locator('.rum-stage').last().locator('.rum-event');
        expect(await events.evaluateAll((all) => all.map((one) => one.dataset['kind']))).toEqual([
          'resource',
          'resource',
          'resource',
          'error',
        ]);
        expect(await textOf(events.nth(2))).toMatch(/GET \/api\/v1\/products\/1\/reviews[\s\S]*435 ms/);
        await events.nth(2).locator('button').click();
        expect(await textOf(events.nth(2).locator('dl'))).toContain('resource_size');
        await page.getByText('All visits').click();
        await page.locator('[data-error]').first().waitFor();
      }));

    test('are listed by session', () =>
      look(`${shop}&table=sessions`, async (page) => {
        await soon(async () => expect(await page.locator('[data-session]').count()).toBe(visits.sessions));
        expect(await textOf(page.locator('[data-session="session-19"]'))).toContain('/productpage');
      }));

    test.each([
      ['zh-CN', 'dark', '网页核心指标'],
      ['en-US', 'light', 'Web Vitals'],
    ] as const)('fit a page of 400 pixels, in %s and %s', async (locale, colorScheme, vitals) => {
      const options = { locale, colorScheme, viewport: { width: 400, height: 800 } };
      const tab = await browser.open(`${daemon.url}/${shop}&table=errors`, options);
      await lookAt({ browser, daemon, hash: shop, tab }, async (page) => {
        await page.locator('[data-error]').first().waitFor();
        expect(await page.locator('.rum-vitals').getAttribute('aria-label')).toBe(vitals);
        const width = await page.evaluate<number>('document.documentElement.scrollWidth');
        expect(width).toBeLessThanOrEqual(400);
        const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
        expect(lightness(ground) < 128).toBe(colorScheme === 'dark');
      });
    });
  });
});
