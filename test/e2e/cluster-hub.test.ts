import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import type { Discovery } from './cluster/agent.ts';
import type { KubeObject } from './cluster/api-calls.ts';
import { type Cluster, startCluster } from './cluster/api-server.ts';
import { bookinfo, type Workload } from './cluster/bookinfo.ts';
import { endpointOf } from './cluster/endpoints.ts';
import { deployed, objectsOf } from './cluster/manifests.ts';
import { type NodePod, startNodePod } from './cluster/node-pods.ts';
import { PodPages } from './cluster/pod-pages.ts';
import { runningPod } from './cluster/pods.ts';
import type { Daemon } from './daemon.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';
const sidecarPage = readFileSync(join(shared, 'samples/istio/bookinfo-15020.txt'), 'utf8');
const istiodPage = readFileSync(join(shared, 'samples/istio/istiod-15014.txt'), 'utf8');
const nodes = ['node-1', 'node-2'] as const;
type Node = (typeof nodes)[number];

/** Which node a workload of Bookinfo runs on. */
const placeOf: Readonly<Record<string, Node>> = {
  'productpage-v1': 'node-1',
  'details-v1': 'node-1',
  'reviews-v1': 'node-2',
  'ratings-v1': 'node-2',
};

/** What users of DataKit add, so that `zipkin.istio-system:9411` leads to its port. */
const dataKitsZipkin: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'datakit-service-ext', namespace: 'datakit' },
  spec: { selector: { app: 'daemonset-datakit' }, ports: [{ name: 'http', port: 9411, targetPort: 'http' }] },
};

/** All requests that a sidecar's page counts. */
const requestsOfPage = sidecarPage
  .split('\n')
  .filter((line) => line.startsWith('istio_requests_total{'))
  .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);

interface Row {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Line {
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
}

async function json<T>(daemon: Daemon, path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
  const answer = await fetch(`${daemon.url}${path}?${new URLSearchParams(query)}`);
  const text = await answer.text();
  if (answer.status !== 200) {
    throw new Error(`${path}: ${answer.status} ${text}`);
  }
  return JSON.parse(text) as T;
}

/** The label's value → the number. */
async function sumBy(daemon: Daemon, label: string, metric: string): Promise<Record<string, number>> {
  const { data } = await json<{ data: { result: readonly Row[] } }>(daemon, '/api/v1/query', {
    query: `sum by (${label}) (${metric})`,
  });
  return Object.fromEntries(data.result.map(({ metric: labels, value }) => [labels[label] ?? '', Number(value[1])]));
}

async function linesWith(daemon: Daemon, text: string): Promise<readonly Line[]> {
  return (await json<{ lines: readonly Line[] }>(daemon, '/api/native/logs/search', { text })).lines;
}

async function discoveryOf(daemon: Daemon): Promise<Discovery & { readonly warnings: readonly string[] }> {
  const { inputs } = await daemon.status();
  return inputs.find(({ id }) => id === 'kubernetes')?.detail as unknown as Discovery & {
    readonly warnings: readonly string[];
  };
}

describeWith('kube-apiserver', (program) => {
  let cluster: Cluster;
  let dir: TempDir;
  const pages = new PodPages();
  const lives: NodePod[] = [];

  const nodeRoot = (node: string): string => join(dir.path, node, 'root');

  /** A pod of Bookinfo with its sidecar's page, and a line in its log as a kubelet lays it out. */
  async function bookinfoPod({ name, labels, annotations }: Workload, index: number): Promise<void> {
    const node = placeOf[name] as Node;
    const ip = pages.address(index + 1);
    await pages.listen(ip, 15_020, () => sidecarPage);
    const containers = [{ name: labels['app'] ?? 'app', ports: [9080] }, { name: 'istio-proxy' }];
    const pod = await runningPod(cluster, {
      name: `${name}-0`,
      namespace: 'prod',
      node,
      ip,
      labels,
      annotations,
      containers,
    });
    await layLog(node, pod, labels['app'] ?? 'app', `GET /${name} 200`);
  }

  async function layLog(node: Node, { metadata }: KubeObject, container: string, text: string): Promise<void> {
    const folder = join(nodeRoot(node), 'var/log/pods', `prod_${metadata.name}_${metadata['uid']}`, container);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '0.log'), `${new Date().toISOString()} stdout F ${text}\n`);
  }

