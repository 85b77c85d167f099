import { afterAll, describe, expect, test } from '@jest/globals';
import { describeInput, readsAlone, type Source } from '../../../test/contracts/input-contract.ts';
import { type Answer, type FakeFarSide, fakeFarSide } from '../../../test/fakes/far-side.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { until, within } from '../../../test/fakes/until.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import { idleKeys } from '../../config/idle-keys.ts';
import type { Input } from '../../contract/input.ts';
import { isStale, type MetricFrame } from '../../model/metric.ts';
import { defineKubernetesPrometheus, kubernetesprometheus } from './kubernetesprometheus.ts';

const decoder = new FrameDecoder();

function frameOf(emission: Emission): MetricFrame {
  return decoder.decode(emission.payload, emission.dictionary);
}

async function nudge(runtime: FakeInputRuntime): Promise<void> {
  const wakeMs = runtime.clock.nextWakeMs;
  if (wakeMs !== undefined) {
    await runtime.clock.advance(wakeMs - runtime.clock.now());
  }
}

/** The own node, as the API server has it. */
function nodeObject(labels: Readonly<Record<string, string>> = {}): Answer {
  const object = {
    metadata: { name: 'node-1', labels, annotations: { 'a.io/port': '7' } },
    status: {
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'InternalIP', address: '::1' },
        { type: 'Hostname', address: 'host-1' },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    },
  };
  return { status: 200, body: JSON.stringify(object) };
}

let shared: Promise<FakeFarSide> | undefined;
function sharedApi(): Promise<FakeFarSide> {
  shared ??= fakeFarSide().then((api) => {
    api.answer(nodeObject());
    return api;
  });
  return shared;
}
afterAll(async () => {
  await (await shared)?.close();
});

/** A page of the node that shows each line once, and garbage first. */
async function queueingPage(): Promise<Source> {
  const far = await fakeFarSide();
  const lines: string[] = [];
  let garbage = 0;
  far.answer(() => ({ status: 200, body: garbage-- > 0 ? '<html>no metrics</html>' : lines.splice(0).join('') }));
  return {
    config: { scrape_interval: '10s', instances: [{ role: 'node', port: String(far.port) }] },
    send: async (id) => {
      lines.push(`item{id="${id}"} 1\n`);
      return 'accepted';
    },
    sendGarbage: async () => {
      garbage = Math.max(garbage, 0) + 1;
      return 'refused';
    },
    nudge: (runtime) => (lines.length > 0 || garbage > 0 ? nudge(runtime) : Promise.resolve()),
    close: () => far.close(),
  };
}

describeInput(
  {
    definition: defineKubernetesPrometheus({ access: async () => ({ url: (await sharedApi()).url }), node: 'node-1' }),
    source: queueingPage,
    ids: (emission) => {
      const frame = frameOf(emission);
      const here = frame.shape.series.filter(({ name }, i) => name === 'item' && !isStale(frame, i));
      return here.flatMap(({ labels }) => labels.filter(([name]) => name === 'id').map(([, value]) => value));
    },
    count: (emission) => frameOf(emission).values.length,
  },
  {
    ...readsAlone('a page is read: nobody waits for an answer'),
    'takes items again once the queue has room': 'what a page showed while the queue was full is not shown again',
  },
);

interface Rig {
  readonly api: FakeFarSide;
  readonly page: FakeFarSide;
  readonly runtime: FakeInputRuntime;
  readonly input: Input;
  status(): {
    readonly targets: readonly { readonly url: string; readonly state: string }[];
    readonly warnings: readonly string[];
  };
  passes(ready: () => boolean, what: string): Promise<void>;
}

interface Before {
  readonly config: (port: string) => object;
  readonly node?: Answer;
  readonly nodeIp?: string;
  readonly discovery?: 'auto' | 'off';
}

