import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Agent, startAgent } from './cluster/agent.ts';
import type { KubeObject } from './cluster/api-calls.ts';
import { type Cluster, startCluster } from './cluster/api-server.ts';
import { podOfTemplate } from './cluster/pods.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { charted, deployFolder, kustomized, objectsOf } from './kubernetes-objects.ts';

const folder = join(deployFolder, 'kubernetes');
const meshbridge = join(import.meta.dirname, '../../dist/main.js');
const dataKits = join(import.meta.dirname, '../fixtures/datakit.yaml');
const oneFile = objectsOf(readFileSync(join(folder, 'meshbridge.yaml'), 'utf8')) as readonly KubeObject[];
const releases = [
  { namespace: 'meshbridge' },
  { namespace: 'meshbridge', values: { hub: { enabled: false } } },
  { namespace: 'datakit', values: { dropIn: { enabled: true } } },
  {
    name: 'prod',
    namespace: 'observability',
    values: { hub: { service: { type: 'NodePort', nodePort: 30_529 } } },
  },
] as const;
/** Takes the seccomp profile away, which every level but privileged asks for. */
const oldRuntime = { namespace: 'observability', values: { oldRuntime: true } } as const;
const ofKind = (kind: string, objects = oneFile): KubeObject => {
  const found = objects.find((object) => object.kind === kind);
  if (found === undefined) {
    throw new Error(`there is no ${kind}`);
  }
  return found;
};
const named = (wanted: string, name: string): KubeObject =>
  ofKind(
    wanted,
    oneFile.filter(({ metadata }) => metadata.name === name),
  );