  /** One pod of the workload on each node, or on the node that is named. */
  async function run(
    workload: KubeObject,
    where: readonly string[],
    services: readonly string[] = [],
  ): Promise<NodePod[]> {
    const started = where.map((node) =>
      startNodePod({
        cluster,
        workload,
        node,
        ip: pages.address(++addresses),
        dir: join(dir.path, 'pods'),
        nodeRoot: nodeRoot(node),
        services,
      }),
    );
    const pods = await Promise.all(started);
    lives.push(...pods);
    return pods;
  }
  let addresses = 500;

  /** The half of a trace that a sidecar of that node sends to the Service, as a sidecar's name lookup would find it. */
  async function postHalf(
    node: Node,
    service: { readonly name: string; readonly namespace: string; readonly port: number },
    span: object,
  ) {
    const address = await endpointOf(cluster, { ...service, node });
    const answer = await fetch(`http://${address}/api/v2/spans`, { method: 'POST', body: JSON.stringify([span]) });
    expect(answer.status).toBe(202);
  }

  function halves(): { readonly traceId: string; readonly client: object; readonly server: object } {
    const [traceId, id] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
    const both = { traceId, id, name: 'reviews.prod', timestamp: Date.now() * 1000, duration: 1000 };
    return {
      traceId,
      client: { ...both, kind: 'CLIENT', localEndpoint: { serviceName: 'productpage.prod' } },
      server: { ...both, kind: 'SERVER', shared: true, localEndpoint: { serviceName: 'reviews.prod' } },
    };
  }

  async function kindsOf(daemon: Daemon, traceId: string): Promise<string> {
    const answer = await fetch(`${daemon.url}/api/v2/trace/${traceId}`);
    const spans = answer.status === 200 ? ((await answer.json()) as readonly { readonly kind: string }[]) : [];
    return spans
      .map(({ kind }) => kind)
      .sort()
      .join();
  }

  beforeAll(async () => {
    dir = await tempDir();
    cluster = await startCluster({ program });
    await cluster.ensureNamespace('prod');
    await cluster.ensureNamespace('istio-system');
    const placed = bookinfo().filter(({ name }) => placeOf[name] !== undefined);
    expect(placed).toHaveLength(4);
    await Promise.all(placed.map(bookinfoPod));
    const istiods = nodes.map(async (node, index) => {
      const ip = pages.address(100 + index);
      await pages.listen(ip, 15_014, () => istiodPage);
      const labels = { app: 'istiod', istio: 'pilot' };
      const containers = [{ name: 'discovery', ports: [15_014] }];
      await runningPod(cluster, { name: `istiod-${index}`, namespace: 'istio-system', node, ip, labels, containers });
    });
    await Promise.all(istiods);
  }, 120_000);

  afterEach(async () => {
    await Promise.all(lives.splice(0).map((daemon) => daemon.end('SIGKILL')));
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
    await pages.stop();
    await dir.remove();
  }, 180_000);

