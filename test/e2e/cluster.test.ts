import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Agent, type MetricLine, startAgent } from './cluster/agent.ts';
import type { KubeObject } from './cluster/api-calls.ts';
import { type ApiProxy, apiProxy } from './cluster/api-proxy.ts';
import { type AuditedRequest, type Cluster, startCluster } from './cluster/api-server.ts';
import { bookinfo, type Workload } from './cluster/bookinfo.ts';
import { deployed, isRight } from './cluster/manifests.ts';
import { PodPages } from './cluster/pod-pages.ts';
import {
  annotatePod,
  forAll,
  type PodSpec,
  patchStatus,
  putEndpointSlice,
  removePod,
  runningPod,
} from './cluster/pods.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';
const podsPerNode = 100;
const [nodeA, nodeB] = ['node-a', 'node-b'];

describeWith('kube-apiserver', (program) => {
  let cluster: Cluster;
  let dir: TempDir;
  let proxy: ApiProxy;
  /** What the last tests wait for. */
  let late: { readonly sinceMs: number; readonly hung: PodSpec; readonly rightless: PodSpec };
  const pages = new PodPages();
  const agents: Agent[] = [];
  const pods: PodSpec[] = [];
  const workloads = bookinfo();
  /** Names of pods that were changed or share an address. */
  const touched = new Set<string>();
  let made = 0;
  let addresses = 0;

  /** A pod of Bookinfo that serves its page. */
  async function newPod(node: string, more: Partial<PodSpec> = {}): Promise<PodSpec> {
    const number = ++made;
    const workload = workloads[number % workloads.length] as Workload;
    const ip = more.ip ?? pages.address(++addresses);
    const spec = {
      name: `${workload.name}-${number}`,
      namespace: 'prod',
      node,
      ip,
      labels: workload.labels,
      annotations: workload.annotations,
      containers: [{ name: workload.labels['app'] ?? 'app', ports: [9080] }],
      ...more,
    };
    if (more.ip === undefined) {
      await pages.listen(ip, 15_020);
    }
    await runningPod(cluster, spec);
    pods.push(spec);
    return spec;
  }

  async function endPod(spec: PodSpec): Promise<void> {
    await removePod(cluster, spec.name, spec.namespace);
    pods.splice(pods.indexOf(spec), 1);
  }

  /** What agents asked of the API server. */
  async function requestsOf(resource: string): Promise<readonly AuditedRequest[]> {
    const requests = await cluster.requests();
    return requests.filter((request) => request.resource === resource && request.user.endsWith(':agent'));
  }

  function podsOf(node: string): readonly PodSpec[] {
    return pods.filter((pod) => pod.node === node);
  }

  async function hasExactlyItsPods(agent: Agent): Promise<boolean> {
    const { targets } = await agent.discovery();
    const wanted = podsOf(agent.node).map(({ name, ip }) => `${name} http://${ip}:15020/stats/prometheus`);
    return (
      targets
        .map(({ pod, url }) => `${pod} ${url}`)
        .sort()
        .join() === wanted.sort().join()
    );
  }

  async function allHaveExactlyTheirPods(what: string): Promise<void> {
    for (const agent of agents.slice(0, 2)) {
      await until(() => hasExactlyItsPods(agent), { what: `${what}: the targets of ${agent.node}` });
    }
  }

  function agentOf(node: string, account: string, apiPort?: number): Promise<Agent> {
    return startAgent({ cluster, dir: join(dir.path, node), node, account, ...(apiPort !== undefined && { apiPort }) });
  }

  beforeAll(async () => {
    dir = await tempDir();
    cluster = await startCluster({ program });
    await cluster.ensureNamespace('prod');
    await cluster.apply(podReader('meshbridge'));
    const [account, rightless] = [
      await cluster.serviceAccount('meshbridge', 'agent'),
      await cluster.serviceAccount('meshbridge', 'rightless'),
    ];
    await forAll(Array.from({ length: podsPerNode }, () => [nodeA, nodeB]).flat(), newPod);
    proxy = await apiProxy(cluster);
    agents.push(...(await Promise.all([agentOf(nodeA, account), agentOf(nodeB, account)])));
    proxy.tooManyRequests(2, 1);
    agents.push(await agentOf('node-c', account, proxy.port));
    agents.push(await agentOf('node-d', rightless));
    const watchesThroughProxy = async (): Promise<boolean> =>
      (await agents[2]?.discovery())?.watch.state === 'watching';
    await until(watchesThroughProxy, { withinMs: 60_000, what: 'the watch through the proxy' });
  }, 180_000);

  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.end('SIGKILL')));
    await proxy?.stop();
    await cluster?.stop();
    await pages.stop();
    await dir.remove();
  }, 180_000);

  test('an agent without the right to list pods says which right it lacks', async () => {
    const agent = agents[3] as Agent;
    const { watch } = await until(
      async () => {
        const discovery = await agent.discovery();
        return discovery.watch.state === 'forbidden' ? discovery : undefined;
      },
      { withinMs: 60_000 },
    );
    expect(watch).toMatchObject({
      hint: expect.stringContaining('get, list and watch of pods'),
      error: expect.stringContaining('403'),
    });
    expect(agent.output()).toContain('cannot be watched');

    proxy.hangWatches();
    const [, binding] = podReader('meshbridge') as [KubeObject, KubeObject];
    const subjects = [{ kind: 'ServiceAccount', name: 'rightless', namespace: 'meshbridge' }];
    await cluster.apply([{ ...binding, metadata: { name: 'meshbridge-rightless' }, subjects }]);
    late = { sinceMs: performance.now(), hung: await newPod('node-c'), rightless: await newPod('node-d') };
  }, 180_000);

  test('two agents scrape 200 pods, each exactly those of its own node', async () => {
    expect([podsOf(nodeA).length, podsOf(nodeB).length]).toEqual([podsPerNode, podsPerNode]);
    await allHaveExactlyTheirPods('at first');
    for (const agent of agents.slice(0, 2)) {
      await until(async () => (await agent.targets()).every((target) => target.endsWith(' up')), {
        what: `all pods of ${agent.node} are scraped`,
      });
    }
  }, 180_000);

  test('pods that are added, changed and deleted, and an address that another pod gets, are followed at once', async () => {
    const [changed, deleted, moved, replaced] = podsOf(nodeA).slice(0, 4) as [PodSpec, PodSpec, PodSpec, PodSpec];
    for (const { name } of [changed, moved, replaced]) {
      touched.add(name);
    }
    await annotatePod(cluster, changed.name, { 'datakit/prom.instances': otherPath(changed) }, 'prod');
    await Promise.all([newPod(nodeA), newPod(nodeB)]);
    await endPod(deleted);
    // The address goes over to the other node, and to the next pod of the same name, as in a StatefulSet.
    await endPod(moved);
    touched.add((await newPod(nodeB, { ip: moved.ip })).name);
    await endPod(replaced);
    const heir = await newPod(nodeA, { ip: replaced.ip, name: replaced.name });

    const [agentA, agentB] = agents as [Agent, Agent];
    const urls = async (agent: Agent): Promise<readonly string[]> =>
      (await agent.discovery()).targets.map(({ url }) => url).sort();
    const wanted = podsOf(nodeA).map(
      ({ ip }) => `http://${ip}:15020${ip === changed.ip ? '/other' : '/stats/prometheus'}`,
    );
    await until(async () => (await urls(agentA)).join() === wanted.sort().join(), { withinMs: 60_000, what: 'node-a' });
    await until(() => hasExactlyItsPods(agentB), { withinMs: 60_000, what: 'node-b' });
    expect((await urls(agentB)).some((url) => url.includes(`//${moved.ip}:`))).toBe(true);
    expect((await agentA.discovery()).pods.filter(({ pod }) => pod === heir.name)).toHaveLength(1);
    await annotatePod(cluster, changed.name, { ...changed.annotations }, 'prod');
    await until(() => hasExactlyItsPods(agentA), { withinMs: 60_000, what: 'node-a, changed back' });
  }, 180_000);

  test('pods that ended, are on their way out or have not begun have no target, and it is said why', async () => {
    const [agentA] = agents as [Agent];
    const [ended, leaving] = [await newPod(nodeA), await newPod(nodeA, { finalizers: ['example.test/hold'] })];
    await until(() => hasExactlyItsPods(agentA), { withinMs: 60_000, what: 'both' });
    await patchStatus(cluster, ended.name, { phase: 'Succeeded' }, 'prod');
    await endPod(leaving);
    pods.splice(pods.indexOf(ended), 1);
    await until(() => hasExactlyItsPods(agentA), { withinMs: 60_000, what: 'neither' });
    await runningPod(cluster, { name: 'waiting', namespace: 'prod', node: nodeA, ip: ended.ip });
    await patchStatus(cluster, 'waiting', { phase: 'Pending', podIP: null, podIPs: null }, 'prod');
    const why = async (name: string): Promise<string> =>
      (await agentA.discovery()).pods.find(({ pod }) => pod === name)?.skipped ?? '';
    await until(async () => (await why('waiting')).includes('Pending'), { withinMs: 60_000 });
    expect(await why(ended.name)).toContain('Succeeded');
    expect(await why(leaving.name)).not.toBe('');
    await removePod(cluster, 'waiting', 'prod');
    await removePod(cluster, ended.name, 'prod');
  }, 180_000);

  test('every page that was asked for is in the output of one agent, that of its node', async () => {
    const [agentA, agentB] = agents as [Agent, Agent];
    const quiet = pods.filter(({ name, node }) => !touched.has(name) && (node === nodeA || node === nodeB));
    expect(quiet.length).toBeGreaterThan(180);
    const atLeast = (reads: number) => quiet.every(({ ip }) => pages.reads(`${ip}:15020`) >= reads);
    await until(() => atLeast(2), { what: 'two scrapes of every pod' });
    const asked = new Map(quiet.map(({ name, ip }) => [name, pages.reads(`${ip}:15020`)]));
    const expected = quiet.flatMap(({ name, node }) =>
      counted(asked.get(name) ?? 0).map((read) => `${node} ${name} ${read}`),
    );
    const written = async (): Promise<string> => {
      const each = await Promise.all([agentA, agentB].map(async (agent) => readsOf(agent.node, await agent.lines())));
      const known = each.flat().filter(({ pod, read }) => read <= (asked.get(pod) ?? 0));
      return known
        .map(({ agent, pod, read }) => `${agent} ${pod} ${read}`)
        .sort()
        .join('\n');
    };
    await until(async () => (await written()) === expected.sort().join('\n'), {
      withinMs: 60_000,
      what: 'all reads once',
    });
    const lines = [...(await agentA.lines()), ...(await agentB.lines())].filter(({ name }) => name === 'page_reads');
    expect(lines.find(({ labels }) => labels['app'] === 'details')).toMatchObject({
      measurement: 'istio_prom',
      labels: { namespace: 'prod', version: 'v1', job: 'minik8s-istio-details', container: 'details' },
    });
  }, 180_000);

  test('an API server that dies, forgets its past and comes back is followed again, with one list an agent', async () => {
    const before = await requestsOf('pods');
    expect(before.filter(({ verb }) => verb === 'list').length).toBe(3);
    expect(before.every(({ uri }) => uri.includes('fieldSelector=spec.nodeName%3D'))).toBe(true);

    const scraped = podsOf(nodeA)[10] as PodSpec;
    await cluster.kill();
    for (const agent of agents.slice(0, 2)) {
      await until(async () => (await agent.discovery()).watch.state === 'retrying', { withinMs: 60_000 });
      expect((await agent.discovery()).targets).toHaveLength(podsOf(agent.node).length);
    }
    // What goes while nobody can say so, and the past with it: the agents' watches cannot go on from where they were.
    const unseen = [podsOf(nodeA)[20], podsOf(nodeB)[20]] as [PodSpec, PodSpec];
    for (const pod of unseen) {
      await cluster.deleteUnchecked(`/registry/pods/prod/${pod.name}`);
      pods.splice(pods.indexOf(pod), 1);
    }
    await cluster.compact();
    const reads = pages.reads(`${scraped.ip}:15020`);
    await until(() => pages.reads(`${scraped.ip}:15020`) > reads, { withinMs: 60_000, what: 'a scrape meanwhile' });

    await cluster.restart();
    await Promise.all([newPod(nodeA), newPod(nodeB)]);
    await allHaveExactlyTheirPods('after the restart');
    const after = (await requestsOf('pods')).slice(before.length);
    expect(after.filter(({ verb, status }) => verb === 'list' && status === 200).length).toBeLessThanOrEqual(3);
    expect(after.length).toBeLessThan(20);
    for (const agent of agents.slice(0, 2)) {
      await until(async () => (await agent.discovery()).watch.state === 'watching', { withinMs: 60_000 });
      expect((await agent.discovery()).watch.lists).toBe(2);
    }
  }, 180_000);

  test('a token that is no longer good is read again', async () => {
    const [agentA] = agents as [Agent];
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'agent', namespace: 'meshbridge' } };
    await cluster.remove(account);
    await cluster.kill();
    await cluster.restart();
    await until(async () => (await agentA.discovery()).watch.error?.includes('401'), {
      withinMs: 60_000,
      what: 'the old token is refused',
    });
    await cluster.serviceAccount('meshbridge', 'agent');
    await newPod(nodeA);
    await allHaveExactlyTheirPods('with the new token');
  }, 180_000);

  test('both replicas of istiod are scraped by one agent, and by the other within 15 s once that one is killed', async () => {
    await cluster.apply((await deployed('kubernetes/meshbridge.yaml')).filter(isRight));
    const account = await cluster.serviceAccount('meshbridge', 'meshbridge');
    const replicas = await istiodReplicas(cluster, pages);
    const config = parse(readFileSync(join(shared, 'walkthrough/datakit-conf.configmap.yaml'), 'utf8'));
    const start = (node: string): Promise<Agent> =>
      startAgent({
        cluster,
        dir: join(dir.path, node),
        node,
        account,
        config: { 'prom/prom_istiod.conf': config.data['prom_istiod.conf'] },
        env: { POD_NAME: `meshbridge-${node}` },
      });
    const both = await Promise.all([start('node-e'), start('node-f')]);
    agents.push(...both);
    const urls = replicas.map((address) => `http://${address}/metrics`);
    const scraped = async (agent: Agent): Promise<string> =>
      (await agent.discovery()).targets
        .map(({ url, state }) => `${url} ${state}`)
        .sort()
        .join();
    const all = urls.map((url) => `${url} up`).join();
    const leader = await until(
      async () => {
        const seen = await Promise.all(both.map(scraped));
        return seen.includes(all) && seen.includes('') ? both[seen.indexOf(all)] : undefined;
      },
      { what: 'one agent scrapes both replicas' },
    );
    const heir = both.find((agent) => agent !== leader) as Agent;
    expect((await heir.discovery()).lease).toMatchObject({ state: 'candidate' });
    expect((await heir.discovery()).lease?.holder).toContain(`meshbridge-${leader.node}`);

    await leader.end('SIGKILL');
    await until(
      async () =>
        (await heir.discovery()).targets
          .map(({ url }) => url)
          .sort()
          .join() === urls.join(),
      {
        withinMs: 60_000,
        what: 'the other agent has the targets',
      },
    );
    await until(async () => (await scraped(heir)) === all, { withinMs: 60_000, what: 'the other agent scrapes them' });

    const again = await start(leader.node);
    agents.push(again);
    await until(async () => (await again.discovery()).lease?.state === 'candidate', { withinMs: 60_000 });
    expect((await again.discovery()).targets).toEqual([]);
    expect(await heir.end()).toBe(0);
    await until(async () => (await again.discovery()).targets.length === 2, {
      withinMs: 60_000,
      what: 'who stops hands over at once',
    });
    const lines = (await Promise.all([again.lines(), heir.lines()])).flat();
    for (const address of replicas) {
      const reads = lines.filter(({ name, labels }) => name === 'page_reads' && labels['address'] === address);
      const values = reads.flatMap(({ value }) => (value === undefined ? [] : [value]));
      expect(values.length).toBeGreaterThan(1);
      expect(new Set(values).size).toBe(values.length);
      expect(reads[0]).toMatchObject({
        measurement: 'istio_prom',
        labels: { app_id: 'istiod', job: 'prom-istiod', instance: address, namespace: 'istio-system' },
      });
    }
  }, 120_000);

  test('from outside the cluster a kubeconfig with a token or a certificate shows the way', async () => {
    const [, binding] = podReader('meshbridge') as [KubeObject, KubeObject];
    const apiGroup = 'rbac.authorization.k8s.io';
    const subjects = [{ kind: 'User', apiGroup, name: 'meshbridge test' }];
    await cluster.apply([{ ...binding, metadata: { name: 'meshbridge-outside' }, subjects }]);
    const pod = await newPod('node-g');
    const files = {
      token: await cluster.kubeconfig(await cluster.token('meshbridge', 'agent')),
      certificate: await cluster.kubeconfigOfCertificate(),
    };
    for (const [by, kubeconfig] of Object.entries(files)) {
      const outside = await startAgent({ cluster, dir: join(dir.path, by), node: 'node-g', account: '', kubeconfig });
      agents.push(outside);
      await until(async () => (await outside.targets()).join().startsWith(`${pod.name} `), {
        withinMs: 60_000,
        what: by,
      });
      await outside.end('SIGKILL');
    }
  }, 180_000);

  test('an agent that got the right it lacked asks again within a minute', async () => {
    const agent = agents[3] as Agent;
    await until(async () => (await agent.targets()).join() === `${late.rightless.name} up`, {
      withinMs: Math.max(10_000, 85_000 - (performance.now() - late.sinceMs)),
      what: 'the pod of the agent that has the right now',
    });
  }, 120_000);

  test('a server that has too many requests is asked again when it says', () => {
    const asked = proxy.asked.filter((request) => request.startsWith('GET /api/v1/pods?'));
    const kinds = asked.map((request) => (request.includes('watch=1') ? 'watch' : 'list'));
    expect(kinds.slice(0, 4)).toEqual(['list', 'list', 'list', 'watch']);
  });

  test('a watch that hangs without a word is given up and begun again within 90 s', async () => {
    const agent = agents[2] as Agent;
    await until(async () => (await agent.targets()).join() === `${late.hung.name} up`, {
      withinMs: Math.max(10_000, 105_000 - (performance.now() - late.sinceMs)),
      what: 'the pod that the hung watch did not tell of',
    });
    expect(proxy.asked.filter((request) => request.includes('watch=1')).length).toBeGreaterThanOrEqual(2);
  }, 120_000);
});

