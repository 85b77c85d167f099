import { unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeInput, readsAlone, type Source } from '../../../test/contracts/input-contract.ts';
import { fakeFarSide } from '../../../test/fakes/far-side.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { type FakeKubelet, fakeKubelet } from '../../../test/fakes/kubelet.ts';
import { kubeletPages, type NodeContainer } from '../../../test/fakes/kubelet-pages.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { until, within } from '../../../test/fakes/until.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import type { Input } from '../../contract/input.ts';
import { isStale, type MetricFrame } from '../../model/metric.ts';
import { defineKubelet, kubelet } from './kubelet.ts';

const decoder = new FrameDecoder();

function frameOf(emission: Emission): MetricFrame {
  return decoder.decode(emission.payload, emission.dictionary);
}

/** Lets the next scrape begin, if none is under way. */
async function nudge(runtime: FakeInputRuntime): Promise<void> {
  const wakeMs = runtime.clock.nextWakeMs;
  if (wakeMs !== undefined) {
    await runtime.clock.advance(wakeMs - runtime.clock.now());
  }
}

/** A page that shows each line once, and garbage first; who looks for a way in sees nothing of it. */
async function queueingPage({ dir }: { readonly dir: string }): Promise<Source> {
  const node = await fakeKubelet();
  node.tokens('secret');
  await writeFile(join(dir, 'token'), 'secret\n');
  const lines: string[] = [];
  let garbage = 0;
  let looked = false;
  node.page('/metrics/cadvisor', () => {
    if (!looked) {
      looked = true;
      return '';
    }
    return garbage-- > 0 ? '<html>no metrics</html>' : lines.splice(0).join('');
  });
  return {
    config: { url: node.url, token_file: join(dir, 'token'), interval: '10s', resource: false },
    send: async (id) => {
      lines.push(`item{id="/",item="${id}"} 1\n`);
      return 'accepted';
    },
    sendGarbage: async () => {
      garbage = Math.max(garbage, 0) + 1;
      return 'refused';
    },
    nudge: (runtime) => (lines.length > 0 || garbage > 0 ? nudge(runtime) : Promise.resolve()),
    close: () => node.close(),
  };
}

describeInput(
  {
    definition: kubelet,
    source: queueingPage,
    ids: (emission) => {
      const frame = frameOf(emission);
      const here = frame.shape.series.filter(({ name }, i) => name === 'item' && !isStale(frame, i));
      return here.flatMap(({ labels }) => labels.filter(([name]) => name === 'item').map(([, value]) => value));
    },
    count: (emission) => frameOf(emission).values.length,
  },
  {
    ...readsAlone('a page is read: nobody waits for an answer'),
    'takes items again once the queue has room': 'what a page showed while the queue was full is not shown again',
  },
);

const containers: readonly NodeContainer[] = [
  { namespace: 'prod', pod: 'details-v1-7d4c', container: 'details' },
  { namespace: 'prod', pod: 'details-v1-7d4c', container: 'istio-proxy' },
  { namespace: 'istio-system', pod: 'istiod-5b9f', container: 'discovery' },
];

interface Rig {
  readonly node: FakeKubelet;
  readonly api: FakeKubelet;
  readonly dir: string;
  readonly runtime: FakeInputRuntime;
  readonly input: Input;
  /** The time that stands on the pages. */
  readonly measuredMs: number;
  status(): {
    readonly way?: { readonly name: string; readonly url: string; readonly verified: boolean };
    readonly closed?: readonly { readonly url: string; readonly error: string; readonly hint?: string }[];
    readonly targets: readonly {
      readonly url: string;
      readonly state: string;
      readonly error?: string;
      readonly hint?: string;
    }[];
  };
  /** Lets time pass until both pages were scraped anew; what was emitted, by page. */
  scraped(): Promise<Scrape>;
  /** Lets time pass until it holds. */
  passes(ready: () => boolean, what: string): Promise<void>;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined: the series ends. */
  readonly value: number | undefined;
  readonly timeMs: number;
}

type Scrape = Readonly<Record<'cadvisor' | 'resource', readonly Sample[]>>;

function samplesOf(emission: Emission): readonly Sample[] {
  const frame = frameOf(emission);
  return frame.shape.series.map(({ name, labels }, i) => {
    const own = frame.timestampsMs?.[i] ?? Number.NaN;
    return {
      name,
      labels: Object.fromEntries(labels),
      value: isStale(frame, i) ? undefined : frame.values[i],
      timeMs: Number.isNaN(own) ? frame.timestampMs : own,
    };
  });
}