async function withNode(
  { config, node = nodeObject(), nodeIp, discovery = 'auto' }: Before,
  run: (rig: Rig) => Promise<void>,
): Promise<void> {
  const [api, page] = [await fakeFarSide(), await fakeFarSide()];
  api.answer(node);
  page.answer({ status: 200, body: 'kubelet_pods 3\n' });
  const runtime = fakeInputRuntime({ id: 'inputs.kubernetesprometheus[0]' });
  const place = { access: async () => ({ url: api.url }), node: 'node-1', ...(nodeIp !== undefined && { nodeIp }) };
  const definition = defineKubernetesPrometheus(place, discovery);
  const input = definition.create(definition.config.parse(config(String(page.port))), runtime);
  const passes: Rig['passes'] = async (ready, what) => {
    await until(
      async () => {
        if (!ready()) {
          await nudge(runtime);
        }
        return ready();
      },
      { what },
    );
  };
  try {
    await input.start();
    const status = () => input.status?.() as ReturnType<Rig['status']>;
    await run({ api, page, runtime, input, status, passes });
  } finally {
    await within(input.stop(), 5_000, 'stop');
    await Promise.all([api.close(), page.close()]);
  }
}

function seriesOf(emission: Emission | undefined): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const series = emission === undefined ? [] : frameOf(emission).shape.series;
  return Object.fromEntries(series.map(({ name, labels }) => [name, Object.fromEntries(labels)]));
}

describe('an instance of role node', () => {
  test('is for the own node, under the names and tags that it says', () => {
    const config = (port: string) => ({
      global_tags: { host: '__kubernetes_mate_host', instance: '__kubernetes_mate_instance' },
      instances: [
        {
          role: 'node',
          selector: 'zone=a',
          port,
          path: '/metrics/x',
          custom: {
            measurement: 'kubernetes_node_metrics',
            tags: {
              node_name: '__kubernetes_node_name',
              zone: '__kubernetes_node_label_zone',
              host_name: '__kubernetes_node_address_Hostname',
              kubelet: '__kubernetes_node_kubelet_endpoint_port',
              port: '__kubernetes_node_annotation_a.io/port',
              none: '__kubernetes_node_label_none',
            },
          },
        },
        { role: 'node', selector: 'zone=b', port },
      ],
    });
    return withNode({ config, node: nodeObject({ zone: 'a' }) }, async ({ page, runtime, status, passes }) => {
      await passes(() => runtime.emitted.length > 0, 'a scrape');
      expect(seriesOf(runtime.emitted[0])['kubelet_pods']).toEqual({
        instance: `127.0.0.1:${page.port}`,
        job: 'kubernetes_node_metrics',
        node: 'node-1',
        node_name: 'node-1',
        zone: 'a',
        host_name: 'host-1',
        kubelet: '10250',
        port: '7',
      });
      const [first] = frameOf(runtime.emitted[0] as Emission).shape.series;
      expect([first?.measurement, first?.field]).toEqual(['kubernetes_node_metrics', 'kubelet_pods']);
      expect(status().targets).toMatchObject([{ url: `http://127.0.0.1:${page.port}/metrics/x`, state: 'up' }]);
      expect(status().warnings).toEqual([]);
    });
  });

  test('follows the labels of the node', () =>
    withNode(
      { config: (port) => ({ instances: [{ role: 'node', selector: 'zone=a', port }] }) },
      async ({ api, runtime, status, passes }) => {
        await passes(() => api.requests.length > 0 && runtime.clock.sleepers > 0, 'the first look');
        expect(status().targets).toEqual([]);
        api.answer(nodeObject({ zone: 'a' }));
        await passes(() => status().targets.length === 1, 'the target');
        await passes(() => status().targets[0]?.state === 'up', 'a scrape');
        api.answer(nodeObject({ zone: 'b' }));
        await passes(() => status().targets.length === 0, 'its end');
        await passes(() => runtime.emitted.length > 1, 'the mark');
        const last = frameOf(runtime.emitted.at(-1) as Emission);
        expect(last.shape.series.every((_, i) => isStale(last, i))).toBe(true);
      },
    ));

  test('is scraped without the right to read the node, unless it chooses by labels, and the right is named', () => {
    const config = (port: string) => ({
      instances: [
        { role: 'node', port },
        { role: 'node', port, path: '/other', selector: 'zone=a' },
      ],
    });
    const refused = { status: 403, body: JSON.stringify({ message: 'nodes "node-1" is forbidden' }) };
    return withNode({ config, node: refused, nodeIp: '127.0.0.1' }, async ({ api, runtime, status, passes }) => {
      await passes(() => status().targets[0]?.state === 'up', 'a scrape');
      expect(status().targets).toHaveLength(1);
      expect(status().warnings).toEqual([
        'not collected: node node-1: HTTP 403: nodes "node-1" is forbidden; grant get of nodes to the service account (ClusterRole); without it labels and annotations of the node are not known',
      ]);
      expect(runtime.log.at('warn')).toHaveLength(1);
      api.answer(nodeObject({ zone: 'a' }));
      await passes(() => status().targets.length === 2, 'both');
      expect(status().warnings).toEqual([]);
    });
  });

  test('without a port says so', () =>
    withNode(
      { config: () => ({ instances: [{ role: 'node', port: '__kubernetes_node_label_port' }] }) },
      async ({ status, passes, runtime }) => {
        await passes(() => status().warnings.length > 0, 'the problem');
        expect(status().warnings[0]).toContain('stands for nothing here');
        expect(runtime.log.at('warn')).toHaveLength(1);
      },
    ));
});

