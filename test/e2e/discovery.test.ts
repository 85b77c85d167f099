import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { PodExplanation } from '../../src/contract/status.ts';
import { type FakeApiServer, type FakePod, fakeApiServer } from '../fakes/api-server.ts';
import { selfSignedCertificate } from '../fakes/certificate.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';
const sidecarPage = readFileSync(join(shared, 'samples/istio/bookinfo-15020.txt'), 'utf8');

interface Target {
  readonly url: string;
  readonly state: string;
  readonly pod: string;
  readonly rule: string;
  readonly samples?: number;
}

interface Detail {
  readonly watch: { readonly state: string; readonly pods: number; readonly lists: number; readonly hint?: string };
  readonly targets: readonly Target[];
  readonly pods: readonly PodExplanation[];
}

let dir: TempDir;
let api: FakeApiServer;
let daemon: Daemon | undefined;
let pages: readonly PodPages[] = [];

beforeEach(async () => {
  dir = await tempDir();
  const tls = selfSignedCertificate();
  api = await fakeApiServer({ tls });
  await mkdir(join(dir.path, 'account'), { recursive: true });
  await writeFile(join(dir.path, 'account/ca.crt'), tls.cert);
  await writeFile(join(dir.path, 'account/token'), 'token-1');
  api.tokens(['token-1']);
});

afterEach(async () => {
  await daemon?.end();
  await api.stop();
  for (const { server } of pages) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  daemon = undefined;
  pages = [];
  await dir.remove();
});

interface PodPages {
  readonly server: Server;
  readonly ip: string;
  readonly port: number;
  readonly asked: string[];
}

/** The pages of one pod, on a loopback address of its own. */
async function podPages(ip: string, port = 0): Promise<PodPages> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(
      request.url?.startsWith('/stats/prometheus')
        ? sidecarPage
        : `# TYPE page_of_pod gauge\npage_of_pod{address="${ip}"} 1\n`,
    );
  });
  await new Promise<void>((resolve) => server.listen(port, ip, resolve));
  const made = { server, ip, port: (server.address() as AddressInfo).port, asked };
  pages = [...pages, made];
  return made;
}

/** The annotation of the users' own Bookinfo, at another port and more often. */
function annotations(port: number, path = '/stats/prometheus'): Record<string, string> {
  const toml = `
          [[inputs.prom]]
            url = "http://$IP:${port}${path}"
            source = "minik8s-istio-details"
            metric_types = ["counter", "gauge", "histogram"]
            interval = "5s"
            measurement_name = "istio_prom"
            [inputs.prom.tags]
            namespace = "$NAMESPACE"
            pod_name = "$PODNAME"`;
  return { 'datakit/prom.instances': toml };
}

async function start(more: Readonly<Record<string, string>> = {}): Promise<Daemon> {
  const config = `
    [kubernetes]
      service_account_dir = "${join(dir.path, 'account')}"
    [store]
      enabled = false
    [[inputs.zipkin]]
      enabled = false
    [[outputs.file]]
      path = "out.ndjson"
    [queue]
      min_free = "1MB"
  `;
  const env = {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(api.port),
    ENV_K8S_NODE_NAME: 'node-1',
  };
  daemon = await startDaemon({ dir: dir.path, config: { 'own.conf': config, ...more }, env });
  return daemon;
}

async function detail(): Promise<Detail> {
  const status = await daemon?.status();
  return status?.inputs.find(({ id }) => id === 'kubernetes')?.detail as unknown as Detail;
}

/** `pod state` of each target, sorted. */
async function targets(): Promise<string[]> {
  return (await detail()).targets.map(({ pod, state }) => `${pod} ${state}`).sort();
}

