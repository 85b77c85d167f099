import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser, type Tab } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { type Lens, startLens } from './zipkin/lens.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const seenWithinMs = 60_000;

/** A gateway calls a cart, which calls a database and fails. */
function spansAt(timestamp: number): object[] {
  const gateway = { serviceName: 'gateway.istio-system' };
  const cart = { serviceName: 'cart.shop', ipv4: '10.0.0.1' };
  const name = 'get /cart';
  const root = 'a3ce929d0e0e4736';
  const tags = { error: 'no database', 'http.status_code': '503' };
  return [
    { traceId, id: root, kind: 'CLIENT', name, timestamp, duration: 90_000, localEndpoint: gateway },
    {
      ...{ traceId, id: '000000000000000b', parentId: root, kind: 'SERVER', name, tags },
      ...{ timestamp: timestamp + 5_000, duration: 80_000, localEndpoint: cart },
      annotations: [{ timestamp: timestamp + 6_000, value: 'cache miss' }],
    },
    {
      ...{ traceId, id: '000000000000000c', parentId: '000000000000000b', kind: 'CLIENT', name: 'select' },
      ...{
        timestamp: timestamp + 9_000,
        duration: 20_000,
        localEndpoint: cart,
        remoteEndpoint: { serviceName: 'mysql' },
      },
    },
  ];
}

describeWith('zipkin-server', (jar) => {
  describeWith('chromium', (chromium) => {
    let dir: TempDir;
    let daemon: Daemon;
    let lens: Lens;
    let browser: Browser;

    beforeAll(async () => {
      dir = await tempDir();
      [daemon, browser] = await Promise.all([startDaemon({ dir: dir.path }), startBrowser(chromium)]);
      lens = await startLens(jar, daemon.url);
      const body = JSON.stringify(spansAt((Date.now() - 60_000) * 1_000));
      expect((await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body })).status).toBe(202);
      const isStored = async (): Promise<boolean> => (await fetch(`${daemon.url}/api/v2/trace/${traceId}`)).ok;
      await until(isStored, { withinMs: 60_000, what: 'the trace in the store' });
    }, 120_000);

    afterAll(async () => {
      await browser?.close();
      await lens?.stop();
      await daemon?.end();
      await dir?.remove();
    });

    async function opened(path: string, use: (tab: Tab) => Promise<void>): Promise<void> {
      const tab = await browser.open(lens.url + path);
      try {
        await use(tab);
        // Drawing the graph makes the driver of a machine without a graphics card complain.
        expect(tab.complaints.filter((complaint) => !complaint.includes('WebGL'))).toEqual([]);
      } finally {
        await tab.close();
      }
    }

    const shows = (tab: Tab, text: string): Promise<void> =>
      tab.page.getByText(text, { exact: false }).first().waitFor({ timeout: seenWithinMs });

    test('Lens finds a trace by service, and shows it', () =>
      opened('?serviceName=cart.shop&lookback=15m&limit=10', async (tab) => {
        await tab.page.getByRole('button', { name: 'Run query' }).click();
        await shows(tab, '1 Result');
        await shows(tab, '90.000ms');
        await tab.page.getByText('Show', { exact: true }).first().click();
        await shows(tab, traceId);
        expect(new URL(tab.page.url()).pathname).toBe(`/zipkin/traces/${traceId}`);
      }));

    test('Lens finds a trace by a tag, and says where there is none', () =>
      opened('?annotationQuery=http.status_code%3D503&lookback=15m&limit=10', async (tab) => {
        await tab.page.getByRole('button', { name: 'Run query' }).click();
        await shows(tab, '1 Result');
        await tab.page.goto(`${lens.url}?annotationQuery=http.status_code%3D504&lookback=15m&limit=10`);
        await tab.page.getByRole('button', { name: 'Run query' }).click();
        await shows(tab, 'Please select criteria');
        await until(() => lens.asked.some(({ path }) => path.includes('504')), { what: 'the search for 504' });
      }));

    test('Lens shows the tags, the error, the annotation and the addresses of a span', () =>
      opened(`traces/${traceId}`, async (tab) => {
        await shows(tab, 'Total Spans');
        await tab.page.getByText('cart.shop: get /cart').first().click();
        for (const text of [
          'no database',
          'http.status_code',
          '503',
          'cache miss',
          'Server Start',
          '10.0.0.1',
          'mysql: select',
        ]) {
          await shows(tab, text);
        }
      }));

    test('Lens draws who calls whom', () =>
      opened(`dependency?startTime=${Date.now() - 3_600_000}&endTime=${Date.now() + 60_000}`, async (tab) => {
        const filter = tab.page.getByPlaceholder('Select...');
        await filter.focus({ timeout: seenWithinMs });
        await filter.press('ArrowDown');
        const services = tab.page.getByRole('option');
        await services.first().waitFor({ timeout: seenWithinMs });
        expect((await services.allInnerTexts()).toSorted()).toEqual(['cart.shop', 'gateway.istio-system', 'mysql']);
      }));

    test('all that Lens asked was answered', () => {
      expect(lens.asked.filter(({ status }) => status !== 200)).toEqual([]);
      const kinds = new Set(lens.asked.map(({ path }) => path.replace(/^\/zipkin\/api\/v2\/(\w+).*/, '$1')));
      const wanted = ['services', 'spans', 'remoteServices', 'autocompleteKeys', 'traces', 'trace', 'dependencies'];
      expect(wanted.filter((kind) => !kinds.has(kind))).toEqual([]);
    });
  });
});
