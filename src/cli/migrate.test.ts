import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { formatFault, loadFrom } from '../config/load.ts';
import { inputs } from '../inputs/index.ts';
import { outputs } from '../outputs/index.ts';
import { readManifest } from './manifest.ts';
import { migrate } from './migrate.ts';

const top = join(import.meta.dirname, '../..');
const dataKit = join(top, 'test/fixtures/datakit.yaml');
const walkthrough = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'walkthrough');
const definitions = { inputs, outputs };
const where = { inCluster: false, readableDir: () => false };

interface Said {
  readonly code: number;
  readonly text: string;
  readonly errors: readonly string[];
  readonly notes: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: what stands in a manifest is of any shape.
  readonly objects: readonly any[];
}

async function migrated(...files: readonly string[]): Promise<Said> {
  const [out, errors]: [string[], string[]] = [[], []];
  const terminal = { out: (text: string) => out.push(text), err: (text: string) => errors.push(text) };
  const template = join(top, 'deploy/kubernetes/meshbridge.yaml');
  const code = await migrate({ files }, { cwd: top, terminal, definitions, where, template });
  const text = out.join('\n');
  const documents = parseAllDocuments(text, { strict: true, uniqueKeys: true });
  expect(documents.flatMap((document) => document.errors)).toEqual([]);
  const notes = text.split('\n').filter((line) => line.startsWith('# - '));
  return { code, text, errors, notes, objects: documents.map((document) => document.toJS()) };
}

