import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { json, keepPicture, lookAt, soon, textOf } from './page-tools.ts';

jest.setTimeout(120_000);

interface Graph {
  readonly nodes: readonly { readonly service: string; readonly calls: number; readonly errors: number }[];
  readonly edges: readonly {
    readonly parent: string;
    readonly child: string;
    readonly calls: number;
    readonly errors: number;
  }[];
}

const services = ['istio-ingressgateway.istio-system', 'productpage', 'details', 'reviews', 'ratings'] as const;
type Service = (typeof services)[number];
const traces = 40;
const failing = 8;

function nameOf(service: Service): string {
  return service.includes('.') ? service : `${service}.bookinfo`;
}

/** One request through the mesh as sidecars see it: the server's half on each hop, below the client's of the hop before. */
function request(number: number, atMs: number): object[] {
  const traceId = (0xf3c19d2a45e0 + number).toString(16).padStart(32, 'a');
  const spans: object[] = [];
  const add = (service: Service, kind: 'SERVER' | 'CLIENT', parentId: string | undefined, rest: object): string => {
    const id = `${number.toString(16).padStart(8, '0')}${(spans.length + 1).toString(16).padStart(8, '0')}`;
    const offset = spans.length * 1_500;
    spans.push({
      ...{ traceId, id, kind, timestamp: atMs * 1_000 + offset, duration: 60_000 - offset },
      ...(parentId !== undefined && { parentId }),
      localEndpoint: { serviceName: nameOf(service) },
      ...rest,
    });
    return id;
  };
  const failed = number < failing ? { tags: { error: 'true', 'http.status_code': '503' } } : {};
  const call = (from: Service, to: Service, below: string): string => {
    const name = `${to}.bookinfo.svc.cluster.local:9080/*`;
    const rest = { name, ...(to === 'ratings' ? failed : {}) };
    return add(to, 'SERVER', add(from, 'CLIENT', below, rest), rest);
  };
  const gateway = add(services[0], 'SERVER', undefined, { name: 'productpage.bookinfo.svc.cluster.local:9080/*' });
  const page = call(services[0], 'productpage', gateway);
  call('productpage', 'details', page);
  call('reviews', 'ratings', call('productpage', 'reviews', page));
  return spans;
}

