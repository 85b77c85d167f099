import { expect, test } from '@jest/globals';
import { type FakeApiServer, type FakePod, fakeApiServer, type Trouble } from '../../../test/fakes/api-server.ts';
import { type FakeFarSide, fakeFarSide } from '../../../test/fakes/far-side.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { until, within } from '../../../test/fakes/until.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import type { PodExplanation } from '../../contract/status.ts';
import { isStale } from '../../model/metric.ts';
import type { TargetStatus } from '../../scrape/target-status.ts';
import { PodsInput, type PodsInputOptions } from './pods-input.ts';

interface Rig {
  readonly api: FakeApiServer;
  readonly far: FakeFarSide;
  readonly runtime: FakeInputRuntime;
  readonly input: PodsInput;
  status(): { targets: readonly TargetStatus[]; pods: readonly PodExplanation[] };
  /** Path of each target, sorted. */
  paths(): string[];
  /** Adds a pod whose annotation names these paths of the far side. */
  put(name: string, paths: readonly string[], more?: Partial<FakePod>): void;
  /** Lets time pass until something was emitted for that pod. */
  scraped(pod: string): Promise<Emission>;
}

interface Before {
  readonly options?: Partial<PodsInputOptions>;
  readonly trouble?: Trouble;
}

function optionsOf(
  api: FakeApiServer,
  runtime: FakeInputRuntime,
  more: Partial<PodsInputOptions> = {},
): PodsInputOptions {
  const access = () => Promise.resolve({ url: api.url });
  return { access, node: 'node-1', istio: 'auto', monotonicMs: () => runtime.clock.now(), ...more };
}

async function withPods(run: (rig: Rig) => Promise<void>, before: Before = {}): Promise<void> {
  const api = await fakeApiServer();
  api.always(before.trouble);
  const far = await fakeFarSide();
  far.answer({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'm{pod="mine"} 1\nn 2\n' });
  const runtime = fakeInputRuntime({ id: 'kubernetes' });
  const input = new PodsInput(optionsOf(api, runtime, before.options), runtime);
  const status: Rig['status'] = () => input.status() as ReturnType<Rig['status']>;
  const put: Rig['put'] = (name, paths, more = {}) => {
    const urls = paths.map((path) => `"http://$IP:${far.port}${path}"`).join(', ');
    const annotations = {
      'datakit/prom.instances': `[[inputs.prom]]\nurls = [${urls}]\nsource = "s"\ninterval = "10s"`,
    };
    api.put({ name, annotations, ...more });
  };
  const scraped: Rig['scraped'] = async (pod) => {
    const before = runtime.emitted.length;
    const emission = () => runtime.emitted.slice(before).find(({ origin }) => origin.pod === pod);
    return until(
      async () => {
        if (emission() === undefined) {
          await runtime.clock.advance(2_000);
        }
        return emission();
      },
      { what: `a scrape of ${pod}` },
    );
  };
  const paths = () =>
    status()
      .targets.map(({ url }) => new URL(url).pathname)
      .sort();
  try {
    await input.start();
    await until(() => api.watches === 1 || before.trouble !== undefined);
    await run({ api, far, runtime, input, status, paths, put, scraped });
  } finally {
    await within(input.stop(), 5_000, 'stop');
    await api.stop();
    await far.close();
  }
}

const decoder = new FrameDecoder();

function lines(emission: Emission): string[] {
  const frame = decoder.decode(emission.payload, emission.dictionary);
  return frame.shape.series
    .map(({ name, labels }, i) => {
      const shown = labels.filter(([label]) => !['job', 'instance', 'node'].includes(label));
      return `${name}{${shown.map((pair) => pair.join('=')).join(',')}} ${isStale(frame, i) ? 'stale' : frame.values[i]}`;
    })
    .filter((line) => !line.startsWith('scrape_'));
}

test('pods are scraped with their labels, where the page does not have them itself', () =>
  withPods(async ({ put, scraped, status, far, runtime }) => {
    put('a', ['/metrics'], { namespace: 'prod', labels: { app: 'details', version: 'v1' } });
    const emission = await scraped('a');
    expect(lines(emission)).toEqual([
      'm{app=details,container=app,namespace=prod,pod=mine,version=v1} 1',
      'n{app=details,container=app,namespace=prod,pod=a,version=v1} 2',
      'up{app=details,container=app,namespace=prod,pod=a,version=v1} 1',
    ]);
    expect(emission.origin).toEqual({
      node: 'node-1',
      namespace: 'prod',
      pod: 'a',
      podUid: 'uid-prod-a',
      container: 'app',
      app: 'details',
      version: 'v1',
      source: 's',
    });
    expect(status().targets).toEqual([
      expect.objectContaining({
        url: `http://127.0.0.1:${far.port}/metrics`,
        state: 'up',
        namespace: 'prod',
        pod: 'a',
        rule: 'datakit/prom.instances',
        source: 's',
      }),
    ]);
    expect(runtime.meter.value('meshbridge_scrape_targets', { input: 'kubernetes', state: 'up' })).toBe(1);
  }));