describe('what is not collected is named', () => {
  test('outside a cluster: everything', async () => {
    const runtime = fakeInputRuntime({ id: 'inputs.kubernetesprometheus[0]' });
    const config = kubernetesprometheus.config.parse({ instances: [{ role: 'pod', port: '1' }] });
    const input = kubernetesprometheus.create(config, runtime);
    await input.start();
    expect(input.status?.()).toEqual({
      targets: [],
      warnings: ['not collected: all instances: this is not a cluster'],
    });
    expect(runtime.log.at('warn')).toHaveLength(1);
    await input.stop();
  });

  test('where discovery is off: all but the node', () =>
    withNode(
      {
        config: (port) => ({ instances: ['service', 'endpoints', 'pod', 'node'].map((role) => ({ role, port })) }),
        discovery: 'off',
      },
      async ({ status, runtime }) => {
        expect(status().warnings).toEqual([
          'not collected: instances of role service, endpoints, pod: [kubernetes] discovery is off',
        ]);
        expect(runtime.log.at('warn')).toHaveLength(1);
      },
    ));

  test('of DataKit’s switches: those for monitors', () => {
    const shown = {
      enable_discovery_of_prometheus_pod_annotations: true,
      enable_discovery_of_prometheus_service_annotations: true,
      enable_discovery_of_prometheus_pod_monitors: true,
      enable_discovery_of_prometheus_service_monitors: true,
      node_local: true,
    };
    expect(idleKeys(kubernetesprometheus.config, shown).map(({ path }) => path.join('.'))).toEqual([
      'enable_discovery_of_prometheus_pod_monitors',
      'enable_discovery_of_prometheus_service_monitors',
    ]);
    const ofInstance = idleKeys(kubernetesprometheus.config.shape.instances.unwrap().element, {
      custom: { job_as_measurement: true },
    });
    expect(ofInstance.map(({ path }) => path.join('.'))).toEqual(['custom.job_as_measurement']);
  });
});

test('a selector that is none, and a role that is none, are faults', () => {
  const fault = (instance: object) =>
    kubernetesprometheus.config.safeParse({ instances: [{ role: 'pod', port: '1', ...instance }] }).error?.issues[0];
  expect(fault({ selector: 'a in b' })).toMatchObject({ path: ['instances', 0, 'selector'] });
  expect(fault({ role: 'ingress' })).toMatchObject({ path: ['instances', 0, 'role'] });
  expect(fault({ port: undefined })).toMatchObject({ path: ['instances', 0, 'port'] });
  expect(fault({})).toBeUndefined();
});