  test("set up from deploy/'s manifest, the hub answers for both nodes: sums, whole traces and lines", async () => {
    const objects = await deployed('kubernetes/meshbridge.yaml');
    await cluster.apply(objects);
    const workload = (kind: string): KubeObject => objects.find((object) => object.kind === kind) as KubeObject;
    const [hub] = (await run(workload('StatefulSet'), ['node-3'])) as [NodePod];
    const secret = '/api/v1/namespaces/meshbridge/secrets/meshbridge-token';
    await until(async () => (await cluster.attempt('GET', secret)).status === 200, {
      withinMs: 60_000,
      what: 'the Secret',
    });
    const agents = await run(workload('DaemonSet'), nodes, ['http://meshbridge-hub:9529']);

    const zipkin = { name: 'zipkin', namespace: 'meshbridge', port: 9411 };
    const { traceId, client, server } = halves();
    await postHalf('node-1', zipkin, client);
    await postHalf('node-2', zipkin, server);
    await until(async () => (await kindsOf(hub, traceId)) === 'CLIENT,SERVER', {
      withinMs: 60_000,
      what: 'the whole trace',
    });
    for (const agent of agents) {
      expect(await agent.status()).toMatchObject({ role: 'agent', hub: { urls: [hub.url] } });
      const { targets } = await discoveryOf(agent);
      expect(targets.filter(({ rule }) => rule === 'datakit/prom.instances')).toHaveLength(2);
    }

    const perNode = { 'node-1': 2 * requestsOfPage, 'node-2': 2 * requestsOfPage };
    await until(async () => isDeepStrictEqual(await sumBy(hub, 'node', 'istio_requests_total'), perNode), {
      what: 'the requests of both nodes',
    });
    expect(await sumBy(hub, 'app', 'istio_requests_total')).toEqual(
      Object.fromEntries(['details', 'productpage', 'ratings', 'reviews'].map((app) => [app, requestsOfPage])),
    );
    const lines = await until(
      async () => {
        const found = await linesWith(hub, 'GET');
        return found.length === 4 ? found : undefined;
      },
      { withinMs: 60_000, what: 'the lines of both nodes' },
    );
    expect(lines.map(({ labels }) => `${labels['node']} ${labels['pod']} ${labels['container']}`).sort()).toEqual([
      'node-1 details-v1-0 details',
      'node-1 productpage-v1-0 productpage',
      'node-2 ratings-v1-0 ratings',
      'node-2 reviews-v1-0 reviews',
    ]);
    expect((await hub.status()).inputs.find(({ type }) => type === 'hub')?.detail).toMatchObject({
      agents: [{ node: 'node-1' }, { node: 'node-2' }],
    });

    // Without the token nobody writes from elsewhere, and with what the Secret has an agent does.
    const token = Buffer.from((await cluster.call('GET', secret)).data['ingest-token'], 'base64').toString();
    const knock = (headers: Readonly<Record<string, string>>): Promise<Response> =>
      fetch(`${hub.url}/api/native/records`, {
        method: 'POST',
        headers: { 'x-forwarded-for': '192.0.2.7', ...headers },
      });
    expect((await knock({})).status).toBe(401);
    expect((await knock({ authorization: `Bearer ${token}` })).status).not.toBe(401);
  }, 150_000);

  test("set up from DataKit's manifest and the walkthrough's ConfigMap, each node answers for itself and says so", async () => {
    const objects = [
      ...objectsOf(readFileSync(join(import.meta.dirname, '../fixtures/datakit.yaml'), 'utf8')),
      ...objectsOf(readFileSync(join(shared, 'walkthrough/datakit-conf.configmap.yaml'), 'utf8')),
      dataKitsZipkin,
      ...(await deployed('kubernetes/overlays/drop-in/zipkin-external-name.yaml')),
    ];
    await cluster.apply(objects);
    const workload = objects.find(({ kind }) => kind === 'DaemonSet') as KubeObject;
    const daemons = (await run(workload, nodes)) as [NodePod, NodePod];

    // Istio's own `zipkin.address`.
    const service = { name: 'zipkin', namespace: 'istio-system', port: 9411 };
    const { traceId, client, server } = halves();
    await postHalf('node-1', service, client);
    await postHalf('node-2', service, server);
    for (const [index, daemon] of daemons.entries()) {
      const node = nodes[index] as Node;
      await until(async () => (await kindsOf(daemon, traceId)) === (index === 0 ? 'CLIENT' : 'SERVER'), {
        withinMs: 60_000,
        what: `the half of the trace on ${node}`,
      });
      const wanted = { [node]: 2 * requestsOfPage };
      await until(async () => isDeepStrictEqual(await sumBy(daemon, 'node', 'istio_requests_total'), wanted), {
        what: `the requests of ${node}`,
      });
      await until(async () => (await linesWith(daemon, 'GET')).length === 2, {
        withinMs: 60_000,
        what: `lines of ${node}`,
      });
      const istiod = await until(
        async () => isDeepStrictEqual(Object.keys(await sumBy(daemon, 'pod', 'pilot_xds')), [`istiod-${index}`]),
        {
          what: `istiod of ${node}`,
        },
      );
      expect(istiod).toBe(true);
      expect(await daemon.status()).toMatchObject({ role: 'all-in-one', isAlone: true });
      expect(daemon.output()).toContain(`the node ${node} alone: each node answers for itself`);
      expect((await discoveryOf(daemon)).warnings.join('\n')).toMatch(/leases/);
      for (const path of ['/v1/health', '/v1/ping']) {
        expect((await fetch(`${daemon.url}${path}`)).status).toBe(200);
      }
    }
  }, 150_000);
});