function lastOf(emissions: readonly Emission[], page: string): readonly Sample[] | undefined {
  const all = emissions.map(samplesOf);
  return all.findLast((samples) => samples.some(({ labels }) => labels['metrics_path'] === `/metrics/${page}`));
}

interface Before {
  readonly config?: object;
  /** The certificate of the kubelet is of the cluster's authority. */
  readonly signed?: boolean;
  readonly arrange?: (rig: Pick<Rig, 'node' | 'api' | 'dir'>) => void | Promise<void>;
}

const node = 'node-1';

async function withKubelet(run: (rig: Rig) => Promise<void>, before: Before = {}): Promise<void> {
  await inTempDir(async (dir) => {
    const [own, api] = [await fakeKubelet(), await fakeKubelet({ prefix: `/api/v1/nodes/${node}/proxy` })];
    const runtime = fakeInputRuntime({ id: 'inputs.kubelet[0]' });
    const measuredMs = runtime.clock.now() - 5_000;
    const pages = kubeletPages(containers, measuredMs);
    for (const one of [own, api]) {
      one.tokens('token-1');
      one.page('/metrics/cadvisor', pages.cadvisor);
      one.page('/metrics/resource', pages.resource);
    }
    await writeFile(join(dir, 'token'), 'token-1');
    await writeFile(join(dir, 'ca.crt'), before.signed === true ? own.certificate.cert : api.certificate.cert);
    await before.arrange?.({ node: own, api, dir });
    const access = { url: api.url, tokenFile: join(dir, 'token'), caFile: join(dir, 'ca.crt') };
    const definition = defineKubelet({ access: async () => access, node });
    const input = definition.create(definition.config.parse({ url: own.url, ...before.config }), runtime);
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
    const scraped = async (): Promise<Scrape> => {
      const from = runtime.emitted.length;
      const pages = ['cadvisor', 'resource'].filter((page) => !(before.config && page in before.config));
      await passes(() => pages.every((page) => lastOf(runtime.emitted.slice(from), page) !== undefined), 'a scrape');
      const since = runtime.emitted.slice(from);
      return { cadvisor: lastOf(since, 'cadvisor') ?? [], resource: lastOf(since, 'resource') ?? [] };
    };
    const status = () => input.status?.() as ReturnType<Rig['status']>;
    try {
      await input.start();
      await run({ node: own, api, dir, runtime, input, measuredMs, status, scraped, passes });
    } finally {
      await within(input.stop(), 5_000, 'stop');
      await own.close();
      await api.close();
    }
  });
}

function named(samples: readonly Sample[], name: string): readonly Sample[] {
  return samples.filter((sample) => sample.name === name);
}

/** `label=value` of each, without those that all have. */
function shown(samples: readonly Sample[], ...labels: readonly string[]): string[] {
  return samples.map((sample) => labels.map((label) => sample.labels[label] ?? '').join('/')).sort();
}

