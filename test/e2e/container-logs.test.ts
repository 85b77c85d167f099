import { appendFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PodExplanation } from '../../src/contract/status.ts';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import type { KubeObject } from './cluster/api-calls.ts';
import { type Cluster, startCluster } from './cluster/api-server.ts';
import { annotatePod, type PodSpec, removePod, runningPod } from './cluster/pods.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const node = 'node-1';

interface Line {
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an agent's ServiceAccount may do at least. */
const podReader: readonly KubeObject[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'pod-reader' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'pod-reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'pod-reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace: 'meshbridge' }],
  },
];

describeWith('kube-apiserver', (program) => {
  let cluster: Cluster;
  let dir: TempDir;
  let daemon: Daemon;
  let written = 0;

  const logRoot = (): string => join(dir.path, 'pods');

  async function start(): Promise<Daemon> {
    const config = `
      [kubernetes]
        service_account_dir = "${await cluster.serviceAccount('meshbridge', 'agent')}"
      [[inputs.zipkin]]
        enabled = false
      [[inputs.container]]
        root = "${logRoot()}"
        kubelet_root = "${join(dir.path, 'kubelet')}"
        extract_k8s_label_as_tags_v2 = ["team"]
        container_exclude_log = ["image:*/noise/*"]
        enable_k8s_event = true
        endpoints = ["unix:///var/run/docker.sock"]
      [queue]
        min_free = "1MB"
    `;
    const env = { ...cluster.podEnvironment, NODE_NAME: node };
    return startDaemon({ dir: dir.path, config: { 'own.conf': config }, env });
  }

  /** As the runtime writes it below the kubelet's directory. */
  async function print(pod: KubeObject, container: string, message: string, restart = 0): Promise<void> {
    const { namespace, name, uid } = pod.metadata as unknown as Readonly<Record<string, string>>;
    const directory = join(logRoot(), `${namespace}_${name}_${uid}`, container);
    await mkdir(directory, { recursive: true });
    const time = new Date(Date.now() + ++written).toISOString();
    await appendFile(join(directory, `${restart}.log`), `${time} stdout F ${message}\n`);
  }

  async function linesWith(text: string): Promise<readonly Line[]> {
    const answer = await fetch(`${daemon.url}/api/native/logs/search?${new URLSearchParams({ text })}`);
    return ((await answer.json()) as { lines: readonly Line[] }).lines;
  }

  async function stored(text: string): Promise<Line> {
    return until(async () => (await linesWith(text))[0], { withinMs: 60_000, what: `the line ${text} in the store` });
  }

  async function explanationOf(name: string): Promise<PodExplanation | undefined> {
    const { inputs } = await daemon.status();
    const detail = inputs.find(({ id }) => id === 'kubernetes')?.detail as { readonly pods: readonly PodExplanation[] };
    return detail.pods.find(({ pod }) => pod === name);
  }

  function newPod(spec: Partial<PodSpec> & { readonly name: string }): Promise<KubeObject> {
    return runningPod(cluster, { namespace: 'prod', node, ip: `192.0.2.${++written + 10}`, ...spec });
  }

  beforeAll(async () => {
    dir = await tempDir();
    cluster = await startCluster({ program });
    await cluster.ensureNamespace('prod');
    await cluster.apply(podReader);
    await mkdir(logRoot());
  }, 180_000);

  afterAll(async () => {
    await daemon?.end('SIGKILL');
    await cluster?.stop();
    await dir.remove();
  }, 180_000);

  test('lines of a pod that was there before the agent have its labels, owner and image from the first on', async () => {
    const pod = await newPod({
      name: 'reviews-v2-7d9f-abcde',
      labels: { app: 'reviews', version: 'v2', team: 'shop', 'pod-template-hash': '7d9f' },
      owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'reviews-v2-7d9f' },
      containers: [{ name: 'reviews', image: 'example.test/shop/reviews:2' }, { name: 'istio-proxy' }],
    });
    await print(pod, 'reviews', 'first-line');
    const disabled = await newPod({
      name: 'quiet',
      annotations: { 'datakit/logs': '[{"disable": true}]' },
    });
    await print(disabled, 'app', 'never-to-be-seen');
    daemon = await start();
    const { labels } = await stored('first-line');
    expect(labels).toMatchObject({
      namespace: 'prod',
      pod: 'reviews-v2-7d9f-abcde',
      container: 'reviews',
      node,
      app: 'reviews',
      version: 'v2',
      workload: 'reviews-v2',
      deployment: 'reviews-v2',
      image: 'example.test/shop/reviews:2',
      container_id: 'reviews',
      canonical_service: 'reviews',
      canonical_revision: 'v2',
      team: 'shop',
    });
    expect(await linesWith('never-to-be-seen')).toEqual([]);
    expect((await explanationOf('quiet'))?.logs).toEqual([
      expect.objectContaining({ container: 'app', leftOut: 'datakit/logs disables it' }),
    ]);
  }, 180_000);

  test('an annotation gives tags, source and service, and disables and enables a container while it runs', async () => {
    const pod = await newPod({ name: 'web', labels: { app: 'web' } });
    await print(pod, 'app', 'plain-line');
    expect((await stored('plain-line')).labels).not.toHaveProperty('tier');
    const text = '[{"source": "front", "service": "shop", "tags": {"tier": "edge"}, "sourse": 1}]';
    await annotatePod(cluster, 'web', { 'datakit/logs': text }, 'prod');
    const problem = 'prod/web:1: datakit/logs: [0].sourse: unknown key; did you mean "source"?';
    await until(async () => (await explanationOf('web'))?.warnings.includes(problem), { withinMs: 60_000 });
    await until(
      async () => {
        await print(pod, 'app', `tagged-line-${++written}`);
        const lines = await linesWith('tagged-line');
        return lines.some(
          ({ labels }) => labels['tier'] === 'edge' && labels['source'] === 'front' && labels['service'] === 'shop',
        );
      },
      { withinMs: 60_000, what: 'a line with the tags of the annotation' },
    );
    const { inputs } = await daemon.status();
    expect(inputs.find(({ type }) => type === 'container')?.detail).toMatchObject({
      annotationProblems: [`prod/web, container app: ${problem}`],
    });

    await annotatePod(cluster, 'web', { 'datakit/logs': '[{"disable": true}]' }, 'prod');
    const isOff = async (): Promise<boolean> => {
      const status = await daemon.status();
      const detail = status.inputs.find(({ type }) => type === 'container')?.detail as {
        readonly leftOut?: readonly { readonly pod: string }[];
      };
      return detail.leftOut?.some(({ pod: name }) => name === 'web') === true;
    };
    await until(isOff, { withinMs: 60_000, what: 'the container is left out' });
    await print(pod, 'app', 'while-disabled');
    await annotatePod(cluster, 'web', { 'datakit/logs': undefined }, 'prod');
    await until(async () => !(await isOff()), { withinMs: 60_000, what: 'the container is read again' });
    await print(pod, 'app', 'after-disabled');
    await stored('after-disabled');
    expect(await linesWith('while-disabled')).toEqual([]);
  }, 180_000);

  test('a filter by image leaves a container out, and the other containers of the pod in', async () => {
    const pod = await newPod({
      name: 'mixed',
      containers: [{ name: 'noise', image: 'example.test/noise/maker:1' }, { name: 'music' }],
    });
    await until(() => explanationOf('mixed'), { withinMs: 60_000 });
    await print(pod, 'noise', 'noise-line');
    await print(pod, 'music', 'music-line');
    await stored('music-line');
    expect(await linesWith('noise-line')).toEqual([]);
  }, 180_000);

  test('a file in a volume of the pod is read beside stdout, and lines past a limit are left out and counted', async () => {
    const entries = [
      { type: 'stdout', max_lines_per_second: 1, over_limit: 'sample' },
      { type: 'file', path: '/data/*.log' },
    ];
    const annotations = { 'datakit/logs': JSON.stringify(entries) };
    const pod = await newPod({ name: 'writer', emptyDirAt: '/data', annotations });
    await until(() => explanationOf('writer'), { withinMs: 60_000 });
    const { uid } = pod.metadata as unknown as Readonly<Record<string, string>>;
    const volume = join(dir.path, 'kubelet/pods', uid as string, 'volumes/kubernetes.io~empty-dir/data');
    await mkdir(volume, { recursive: true });
    await appendFile(join(volume, 'own.log'), 'line-of-a-file\n');
    expect((await stored('line-of-a-file')).labels).toMatchObject({ pod: 'writer', inside_filepath: '/data/own.log' });
    for (let i = 0; i < 50; i++) {
      await print(pod, 'app', `many-lines-${i}`);
    }
    await stored('many-lines');
    const counted = async (): Promise<number> => {
      const text = await (await fetch(`${daemon.url}/metrics`)).text();
      return Number(/^meshbridge_log_limit_left_out_lines_total\{[^}]*lines[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const kept = async (): Promise<number> => {
      const answer = await fetch(`${daemon.url}/api/native/logs/search?limit=1000&text=many-lines`);
      return ((await answer.json()) as { lines: readonly Line[] }).lines.length;
    };
    await until(async () => (await counted()) + (await kept()) === 50, {
      withinMs: 60_000,
      what: 'all lines, kept or counted',
    });
    expect(await counted()).toBeGreaterThan(0);
  }, 180_000);

  test('the pod of a CronJob that is gone at once is read, and belongs to the CronJob', async () => {
    const pod = await newPod({
      name: 'backup-29412345-x7k2p',
      owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'backup-29412345' },
      containers: [{ name: 'job', logsConfig: '[{"tags": {"from": "variable"}}]' }],
    });
    await until(() => explanationOf('backup-29412345-x7k2p'), { withinMs: 60_000 });
    await removePod(cluster, 'backup-29412345-x7k2p', 'prod');
    await print(pod, 'job', 'short-line');
    const { labels } = await stored('short-line');
    expect(labels).toMatchObject({ workload: 'backup', cronjob: 'backup', from: 'variable' });
    const { uid } = pod.metadata as unknown as Readonly<Record<string, string>>;
    await rm(join(logRoot(), `prod_backup-29412345-x7k2p_${uid}`), { recursive: true });
  }, 180_000);

  test('keys of DataKit’s that do nothing are one warning for each reason', async () => {
    const { warnings } = await daemon.status();
    expect(warnings.filter((line) => line.includes('inputs.container'))).toEqual([
      expect.stringContaining('enable_k8s_event: has no effect'),
      expect.stringContaining('endpoints: has no effect'),
    ]);
  });
});