async function changed(change: (text: string) => string): Promise<Said> {
  const dir = await mkdtemp(join(tmpdir(), 'migrate-'));
  try {
    await writeFile(join(dir, 'datakit.yaml'), change(await readFile(dataKit, 'utf8')));
    return await migrated(join(dir, 'datakit.yaml'));
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe("DataKit's manifest", () => {
  test('becomes ours under its names, so that kubectl puts it in its place', async () => {
    const { code, objects } = await migrated(dataKit);
    expect(code).toBe(0);
    const daemonSets = objects.filter(({ kind }) => kind === 'DaemonSet');
    expect(daemonSets).toHaveLength(1);
    const [{ metadata, spec }] = daemonSets;
    expect(metadata).toMatchObject({ name: 'datakit', namespace: 'datakit' });
    expect(spec.selector.matchLabels).toEqual({ app: 'daemonset-datakit' });
    expect(spec.template.metadata.labels).toMatchObject({
      app: 'daemonset-datakit',
      'app.kubernetes.io/name': 'meshbridge',
    });
    expect(spec.template.spec).not.toHaveProperty('hostNetwork');
    const [container] = spec.template.spec.containers;
    expect(container.ports).toContainEqual({ name: 'http-main', containerPort: 9529, hostPort: 9529 });
    for (const object of objects) {
      const isOfCluster = ['Namespace', 'ClusterRole', 'ClusterRoleBinding'].includes(object.kind);
      expect(isOfCluster ? 'datakit' : object.metadata.namespace).toBe('datakit');
      expect(object.subjects?.every((one: { namespace: string }) => one.namespace === 'datakit') ?? true).toBe(true);
    }
    expect(objects.find(({ kind }) => kind === 'StatefulSet').metadata.name).toBe('meshbridge-hub');
  });

  test('keeps its files, at the same paths, and the environment that acts here', async () => {
    const { objects } = await migrated(dataKit);
    const pod = objects.find(({ kind }) => kind === 'DaemonSet').spec.template.spec;
    const mounts = pod.containers[0].volumeMounts.filter(({ name }: { name: string }) => name === 'datakit-conf');
    expect(mounts.map(({ mountPath, subPath }: Record<string, string>) => `${mountPath} ${subPath}`)).toEqual([
      '/usr/local/datakit/conf.d/zipkin/zipkin.conf zipkin.conf',
      '/usr/local/datakit/conf.d/prom/prom_istiod.conf prom_istiod.conf',
    ]);
    expect(pod.volumes).toContainEqual({ name: 'datakit-conf', configMap: { name: 'datakit-conf' } });
    expect(objects.some(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'datakit-conf')).toBe(true);
    const environment = Object.fromEntries(
      pod.containers[0].env.map(({ name, value }: Record<string, string>) => [name, value]),
    );
    expect(environment).toMatchObject({
      ENV_CLUSTER_NAME_K8S: 'default',
      ENV_GLOBAL_HOST_TAGS: 'host=__datakit_hostname,host_ip=__datakit_ip',
    });
    for (const gone of ['ENV_DATAWAY', 'ENV_HTTP_LISTEN', 'HOST_ROOT', 'ENV_INPUT_CONTAINER_ENDPOINTS']) {
      expect(environment).not.toHaveProperty(gone);
    }
    expect(new Set(pod.containers[0].env.map(({ name }: { name: string }) => name)).size).toBe(
      pod.containers[0].env.length,
    );
  });

  test('keeps the ports of its Services that somebody answers at', async () => {
    const { objects } = await migrated(dataKit);
    const service = objects.find(({ metadata }) => metadata.name === 'datakit-service');
    expect(service.spec.ports.map(({ port, targetPort }: Record<string, unknown>) => [port, targetPort])).toEqual([
      [9529, 'http-main'],
      [4317, 'grpc-otlp'],
    ]);
  });

  test.each([
    ['default', ['meshbridge']],
    ['prod', ['meshbridge', 'meshbridge-prod']],
  ])('lets the agents of the election group %s have their Lease', async (group, names) => {
    const { objects } = await changed((text) =>
      text.replace('NAMESPACE\n              value: default', `NAMESPACE\n              value: ${group}`),
    );
    const role = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'meshbridge-leases');
    expect(role.rules[1].resourceNames).toEqual(names);
  });

  test('says at the top what has no twin', async () => {
    const { notes } = await migrated(dataKit);
    expect(notes).toEqual([
      '# - ENV_DATAWAY has no token: nothing was sent there',
      "# - inputs of DataKit's that are not part of meshbridge: statsd, dk, cpu, disk, diskio, mem, swap, system, hostobject, net, host_processes",
      '# - environment that nothing here reads: ENV_INPUT_CONTAINER_ENDPOINTS',
      '# - ports of Services that nothing answers here: datakit-service:8125, datakit-service:9533',
      "# - mounts that are not needed, since only the kubelet's log files are read: /usr/local/datakit/cache, /rootfs, /var/run, /sys/kernel/debug, /var/lib/containerd/container_logs",
      '# - rights on the node that are not needed: hostNetwork, hostPID, hostIPC, privileged',
      '# - objects that nothing needs any more; when it runs, delete them: clusterrole/datakit, serviceaccount/datakit -n datakit, clusterrolebinding/datakit',
      '# - what DataKit still had in its own cache on the nodes is not sent any more; meshbridge keeps its data in /var/lib/meshbridge',
    ]);
  });

  test('with a token for Dataway keeps it, and names an input that is not ours', async () => {
    const { notes, objects } = await changed((text) =>
      text
        .replace('<your-token>', 'tkn_abc')
        .replace('    [[inputs.zipkin]]', '    [[inputs.mysql]]\n      host = "db"\n    [[inputs.zipkin]]'),
    );
    const [container] = objects.find(({ kind }) => kind === 'DaemonSet').spec.template.spec.containers;
    expect(container.env).toContainEqual({ name: 'ENV_DATAWAY', value: expect.stringContaining('token=tkn_abc') });
    expect(notes.join('\n')).toMatch(/datakit.yaml:\d+: .*inputs.mysql\[0\]: this input of DataKit's/);
    expect(notes.join('\n')).not.toContain('tkn_abc');
  });

  test('as a List, with a second container and a start of its own, is read the same, and says so of those', async () => {
    const { objects, notes } = await changed((text) => {
      const items = parseAllDocuments(text).map((document) => document.toJS());
      const pod = items.find(({ kind }) => kind === 'DaemonSet').spec.template.spec;
      pod.containers.unshift({ name: 'helper', image: 'busybox', env: [{ name: 'ENV_LOG_LEVEL', value: 'debug' }] });
      pod.initContainers = [{ name: 'wait' }];
      for (const item of items) {
        Object.assign(item.metadata, { uid: 'u', resourceVersion: '7', managedFields: [{ manager: 'kubectl' }] });
        item.status = {};
      }
      pod.containers[1].command = ['/usr/local/datakit/datakit', 'run'];
      return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    });
    const text = notes.join('\n');
    expect(text).toContain('other containers of the pod: helper, wait');
    expect(JSON.stringify(objects)).not.toMatch(/"(?:uid|resourceVersion|managedFields|status)"/);
    expect(text).toContain(
      "the container's command, which is the image's own business: /usr/local/datakit/datakit, run",
    );
    const [container] = objects.find(({ kind }) => kind === 'DaemonSet').spec.template.spec.containers;
    const names = container.env.map(({ name }: { name: string }) => name);
    expect(names).toContain('ENV_CLUSTER_NAME_K8S');
    expect(names).not.toContain('ENV_LOG_LEVEL');
  });

  test('of an older kind, with plain Services and the former names of variables, is taken over as well', async () => {
    const { objects, notes } = await changed((text) =>
      text
        .replace('{ name: http, protocol: TCP, port: 9529, targetPort: http }', '{ protocol: TCP, port: 9529 }')
        .replace('{ name: statsd, protocol: UDP, port: 8125, targetPort: statsd }', '{ port: 9411, targetPort: 9529 }')
        .replace('ENV_GLOBAL_HOST_TAGS', 'ENV_GLOBAL_TAGS')
        .replace('ENV_DEFAULT_ENABLED_INPUTS', 'ENV_ENABLE_INPUTS'),
    );
    const service = objects.find(({ metadata }) => metadata.name === 'datakit-service');
    expect(service.spec.ports.map(({ name, targetPort }: Record<string, string>) => `${name} ${targetPort}`)).toEqual([
      'http-main http-main',
      'http-zipkin http-main',
      'grpc-otlp grpc-otlp',
    ]);
    const [container] = objects.find(({ kind }) => kind === 'DaemonSet').spec.template.spec.containers;
    const names = container.env.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['ENV_GLOBAL_TAGS', 'ENV_ENABLE_INPUTS']));
    expect(notes.join('\n')).toContain('datakit-service:9533');
  });

  test('of another name and namespace keeps both', async () => {
    const { objects } = await changed((text) =>
      text.replaceAll('namespace: datakit', 'namespace: guance').replaceAll('daemonset-datakit', 'dk'),
    );
    const { metadata, spec } = objects.find(({ kind }) => kind === 'DaemonSet');
    expect(metadata.namespace).toBe('guance');
    expect(spec.selector.matchLabels).toEqual({ app: 'dk' });
    expect(objects.find(({ kind }) => kind === 'Namespace').metadata.name).toBe('guance');
  });
});