describeWith('chromium', (program) => {
  let browser: Browser;
  let dir: TempDir;
  let daemon: Daemon;
  let graph: Graph;

  beforeAll(async () => {
    [browser, dir] = [await startBrowser(program), await tempDir()];
    daemon = await startDaemon({ dir: dir.path });
    const nowMs = Date.now();
    const spans = Array.from({ length: traces }, (_, i) => request(i, nowMs - 240_000 + i * 5_000)).flat();
    const sent = await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify(spans) });
    expect(sent.status).toBe(202);
    graph = await until(
      async () => {
        const found = await json<Graph>(daemon, `/api/native/traces/graph?start=${nowMs - 600_000}&end=${nowMs}`);
        return found.edges.length === 4 ? found : undefined;
      },
      { what: 'four edges' },
    );
  });

  afterAll(async () => {
    await browser?.close();
    await daemon?.end();
    await dir?.remove();
  });

  test('the API counts every call of every trace', () => {
    const calls = graph.edges.map(({ parent, child, calls: count, errors }) => [parent, child, count, errors]);
    expect(calls).toEqual([
      ['istio-ingressgateway.istio-system', 'productpage.bookinfo', traces, 0],
      ['productpage.bookinfo', 'details.bookinfo', traces, 0],
      ['productpage.bookinfo', 'reviews.bookinfo', traces, 0],
      ['reviews.bookinfo', 'ratings.bookinfo', traces, failing],
    ]);
    expect(graph.nodes.find(({ service }) => service === 'ratings.bookinfo')).toMatchObject({
      calls: traces,
      errors: failing,
    });
  });

  test('the graph shows services and calls, says what share is traced, and a click lists operations', async () => {
    await lookAt({ browser, daemon, hash: '#/services' }, async (page) => {
      await page.locator('.service-graph').waitFor();
      expect(await page.locator('[data-node]').count()).toBe(5);
      expect(await page.locator('[data-edge]').count()).toBe(4);
      const failed = page.locator('[data-edge="reviews.bookinfo → ratings.bookinfo"]');
      expect(await failed.getAttribute('class')).toContain('bad');
      expect(await failed.locator('[data-field=rate]').textContent()).toMatch(/^\d+(\.\d+)? \/min · 20 %$/);
      expect(await failed.locator('[data-field=p95]').textContent()).toMatch(/^p95 \d+(\.\d+)? ms$/);
      expect(await page.locator('[data-sampling]').getAttribute('data-sampling')).toMatch(/^no/);
      // No box covers another, as it is shown.
      const boxes = await Promise.all(
        (await page.locator('[data-node] > rect:first-of-type').all()).map((one) => one.boundingBox()),
      );
      for (const [i, a] of boxes.entries()) {
        for (const b of boxes.slice(i + 1)) {
          const [one, other] = [a ?? nowhere, b ?? nowhere];
          const apart =
            one.x + one.width <= other.x ||
            other.x + other.width <= one.x ||
            one.y + one.height <= other.y ||
            other.y + other.height <= one.y;
          expect(apart).toBe(true);
        }
      }
      await keepPicture(page, 'services');
      await page.locator('[data-node="reviews.bookinfo"]').click();
      const operations = page.locator('[data-operations="reviews.bookinfo"] tbody tr');
      await soon(async () => expect(await operations.count()).toBe(2));
      expect(await textOf(page.locator('[data-operations]'))).toContain('reviews.bookinfo.svc.cluster.local:9080/*');
      expect(page.url()).toContain('service=reviews.bookinfo');
    });
  });

  test('a call leads to its traces, those that failed', async () => {
    await lookAt({ browser, daemon, hash: '#/services' }, async (page) => {
      await page.locator('[data-edge="reviews.bookinfo → ratings.bookinfo"] .reach').click({ force: true });
      await soon(async () => expect(page.url()).toContain('#/traces?'));
      expect(page.url()).toContain('service=ratings.bookinfo');
      expect(page.url()).toContain('errors=true');
      const hint = page.locator('.found .hint');
      await soon(async () => expect(await textOf(hint)).toMatch(new RegExp(`^${failing} `)));
    });
  });

  test('the overview shows the graph too', async () => {
    await lookAt({ browser, daemon, hash: '#/' }, async (page) => {
      await page.locator('.mesh-now .service-graph').waitFor();
      expect(await page.locator('.mesh-now [data-edge]').count()).toBe(4);
    });
  });

  test('a trace is pinned by a click, listed among the traces, and let go of by another', async () => {
    const [trace] = await json<{ readonly traceId: string }[][]>(daemon, '/api/v2/traces?lookback=3600000&limit=1');
    const id = trace?.[0]?.traceId ?? '';
    await lookAt({ browser, daemon, hash: `#/trace/${id}` }, async (page) => {
      const button = page.locator('button.pin');
      await soon(async () => expect(await button.isEnabled()).toBe(true));
      await button.click();
      await soon(async () => expect(await button.getAttribute('data-pinned')).toBe('true'));
    });
    expect(await json(daemon, '/api/native/traces/pins')).toMatchObject({ traces: [{ traceId: id, spans: 9 }] });
    await lookAt({ browser, daemon, hash: '#/traces' }, async (page) => {
      await page.locator('.pins a').click();
      const button = page.locator('button.pin[data-pinned=true]');
      await button.click();
      await page.locator('button.pin[data-pinned=false]').waitFor();
    });
    expect(await json(daemon, '/api/native/traces/pins')).toMatchObject({ traces: [] });
  });
});

const nowhere = { x: 0, y: 0, width: 0, height: 0 };
