import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { type FakeApiServer, type FakeSlice, fakeApiServer } from '../../../test/fakes/api-server.ts';
import { HeldClock, turns } from '../../../test/fakes/clock.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { within } from '../../../test/fakes/until.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import type { LeaseStatus } from '../../kube/kube.ts';
import { isStale } from '../../model/metric.ts';
import { promConfig } from '../../scrape/config.ts';
import type { TargetStatus } from '../../scrape/target-status.ts';
import { type ConfiguredPage, serviceAddress } from './configured-page.ts';
import type { PageScopeStatus } from './page-scope.ts';
import { PodsInput, type PodsInputOptions } from './pods-input.ts';

/** A page on every loopback address, at one port. */
class Pages {
  readonly asked: string[] = [];
  readonly #server: Server = createServer((request, response) => {
    this.asked.push(`${request.socket.localAddress}${request.url}`);
    response.setHeader('content-type', 'text/plain').end('m 1\n');
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '0.0.0.0', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Status {
  readonly lease?: LeaseStatus;
  readonly configured: readonly PageScopeStatus[];
  readonly targets: readonly TargetStatus[];
  readonly pods: readonly { readonly pod: string; readonly skipped?: string }[];
  readonly warnings: readonly string[];
}

class Agent {
  readonly name: string;
  readonly runtime: FakeInputRuntime;
  readonly input: PodsInput;
  readonly #decoder = new FrameDecoder();

  constructor(name: string, clock: HeldClock, options: Omit<PodsInputOptions, 'node' | 'monotonicMs'>) {
    this.name = name;
    this.runtime = fakeInputRuntime({ id: 'kubernetes', clock });
    const election = options.election && { ...options.election, identity: name };
    const more = { monotonicMs: (): number => clock.now(), firstAnswersMs: 100 };
    this.input = new PodsInput({ ...options, node: name, ...more, ...(election && { election }) }, this.runtime);
  }

  status(): Status {
    return this.input.status() as Status;
  }

  get urls(): readonly string[] {
    return this.status()
      .targets.map(({ url }) => url)
      .sort();
  }

  get holds(): boolean {
    return this.status().lease?.state === 'holder';
  }

  get modes(): string {
    return this.status()
      .configured.map(({ mode }) => mode)
      .join();
  }

  /** Series of an emission with their values, but for those of the scrape itself. */
  lines(emission: Emission): readonly string[] {
    const frame = this.#decoder.decode(emission.payload, emission.dictionary);
    return frame.shape.series
      .map(
        ({ name, labels }, i) =>
          `${name}{${labels.map((pair) => pair.join('='))}} ${isStale(frame, i) ? 'stale' : frame.values[i]}`,
      )
      .filter((line) => !line.startsWith('scrape_'));
  }