test('a changed annotation is followed at once; a target that stays goes on, and one that goes is marked as ended', () =>
  withPods(async ({ api, put, paths, scraped, status, runtime }) => {
    put('a', ['/one', '/two']);
    await until(() => paths().length === 2);
    for (let i = 0; i < 4; i++) {
      await scraped('a');
    }
    expect(status().targets.map(({ state }) => state)).toEqual(['up', 'up']);
    const seen = status().targets.find(({ url }) => url.endsWith('/one'))?.lastMs;
    put('a', ['/one', '/three'], { phase: 'Running' });
    await until(() => paths().join() === '/one,/three');
    expect(status().targets.find(({ url }) => url.endsWith('/one'))?.lastMs).toBe(seen);
    await until(() => lines(runtime.emitted.at(-1) as Emission).every((line) => line.endsWith('stale')));
    api.remove('a');
    await until(() => paths().length === 0);
    expect(status().pods).toEqual([]);
  }));

test('a pod that ends, or comes back under another uid, is followed', () =>
  withPods(async ({ api, put, paths, status }) => {
    put('a', ['/one']);
    await until(() => paths().length === 1);
    put('a', ['/one'], { phase: 'Succeeded' });
    await until(() => paths().length === 0);
    expect(status().pods[0]?.skipped).toContain('not running');
    api.remove('a');
    put('a', ['/one'], { uid: 'another' });
    await until(() => paths().length === 1);
    expect(status().pods).toHaveLength(1);
  }));

test('what one pod was asked for is not taken for the page of another that has its address now', () =>
  withPods(async ({ api, put, far, runtime, scraped, status }) => {
    far.answer('hang');
    put('old', ['/one'], { ip: '127.0.0.1' });
    await until(async () => {
      await runtime.clock.advance(1_000);
      return far.requests.length === 1;
    });
    api.remove('old');
    put('new', ['/one'], { ip: '127.0.0.1' });
    await until(
      () =>
        status()
          .targets.map(({ pod }) => pod)
          .join() === 'new',
    );
    await until(() => far.connections === 0, { what: 'the old request is given up' });
    far.answer({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'm 1\n' });
    await scraped('new');
    expect(runtime.emitted.map(({ origin }) => origin.podUid)).toEqual(['uid-default-new']);
  }));

test('a pod is scraped from when it has an address until it ends, whether or not it is ready', () =>
  withPods(async ({ put, paths, status }) => {
    put('a', ['/one'], { ip: '', phase: 'Pending', ready: false });
    await until(() => status().pods[0]?.skipped?.includes('not running but Pending') === true);
    put('a', ['/one'], { ip: '', ready: false });
    await until(() => status().pods[0]?.skipped?.includes('no address yet') === true);
    put('a', ['/one'], { ready: false });
    await until(() => paths().length === 1);
    put('a', ['/one'], { ready: false, deleting: true });
    await until(() => paths().length === 0);
    expect(status().pods[0]?.skipped).toBe('it is being deleted');
  }));

test('a pod of IPv6 is scraped at its address, and one of two families at the first', () =>
  withPods(async ({ put, status }) => {
    put('six', ['/six'], { ips: ['::1'] });
    put('both', ['/both'], { ips: ['127.0.0.1', '::1'] });
    await until(() => status().targets.length === 2);
    expect(
      status()
        .targets.map(({ url }) => new URL(url).hostname)
        .sort(),
    ).toEqual(['127.0.0.1', '[::1]']);
  }));

test('of pods on the host network a port of the node is scraped as the one of the pod that declares it', () =>
  withPods(async ({ api, put, far, status }) => {
    const pods = () =>
      status()
        .targets.map(({ pod }) => pod)
        .sort();
    put('copied', ['/one'], { hostNetwork: true });
    await until(() => pods().join() === 'copied');
    put('exporter', ['/one'], { hostNetwork: true, containers: [{ name: 'c', ports: [far.port] }] });
    await until(() => pods().join() === 'exporter');
    expect(status().pods.find(({ pod }) => pod === 'copied')?.faults[0]).toContain(
      'is left out; that port of the node is the one of default/exporter',
    );
    put('own', ['/one'], { ip: '127.0.0.9' });
    await until(() => pods().join() === 'exporter,own');
    api.remove('exporter');
    await until(() => pods().join() === 'copied,own');
  }));

test('while the API server is away, what is known goes on being scraped', () =>
  withPods(async ({ api, put, scraped, input }) => {
    put('a', ['/one']);
    await scraped('a');
    await api.stop();
    for (let i = 0; i < 5; i++) {
      await scraped('a');
    }
    expect(input.status()).toMatchObject({ watch: { state: 'retrying', pods: 1 }, targets: [{ state: 'up' }] });
    await api.restart();
  }));

