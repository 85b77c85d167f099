import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeWith } from '../components/needs.ts';
import { type FakeApiServer, fakeApiServer } from '../fakes/api-server.ts';
import { selfSignedCertificate } from '../fakes/certificate.ts';
import { type FakeFarSide, fakeFarSide, refusedUrl } from '../fakes/far-side.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { json, lookAt, soon, textOf } from './page-tools.ts';

jest.setTimeout(120_000);
const patient = { withinMs: 60_000 };
const manyPods = 490;

interface Targets {
  readonly counts: Readonly<Record<'up' | 'down' | 'waiting' | 'skipped', number>>;
  readonly targets: readonly { readonly id: string; readonly pod: string; readonly state: string }[];
}

interface Setup {
  readonly lights: readonly { readonly id: string; readonly state: string; readonly seen: string }[];
}

/** A page of metrics on a loopback address of its own. */
async function pageServer(): Promise<Server> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end('# TYPE things_total counter\nthings_total 1\n# TYPE took histogram\ntook_bucket{le="+Inf"} 1\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  return server;
}

function instances(port: number, more = ''): Readonly<Record<string, string>> {
  const url = `http://$IP:${port}/stats/prometheus`;
  return { 'datakit/prom.instances': `[[inputs.prom]]\n  url = "${url}"\n  interval = "5s"\n${more}` };
}