describe('the pages of the kubelet', () => {
  test('are scraped with the labels that users of cAdvisor and of kube-prometheus know', () =>
    withKubelet(async ({ node: own, runtime, scraped, status }) => {
      const { cadvisor, resource } = await scraped();
      const [cpu] = named(cadvisor, 'container_cpu_usage_seconds_total').filter(
        ({ labels }) => labels['container'] === 'istio-proxy',
      );
      expect(cpu?.labels).toEqual({
        namespace: 'prod',
        pod: 'details-v1-7d4c',
        container: 'istio-proxy',
        cpu: 'total',
        id: expect.stringMatching(/^\/kubepods\.slice\/.*\/cri-containerd-[0-9a-f]{64}\.scope$/),
        image: 'docker.io/library/istio-proxy:1.0',
        name: expect.stringMatching(/^[0-9a-f]{64}$/),
        node,
        instance: `127.0.0.1:${own.port}`,
        job: 'kubelet',
        metrics_path: '/metrics/cadvisor',
      });
      expect(shown(named(cadvisor, 'up').concat(named(resource, 'up')), 'job', 'metrics_path', 'node')).toEqual([
        `kubelet//metrics/cadvisor/${node}`,
        `kubelet//metrics/resource/${node}`,
      ]);
      expect(named(resource, 'node_cpu_usage_seconds_total')).toHaveLength(1);
      expect(status().targets.map(({ url, state }) => `${url} ${state}`)).toEqual([
        `${own.url}/metrics/resource up`,
        `${own.url}/metrics/cadvisor up`,
      ]);
      expect(runtime.meter.value('meshbridge_scrape_targets', { input: 'inputs.kubelet[0]', state: 'up' })).toBe(2);
    }));

  test('keep the times at which the kubelet measured, unless those are not wanted', async () => {
    await withKubelet(async ({ measuredMs, scraped }) => {
      const { cadvisor } = await scraped();
      const measured = named(cadvisor, 'container_memory_working_set_bytes').map(({ timeMs }) => timeMs);
      expect([...new Set(measured)]).toEqual([measuredMs]);
      expect(named(cadvisor, 'up')[0]?.timeMs).toBeGreaterThan(measuredMs);
    });
    await withKubelet(
      async ({ scraped }) => {
        const { cadvisor } = await scraped();
        expect(new Set(cadvisor.map(({ timeMs }) => timeMs)).size).toBe(1);
      },
      { config: { honor_timestamps: false } },
    );
  });

  test('have series of pods and of the node as a whole, and those of other control groups where they are wanted', async () => {
    await withKubelet(async ({ scraped }) => {
      const { cadvisor } = await scraped();
      const memory = named(cadvisor, 'container_memory_working_set_bytes');
      expect(shown(memory, 'pod', 'container')).toEqual([
        '/',
        'details-v1-7d4c/',
        'details-v1-7d4c/',
        'details-v1-7d4c/details',
        'details-v1-7d4c/istio-proxy',
        'istiod-5b9f/',
        'istiod-5b9f/',
        'istiod-5b9f/discovery',
      ]);
      expect(shown(named(cadvisor, 'container_network_receive_bytes_total'), 'pod', 'interface')).toEqual([
        '/eth0',
        '/lo',
        'details-v1-7d4c/eth0',
        'details-v1-7d4c/lo',
        'istiod-5b9f/eth0',
        'istiod-5b9f/lo',
      ]);
      const others = ['container_scrape_error', 'machine_memory_bytes', 'cadvisor_version_info'];
      expect(others.map((name) => named(cadvisor, name).length)).toEqual([1, 1, 1]);
    });
    await withKubelet(
      async ({ scraped }) => {
        const { cadvisor } = await scraped();
        const ids = shown(named(cadvisor, 'container_memory_working_set_bytes'), 'id');
        expect(ids).toContain('/system.slice/containerd.service');
        expect(ids).toContain('/kubepods.slice/kubepods-burstable.slice');
      },
      { config: { cgroups: true } },
    );
  });

  test('count no container twice: what both have is taken from cAdvisor alone', async () => {
    const both = [
      'container_cpu_usage_seconds_total',
      'container_memory_working_set_bytes',
      'container_start_time_seconds',
    ];
    await withKubelet(async ({ scraped }) => {
      const { cadvisor, resource } = await scraped();
      expect(both.map((name) => named(resource, name).length)).toEqual([0, 0, 0]);
      expect(both.map((name) => named(cadvisor, name).length > 0)).toEqual([true, true, true]);
      expect(shown(named(resource, 'container_swap_usage_bytes'), 'container')).toEqual([
        'details',
        'discovery',
        'istio-proxy',
      ]);
    });
    await withKubelet(
      async ({ scraped, status }) => {
        const { resource } = await scraped();
        expect(both.map((name) => named(resource, name).length)).toEqual([3, 3, 3]);
        expect(status().targets).toHaveLength(1);
      },
      { config: { cadvisor: false } },
    );
  });

  test('leave out what kube-prometheus leaves out, or what else is asked for', async () => {
    await withKubelet(async ({ scraped }) => {
      const { cadvisor } = await scraped();
      expect(named(cadvisor, 'container_tasks_state')).toEqual([]);
      expect(named(cadvisor, 'container_cpu_load_average_10s')).toEqual([]);
      expect(named(cadvisor, 'container_memory_rss')).not.toEqual([]);
    });
    const config = { metric_name_filter: ['_memory_', 'tasks'], metric_name_filter_ignore: ['rss$'], resource: false };
    await withKubelet(
      async ({ scraped }) => {
        const { cadvisor } = await scraped();
        const names = new Set(cadvisor.map(({ name }) => name).filter((name) => name.startsWith('container_')));
        expect([...names].sort()).toEqual([
          'container_memory_working_set_bytes',
          'container_spec_memory_limit_bytes',
          'container_tasks_state',
        ]);
      },
      { config },
    );
  });

  test('of a container that is gone end, though their samples have times of their own', () =>
    withKubelet(async ({ node: own, runtime, measuredMs, scraped, passes }) => {
      await scraped();
      const left = containers.filter(({ container }) => container !== 'discovery');
      own.page('/metrics/cadvisor', kubeletPages(left, measuredMs + 10_000).cadvisor);
      const last = () => lastOf(runtime.emitted, 'cadvisor') ?? [];
      await passes(() => last().some(({ value }) => value === undefined), 'the mark');
      const cadvisor = last();
      const ended = cadvisor.filter(({ value }) => value === undefined);
      expect(ended.filter(({ labels }) => labels['pod'] !== 'istiod-5b9f')).toEqual([]);
      expect(shown(named(ended, 'container_memory_working_set_bytes'), 'container')).toEqual(['', '', 'discovery']);
    }));

  test('are asked for every 15 seconds by default, with the token as it is by then', () =>
    withKubelet(async ({ node: own, dir, runtime, status, scraped, passes }) => {
      await scraped();
      own.tokens('token-1', 'token-2');
      await writeFile(join(dir, 'token'), 'token-2\n');
      await passes(() => own.requests.some(({ token }) => token === 'token-2'), 'a request with the new token');
      await scraped();
      const pages = runtime.emitted.map(samplesOf).map((samples) => named(samples, 'up')[0]);
      const times = pages.flatMap((up) => (up?.labels['metrics_path'] === '/metrics/cadvisor' ? [up.timeMs] : []));
      expect(times.length).toBeGreaterThan(1);
      // The clock may be moved on while a page is under way: then a time of the grid is left out.
      expect(times.slice(1).map((timeMs, i) => (timeMs - (times[i] ?? 0)) % 15_000)).toEqual(
        times.slice(1).map(() => 0),
      );
      expect(status()).toMatchObject({ targets: [{ intervalMs: 15_000 }, { intervalMs: 15_000 }] });
    }));

  test('get tags, which the labels of the page win over', () =>
    withKubelet(
      async ({ scraped }) => {
        const { cadvisor } = await scraped();
        const memory = named(cadvisor, 'container_memory_rss').filter(
          ({ labels }) => labels['container'] === 'details',
        );
        expect(memory[0]?.labels).toMatchObject({ cluster: 'c1', pod: 'details-v1-7d4c', job: 'kubelet' });
      },
      { config: { tags: { cluster: 'c1', pod: 'mine' } } },
    ));
});