  get marks(): number {
    return this.runtime.emitted.flatMap((one) => this.lines(one)).filter((line) => line.endsWith('stale')).length;
  }
}

interface Rig {
  readonly api: FakeApiServer;
  readonly pages: Pages;
  readonly port: number;
  readonly clock: HeldClock;
  /** Starts the agent of that node. */
  agent(node: string, more?: Partial<PodsInputOptions>, clock?: HeldClock): Promise<Agent>;
  /** Lets time pass until it is so; resolves with how many ms that took. */
  pass(condition: () => boolean, what: string): Promise<number>;
  /** Lets so much time pass. */
  rest(ms: number): Promise<void>;
  page(url: string, more?: object): ConfiguredPage;
}

async function withCluster(run: (rig: Rig) => Promise<void>): Promise<void> {
  const api = await fakeApiServer();
  const pages = new Pages();
  const port = await pages.listen();
  const clock = new HeldClock();
  const agents: Agent[] = [];
  const election = { namespace: 'mesh', name: 'meshbridge', identity: '' };
  const access = () => Promise.resolve({ url: api.url });
  // Requests take turns of this very process, and so hardly any of the held time, however busy the machine is.
  const step = async (): Promise<void> => {
    await turns(30);
    await clock.advance(250);
  };
  const pass: Rig['pass'] = async (condition, what) => {
    const fromMs = clock.now();
    while (!condition()) {
      await step();
      if (clock.now() - fromMs > 180_000) {
        throw new Error(`not seen: ${what}`);
      }
    }
    return clock.now() - fromMs;
  };
  const rig: Rig = {
    ...{ api, pages, port, clock, pass },
    rest: async (ms) => {
      for (const endMs = clock.now() + ms; clock.now() < endMs; ) {
        await step();
      }
    },
    agent: async (node, more = {}, own = clock) => {
      const made = new Agent(node, own, {
        access,
        istio: 'off',
        election,
        resolve: () => Promise.resolve([]),
        ...more,
      });
      agents.push(made);
      await made.input.start();
      return made;
    },
    page: (url, more = {}) => {
      const config = promConfig.parse({ url, source: 'prom-istiod', interval: '5s', ...more });
      const service = serviceAddress(url);
      return { url, config, once: config.election !== false, ...(service && { service }) };
    },
  };
  try {
    await run(rig);
  } finally {
    await within(Promise.all(agents.map(({ input }) => input.stop())), 10_000, 'the end of all agents');
    await api.stop();
    await pages.close();
  }
}

const containers = [{ name: 'discovery' }];
const labels = { app: 'istiod', version: 'v1' };

/** Two istiods on two nodes, behind their Service. */
function putIstiods(api: FakeApiServer, port: number): FakeSlice {
  const pods = [
    { name: 'istiod-1', ip: '127.0.0.11', node: 'node-1' },
    { name: 'istiod-2', ip: '127.0.0.12', node: 'node-2' },
  ];
  for (const pod of pods) {
    api.put({ ...pod, namespace: 'istio-system', labels, containers });
  }
  api.putService({
    name: 'istiod',
    namespace: 'istio-system',
    selector: { app: 'istiod' },
    ports: [{ name: 'http-monitoring', port, targetPort: port }],
  });
  const slice: FakeSlice = {
    name: 'istiod-abc',
    namespace: 'istio-system',
    service: 'istiod',
    ports: [{ name: 'http-monitoring', port }],
    endpoints: pods.map(({ name, ip, node }) => ({ ip, node, pod: name })),
  };
  api.putSlice(slice);
  return slice;
}

const istiodUrl = (port: number): string => `http://istiod.istio-system.svc.cluster.local:${port}/metrics`;
const both = (port: number) => [`http://127.0.0.11:${port}/metrics`, `http://127.0.0.12:${port}/metrics`];

describe('what every agent has in its configuration', () => {
  test('is scraped by one of three alone: each replica at its own address, with the labels of its pod', () =>
    withCluster(async ({ api, agent, page, pass, port, pages, rest }) => {
      putIstiods(api, port);
      const options = { pages: [page(istiodUrl(port), { tags: { app_id: 'istiod' } })] };
      const agents = [await agent('node-1', options), await agent('node-2', options), await agent('node-3', options)];
      await pass(() => agents.some(({ urls }) => urls.length === 2), 'two targets');
      await rest(20_000);
      const [holder, ...others] = [...agents].sort((a, b) => b.urls.length - a.urls.length);
      expect(holder?.urls).toEqual(both(port));
      expect(others.map(({ urls }) => urls)).toEqual([[], []]);
      expect(others.flatMap(({ runtime }) => runtime.emitted)).toEqual([]);
      expect(api.watchesOf('endpointslices')).toBe(1);
      const slices = api.requests.filter(({ path, query }) => path.includes('endpointslices') && query.has('watch'));
      expect(slices.map(({ query }) => query.get('labelSelector'))).toEqual(['kubernetes.io/service-name=istiod']);
      expect(pages.asked.length).toBeGreaterThanOrEqual(6);
      const emission = holder?.runtime.emitted.find(({ origin }) => origin.pod === 'istiod-2') as Emission;
      expect(holder?.lines(emission)).toEqual([
        `m{app=istiod,app_id=istiod,container=discovery,instance=127.0.0.12:${port},job=prom-istiod,namespace=istio-system,node=node-2,pod=istiod-2,version=v1} 1`,
        `up{app=istiod,app_id=istiod,container=discovery,instance=127.0.0.12:${port},job=prom-istiod,namespace=istio-system,node=node-2,pod=istiod-2,version=v1} 1`,
      ]);
      expect(emission).toMatchObject({ scope: 'cluster', origin: { node: 'node-2', source: 'prom-istiod' } });
      expect(holder?.status()).toMatchObject({
        configured: [
          {
            ...{ url: istiodUrl(port), mode: 'holder', replicas: 2, targets: both(port) },
            said: 'scraped once, by this agent, each replica at its own address',
          },
        ],
        warnings: [],
      });
      expect(agents.reduce((sum, { runtime }) => sum + (runtime.meter.value('meshbridge_lease_held') ?? 0), 0)).toBe(1);
      expect(holder?.status().targets[0]).toMatchObject({ rule: '[[inputs.prom]]', pod: 'istiod-1' });
      const [first] = agents;
      expect(others[0]?.status().configured[0]).toMatchObject({
        said: `scraped once, by another agent (${holder?.name})`,
        targets: [],
      });
      expect(first?.status().pods[0]?.skipped).toContain('the agent that holds the lease scrapes it');
    }));

  test('goes on at another agent within 15 s where the first one froze, as the same series and without marks', () =>
    withCluster(async ({ api, agent, page, pass, port, rest, clock }) => {
      putIstiods(api, port);
      const options = { pages: [page(istiodUrl(port))] };
      const frozen = new HeldClock(clock.now());
      const first = await agent('node-1', options, frozen);
      while (first.runtime.emitted.length < 2) {
        await turns(30);
        await frozen.advance(250);
      }
      const second = await agent('node-2', options);
      const tookMs = await pass(() => second.urls.length === 2, 'the targets of the second');
      expect(tookMs).toBeGreaterThan(9_000);
      expect(tookMs).toBeLessThanOrEqual(15_000);
      await rest(10_000);
      const seriesOf = ({ runtime, lines }: Agent, of: Agent) =>
        new Set(runtime.emitted.flatMap((emission) => lines.call(of, emission)));
      expect(seriesOf(second, second)).toEqual(seriesOf(first, first));
      const before = first.runtime.emitted.length;
      frozen.step(60_000);
      for (let i = 0; i < 40; i++) {
        await turns(30);
        await Promise.all([frozen.advance(250), clock.advance(250)]);
      }
      expect(first.holds).toBe(false);
      expect(first.urls).toEqual([]);
      expect(first.runtime.emitted.length).toBe(before);
      expect(first.marks + second.marks).toBe(0);
    }));

  test('goes on at another agent at once where the first one stops', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      putIstiods(api, port);
      const options = { pages: [page(istiodUrl(port))] };
      const first = await agent('node-1', options);
      await pass(() => first.urls.length === 2, 'the targets of the first');
      const second = await agent('node-2', options);
      await pass(() => second.status().lease?.state === 'candidate', 'the second waits');
      await first.input.stop();
      expect(await pass(() => second.urls.length === 2, 'the targets of the second')).toBeLessThanOrEqual(5_000);
      expect(first.marks).toBe(0);
    }));

