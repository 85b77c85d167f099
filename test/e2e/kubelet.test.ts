import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FakeApiServer, fakeApiServer } from '../fakes/api-server.ts';
import { selfSignedCertificate } from '../fakes/certificate.ts';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { type FakeKubelet, fakeKubelet } from '../fakes/kubelet.ts';
import { kubeletPages, type NodeContainer } from '../fakes/kubelet-pages.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

/** A small mesh on one node. */
const containers: readonly NodeContainer[] = [
  { namespace: 'istio-system', pod: 'istiod-5b9f-abcde', container: 'discovery' },
  { namespace: 'istio-system', pod: 'istio-ingressgateway-7c-fghij', container: 'istio-proxy' },
  { namespace: 'istio-system', pod: 'ztunnel-klmno', container: 'istio-proxy' },
  { namespace: 'prod', pod: 'details-v1-6d-pqrst', container: 'details' },
  { namespace: 'prod', pod: 'details-v1-6d-pqrst', container: 'istio-proxy' },
];

/** The node's address: the kubelet's port stays 10250, so that nothing has to be written for it. */
const nodeIp = `127.${1 + (process.pid % 250)}.${1 + (Date.now() % 250)}.9`;

let dir: TempDir;
let api: FakeApiServer;
let kubelet: FakeKubelet;
let app: FakeFarSide;
let daemon: Daemon | undefined;

beforeEach(async () => {
  dir = await tempDir();
  const tls = selfSignedCertificate();
  api = await fakeApiServer({ tls });
  api.tokens(['token-1']);
  await mkdir(join(dir.path, 'account'), { recursive: true });
  await writeFile(join(dir.path, 'account/ca.crt'), tls.cert);
  await writeFile(join(dir.path, 'account/token'), 'token-1');
  kubelet = await fakeKubelet({ host: nodeIp, port: 10_250 });
  kubelet.tokens('token-1');
  kubelet.page('/metrics/cadvisor', () => kubeletPages(containers, Date.now()).cadvisor);
  kubelet.page('/metrics/resource', () => kubeletPages(containers, Date.now()).resource);
  app = await fakeFarSide();
  app.answer({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'shop_orders_total 3\nuptime 9\n' });
});

afterEach(async () => {
  await daemon?.end();
  daemon = undefined;
  await Promise.all([api.stop(), kubelet.close(), app.close()]);
  await dir.remove();
});

async function start(config: string, env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
  const own = `
    [kubernetes]
      service_account_dir = "${join(dir.path, 'account')}"
    [[inputs.zipkin]]
      enabled = false
    [queue]
      min_free = "1MB"
  `;
  daemon = await startDaemon({
    dir: dir.path,
    config: { 'own.conf': own, 'more.conf': config },
    env: {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(api.port),
      ENV_K8S_NODE_NAME: 'node-1',
      ENV_K8S_NODE_IP: nodeIp,
      ...env,
    },
  });
  return daemon;
}