describe('the certificate of the kubelet', () => {
  test('is verified where it is of the cluster’s authority', () =>
    withKubelet(
      async ({ status, scraped }) => {
        await scraped();
        expect(status().way).toMatchObject({ name: 'kubelet', verified: true });
        expect(status().closed).toBeUndefined();
      },
      { signed: true },
    ));

  test('that the kubelet signed itself is taken, and status and log say so', () =>
    withKubelet(async ({ runtime, status, scraped }) => {
      await scraped();
      expect(status().way).toMatchObject({ name: 'kubelet', verified: false });
      const said = runtime.log.at('info').map(({ fields, message }) => `${message} ${JSON.stringify(fields)}`);
      expect(said).toHaveLength(1);
      expect(said[0]).toContain('verify = \\"always\\" forbids that');
    }));

  test('that the kubelet signed itself gets no token where it must be verified', () =>
    withKubelet(
      async ({ node: own, status, passes }) => {
        await passes(() => status().targets.length > 0, 'a look');
        expect(status().targets.map(({ state }) => state)).toEqual(['down', 'down']);
        expect(status().targets[0]?.hint).toContain('ca_file');
        expect(own.requests).toEqual([]);
      },
      { config: { verify: 'always', via: 'kubelet' } },
    ));

  test('is of no interest where it need not be verified, and an authority may be named', async () => {
    await withKubelet(
      async ({ status, scraped }) => {
        await scraped();
        expect(status()).toMatchObject({ way: { verified: false } });
        expect(status().closed).toBeUndefined();
      },
      { config: { verify: 'never' } },
    );
    await inTempDir(async (dir) => {
      const config = { ca_file: join(dir, 'other.crt'), verify: 'always', via: 'kubelet' };
      await withKubelet(
        async ({ status, scraped }) => {
          await scraped();
          expect(status().way?.verified).toBe(true);
        },
        { config, arrange: ({ node: own }) => writeFile(config.ca_file, own.certificate.cert) },
      );
    });
  });
});