  test('follows its replicas as they come and go; those that are not ready count, those that end do not', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      const slice = putIstiods(api, port);
      const first = await agent('node-1', { pages: [page(istiodUrl(port))] });
      await pass(() => first.runtime.emitted.length >= 4, 'scrapes of both');
      const [one, two] = slice.endpoints;
      api.putSlice({
        ...slice,
        endpoints: [
          { ...one, ip: '127.0.0.11', ready: false },
          { ...two, ip: '127.0.0.12', terminating: true },
        ],
      });
      await pass(() => first.urls.length === 1, 'one target');
      expect(first.urls).toEqual([`http://127.0.0.11:${port}/metrics`]);
      await pass(() => first.marks >= 2, 'the end of the other');
      api.removeSlice('istiod-abc', 'istio-system');
      await pass(() => first.urls.length === 0, 'none');
    }));

  test('is scraped once where an annotation of the pod names the same page', () =>
    withCluster(async ({ api, agent, page, pass, port, rest }) => {
      putIstiods(api, port);
      const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(port) };
      api.put({ name: 'istiod-1', namespace: 'istio-system', ip: '127.0.0.11', labels, containers, annotations });
      const agents = [
        await agent('node-1', { pages: [page(istiodUrl(port))] }),
        await agent('node-2', { pages: [page(istiodUrl(port))] }),
      ];
      await pass(() => agents.some(({ urls }) => urls.length === 2), 'two targets');
      await rest(3_000);
      expect(agents.flatMap(({ urls }) => urls).sort()).toEqual(both(port));
    }));

  test('and is no Service, but an address, is scraped once with the labels of the pod that has it', () =>
    withCluster(async ({ api, agent, page, pass, port, rest }) => {
      api.put({ name: 'db-0', namespace: 'prod', ip: '127.0.0.21', node: 'node-9', labels: { app: 'db' } });
      const resolve = (host: string) => Promise.resolve(host === 'db.corp.example' ? ['127.0.0.21'] : []);
      const options = {
        resolve,
        pages: [page(`http://127.0.0.21:${port}/a`), page(`http://db.corp.example:${port}/b`)],
      };
      const agents = [await agent('node-1', options), await agent('node-2', options)];
      await pass(() => agents.some(({ runtime }) => runtime.emitted.length > 0), 'a scrape');
      await rest(5_000);
      expect(agents.flatMap(({ urls }) => urls)).toHaveLength(2);
      const holder = agents.find(({ urls }) => urls.length === 2);
      expect(holder?.status().targets.map(({ pod }) => pod)).toEqual(['db-0', 'db-0']);
      expect(holder?.runtime.emitted[0]).toMatchObject({ scope: 'cluster', origin: { node: 'node-9', app: 'db' } });
    }));

  test('and is on the node itself is scraped by its agent, with the labels of the pod that declares the port', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      const node = { node: 'node-1', ip: '127.0.0.21', hostNetwork: true };
      api.put({ ...node, name: 'proxy', containers: [{ name: 'c', ports: [10_256] }] });
      api.put({ ...node, name: 'exporter', containers: [{ name: 'c', ports: [port] }] });
      const first = await agent('node-1', { pages: [{ ...page(`http://127.0.0.21:${port}/a`), once: false }] });
      await pass(() => first.status().targets[0]?.pod === 'exporter', 'the labels of the pod');
      expect(first.status().configured[0]?.said).toBe('scraped by every agent, as it is written: it is on this node');
    }));

  test('keeps the labels of its pod while it cannot be told whose address it is', () =>
    withCluster(async ({ api, agent, page, pass, port, rest }) => {
      api.put({ name: 'db-0', namespace: 'prod', ip: '127.0.0.21', node: 'node-9' });
      let fails = false;
      const resolve = () => (fails ? Promise.reject(new Error('EAI_AGAIN')) : Promise.resolve(['127.0.0.21']));
      const pages = [page(`http://127.0.0.21:${port}/a`), page(`http://db.corp.example:${port}/b`)];
      const first = await agent('node-1', { resolve, pages });
      await pass(() => first.status().targets.filter(({ pod }) => pod === 'db-0').length === 2, 'both pages');
      fails = true;
      api.of('pods', { status: 503 });
      await rest(130_000);
      expect(first.status().targets.map(({ pod }) => pod)).toEqual(['db-0', 'db-0']);
      expect(first.marks).toBe(0);
      api.of('pods', undefined);
      fails = false;
      api.remove('db-0', 'prod');
      await pass(() => first.status().targets.every(({ pod }) => pod === undefined), 'no pod any more');
    }));

  test('with election = false is scraped by every agent, with the labels of the pod where it is of its node', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      const options = { pages: [page(`http://127.0.0.21:${port}/a`, { election: false })] };
      const agents = [await agent('node-1', options), await agent('node-2', options)];
      await pass(() => agents.every(({ urls }) => urls.length === 1), 'a target each');
      expect(api.requests.filter(({ path }) => path.includes('leases'))).toEqual([]);
      api.put({ name: 'db-0', ip: '127.0.0.21', node: 'node-2' });
      await pass(() => agents[1]?.status().targets[0]?.pod === 'db-0', 'the labels of the pod');
      expect(agents[0]?.status().targets[0]?.pod).toBeUndefined();
      api.put({ name: 'db-0', ip: '127.0.0.22', node: 'node-2' });
      await pass(() => agents[1]?.status().targets[0]?.pod === undefined, 'no pod any more');
    }));
});