describeWith('kube-apiserver', (program) => {
  let cluster: Cluster;
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
    cluster = await startCluster({ program });
    for (const namespace of ['meshbridge', 'datakit', 'istio-system', 'observability']) {
      await cluster.ensureNamespace(namespace);
    }
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
    await dir.remove();
  }, 180_000);

  const dryRun = async (objects: readonly unknown[]): Promise<void> => {
    const made = await cluster.apply(objects as readonly KubeObject[], { dryRun: true });
    expect(made).toHaveLength(objects.length);
  };

  describe('a server-side dry run takes', () => {
    test('the one file', () => dryRun(oneFile));

    describeWith('kubectl', (kubectl) => {
      test.each(readdirSync(join(folder, 'overlays')))('the overlay %s', (overlay) =>
        dryRun(kustomized(kubectl, join('overlays', overlay))),
      );

      test.each(readdirSync(join(folder, 'rights')))('the rights %s', (rights) =>
        dryRun(kustomized(kubectl, join('rights', rights))),
      );
    });

    describeWith('helm', (helm) => {
      test.each([...releases, oldRuntime])('the chart with %j', (release) => dryRun(charted(helm, release)));
    });
  });

  describeWith('istio-resources', (definitions) => {
    test('and, beside Istio, all that is in deploy/istio for a cluster', async () => {
      const resources = objectsOf(readFileSync(definitions, 'utf8')) as readonly KubeObject[];
      await cluster.apply(resources);
      const folder = join(deployFolder, 'istio');
      const objects = readdirSync(folder).flatMap((file) => objectsOf(readFileSync(join(folder, file), 'utf8')));
      const ofCluster = objects.filter(({ apiVersion, kind }) => apiVersion !== undefined && kind !== 'IstioOperator');
      expect(ofCluster.map(({ kind }) => kind)).toEqual(
        expect.arrayContaining([
          'Gateway',
          'VirtualService',
          'DestinationRule',
          'ServiceEntry',
          'Telemetry',
          'Service',
        ]),
      );
      await until(() => dryRun(ofCluster).then(() => true), {
        what: 'that the resources are served',
      });
    }, 180_000);
  });

  describe('Pod Security', () => {
    const admitted = async (workload: KubeObject, level: string) => {
      const namespace = `level-${level}`;
      await cluster.ensureNamespace(namespace, { 'pod-security.kubernetes.io/enforce': level });
      const moved = { ...workload, metadata: { ...workload.metadata, namespace } };
      const pod = workload.kind === 'Pod' ? moved : podOfTemplate(moved);
      return cluster.attempt('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, withClaims(pod, workload));
    };

    /** Of the Namespace that comes along; where none does, docs/install.md and the notes of the chart name it. */
    const levelOf = (objects: readonly KubeObject[]): string => {
      const { labels } = (objects.find(({ kind }) => kind === 'Namespace')?.metadata ?? {}) as {
        readonly labels?: Readonly<Record<string, string>>;
      };
      return labels?.['pod-security.kubernetes.io/enforce'] ?? 'privileged';
    };

    /** Hubs, and the pod of `helm test`, need nothing of the node; agents read its log files, and have a port of it. */
    async function expectLevels(objects: readonly KubeObject[]): Promise<void> {
      const workloads = objects.filter(({ kind }) => ['DaemonSet', 'StatefulSet', 'Pod'].includes(kind));
      expect(workloads.map(({ kind }) => kind)).toContain('DaemonSet');
      for (const workload of workloads) {
        const level = workload.kind === 'DaemonSet' ? levelOf(objects) : 'restricted';
        expect(await admitted(workload, level)).toMatchObject({ status: 201 });
        if (workload.kind === 'DaemonSet') {
          const { status, body } = await admitted(workload, 'baseline');
          expect(status).toBe(403);
          const reasons = body.message.split('violates PodSecurity')[1].match(/[a-zA-Z]+(?= \()|hostPort|hostPath/g);
          expect(new Set(reasons)).toEqual(new Set(['volumes', 'hostPath', 'hostPort']));
        }
      }
    }

    test('each pod of the one file fits its level, and nothing but paths and a port of the node keeps agents from baseline', () =>
      expectLevels(oneFile));

    describeWith('kubectl', (kubectl) => {
      test.each(readdirSync(join(folder, 'overlays')))('so do those of the overlay %s', (overlay) =>
        expectLevels(kustomized(kubectl, join('overlays', overlay)) as readonly KubeObject[]),
      );
    });

    describeWith('helm', (helm) => {
      test.each(releases)('so do those of the chart with %j', (release) =>
        expectLevels(charted(helm, release) as readonly KubeObject[]),
      );
    });
  });

  describeWith('kubectl', (kubectl) => {
    const apply = async (...args: readonly string[]): Promise<void> => {
      const kubeconfig = ['--kubeconfig', await cluster.kubeconfig()];
      const { status, stderr } = spawnSync(kubectl, [...kubeconfig, 'apply', ...args], { encoding: 'utf8' });
      expect({ status, stderr: stderr.replaceAll(/^Warning: .*\n/gm, '') }).toEqual({ status: 0, stderr: '' });
    };
    const path = '/apis/apps/v1/namespaces/datakit/daemonsets/datakit';

    /** DataKit's own, as kubectl apply put it there. */
    async function deployDataKit(): Promise<void> {
      await cluster.attempt('DELETE', path);
      await until(async () => (await cluster.attempt('GET', path)).status === 404, { withinMs: 60_000 });
      await apply('-f', dataKits);
    }

    async function expectOursAlone(wanted: readonly KubeObject[]): Promise<void> {
      const specOf = ({ spec }: KubeObject) =>
        (spec as { readonly template: { readonly spec: PodSpec } }).template.spec;
      const [pod, ours] = [specOf(await cluster.call('GET', path)), specOf(ofKind('DaemonSet', wanted))];
      const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).sort();
      expect(names(pod.containers)).toEqual(['meshbridge']);
      expect(names(pod.volumes)).toEqual(names(ours.volumes));
      expect(names(pod.containers[0]?.env ?? [])).toEqual(names(ours.containers[0]?.env ?? []));
      for (const gone of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
        expect(pod[gone] ?? false).toBe(false);
      }
      expect(pod.containers[0]?.securityContext.privileged).toBe(false);
      const service = await cluster.call('GET', '/api/v1/namespaces/datakit/services/datakit-service');
      expect(service.spec.selector).toEqual({ app: 'daemonset-datakit' });
    }

    test('the drop-in takes the place of DataKit where that was deployed by kubectl apply', async () => {
      await deployDataKit();
      await apply('-k', join(folder, 'overlays/drop-in'));
      await expectOursAlone(kustomized(kubectl, 'overlays/drop-in') as readonly KubeObject[]);
      const alias = await cluster.call('GET', '/api/v1/namespaces/istio-system/services/zipkin');
      expect(alias.spec.externalName).toBe('datakit-service-ext.datakit.svc.cluster.local');
    }, 180_000);

    test('what `migrate` writes of its manifest does, too', async () => {
      await deployDataKit();
      const { status, stdout, stderr } = spawnSync(process.execPath, [meshbridge, 'migrate', dataKits], {
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const file = join(dir.path, 'migrated.yaml');
      await writeFile(file, stdout);
      await apply('-f', file);
      await expectOursAlone(objectsOf(stdout) as readonly KubeObject[]);
      await dryRun(objectsOf(stdout));
    }, 180_000);
  });

  describe('rights', () => {
    const rights = readdirSync(join(folder, 'rights'));
    const agents: Agent[] = [];
    const hubs: Daemon[] = [];

    /** An account with all rights of the agents' but those. */
    async function accountWithout(...missing: readonly string[]): Promise<string> {
      const account = ['without', ...missing].join('-');
      for (const right of rights.filter((one) => !missing.includes(one))) {
        const objects = objectsOf(readFileSync(join(folder, 'rights', right, 'rights.yaml'), 'utf8'));
        for (const { metadata, ...object } of objects) {
          const isBinding = object.kind.endsWith('Binding');
          const name = isBinding ? `${metadata.name}-${account}` : metadata.name;
          const subjects = [{ kind: 'ServiceAccount', name: account, namespace: 'meshbridge' }];
          await cluster.apply([
            { ...object, metadata: { ...metadata, name }, ...(isBinding && { subjects }) } as KubeObject,
          ]);
        }
      }
      return cluster.serviceAccount('meshbridge', account);
    }

    afterAll(() => Promise.all([...agents, ...hubs].map((daemon) => daemon.end('SIGKILL'))), 60_000);

    /** What the API server allows the account of everything that agents ask for. */
    async function allowed(account: string): Promise<readonly string[]> {
      const asked = [
        ['pods', '', 'pods', 'watch'],
        ['leases', 'coordination.k8s.io', 'leases', 'update'],
        ['endpointslices', 'discovery.k8s.io', 'endpointslices', 'watch'],
        ['services', '', 'services', 'get'],
        ['node-metrics', '', 'nodes/metrics', 'get'],
      ] as const;
      const answers = await Promise.all(
        asked.map(async ([right, group, path, verb]) => {
          const [resource, subresource = ''] = path.split('/');
          const name = right === 'leases' ? 'meshbridge' : '';
          const { status } = await cluster.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SubjectAccessReview',
            spec: {
              user: `system:serviceaccount:meshbridge:${account}`,
              resourceAttributes: { namespace: 'meshbridge', group, resource, subresource, verb, name },
            },
          });
          return status.allowed ? [right] : [];
        }),
      );
      return answers.flat();
    }

    test('each grants what its agents ask the API server for, and no other does', async () => {
      for (const right of rights) {
        await accountWithout(right);
        expect([...(await allowed(`without-${right}`)), right].sort()).toEqual([...rights].sort());
        expect(await allowed(`without-${right}`)).not.toContain(right);
      }
    }, 180_000);

    test('the hub may make and keep one Secret, and neither it nor an agent may read another', async () => {
      await cluster.apply(oneFile.filter(({ kind }) => /^(?:ServiceAccount|Role|RoleBinding)$/.test(kind)));
      const may = async (account: string, verb: string, name: string) => {
        const { status } = await cluster.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: `system:serviceaccount:meshbridge:${account}`,
            resourceAttributes: { namespace: 'meshbridge', resource: 'secrets', verb, name },
          },
        });
        return status.allowed ? [`${account} ${verb} ${name}`] : [];
      };
      const asked = ['meshbridge-hub', 'meshbridge'].flatMap((account) =>
        ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'].flatMap((verb) =>
          ['meshbridge-token', 'other'].map((name) => may(account, verb, name)),
        ),
      );
      expect((await Promise.all(asked)).flat()).toEqual([
        'meshbridge-hub get meshbridge-token',
        // A name cannot be asked of what is created.
        'meshbridge-hub create meshbridge-token',
        'meshbridge-hub create other',
        'meshbridge-hub update meshbridge-token',
      ]);
    });

    test('without its own a hub goes on, says what to grant, and makes the Secret once it may', async () => {
      const account = await cluster.serviceAccount('meshbridge', 'hub-without');
      const files = named('ConfigMap', 'meshbridge-hub')['data'] as Readonly<Record<string, string>>;
      const toml = files['hub.conf']?.replace('[kubernetes]', `[kubernetes]\n  service_account_dir = "${account}"`);
      const hub = await startDaemon({
        dir: join(dir.path, 'hub-without'),
        config: { 'hub.conf': toml ?? '' },
        env: { ...cluster.podEnvironment, POD_NAMESPACE: 'meshbridge', POD_NAME: 'hub-without' },
      });
      hubs.push(hub);
      const refused = await until(async () => (await hub.status()).tokenSecret?.error, { what: 'the refusal' });
      expect(refused).toContain('403');
      expect((await hub.status()).tokenSecret?.hint).toMatch(/grant get, create and update of secrets.*token_file/);
      const span = JSON.stringify([{ traceId: 'f1', id: 'f1', timestamp: Date.now() * 1000 }]);
      expect((await fetch(`${hub.url}/api/v2/spans`, { method: 'POST', body: span })).status).toBe(202);
      await until(async () => (await fetch(`${hub.url}/api/v2/trace/f1`)).status === 200, { what: 'the trace' });

      const binding = named('RoleBinding', 'meshbridge-hub-token');
      const subjects = [{ kind: 'ServiceAccount', name: 'hub-without', namespace: 'meshbridge' }];
      const metadata = { ...binding.metadata, name: 'hub-without' };
      await cluster.apply([named('Role', 'meshbridge-hub-token'), { ...binding, metadata, subjects }]);
      await until(async () => (await hub.status()).tokenSecret?.error === undefined, { what: 'the right' });
      const secret = await cluster.call('GET', '/api/v1/namespaces/meshbridge/secrets/meshbridge-token');
      expect(Object.keys(secret.data).sort()).toEqual(['ingest-token', 'token']);
    }, 240_000);

    test('without one of them an agent misses that one and says what for; with all it misses none', async () => {
      const cases = [
        { missing: [], said: [] },
        { missing: ['pods'], said: ['pods'] },
        { missing: ['leases'], said: ['leases'] },
        { missing: ['endpointslices'], said: ['endpointslices'] },
        // No loss while the replicas are known.
        { missing: ['services'], said: [] },
        { missing: ['endpointslices', 'services'], said: ['endpointslices', 'services'] },
      ];
      const pages = ['http://istiod.istio-system.svc:15014/metrics', 'http://metrics.observability.svc:9090/metrics'];
      const config = { 'pages.conf': pages.map((url) => `[[inputs.prom]]\nurl = "${url}"\n`).join('') };
      await cluster.apply([service('istiod', 'istio-system', 15_014), service('metrics', 'observability', 9090)]);
      const started = cases.map(async ({ missing }) => {
        const account = await accountWithout(...missing);
        const name = ['node', ...missing].join('-');
        return startAgent({ cluster, dir: join(dir.path, name), node: name, account, config });
      });
      agents.push(...(await Promise.all(started)));
      for (const [index, { missing, said }] of cases.entries()) {
        const agent = agents[index] as Agent;
        await until(async () => (await missed(agent)).join() === said.join() && (await isSettled(agent)), {
          withinMs: 60_000,
          what: `that an agent without ${missing.join()} misses ${said.join()}`,
        });
        const refused = (await agent.status()).warnings.filter((line) => line.includes('(403)'));
        expect(refused.length > 0).toBe(said.length > 0);
        expect(refused.every((line) => said.some((resource) => line.includes(`of ${resource}`)))).toBe(true);
        const { watch } = await agent.discovery();
        expect(watch.state).toBe(missing.includes('pods') ? 'forbidden' : 'watching');
      }
    }, 180_000);
  });
});