const forKubelet =
  'grant it to the service account: ClusterRole rule {apiGroups: [""], resources: [nodes/metrics], verbs: [get]}';
const forApi =
  'grant it to the service account: ClusterRole rule {apiGroups: [""], resources: [nodes/proxy], verbs: [get]}';

describe('a kubelet that cannot be asked', () => {
  test('for want of a right is named with the rules that give it, tried once a minute, and scraped once they are there', () =>
    withKubelet(
      async ({ node: own, api, runtime, input, status, passes, scraped }) => {
        await passes(() => status().closed !== undefined, 'the first look');
        expect(status().closed?.map(({ error, hint }) => `${error}: ${hint}`)).toEqual([
          `HTTP 403: ${forKubelet}`,
          `HTTP 403: ${forApi}`,
        ]);
        expect(status().targets.map(({ state, error }) => `${state} ${error}`)).toEqual(Array(2).fill('down HTTP 403'));
        const asked = own.requests.length;
        await passes(() => own.requests.length > asked, 'the next look');
        expect(own.requests.length - asked).toBeLessThanOrEqual(2);
        expect(runtime.emitted).toEqual([]);
        expect(runtime.log.at('warn')).toHaveLength(1);
        expect(JSON.stringify(runtime.log.at('warn')[0]?.fields)).toContain('nodes/metrics');
        expect(input.warnings?.()).toEqual([
          `the kubelet of this node cannot be scraped: ${own.url}: HTTP 403; ${forKubelet} · ${api.url}/api/v1/nodes/${node}/proxy: HTTP 403; ${forApi}`,
        ]);
        own.refuse(undefined);
        const { cadvisor } = await scraped();
        expect(named(cadvisor, 'up')[0]?.value).toBe(1);
        expect(status().targets.map(({ state }) => state)).toEqual(['up', 'up']);
        expect(input.warnings?.()).toEqual([]);
      },
      {
        arrange: ({ node: own, api }) => {
          own.refuse(403);
          api.refuse(403);
        },
      },
    ));

  test('is asked through the API server, with the names that it has directly', () =>
    withKubelet(
      async ({ node: own, api, status, scraped }) => {
        const { cadvisor } = await scraped();
        expect(status().way).toEqual({
          name: 'API server',
          url: `${api.url}/api/v1/nodes/${node}/proxy`,
          verified: true,
        });
        expect(named(cadvisor, 'up')[0]?.labels).toMatchObject({
          instance: `127.0.0.1:${own.port}`,
          node,
          job: 'kubelet',
        });
        expect(status().closed?.some(({ hint }) => hint === forKubelet)).toBe(true);
      },
      { arrange: ({ node: own }) => own.refuse(403) },
    ));

  test('is not asked through the API server where that is not wanted, and that alone where it is', async () => {
    await withKubelet(
      async ({ api, status, passes }) => {
        await passes(() => status().closed !== undefined, 'the first look');
        expect(api.requests).toEqual([]);
      },
      { config: { via: 'kubelet' }, arrange: ({ node: own }) => own.refuse(401) },
    );
    await withKubelet(
      async ({ node: own, status, scraped }) => {
        await scraped();
        expect(status().way?.name).toBe('API server');
        expect(own.requests).toEqual([]);
      },
      { config: { via: 'api_server' } },
    );
  });

  test('because it does not know the token is named so', () =>
    withKubelet(
      async ({ status, passes }) => {
        await passes(() => status().closed !== undefined, 'the first look');
        expect(status().closed?.at(-1)).toMatchObject({ error: 'HTTP 401', hint: expect.stringContaining('webhook') });
      },
      { config: { via: 'kubelet' }, arrange: ({ node: own }) => own.tokens('other') },
    ));

  test('for a while is down, and up again when it is back', () =>
    withKubelet(
      async ({ node: own, runtime, status, scraped, passes }) => {
        await scraped();
        await own.close();
        const away = await scraped();
        expect(named(away.cadvisor, 'up')[0]?.value).toBe(0);
        const fromMs = runtime.clock.now();
        await passes(() => runtime.clock.now() - fromMs > 150_000, 'time passes');
        expect(status().targets.map(({ state }) => state)).toEqual(['down', 'down']);
        expect(named((await scraped()).cadvisor, 'up')[0]?.value).toBe(0);
        await own.restart();
        await passes(() => status().targets.every(({ state }) => state === 'up'), 'both pages are up again');
      },
      { arrange: ({ api }) => api.refuse(403) },
    ));

  test('any more is left for the way that is open', () =>
    withKubelet(async ({ node: own, runtime, status, scraped, passes }) => {
      await scraped();
      await own.close();
      await passes(() => status().way?.name === 'API server', 'the other way');
      const up = () => named(lastOf(runtime.emitted, 'cadvisor') ?? [], 'up')[0]?.value;
      await passes(() => up() === 1, 'a scrape by the other way');
    }));

  test('directly at first is asked directly once that is possible', () =>
    withKubelet(
      async ({ node: own, runtime, status, scraped, passes }) => {
        await scraped();
        expect(status().way?.name).toBe('API server');
        own.refuse(undefined);
        const fromMs = runtime.clock.now();
        await passes(() => status().way?.name === 'kubelet', 'the better way');
        expect(runtime.clock.now() - fromMs).toBeLessThanOrEqual(660_000);
        await scraped();
        expect(own.requests.at(-1)?.token).toBe('token-1');
      },
      { arrange: ({ node: own }) => own.refuse(403) },
    ));

  test('for want of a service account, or behind a closed port, has a hint that helps', async () => {
    await withKubelet(
      async ({ status, passes }) => {
        await passes(() => status().closed !== undefined, 'the first look');
        expect(status().closed?.[0]?.hint).toContain('automountServiceAccountToken');
      },
      { config: { via: 'kubelet' }, arrange: ({ dir }) => unlink(join(dir, 'token')) },
    );
    await withKubelet(
      async ({ status, passes }) => {
        await passes(() => status().closed !== undefined, 'the first look');
        expect(status().closed?.[0]?.hint).toContain('port 10250');
      },
      { config: { via: 'kubelet' }, arrange: ({ node: own }) => own.close() },
    );
  });

  test('at a plain port gets no token', async () => {
    const plain = await fakeFarSide();
    plain.answer({ status: 200, body: 'node_x 1\n' });
    try {
      await withKubelet(
        async ({ scraped }) => {
          await scraped();
          expect(plain.requests.length).toBeGreaterThan(0);
          expect(plain.requests.filter(({ headers }) => 'authorization' in headers)).toEqual([]);
        },
        { config: { url: plain.url } },
      );
    } finally {
      await plain.close();
    }
  });

  test('because the right was taken away ends its series, and they come back with the right', () =>
    withKubelet(
      async ({ node: own, runtime, status, scraped, passes }) => {
        await scraped();
        own.refuse(403);
        await passes(() => status().targets.every(({ hint }) => hint === forKubelet), 'the refusal');
        await passes(() => runtime.meter.value('meshbridge_scrape_targets', ofInput('down')) === 0, 'the end');
        const last = lastOf(runtime.emitted, 'cadvisor') ?? [];
        expect(named(last, 'up')[0]?.value).toBeUndefined();
        expect(last.length).toBeGreaterThan(0);
        own.refuse(undefined);
        expect(named((await scraped()).cadvisor, 'up')[0]?.value).toBe(1);
      },
      { arrange: ({ api }) => api.refuse(403) },
    ));

  test('because nothing says where it is does nothing but say so', async () => {
    const runtime = fakeInputRuntime({ id: 'inputs.kubelet[0]' });
    const input = kubelet.create(kubelet.config.parse({}), runtime);
    await input.start();
    expect(runtime.log.at('warn')).toHaveLength(1);
    expect(input.status?.()).toEqual({ targets: [] });
    await input.stop();
  });
});

test('retired, it ends its series', () =>
  withKubelet(async ({ input, runtime, scraped }) => {
    await scraped();
    await input.retire?.();
    const last = lastOf(runtime.emitted, 'cadvisor') ?? [];
    expect(last.every(({ value }) => value === undefined)).toBe(true);
    expect(last.some(({ name }) => name === 'up')).toBe(true);
  }));

function ofInput(state: string) {
  return { input: 'inputs.kubelet[0]', state };
}