describe('the walkthrough’s files', () => {
  const configMap = relative(top, join(walkthrough, 'datakit-conf.configmap.yaml'));

  test('beside the manifest: the ConfigMap that stands last holds, and its files are good here', async () => {
    const { code, objects, text } = await migrated(dataKit, configMap);
    expect(code).toBe(0);
    const found = objects.filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'datakit-conf');
    expect(found).toHaveLength(1);
    expect(found[0].data['prom_istiod.conf']).toContain('#measurement_prefix');
    const { configurations } = readManifest('migrated.yaml', text);
    for (const sources of configurations) {
      const loaded = await loadFrom({ sources, faults: [] }, { flags: {}, env: {}, cwd: top, definitions, where });
      expect(loaded.faults.map(formatFault)).toEqual([]);
    }
  });

  test('the DaemonSet with the missing colon is refused, with its line', async () => {
    const snippet = relative(top, join(walkthrough, 'daemonset-mounts.snippet.yaml'));
    const { code, errors, text } = await migrated(snippet);
    expect(code).toBe(78);
    expect(errors.join('\n')).toMatch(/daemonset-mounts[.]snippet[.]yaml:\d+/);
    expect(text).toBe('');
  });

  test('a file without DataKit is refused', async () => {
    await expect(migrated(configMap)).rejects.toThrow('no DaemonSet runs DataKit here');
  });
});