describeWith('chromium', (program) => {
  let browser: Browser;
  let dir: TempDir;
  let api: FakeApiServer;
  let far: FakeFarSide;
  let pages: Server;
  let daemon: Daemon;

  beforeAll(async () => {
    const tls = selfSignedCertificate();
    [browser, dir, api, far, pages] = await Promise.all([
      startBrowser(program),
      tempDir(),
      fakeApiServer({ tls }),
      fakeFarSide(),
      pageServer(),
    ]);
    const account = join(dir.path, 'account');
    await mkdir(account, { recursive: true });
    await writeFile(join(account, 'ca.crt'), tls.cert);
    await writeFile(join(account, 'token'), 'token-1');
    api.tokens(['token-1']);
    putPods((pages.address() as AddressInfo).port, Number(new URL(await refusedUrl()).port));
    far.answer({ status: 202 });
    daemon = await startDaemon({
      dir: dir.path,
      config: {
        'a.conf': [
          '[kubernetes]',
          '  istio = "off"',
          `  service_account_dir = "${account}"`,
          '[[outputs.zipkin]]',
          '  name = "elsewhere"',
          `  url = "${far.url}/api/v2/spans"`,
          '[queue]',
          '  min_free = "1MB"',
        ].join('\n'),
      },
      env: {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String(api.port),
        ENV_K8S_NODE_NAME: 'node-1',
      },
    });
    await until(async () => (await counts()).waiting === 0 && (await counts()).up > manyPods, {
      ...patient,
      what: 'every target was scraped',
    });
  });

  afterAll(async () => {
    await browser?.close();
    await daemon?.end();
    await far?.close();
    await api?.stop();
    pages?.closeAllConnections();
    await new Promise((resolve) => (pages === undefined ? resolve(undefined) : pages.close(resolve)));
    await dir?.remove();
  });

  function putPods(port: number, closed: number): void {
    const ip = '127.0.0.2';
    for (let i = 0; i < manyPods; i++) {
      const annotations = {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': String(port),
        'prometheus.io/path': `/${i}`,
      };
      api.put({ name: `web-${i}`, namespace: 'shop', ip, annotations, labels: { app: `app-${i % 7}` } });
    }
    const istio = { namespace: 'prod', ip, containers: [{ name: 'app' }, { name: 'istio-proxy' }] };
    api.put({
      name: 'reviews-1',
      ...istio,
      annotations: instances(port, '  metric_types = ["counter"]\n  [inputs.prom.http_headers]\n    X-Key = "s3cret"'),
    });
    api.put({ name: 'ratings-1', ...istio, annotations: instances(closed) });
    api.put({ name: 'broken-1', namespace: 'prod', ip, annotations: { 'datakit/prom.instances': '[[inputs.prom]\n' } });
    api.put({ name: 'bare-1', namespace: 'kube-system', ip });
  }

  async function counts(): Promise<Targets['counts']> {
    return (await json<Targets>(daemon, '/api/native/targets')).counts;
  }

  async function lightOf(id: string): Promise<string> {
    const { lights } = await json<Setup>(daemon, '/api/native/setup');
    const light = lights.find((one) => one.id === id);
    return `${light?.state} ${light?.seen}`;
  }

  function look(hash: string, run: (page: Page) => Promise<void>): Promise<void> {
    return lookAt({ browser, daemon, hash }, run);
  }

  const rows = (page: Page) => page.locator('[data-target]');
  const row = (page: Page, name: string) => rows(page).filter({ hasText: name });

  describe('the targets', () => {
    test('are counted as the API counts them, and drawn page by page', () =>
      look('#/targets', async (page) => {
        await rows(page).first().waitFor();
        await soon(async () => {
          const shown = await counts();
          for (const [state, count] of Object.entries(shown)) {
            expect(await textOf(page.locator(`.states [data-state=${state}] b`))).toBe(String(count));
          }
        });
        expect(await rows(page).count()).toBe(200);
        await page.getByText('Show 200 more of').click();
        await soon(async () => expect(await rows(page).count()).toBe(400));
        expect(await page.locator('[data-group]').allInnerTexts()).toEqual([
          expect.stringContaining('kube-system'),
          expect.stringContaining('prod'),
          expect.stringContaining('shop'),
        ]);
        await page.locator('.target-filter select').selectOption('workload');
        await page.waitForURL(/by=workload/);
        await soon(async () => expect(await page.locator('[data-group=app-0]').count()).toBe(1));
      }));

    test('are those of the API, by their ids', () =>
      look('#/targets?find=web-4', async (page) => {
        const { targets } = await json<Targets>(daemon, '/api/native/targets?namespace=shop');
        const wanted = targets.filter(({ pod }) => pod.startsWith('web-4')).map(({ id }) => id);
        expect(wanted.length).toBeGreaterThan(90);
        await soon(async () => {
          const seen = await rows(page).evaluateAll((all) => all.map((one) => one.dataset['target']));
          expect(seen.toSorted()).toEqual(wanted.toSorted());
        });
      }));

    test('are found by typing, opened by keys, and tell their whole story', () =>
      look('#/targets', async (page) => {
        await rows(page).first().waitFor();
        await page.keyboard.press('/');
        await page.keyboard.type('reviews-1');
        await page.waitForURL(/find=reviews-1/);
        await soon(async () => expect(await rows(page).count()).toBe(1));
        await page.keyboard.press('Enter');
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('Enter');
        const detail = page.locator('.target-detail');
        await detail.waitFor();
        const story = await textOf(detail);
        for (const part of [
          'http://$IP:',
          'datakit/prom.instances: |',
          'every 5 s',
          'no histograms, so no latencies',
          'metric_types = ["counter", "gauge", "histogram"]',
          'namespace=prod',
          'meshbridge explain --pod prod/reviews-1',
        ]) {
          expect(story).toContain(part);
        }
        expect(story).not.toContain('s3cret');
        await detail.getByText('Its metrics').click();
        await page.waitForURL(/#\/metrics\?metric=istio_requests_total&match=instance%3D127\.0\.0\.2/);
        await page.goBack();
        await detail.waitFor();
        await page.keyboard.press('Escape');
        await soon(async () => expect(await detail.count()).toBe(0));
      }));

    test('that are down say why, and what to try', () =>
      look('#/targets?state=down', async (page) => {
        await row(page, 'ratings-1').locator('.target-row').click();
        const story = await textOf(page.locator('.story'));
        expect(story).toContain('the connection was refused');
        expect(story).toContain('kubectl -n prod port-forward ratings-1');
        expect(await rows(page).count()).toBe((await counts()).down);
        await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
        await page.locator('.story .copyable button').first().click();
        await soon(async () => expect(await textOf(page.locator('.story .copyable button').first())).toBe('Copied'));
        expect(await page.evaluate<string>('navigator.clipboard.readText()')).toContain('port-forward ratings-1');
      }));

    test('that are not collected say by which rule', () =>
      look('#/targets?state=skipped', async (page) => {
        await soon(async () => expect(await textOf(row(page, 'bare-1'))).toContain('it has none of the annotations'));
        await row(page, 'broken-1').locator('.target-row').click();
        expect(await textOf(page.locator('.story'))).toContain('datakit/prom.instances');
        expect(await rows(page).count()).toBe((await counts()).skipped);
      }));
  });

  describe('the set-up', () => {
    test('has the lights of the API', () =>
      look('#/setup', async (page) => {
        await page.locator('[data-light]').first().waitFor();
        await soon(async () => {
          const { lights } = await json<Setup>(daemon, '/api/native/setup');
          const seen = await page
            .locator('[data-light]')
            .evaluateAll((all) => all.map((one) => `${one.dataset['light']} ${one.dataset['state']}`));
          expect(seen).toEqual(lights.map(({ id, state }) => `${id} ${state}`));
        });
        expect(await lightOf('sidecars')).toContain('scraped: 1 of 2; not ratings-1');
        expect(await lightOf('histograms')).toContain('yellow 1 of ');
        expect(await lightOf('kubernetes')).toContain('green');
        expect(await textOf(page.locator('[data-light=sidecars]'))).toContain(
          'meshbridge explain --pod prod/ratings-1',
        );
      }));

    test('turns as an output goes and comes back', () =>
      look('#/setup', async (page) => {
        const light = page.locator('[data-light="outputs.elsewhere"]');
        await soon(async () => expect(await light.getAttribute('data-state')).toBe('green'));
        far.answer({ status: 503 });
        const span = {
          traceId: '00000000000000f1',
          id: '00000000000000f1',
          timestamp: Date.now() * 1_000,
          duration: 1,
        };
        await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify([span]) });
        await soon(async () => expect(await light.getAttribute('data-state')).toBe('yellow'));
        expect(await textOf(light)).toContain('does not take traces');
        expect(await textOf(light)).toContain('meshbridge check --connect');
        far.answer({ status: 202 });
        await soon(async () => expect(await light.getAttribute('data-state')).toBe('green'));
      }));
  });

  test('both views are there in Chinese, in the dark, and on a narrow screen', async () => {
    const options = { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 400, height: 800 } } as const;
    for (const [hash, place, word] of [
      ['#/targets?find=ratings-1', '[data-target] .target-row', '分钟|秒|前|样本|采集'],
      ['#/setup', '[data-light=disk]', '磁盘'],
    ] as const) {
      const tab = await browser.open(`${daemon.url}/${hash}`, options);
      await lookAt({ browser, daemon, hash, tab }, async (page) => {
        await page.locator(place).first().click();
        expect(await textOf(page.locator('main'))).toMatch(new RegExp(word));
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
      });
    }
  });

  test('an agent says for which node it speaks, and where its hub is', async () => {
    const own = await tempDir();
    const agent = await startDaemon({
      dir: own.path,
      config: { 'a.conf': '[[outputs.hub]]\n  urls = ["http://127.0.0.1:9"]\n  page = "http://mesh.example/"\n' },
    });
    try {
      await lookAt({ browser, daemon: agent, hash: '#/' }, async (page) => {
        const part = page.locator('.part');
        await part.waitFor();
        expect(await textOf(part)).toContain((await agent.status()).node);
        expect(await part.locator('a').getAttribute('href')).toBe('http://mesh.example/');
      });
    } finally {
      await agent.end();
      await own.remove();
    }
  });
});
