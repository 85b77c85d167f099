import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type FakeKubelet, fakeKubelet, type KubeletRefusal } from '../fakes/kubelet.ts';
import { kubeletPages } from '../fakes/kubelet-pages.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Agent, startAgent } from './cluster/agent.ts';
import type { KubeObject } from './cluster/api-calls.ts';
import { type Cluster, startCluster } from './cluster/api-server.ts';
import { PodPages } from './cluster/pod-pages.ts';
import { runningPod } from './cluster/pods.ts';

const containers = [{ namespace: 'prod', pod: 'details-1', container: 'istio-proxy' }];
const account = { namespace: 'meshbridge', name: 'agent' };

/** A ClusterRole for the account of the agents. */
function grant(name: string, rules: readonly object[]): readonly KubeObject[] {
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  ];
}

describeWith('kube-apiserver', (program) => {
  let cluster: Cluster;
  let dir: TempDir;
  let kubelet: FakeKubelet;
  let accountDir = '';
  const agents: Agent[] = [];
  const pages = new PodPages();

  /** Asks as a kubelet does whose authorization is `Webhook`: who is it, and may they get that of this node? */
  async function decided(token: string, path: string): Promise<KubeletRefusal> {
    const { status: review } = await cluster.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token },
    });
    if (review.authenticated !== true) {
      return 401;
    }
    const subresource = path.startsWith('/metrics') ? 'metrics' : 'proxy';
    const { status } = await cluster.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: review.user.username,
        groups: review.user.groups,
        resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource, name: 'node-a' },
      },
    });
    return status.allowed === true ? undefined : 403;
  }

  async function agent(name: string, config: string, env: Readonly<Record<string, string>> = {}): Promise<Agent> {
    const started = await startAgent({
      cluster,
      dir: join(dir.path, name),
      node: name,
      account: accountDir,
      config: { 'more.conf': config },
      env: { POD_NAMESPACE: account.namespace, POD_NAME: `agent-${name}`, ...env },
    });
    agents.push(started);
    return started;
  }

  beforeAll(async () => {
    dir = await tempDir();
    cluster = await startCluster({ program });
    accountDir = await cluster.serviceAccount(account.namespace, account.name);
    await cluster.ensureNamespace('prod');
    kubelet = await fakeKubelet();
    kubelet.decide(decided);
    kubelet.page('/metrics/cadvisor', () => kubeletPages(containers, Date.now()).cadvisor);
    kubelet.page('/metrics/resource', () => kubeletPages(containers, Date.now()).resource);
  }, 180_000);

  afterAll(async () => {
    await Promise.all(agents.map((one) => one.end()));
    await kubelet?.close();
    await pages.stop();
    await cluster?.stop();
    await dir?.remove();
  }, 180_000);

  test('the rule that is named for a kubelet that refuses is the one that opens it', async () => {
    const table = `[[inputs.kubelet]]\nurl = "${kubelet.url}"\ninterval = "1s"\n`;
    const refused = await agent('node-a', table);
    const warning = await until(
      async () => (await refused.status()).warnings.find((line) => line.includes('kubelet of this node')),
      { what: `the refusal; the daemon said:\n${refused.output()}` },
    );
    expect(warning).toContain(`${kubelet.url}: HTTP 403`);
    expect(warning).toContain('{apiGroups: [""], resources: [nodes/metrics], verbs: [get]}');
    await refused.end();
    await cluster.apply(grant('kubelet', [{ apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] }]));
    const open = await agent('node-a', table);
    const measured = await until(
      async () => (await open.lines()).find(({ name }) => name === 'container_memory_working_set_bytes'),
      { what: `a scrape; the daemon said:\n${open.output()}` },
    );
    expect(measured.labels).toMatchObject({ job: 'kubelet', node: 'node-a' });
    await open.end();
  }, 120_000);

  test('what instances choose behind Services is scraped by one agent, with the rights that the docs name', async () => {
    const named = [
      { ip: pages.address(1), node: 'node-a', name: 'shop-1' },
      { ip: pages.address(2), node: 'node-b', name: 'shop-2' },
    ];
    const port = 15_020;
    await Promise.all(named.map(({ ip }) => pages.listen(ip, port)));
    const pods = await Promise.all(
      named.map((one) =>
        runningPod(cluster, {
          ...one,
          namespace: 'prod',
          labels: {},
          annotations: {},
          containers: [{ name: 'app', ports: [] }],
        }),
      ),
    );
    const labels = { app: 'shop', tier: 'front' };
    await cluster.apply([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'shop', namespace: 'prod', labels },
        spec: { ports: [{ name: 'metrics', port: 80, targetPort: port }] },
      },
    ]);
    // As the controller writes it: with the labels of the Service.
    await cluster.putUnchecked('/registry/endpointslices/prod/shop-x7k2p', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'shop-x7k2p', namespace: 'prod', labels: { ...labels, 'kubernetes.io/service-name': 'shop' } },
      addressType: 'IPv4',
      ports: [{ name: 'metrics', port, protocol: 'TCP' }],
      endpoints: named.map(({ ip, node: nodeName, name }, i) => ({
        addresses: [ip],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName,
        targetRef: { kind: 'Pod', namespace: 'prod', name, uid: pods[i]?.metadata['uid'] },
      })),
    });
    await cluster.apply(
      grant('services', [
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
      ]),
    );
    const config = `
      [[inputs.kubelet]]
        enabled = false
      [inputs.kubernetesprometheus]
        scrape_interval = "1s"
      [[inputs.kubernetesprometheus.instances]]
        role = "service"
        namespaces = ["prod"]
        selector = "app in (shop),tier!=back"
        port = "__kubernetes_service_port_metrics_port"
        path = "/stats/prometheus"
        [inputs.kubernetesprometheus.instances.custom.tags]
          service = "__kubernetes_service_name"
          pod_name = "__kubernetes_service_target_name"`;
    const both = [await agent('node-a', config), await agent('node-b', config)];
    const found = async (): Promise<readonly string[]> => {
      const all = await Promise.all(both.map((one) => one.discovery()));
      return all.map(({ targets }) =>
        targets
          .filter(({ state }) => state === 'up')
          .map(({ pod }) => pod)
          .sort()
          .join(),
      );
    };
    await until(async () => (await found()).join('') === 'shop-1,shop-2', {
      what: `both at one agent; the first said:\n${both[0]?.output()}`,
    });
    expect([...(await found())].sort()).toEqual(['', 'shop-1,shop-2']);
    const up = await until(
      async () => {
        const lines = (await Promise.all(both.map((one) => one.lines()))).flat();
        return lines.find(({ name, labels: of }) => name === 'up' && of['pod'] === 'shop-2');
      },
      { withinMs: 60_000, what: 'a line about it' },
    );
    expect(up.labels).toMatchObject({ service: 'shop', pod_name: 'shop-2', namespace: 'prod', node: 'node-b' });
    expect((await both[0]?.status())?.warnings.filter((line) => line.includes('refuses'))).toEqual([]);
  }, 150_000);
});