interface Row {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function ask(query: string): Promise<readonly Row[]> {
  const answer = await fetch(`${daemon?.url}/api/v1/query?${new URLSearchParams({ query })}`);
  const { data } = (await answer.json()) as { readonly data?: { readonly result: readonly Row[] } };
  return data?.result ?? [];
}

/** What dashboards of Istio choose of containers; each must find something. */
const chosen = [
  '{container="discovery",pod=~"istiod-.*"}',
  '{container="istio-proxy",pod=~"istiod-.*|ztunnel-.*"}',
  '{container="istio-proxy",pod=~"istio-ingressgateway-.*"}',
  '{container=~"discovery|istio-proxy",pod=~"istiod-.*"}',
  '{namespace!="istio-system",container="istio-proxy"}',
  '{pod=~"istio-ingressgateway-.*",container!="POD"}',
  '{container="istio-proxy"}',
];
const questions = chosen.flatMap((labels) => [
  `sum(container_memory_working_set_bytes${labels}) by (pod)`,
  `sum(irate(container_cpu_usage_seconds_total${labels}[1m])) by (pod)`,
  `sum(rate(container_cpu_usage_seconds_total${labels}[1m]))`,
  `sum(container_fs_usage_bytes${labels})`,
]);

test('what dashboards of Istio ask of containers has answers, and no container is counted twice', async () => {
  await start('[[inputs.kubelet]]\ninterval = "1s"\n');
  const cpu = 'sum(irate(container_cpu_usage_seconds_total{container="discovery"}[1m]))';
  await until(async () => (await ask(cpu)).length > 0, {
    what: `two scrapes; the daemon said:\n${daemon?.output()}`,
  });
  const empty: string[] = [];
  for (const question of questions) {
    const rows = await ask(question);
    if (rows.length === 0 || rows.some(({ value }) => !(Number(value[1]) > 0))) {
      empty.push(question);
    }
  }
  expect(empty).toEqual([]);
  const proxies = await ask('count(container_memory_working_set_bytes{container="istio-proxy"})');
  expect(proxies.map(({ value }) => value[1])).toEqual(['3']);
  const [discovery] = await ask('container_memory_working_set_bytes{container="discovery"}');
  expect(discovery?.metric).toMatchObject({
    job: 'kubelet',
    instance: `${nodeIp}:10250`,
    node: 'node-1',
    metrics_path: '/metrics/cadvisor',
    namespace: 'istio-system',
    pod: 'istiod-5b9f-abcde',
  });
  const quarter = await ask('irate(container_cpu_usage_seconds_total{container="discovery"}[1m])');
  expect(Number(quarter[0]?.value[1])).toBeCloseTo(0.25, 3);
}, 120_000);

test('the kubelet of the own node is asked by default, and what it lacks is named in status and banner', async () => {
  kubelet.refuse(403);
  const running = await start('');
  const input = async () => (await running.status()).inputs.find(({ type }) => type === 'kubelet');
  const closed = async () => (await input())?.detail as { readonly closed?: readonly { readonly hint?: string }[] };
  await until(async () => (await closed())?.closed !== undefined, { withinMs: 60_000, what: 'the refusal' });
  const { warnings } = await running.status();
  expect(warnings.filter((line) => line.includes('resources: [nodes/metrics]'))).toHaveLength(1);
  expect(warnings.filter((line) => line.includes('resources: [nodes/proxy]'))).toHaveLength(1);
  expect(running.output()).toContain('nodes/metrics');
  expect(kubelet.requests.every(({ path }) => path.startsWith('/metrics/'))).toBe(true);
}, 180_000);

test("pods and the node are scraped as DataKit's kubernetesprometheus says", async () => {
  const datakit = `
    [inputs.kubernetesprometheus]
      node_local = true
      scrape_interval = "1s"
      keep_exist_metric_name = true
      enable_discovery_of_prometheus_pod_annotations = true
      [inputs.kubernetesprometheus.global_tags]
        instance = "__kubernetes_mate_instance"
        host = "__kubernetes_mate_host"
      [[inputs.kubernetesprometheus.instances]]
        role = "pod"
        namespaces = ["prod"]
        selector = "app=shop"
        scrape = "true"
        port = "__kubernetes_pod_annotation_shop/port"
        path = "/metrics"
        [inputs.kubernetesprometheus.instances.custom.tags]
          pod_name = "__kubernetes_pod_name"
          version = "__kubernetes_pod_label_version"
      [[inputs.kubernetesprometheus.instances]]
        role = "node"
        scheme = "https"
        port = "__kubernetes_node_kubelet_endpoint_port"
        path = "/metrics/cadvisor"
        [inputs.kubernetesprometheus.instances.custom]
          measurement = "kubernetes_node_metrics"
        [inputs.kubernetesprometheus.instances.auth]
          bearer_token_file = "${join(dir.path, 'account/token')}"
          [inputs.kubernetesprometheus.instances.auth.tls_config]
            insecure_skip_verify = true
    [[outputs.file]]
      path = "out.ndjson"
    [store]
      enabled = false`;
  const labels = { app: 'shop', version: 'v2' };
  const annotations = { 'shop/port': String(app.port) };
  api.put({ name: 'shop-1', namespace: 'prod', ip: '127.0.0.1', labels, annotations });
  api.put({ name: 'shop-2', namespace: 'test', ip: '127.0.0.1', labels, annotations });
  const running = await start(datakit, { ENV_DEFAULT_ENABLED_INPUTS: 'cpu,container,kubernetesprometheus' });
  const written = async (): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const text = await readFile(join(dir.path, 'data/out.ndjson'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  };
  const found = async (name: string) => (await written()).find((line) => line['name'] === name);
  await until(async () => (await found('shop_orders_total')) && (await found('container_memory_rss')), {
    what: `both; the daemon said:\n${running.output()}`,
  });
  expect(await found('shop_orders_total')).toMatchObject({
    measurement: 'shop',
    field: 'shop_orders_total',
    labels: { pod_name: 'shop-1', pod: 'shop-1', namespace: 'prod', version: 'v2', instance: `127.0.0.1:${app.port}` },
  });
  expect(await found('container_memory_rss')).toMatchObject({
    measurement: 'kubernetes_node_metrics',
    field: 'container_memory_rss',
    labels: { node: 'node-1', instance: `${nodeIp}:10250` },
  });
  // The page that the instance names is not scraped by the kubelet input too.
  expect(kubelet.requests.some(({ path }) => path === '/metrics/resource')).toBe(true);
  const jobs = (await written())
    .filter((line) => line['name'] === 'container_memory_rss')
    .map((line) => line['labels']);
  expect(new Set(jobs.map((one) => (one as Record<string, string>)['job']))).toEqual(
    new Set(['kubernetes_node_metrics']),
  );
  const explained = (await running.status()).inputs.find(({ id }) => id === 'kubernetes')?.detail as {
    readonly pods: readonly { readonly pod: string; readonly skipped?: string }[];
  };
  expect(explained.pods.map(({ pod, skipped }) => [pod, skipped === undefined]).sort()).toEqual([
    ['shop-1', true],
    ['shop-2', false],
  ]);
}, 120_000);