describe('the pages of a Service', () => {
  test('are on the port that it leads to, under the name that it gives it', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      api.putService({
        name: 'web',
        namespace: 'prod',
        ports: [
          { name: 'ui', port: 80 },
          { name: 'metrics', port: 81 },
        ],
      });
      api.putSlice({
        name: 'web-1',
        namespace: 'prod',
        service: 'web',
        ports: [
          { name: 'ui', port: 8080 },
          { name: 'metrics', port },
        ],
        endpoints: [{ ip: '127.0.0.31' }],
      });
      const first = await agent('node-1', { pages: [page('http://web.prod:81/metrics')] });
      await pass(() => first.urls.length === 1, 'one target');
      expect(first.urls).toEqual([`http://127.0.0.31:${port}/metrics`]);
      expect(first.status().targets[0]?.pod).toBeUndefined();
    }));

  test('of two families are scraped once, at the address of the family of the Service', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      api.put({ name: 'web-0', namespace: 'prod', ips: ['127.0.0.31', '::1'] });
      const ports = [{ port }];
      const slice = { namespace: 'prod', service: 'web', ports };
      api.putSlice({ ...slice, name: 'six', family: 'IPv6', endpoints: [{ ip: '::1', pod: 'web-0' }] });
      api.putSlice({ ...slice, name: 'four', endpoints: [{ ip: '127.0.0.31', pod: 'web-0' }] });
      const first = await agent('node-1', { pages: [page('http://web.prod.svc:80/metrics')] });
      await pass(() => first.urls.length === 1, 'one target');
      expect(first.urls).toEqual([`http://127.0.0.31:${port}/metrics`]);
      api.removeSlice('four', 'prod');
      await pass(() => first.urls.join() === `http://[::1]:${port}/metrics`, 'the other family');
    }));

  test('of one endpoint of a headless Service are those of that endpoint', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      const endpoints = [
        { ip: '127.0.0.31', hostname: 'web-0' },
        { ip: '127.0.0.32', hostname: 'web-1' },
      ];
      api.putSlice({ name: 'web', namespace: 'prod', service: 'web', ports: [{ port }], endpoints });
      const first = await agent('node-1', { pages: [page(`http://web-1.web.prod.svc:${port}/metrics`)] });
      await pass(() => first.urls.length === 1, 'one target');
      expect(first.urls).toEqual([`http://127.0.0.32:${port}/metrics`]);
    }));

  test('do not get the labels of a pod that has another address, whatever the slice says', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      api.put({ name: 'victim', namespace: 'prod', ip: '127.0.0.40', labels: { app: 'bank' } });
      const endpoints = [{ ip: '127.0.0.31', pod: 'victim' }];
      api.putSlice({ name: 'web', namespace: 'prod', service: 'web', ports: [{ port }], endpoints });
      const first = await agent('node-1', { pages: [page(`http://web.prod.svc:${port}/metrics`)] });
      await pass(() => first.runtime.emitted.length > 0, 'a scrape');
      expect(first.lines(first.runtime.emitted[0] as Emission)[0]).not.toContain('bank');
      expect(first.status().targets[0]?.pod).toBeUndefined();
    }));

  test('that two tables name with other settings are two targets each', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      api.putSlice({
        name: 'w',
        namespace: 'prod',
        service: 'web',
        ports: [{ port }],
        endpoints: [{ ip: '127.0.0.31' }],
      });
      const url = `http://web.prod.svc:${port}/metrics`;
      const first = await agent('node-1', { pages: [page(url), page(url, { metric_types: ['gauge'] })] });
      await pass(() => first.urls.length === 2, 'two targets');
      expect(first.status().targets.map(({ rule, leftOut }) => [rule, leftOut !== undefined])).toEqual([
        ['[[inputs.prom]]', false],
        ['[[inputs.prom]]', true],
      ]);
    }));

  test('are known in their hundreds', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      const names = Array.from({ length: 300 }, (_, index) => index);
      const ip = (index: number): string => `127.1.${index >> 8}.${index & 255}`;
      for (const index of names) {
        api.put({ name: `web-${index}`, namespace: 'prod', ip: ip(index), node: 'node-9' });
      }
      const endpoints = names.map((index) => ({ ip: ip(index), pod: `web-${index}` }));
      for (const part of [0, 1, 2]) {
        const some = endpoints.slice(part * 100, part * 100 + 100);
        api.putSlice({ name: `w-${part}`, namespace: 'prod', service: 'web', ports: [{ port }], endpoints: some });
      }
      const first = await agent('node-1', { pages: [page(`http://web.prod.svc:${port}/metrics`)] });
      await pass(() => first.urls.length === 300, 'all targets');
      expect(new Set(first.status().targets.map(({ pod }) => pod)).size).toBe(300);
    }));

  test('are those of a name of the internet where there is no such Service', () =>
    withCluster(async ({ agent, page, pass }) => {
      const url = 'http://node.example/metrics';
      const first = await agent('node-1', { pages: [page(url)] });
      await pass(() => first.urls.join() === url, 'the page as it is written');
    }));
});