/** Two pods of istiod, each on a node of its own, and their Service. Gives the addresses of their pages, sorted. */
async function istiodReplicas(cluster: Cluster, pages: PodPages): Promise<readonly string[]> {
  const [namespace, port] = ['istio-system', { name: 'http-monitoring', port: 15_014 }];
  await cluster.ensureNamespace(namespace);
  const labels = { app: 'istiod', istio: 'pilot' };
  await cluster.apply([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'istiod', namespace, labels },
      spec: { selector: labels, ports: [{ ...port, protocol: 'TCP' }] },
    },
  ]);
  const ips = [pages.address(1_000), pages.address(1_001)];
  const made = ips.map(async (ip, index) => {
    await pages.listen(ip, port.port);
    const containers = [{ name: 'discovery', ports: [port.port] }];
    const node = index === 0 ? 'node-e' : 'node-f';
    return await runningPod(cluster, { name: `istiod-${index}`, namespace, node, ip, labels, containers });
  });
  await putEndpointSlice(cluster, { name: 'istiod', namespace, port }, await Promise.all(made));
  return ips.map((ip) => `${ip}:${port.port}`).sort();
}

/** The rights of an agent: what `pods get list watch` gives to one account. */
function podReader(namespace: string): readonly KubeObject[] {
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'meshbridge-agent' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'meshbridge-agent' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'meshbridge-agent' },
      subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace }],
    },
  ];
}

/** The annotation of the pod, at another path. */
function otherPath({ annotations }: PodSpec): string {
  return annotations?.['datakit/prom.instances']?.replace('/stats/prometheus', '/other') ?? '';
}

/** 1, 2, ... up to `count`. */
function counted(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Which requests to which pods an agent got answers to. */
function readsOf(
  agent: string,
  lines: readonly MetricLine[],
): readonly { readonly agent: string; readonly pod: string; readonly read: number }[] {
  return lines.flatMap(({ name, labels, value }) =>
    name === 'page_reads' && value !== undefined ? [{ agent, pod: labels['pod'] ?? '', read: value }] : [],
  );
}
