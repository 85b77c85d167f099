import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { type FakeApiServer, type FakeSlice, fakeApiServer } from '../../../test/fakes/api-server.ts';
import { HeldClock } from '../../../test/fakes/clock.ts';
import { type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { within } from '../../../test/fakes/until.ts';
import { promConfig } from '../../scrape/config.ts';
import type { TargetStatus } from '../../scrape/target-status.ts';
import { PodsInput } from './pods-input.ts';
import type { ServiceRule, ServiceRuleStatus } from './service-rule-work.ts';

interface Status {
  readonly rules?: readonly ServiceRuleStatus[];
  readonly targets: readonly TargetStatus[];
  readonly warnings: readonly string[];
}

interface Agent {
  readonly input: PodsInput;
  readonly runtime: FakeInputRuntime;
  readonly urls: readonly string[];
  readonly status: Status;
}

interface Rig {
  readonly api: FakeApiServer;
  agent(node: string): Promise<Agent>;
  /** Lets time pass until it is so. */
  pass(condition: () => boolean, what: string): Promise<void>;
}

/** The port `metrics` of all Services of the namespace with that label. */
const rule: ServiceRule = {
  key: 'a rule',
  namespaces: ['prod'],
  labelSelector: 'app=shop',
  services: 'wanted',
  find: ({ slice, ip, service }) => {
    const port = slice.ports.find(({ name }) => name === 'metrics')?.number;
    const url = `http://${ip}:${port}/${service?.name}`;
    return port === undefined
      ? { pages: [], refused: { code: 'value', keyPath: 'port', message: 'is not there' } }
      : { pages: [{ url, rule: 'a rule', config: promConfig.parse({ url, interval: '5s' }) }] };
  },
};

async function withCluster(run: (rig: Rig) => Promise<void>): Promise<void> {
  const api = await fakeApiServer();
  const clock = new HeldClock();
  const agents: Agent[] = [];
  const rig: Rig = {
    api,
    agent: async (node) => {
      const runtime = fakeInputRuntime({ id: 'kubernetes', clock });
      const input = new PodsInput(
        {
          access: () => Promise.resolve({ url: api.url }),
          istio: 'off',
          node,
          election: { namespace: 'mesh', name: 'meshbridge', identity: node },
          serviceRules: [rule],
          resolve: () => Promise.resolve([]),
          monotonicMs: () => clock.now(),
        },
        runtime,
      );
      const made: Agent = {
        input,
        runtime,
        get status() {
          return input.status() as Status;
        },
        get urls() {
          return this.status.targets.map(({ url }) => url).sort();
        },
      };
      agents.push(made);
      await input.start();
      return made;
    },
    pass: async (condition, what) => {
      const endMs = clock.now() + 180_000;
      while (!condition()) {
        await delay(5);
        await clock.advance(250);
        if (clock.now() > endMs) {
          throw new Error(`not seen: ${what}`);
        }
      }
    },
  };
  try {
    await run(rig);
  } finally {
    await within(Promise.all(agents.map(({ input }) => input.stop())), 10_000, 'the end of all agents');
    await api.stop();
  }
}

const labels = { app: 'shop' };
const slice: FakeSlice = {
  name: 'shop-1',
  namespace: 'prod',
  service: 'shop',
  labels,
  ports: [{ name: 'metrics', port: 1 }],
  endpoints: [
    { ip: '127.0.0.11', node: 'node-1', pod: 'shop-1' },
    { ip: '127.0.0.12', node: 'node-2', pod: 'shop-2' },
    { ip: '127.0.0.13' },
  ],
};

function putShop(api: FakeApiServer): void {
  api.put({ name: 'shop-1', namespace: 'prod', ip: '127.0.0.11', node: 'node-1', labels: { version: 'v1' } });
  api.put({ name: 'shop-2', namespace: 'prod', ip: '127.0.0.12', node: 'node-2' });
  api.putService({ name: 'shop', namespace: 'prod', labels, ports: [{ name: 'metrics', port: 1 }] });
  api.putSlice(slice);
  const other = { name: 'other', namespace: 'prod', ports: [{ name: 'metrics', port: 1 }] };
  api.putService(other);
  api.putSlice({ ...other, service: 'other', endpoints: [{ ip: '127.0.0.14' }] });
  api.putSlice({ ...slice, namespace: 'test' });
}

const all = ['127.0.0.11', '127.0.0.12', '127.0.0.13'].map((ip) => `http://${ip}:1/shop`);

test('what a rule chooses behind Services is scraped by one agent alone, as it comes and goes', () =>
  withCluster(async ({ api, agent, pass }) => {
    putShop(api);
    const [one, two] = [await agent('node-1'), await agent('node-2')];
    await pass(() => one.urls.length + two.urls.length > 0, 'targets');
    const [holder, other] = one.urls.length > 0 ? [one, two] : [two, one];
    expect([holder.urls, other.urls]).toEqual([all, []]);
    expect(holder.status.rules).toEqual([{ rule: 'a rule', share: 'all', targets: 3, problems: [] }]);
    expect(other.status.rules).toEqual([{ rule: 'a rule', share: 'nothing', targets: 0, problems: [] }]);
    expect(api.watchesOf('services')).toBe(1);
    expect(api.watchesOf('endpointslices')).toBe(1);
    await pass(() => holder.runtime.emitted.length >= 3, 'scrapes');
    expect(holder.runtime.emitted.every(({ scope }) => scope === 'cluster')).toBe(true);
    const pods = holder.status.targets.map(({ pod }) => pod ?? '').sort();
    expect(pods).toEqual(['', 'shop-1', 'shop-2']);

    api.putSlice({ ...slice, endpoints: [...slice.endpoints.slice(1), { ip: '127.0.0.15', terminating: true }] });
    await pass(() => holder.urls.length === 2, 'the end of one');
    expect(holder.urls).toEqual(all.slice(1));
    api.putSlice({ ...slice, ports: [{ name: 'http', port: 1 }] });
    await pass(() => holder.urls.length === 0, 'the end of all');
    expect(holder.status.rules?.[0]?.problems).toEqual(['prod/shop: port is not there']);
    api.putSlice(slice);
    await pass(() => holder.urls.length === 3, 'all of them');

    await holder.input.stop();
    await pass(() => other.urls.length === 3, 'another agent');
    expect(other.urls).toEqual(all);
  }));

test('without leases each agent scrapes what a rule chooses on its own node', () =>
  withCluster(async ({ api, agent, pass }) => {
    putShop(api);
    api.of('leases', { status: 403 });
    const [one, two] = [await agent('node-1'), await agent('node-2')];
    await pass(() => one.urls.length + two.urls.length === 2, 'targets');
    expect([one.urls, two.urls]).toEqual([[all[0]], [all[1]]]);
    expect(one.status.rules?.[0]?.share).toBe('own node');
    expect(one.status.warnings.some((line) => line.includes('leases'))).toBe(true);
  }));

test("with the rights of DataKit's manifest Endpoints say what is behind Services, and nothing is missing of them", () =>
  withCluster(async ({ api, agent, pass }) => {
    putShop(api);
    api.putEndpoints(slice);
    api.putEndpoints({ ...slice, service: 'other', labels: {} });
    api.of('leases', { status: 403 });
    api.of('endpointslices', { status: 403 });
    const one = await agent('node-2');
    await pass(() => one.urls.length > 0, 'targets');
    expect(one.urls).toEqual([all[1]]);
    expect(one.status.targets[0]?.pod).toBe('shop-2');
    expect(one.status.warnings.filter((line) => line.includes('endpoint'))).toEqual([]);
    api.putEndpoints({ ...slice, endpoints: [...slice.endpoints, { ip: '127.0.0.16', node: 'node-2' }] });
    await pass(() => one.urls.length === 2, 'another one');
    api.of('endpointslices', undefined);
    await pass(() => one.urls.length === 1, 'what the slices say, once they may be read');
  }));

test('the rights that a rule lacks are named', () =>
  withCluster(async ({ api, agent, pass }) => {
    putShop(api);
    api.of('services', { status: 403 });
    const one = await agent('node-1');
    await pass(() => one.status.warnings.length > 0, 'the warning');
    expect(one.status.warnings[0]).toContain('of services');
    expect(one.status.warnings[0]).toContain('nothing of a rule is scraped');
    expect(one.urls).toEqual([]);
    api.of('services', undefined);
    await pass(() => one.urls.length === 3, 'targets');
  }));