async function written(): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(join(dir.path, 'data/out.ndjson'), 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function details(name: string, { ip, port }: PodPages, more: Partial<FakePod> = {}): FakePod {
  const labels = { app: 'details', version: 'v1' };
  return { name, namespace: 'prod', ip, labels, annotations: annotations(port), ...more };
}

test('pods of the own node are scraped as their annotations say, come, change and go, over a lost API server too', async () => {
  const [one, two, other] = [await podPages('127.0.0.2'), await podPages('127.0.0.3'), await podPages('127.0.0.4')];
  api.put(details('details-1', one));
  api.put(details('far-1', other, { node: 'node-2' }));
  await start();
  await until(async () => (await targets()).join() === 'details-1 up', { withinMs: 60_000, what: 'the first target' });
  expect((await detail()).targets[0]).toMatchObject({
    url: `http://127.0.0.2:${one.port}/stats/prometheus`,
    rule: 'datakit/prom.instances',
    samples: 821,
  });

  const requests = await until(
    async () => (await written()).find(({ name }) => name === 'istio_requests_total') as Record<string, unknown>,
    { withinMs: 60_000, what: 'a line of the file' },
  );
  expect(requests).toMatchObject({
    measurement: 'istio_prom',
    field: 'istio_requests_total',
    labels: {
      namespace: 'prod',
      pod: 'details-1',
      pod_name: 'details-1',
      node: 'node-1',
      container: 'app',
      app: 'details',
      version: 'v1',
      job: 'minik8s-istio-details',
      instance: `127.0.0.2:${one.port}`,
      reporter: 'destination',
    },
  });

  api.put(details('details-2', two));
  await until(async () => (await targets()).length === 2, { withinMs: 60_000, what: 'the second target' });
  api.put(details('details-1', one, { annotations: annotations(one.port, '/other') }));
  await until(async () => (await detail()).targets.some(({ url }) => url.endsWith('/other')), { withinMs: 60_000 });
  await until(() => one.asked.includes('/other'), { withinMs: 60_000, what: 'the changed page is asked for' });
  api.remove('details-1', 'prod');
  await until(async () => (await detail()).targets.every(({ pod }) => pod === 'details-2'), { withinMs: 60_000 });

  await api.stop();
  await until(async () => (await detail()).watch.state === 'retrying', { withinMs: 60_000 });
  expect(await targets()).toHaveLength(1);
  await writeFile(join(dir.path, 'account/token'), 'token-2');
  api.tokens(['token-2']);
  api.remove('details-2', 'prod');
  await api.restart();
  api.put(details('details-3', two));
  await until(async () => (await targets()).join().startsWith('details-3'), {
    withinMs: 60_000,
    what: 'the third pod',
  });
  expect((await detail()).watch).toMatchObject({ state: 'watching', pods: 1 });

  expect(other.asked).toEqual([]);
  const gone = (await written()).filter(
    ({ stale, labels }) => stale === true && (labels as Record<string, string>)['pod'] === 'details-1',
  );
  expect(gone.length).toBeGreaterThan(800);
}, 180_000);

/** The command, as a process. */
function explain(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    const program = join(import.meta.dirname, '../../dist/main.js');
    const child = execFile(process.execPath, [program, 'explain', ...args], (_, text) => {
      resolve({ code: child.exitCode ?? -1, text });
    });
  });
}

test('what an annotation may not do is refused with its reason, and what has none is named', async () => {
  const one = await podPages('127.0.0.2');
  const evil = '[[inputs.prom]]\nurl = "http://169.254.169.254/latest/meta-data"';
  api.put({ name: 'evil', namespace: 'prod', annotations: { 'datakit/prom.instances': evil } });
  api.put({ name: 'plain', namespace: 'prod' });
  api.put({
    name: 'injected',
    namespace: 'prod',
    ip: one.ip,
    annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(one.port), 'prometheus.io/path': '/m' },
    containers: [{ name: 'app' }, { name: 'istio-proxy', ports: [15_090] }],
  });
  await start();
  await until(async () => (await detail()).pods.length === 3, { withinMs: 60_000, what: 'three pods' });
  const { pods, targets: found } = await detail();
  expect(found.map(({ pod, rule, url }) => [pod, rule, url]).sort()).toEqual([
    ['injected', 'istio', 'http://127.0.0.2:15020/stats/prometheus'],
    ['injected', 'prometheus.io/scrape', `http://127.0.0.2:${one.port}/m`],
  ]);
  expect(pods.find(({ pod }) => pod === 'evil')?.faults[0]).toContain(
    '169.254.169.254, which is not an address of this',
  );
  expect(pods.find(({ pod }) => pod === 'plain')?.skipped).toContain('it has none of the annotations');
  expect(daemon?.output()).toContain('An annotation cannot be followed.');

  const said = await explain('--all', '--to', daemon?.url ?? '');
  expect(said).toMatchObject({ code: 0, text: expect.stringContaining('pod prod/injected\n') });
  expect(said.text).toContain(`  http://127.0.0.2:${one.port}/m\n    by prometheus.io/scrape, every 15s`);
  expect(said.text).toContain('169.254.169.254, which is not an address of this pod; write $IP as its host');
  expect(said.text.trimEnd().endsWith('2 targets, 1 fault')).toBe(true);
  const plain = await explain('--pod', 'prod/plain', '--to', daemon?.url ?? '');
  expect(plain.text).toContain('not collected: it has none of the annotations');
  expect(await explain('-f', join(shared, 'walkthrough/bookinfo.yaml'))).toMatchObject({
    code: 78,
    text: expect.stringMatching(/bookinfo\.yaml:405: .*\n6 targets, 1 fault\n$/),
  });
}, 180_000);