/** Its first questions are answered: it watches its pods and takes part in elections, or knows that it may not. */
async function isSettled(agent: Agent): Promise<boolean> {
  const { watch, lease } = await agent.discovery();
  return ['watching', 'forbidden'].includes(watch.state) && lease !== undefined && lease.state !== 'starting';
}

interface PodSpec {
  readonly containers: readonly {
    readonly name: string;
    readonly env: readonly { readonly name: string }[];
    readonly securityContext: { readonly privileged?: boolean };
  }[];
  readonly volumes: readonly { readonly name: string }[];
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
}

async function missed(agent: Agent): Promise<readonly string[]> {
  const { inputs } = await agent.status();
  const detail = inputs.find(({ id }) => id === 'kubernetes')?.detail as {
    readonly rights: readonly { readonly resource: string }[];
  };
  return [...new Set(detail.rights.map(({ resource }) => resource))].sort();
}

function service(name: string, namespace: string, port: number): KubeObject {
  const spec = { selector: { app: name }, ports: [{ name: 'http', port, targetPort: 'http' }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec };
}

/** The volumes of a StatefulSet's claims are the pod's too, once its controller made it. */
function withClaims(pod: KubeObject, workload: KubeObject): KubeObject {
  const { volumeClaimTemplates = [] } = workload['spec'] as {
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
  const spec = pod['spec'] as { readonly volumes?: readonly object[] };
  const claims = volumeClaimTemplates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-0` },
  }));
  return { ...pod, spec: { ...spec, volumes: [...(spec.volumes ?? []), ...claims] } };
}