test('an annotation that cannot be followed is said once, and what others say is scraped', () =>
  withPods(async ({ api, put, paths, status, runtime }) => {
    const annotations = { 'datakit/prom.instances': '[[inputs.prom]]\nurl = "http://169.254.169.254/"' };
    api.put({ name: 'bad', annotations });
    put('good', ['/one']);
    api.put({ name: 'bad', annotations, labels: { new: 'label' } });
    put('last', ['/two']);
    await until(() => paths().length === 2);
    expect(status().pods.find(({ pod }) => pod === 'bad')?.faults[0]).toContain('is not an address of this pod');
    expect(runtime.log.at('warn')).toHaveLength(1);
  }));

test('a pod that makes no sense is said, and does not hide the others', () =>
  withPods(async ({ put, paths, runtime }) => {
    put('odd', [], { ip: '[', annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '80' } });
    put('good', ['/one']);
    await until(() => paths().join() === '/one');
    expect(runtime.log.at('error').map(({ fields }) => fields)).toEqual([
      { namespace: 'default', pod: 'odd', error: expect.anything() },
    ]);
  }));

test('of two hundred pods on two nodes each agent has its own, over a lost API server and addresses that are used again', () =>
  withPods(async ({ api, runtime, input }) => {
    const second = fakeInputRuntime({ id: 'kubernetes' });
    const other = new PodsInput(optionsOf(api, second, { node: 'node-2' }), second);
    const podsOf = (one: PodsInput): string[] => {
      const { targets } = one.status() as ReturnType<Rig['status']>;
      return targets.map(({ pod, url }) => `${pod} ${new URL(url).hostname}`).sort();
    };
    const put = (index: number, name = `pod-${index}`): void => {
      const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9' };
      api.put({ name, node: `node-${1 + (index % 2)}`, ip: `127.0.1.${index}`, annotations });
    };
    const expected = (remainder: number, name: (index: number) => string): string[] =>
      Array.from({ length: 200 }, (_, index) => index)
        .filter((index) => index % 2 === remainder)
        .map((index) => `${name(index)} 127.0.1.${index}`)
        .sort();
    const settled = async (name: (index: number) => string): Promise<void> => {
      await until(
        async () => {
          for (const { clock } of [runtime, second]) {
            await clock.advance(500);
          }
          return podsOf(input).join() === expected(0, name).join() && podsOf(other).join() === expected(1, name).join();
        },
        { withinMs: 20_000, what: 'each agent with its own pods' },
      );
    };
    try {
      await other.start();
      for (let index = 0; index < 200; index++) {
        put(index);
      }
      await settled((index) => `pod-${index}`);
      await api.stop();
      const before = api.requests.length;
      for (let index = 0; index < 200; index++) {
        if (index % 10 === 0) {
          api.remove(`pod-${index}`);
          put(index, `anew-${index}`);
        }
      }
      await api.restart();
      await settled((index) => (index % 10 === 0 ? `anew-${index}` : `pod-${index}`));
      expect(api.requests.length - before).toBeLessThanOrEqual(8);
    } finally {
      await other.stop();
    }
  }));

test('a redirect out of the pod is not followed', () =>
  withPods(async ({ far, put, scraped, status }) => {
    const other = await fakeFarSide();
    try {
      far.answer({ status: 302, headers: { location: `http://localhost:${other.port}/secret` } });
      put('a', ['/one']);
      await scraped('a');
      expect(status().targets[0]).toMatchObject({
        state: 'down',
        error: expect.stringContaining('not of its own pod'),
      });
      expect(other.requests).toHaveLength(0);
    } finally {
      await other.close();
    }
  }));

test('a page that is cut off behind a proxy of Istio says what to do', () =>
  withPods(async ({ far, put, scraped, status }) => {
    far.answer('drop');
    put('a', ['/one'], { containers: [{ name: 'app' }, { name: 'istio-proxy' }] });
    put('b', ['/one']);
    for (const pod of ['a', 'b']) {
      await scraped(pod);
    }
    const hints = new Map(status().targets.map((target) => [`${target.pod} ${target.rule}`, target.hint]));
    expect(hints.get('a datakit/prom.instances')).toContain('scrape 15020, or exclude the port');
    expect(hints.get('b datakit/prom.instances')).toBeUndefined();
  }));

test('stopping ends all without marks, and retiring with them', () =>
  withPods(async ({ put, scraped, input, runtime }) => {
    put('a', ['/one']);
    await scraped('a');
    await input.stop();
    const before = runtime.emitted.length;
    expect(lines(runtime.emitted.at(-1) as Emission).some((line) => line.endsWith('stale'))).toBe(false);
    await input.retire();
    expect(runtime.emitted).toHaveLength(before + 1);
    expect(lines(runtime.emitted.at(-1) as Emission).every((line) => line.endsWith('stale'))).toBe(true);
    await input.retire();
    expect(runtime.emitted).toHaveLength(before + 1);
  }));