/** istiod on two nodes, behind its Service. The page of the first is here. */
async function istiods(): Promise<PodPages> {
  const page = await podPages('127.0.0.5', 15_014);
  const istiod = { namespace: 'istio-system', labels: { app: 'istiod' }, containers: [{ name: 'discovery' }] };
  const pods = [
    { name: 'istiod-1', ip: page.ip, node: 'node-1' },
    { name: 'istiod-2', ip: '127.0.0.6', node: 'node-2' },
  ];
  for (const pod of pods) {
    api.put({ ...pod, ...istiod });
  }
  api.putSlice({
    name: 'istiod-1',
    namespace: 'istio-system',
    service: 'istiod',
    ports: [{ name: 'http-monitoring', port: 15_014 }],
    endpoints: pods.map(({ name, ip, node }) => ({ ip, node, pod: name })),
  });
  return page;
}

function istiodConfig(): Record<string, string> {
  const conf = parse(readFileSync(join(shared, 'walkthrough/datakit-conf.configmap.yaml'), 'utf8'));
  return { 'prom/prom_istiod.conf': conf.data['prom_istiod.conf'].replace('10s', '2s') };
}

test("istiod is scraped as DataKit's ConfigMap says by the agent that has the lease, each replica at its own address", async () => {
  await istiods();
  await start(istiodConfig());
  await until(async () => (await targets()).join() === 'istiod-1 up,istiod-2 down', {
    withinMs: 60_000,
    what: 'two targets',
  });
  expect((await detail()).targets.map(({ url }) => url)).toEqual([
    'http://127.0.0.5:15014/metrics',
    'http://127.0.0.6:15014/metrics',
  ]);
  expect(api.lease('meshbridge', 'default')).toMatchObject({ holderIdentity: expect.stringMatching(/^node-1_/) });
  const line = await until(async () => (await written()).find(({ name }) => name === 'page_of_pod'), {
    withinMs: 60_000,
  });
  expect(line).toMatchObject({
    measurement: 'istio_prom',
    labels: {
      app_id: 'istiod',
      job: 'prom-istiod',
      pod: 'istiod-1',
      node: 'node-1',
      namespace: 'istio-system',
      container: 'discovery',
      instance: '127.0.0.5:15014',
    },
  });
  expect(await daemon?.end()).toBe(0);
  expect(api.lease('meshbridge', 'default')).toMatchObject({ holderIdentity: '' });
}, 180_000);

test('istiod is scraped by the agent of its own node where leases may not be used, and the missing right is named', async () => {
  api.of('leases', { status: 403 });
  await istiods();
  await start(istiodConfig());
  await until(async () => (await targets()).join() === 'istiod-1 up', { withinMs: 60_000, what: 'one target' });
  expect((await detail()).targets[0]).toMatchObject({ url: 'http://127.0.0.5:15014/metrics', rule: '[[inputs.prom]]' });
  const status = await daemon?.status();
  expect(status?.inputs.filter(({ type }) => type === 'prom')).toEqual([]);
  const warning = expect.stringMatching(
    /refuses "get" of leases\.coordination\.k8s\.io \(403\): .*verbs: \["get", "create", "update"\]/,
  );
  expect(status?.warnings).toContainEqual(warning);
  expect(daemon?.output()).toMatch(/warning +the API server refuses "get" of leases/);
  const said = await explain('--all', '--to', daemon?.url ?? '');
  expect(said.text).toContain('warning  the API server refuses "get" of leases');
}, 180_000);

test('outside of a cluster the one that a kubeconfig names is found, and one that cannot be read ends the start', async () => {
  const one = await podPages('127.0.0.2');
  api.put(details('details-1', one));
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'mesh',
    clusters: [{ name: 'mesh', cluster: { server: api.url, 'certificate-authority': 'account/ca.crt' } }],
    users: [{ name: 'me', user: { tokenFile: 'account/token' } }],
    contexts: [{ name: 'mesh', context: { cluster: 'mesh', user: 'me' } }],
  };
  const path = join(dir.path, 'kubeconfig');
  const kubernetes = `[kubernetes]\n  kubeconfig = "${path}"\n  node_name = "node-1"\n`;
  const config = { 'own.conf': `${kubernetes}[store]\n  enabled = false\n[queue]\n  min_free = "1MB"\n` };
  await expect(startDaemon({ dir: dir.path, config })).rejects.toThrow(/kubeconfig: .* cannot be read/);
  await writeFile(path, stringify(kubeconfig));
  daemon = await startDaemon({ dir: dir.path, config });
  await until(async () => (await targets()).join() === 'details-1 up', { withinMs: 60_000, what: 'the pod' });
  expect(api.requests.map(({ token }) => token)).toContain('token-1');
}, 180_000);

test('without the right to list pods everything else runs, and the right that is missing is named', async () => {
  api.always({ status: 403 });
  await start();
  await until(async () => (await detail()).watch.state === 'forbidden', { withinMs: 60_000, what: 'forbidden' });
  expect((await detail()).watch.hint).toContain('get, list and watch of pods');
  expect((await fetch(`${daemon?.url}/-/ready`)).status).toBe(200);
}, 180_000);