describe('where a right is missing', () => {
  test.each([
    ['leases', '"get" of leases.coordination.k8s.io (403): no agent is elected'],
    [
      'endpointslices',
      '"list" of endpointslices.discovery.k8s.io (403): the replicas of istio-system/istiod are not known',
    ],
  ])('%s: each agent scrapes the replicas of its own node, and says so', (resource, said) =>
    withCluster(async ({ api, agent, page, pass, port, rest }) => {
      api.of(resource, { status: 403 });
      putIstiods(api, port);
      const options = { pages: [page(istiodUrl(port))] };
      const agents = [await agent('node-1', options), await agent('node-2', options), await agent('node-3', options)];
      await pass(() => agents.every(({ modes }) => modes === 'node'), 'each for its node');
      await rest(1_000);
      expect(agents.map(({ urls }) => urls)).toEqual([[both(port)[0]], [both(port)[1]], []]);
      for (const { runtime, input } of agents) {
        expect(input.warnings()).toEqual([expect.stringContaining(said)]);
        expect(input.warnings()[0]).toContain('verbs: ["get", ');
        expect(runtime.log.at('warn').length).toBeLessThanOrEqual(1);
      }
    }),
  );

  test('and is granted later, the holder takes over, and nobody marks anything as ended', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      api.of('leases', { status: 403 });
      putIstiods(api, port);
      const options = { pages: [page(istiodUrl(port))] };
      const agents = [await agent('node-1', options), await agent('node-2', options)];
      await pass(() => agents.every(({ runtime }) => runtime.emitted.length > 0), 'a scrape by each');
      api.of('leases', undefined);
      await pass(() => agents.some(({ urls }) => urls.length === 2), 'two targets of one');
      await pass(() => agents.some(({ urls }) => urls.length === 0), 'none of the other');
      expect(agents.map(({ marks }) => marks)).toEqual([0, 0]);
    }));

  test('for a moment only, as while a server starts, nothing changes', () =>
    withCluster(async ({ api, agent, page, pass, port, rest }) => {
      putIstiods(api, port);
      const options = { pages: [page(istiodUrl(port))] };
      const agents = [await agent('node-1', options), await agent('node-2', options)];
      await pass(() => agents.some(({ urls }) => urls.length === 2), 'two targets');
      await pass(() => agents.some(({ status }) => status.call(agents[0]).lease !== undefined), 'leases');
      for (const resource of ['leases', 'endpointslices']) {
        api.of(resource, { status: 403 });
      }
      const seen: number[] = [];
      for (let i = 0; i < 16; i++) {
        await rest(250);
        seen.push(agents.flatMap(({ urls }) => urls).length);
      }
      expect(Math.max(...seen)).toBe(2);
      expect(agents.map(({ modes }) => modes)).toEqual(['holder', 'holder']);
    }));

  test('pods: the page is scraped as it is written, by each agent', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      api.always({ status: 403 });
      const first = await agent('node-1', { pages: [page(istiodUrl(port))] });
      await pass(() => first.urls.join() === istiodUrl(port), 'the Service');
      expect(first.input.warnings().join()).toContain('"list" of pods (403): no pod of this node is found');
      api.always(undefined);
      putIstiods(api, port);
      await pass(() => first.urls.length === 2, 'the replicas');
      await pass(() => first.input.warnings().length === 0, 'no warnings any more');
      expect(first.modes).toBe('holder');
    }));

  test('to read pods everywhere: the replicas lack some labels, which is said', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      putIstiods(api, port);
      const first = await agent('node-1', { pages: [page(istiodUrl(port))] });
      api.of('pods', { status: 403 });
      await pass(() => first.urls.length === 2, 'two targets');
      expect(first.status().targets.map(({ pod }) => pod)).toEqual(['istiod-1', 'istiod-2']);
      expect(first.input.warnings().join()).toContain(
        'replicas of Services lack the labels container, app and version',
      );
    }));

  test('and elections are off, each agent scrapes the replicas of its own node', () =>
    withCluster(async ({ api, agent, page, pass, port }) => {
      putIstiods(api, port);
      const { election: _, ...options } = { election: 0, pages: [page(istiodUrl(port))] };
      const off = { ...options, election: undefined } as unknown as Partial<PodsInputOptions>;
      const agents = [await agent('node-1', off), await agent('node-2', off)];
      await pass(() => agents.every(({ urls }) => urls.length === 1), 'one each');
      expect(agents.map(({ urls }) => urls[0])).toEqual(both(port));
      expect(agents[0]?.status()).toMatchObject({
        configured: [{ said: 'each replica is scraped by the agent of its node: elections are off' }],
      });
    }));
});

test('an API server that never answers leaves the pages to every agent, as they are written', () =>
  withCluster(async ({ api, agent, page, pass, port }) => {
    api.always({ status: 503 });
    const first = await agent('node-1', { pages: [page(istiodUrl(port)), page(`http://127.0.0.21:${port}/a`)] });
    const tookMs = await pass(() => first.urls.length === 2, 'both pages');
    expect(tookMs).toBeGreaterThan(25_000);
    expect(first.urls).toEqual([`http://127.0.0.21:${port}/a`, istiodUrl(port)]);
    api.always(undefined);
    putIstiods(api, port);
    await pass(() => first.urls.length === 3, 'the replicas');
  }));

test('without pages of the configuration no lease is asked for', () =>
  withCluster(async ({ api, agent, rest }) => {
    await agent('node-1', { pages: [] });
    await rest(5_000);
    expect(new Set(api.requests.map(({ path }) => path))).toEqual(new Set(['/api/v1/pods']));
  }));
