import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';

const deploy = join(import.meta.dirname, '../../deploy/kubernetes');
const oneFile = join(deploy, 'meshbridge.yaml');

const head = `# meshbridge in a cluster: an agent on every node, and one hub that answers for all of them. An agent scrapes the pods of its node,
# takes their spans and reads their log files; the hub keeps it and shows it.
#   kubectl apply -f meshbridge.yaml
#   kubectl -n meshbridge port-forward statefulset/meshbridge-hub 9529     → http://127.0.0.1:9529/
# Made of overlays/agents-and-hub, which with the other overlays is for those who want it otherwise (docs/install.md).
`;

/** The files that a kustomization names, also by way of others, in its order. */
function resourcesOf(folder: string): readonly string[] {
  const { resources }: { readonly resources: readonly string[] } = parse(
    readFileSync(join(folder, 'kustomization.yaml'), 'utf8'),
  );
  return resources.flatMap((name) => (name.endsWith('.yaml') ? [join(folder, name)] : resourcesOf(join(folder, name))));
}

const joined =
  head +
  resourcesOf(join(deploy, 'overlays/agents-and-hub'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('---\n');

if (process.env['UPDATE'] === '1') {
  writeFileSync(oneFile, joined);
}

const text = readFileSync(oneFile, 'utf8');
const documents = parseAllDocuments(text, { uniqueKeys: true, strict: true });
const objects = documents.map((document) => document.toJS());
const one = (kind: string, name = 'meshbridge') =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);

describe('the manifest for Kubernetes', () => {
  test('is the files of the overlay agents-and-hub, one behind the other (UPDATE=1 npm run unit writes it anew)', () => {
    expect(text).toBe(joined);
  });

  test('is YAML without errors or warnings, each document a named object', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    for (const object of objects) {
      expect(object).toMatchObject({
        apiVersion: expect.any(String),
        kind: expect.any(String),
        metadata: { name: expect.any(String) },
      });
      const ofTheCluster = ['Namespace', 'ClusterRole', 'ClusterRoleBinding'].includes(object.kind);
      expect(ofTheCluster || object.metadata.namespace === 'meshbridge').toBe(true);
    }
  });

  test('makes its namespace before all that is in it', () => {
    expect(objects[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'meshbridge' } });
  });
});

describe.each([
  { kind: 'DaemonSet', name: 'meshbridge', services: ['meshbridge', 'zipkin'] },
  { kind: 'StatefulSet', name: 'meshbridge-hub', services: ['meshbridge-hub'] },
])('the $kind $name', ({ kind, name, services }) => {
  const workload = one(kind, name);
  const pod = workload.spec.template;
  const [container] = pod.spec.containers;

  test('keeps Istio out of the pod and selects it by its own labels, which no other pod has', () => {
    expect(pod.metadata.labels['sidecar.istio.io/inject']).toBe('false');
    const selectors = [
      workload.spec.selector.matchLabels,
      one('NetworkPolicy', name).spec.podSelector.matchLabels,
      ...services.map((service) => one('Service', service).spec.selector),
    ];
    for (const selector of selectors) {
      expect(pod.metadata.labels).toMatchObject(selector);
      expect(selector).toHaveProperty(['app.kubernetes.io/component']);
    }
  });

  test('runs with as few rights as its work allows', () => {
    expect(container.securityContext).toMatchObject({
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect({ ...pod.spec.securityContext, ...container.securityContext }.seccompProfile).toEqual({
      type: 'RuntimeDefault',
    });
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) {
      expect(pod.spec).not.toHaveProperty(key);
    }
  });

  test('mounts the account of the daemon, and nobody else does', () => {
    expect(one('ServiceAccount', name).automountServiceAccountToken).toBe(false);
    expect(pod.spec).toMatchObject({ serviceAccountName: name, automountServiceAccountToken: true });
  });

  test('writes to its data directory only', () => {
    const writable = container.volumeMounts.filter(({ readOnly }: { readOnly?: boolean }) => readOnly !== true);
    expect(writable.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(['/var/lib/meshbridge']);
  });

  test('every mount has its volume, every named port exists and says its protocol', () => {
    const volumes = [...pod.spec.volumes, ...(workload.spec.volumeClaimTemplates ?? [])].map(
      (volume) => volume.name ?? volume.metadata.name,
    );
    expect(container.volumeMounts.map((mount: { name: string }) => mount.name).sort()).toEqual([...volumes].sort());
    const ports = container.ports.map((port: { name: string }) => port.name);
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    const used = [
      ...probes.map(({ httpGet }) => httpGet.port),
      ...services.flatMap((service) =>
        one('Service', service).spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort),
      ),
      ...one('NetworkPolicy', name).spec.ingress[0].ports.map(({ port }: { port: string }) => port),
    ];
    expect(ports).toEqual(expect.arrayContaining(used));
    expect(ports.every((port: string) => /^(?:http|grpc)-/.test(port))).toBe(true);
  });

  test('has a heap that fits its memory, and room beside it', () => {
    const options: string = container.env.find((entry: { name: string }) => entry.name === 'NODE_OPTIONS').value;
    const heap = Number(/--max-old-space-size=(\d+)/.exec(options)?.[1]);
    const [, size = '', unit] = /^(\d+)([MG])i$/.exec(container.resources.limits.memory) ?? [];
    const limit = Number(size) * (unit === 'G' ? 1024 : 1);
    expect(heap).toBeGreaterThan(limit * 0.5);
    expect(heap).toBeLessThan(limit * 0.75);
  });
});

describe('agents', () => {
  const pod = one('DaemonSet').spec.template;
  const [container] = pod.spec.containers;

  test('are root for the log files that only root may read, and know their node', () => {
    expect(container.securityContext.runAsUser).toBe(0);
    const node = container.env.find(({ name }: { name: string }) => name === 'NODE_NAME');
    expect(node.valueFrom.fieldRef.fieldPath).toBe('spec.nodeName');
  });

  test('never run two on one data directory', () => {
    expect(one('DaemonSet').spec.updateStrategy.rollingUpdate.maxSurge).toBe(0);
  });

  test('start without the hub, its token or any file of configuration', () => {
    const volumes = new Map(pod.spec.volumes.map((volume: { name: string }) => [volume.name, volume]));
    expect(volumes.get('token')).toMatchObject({ secret: { optional: true } });
    expect(volumes.get('config')).toMatchObject({
      projected: { sources: [{ configMap: { optional: true } }, { configMap: { optional: true } }] },
    });
  });

  test('take Zipkin at the port of the node, where a sidecar finds the agent of its own node', () => {
    expect(container.ports).toContainEqual({ name: 'http-zipkin', containerPort: 9411, hostPort: 9411 });
    expect(one('Service', 'zipkin').spec.ports).toMatchObject([{ port: 9411 }]);
  });

  test('are let in by everyone who sends, on every port', () => {
    const [rule] = one('NetworkPolicy').spec.ingress;
    expect(rule).not.toHaveProperty('from');
    expect(rule.ports).toEqual([
      { port: 'http-main' },
      { port: 'http-zipkin' },
      { port: 'http-otlp' },
      { port: 'grpc-otlp' },
    ]);
  });
});

describe('the hub', () => {
  const { spec } = one('StatefulSet', 'meshbridge-hub').spec.template;

  test('is not root and has no path of the node', () => {
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532 });
    expect(spec.volumes.filter((volume: object) => 'hostPath' in volume)).toEqual([]);
  });

  test('is let in by agents, and by what is labelled as a reader', () => {
    const [rule] = one('NetworkPolicy', 'meshbridge-hub').spec.ingress;
    const agent = one('DaemonSet').spec.template.metadata.labels;
    expect(agent).toMatchObject(rule.from[0].podSelector.matchLabels);
    expect(rule.from[1]).toMatchObject({ podSelector: { matchLabels: { 'meshbridge.io/reader': 'true' } } });
  });

  test('may make one Secret and touch no other', () => {
    const { rules } = one('Role', 'meshbridge-hub-token');
    expect(rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['meshbridge-token'], verbs: ['get', 'update'] },
    ]);
    const mounted = one('DaemonSet').spec.template.spec.volumes.find((volume: object) => 'secret' in volume);
    expect(mounted.secret).toMatchObject({ secretName: 'meshbridge-token', items: [{ key: 'ingest-token' }] });
    expect(one('ConfigMap', 'meshbridge-hub').data['hub.conf']).toContain('token_secret = "meshbridge-token"');
    expect(one('ConfigMap', 'meshbridge-to-hub').data['to-hub.conf']).toContain('/etc/meshbridge/token/ingest-token');
  });

  test('is where the agents are told to send', () => {
    const toml: string = one('ConfigMap', 'meshbridge-to-hub').data['to-hub.conf'];
    const url = new URL(/"(http:[^"]+)"/.exec(toml)?.[1] ?? '');
    const service = one('Service', url.hostname);
    expect(service.spec.ports).toContainEqual(expect.objectContaining({ port: Number(url.port) }));
  });
});

describe('rights', () => {
  const folders = readdirSync(join(deploy, 'rights'));

  test.each(folders)('%s: says which feature needs it, and what happens without it', (folder) => {
    const source = readFileSync(join(deploy, 'rights', folder, 'rights.yaml'), 'utf8');
    expect(source).toMatch(/^# Feature: /);
    expect(source).toMatch(/^# (?:.* )?[Ww]ithout this/m);
  });

  test('the API server is asked for nothing else', () => {
    const asked = objects
      .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
      .flatMap(({ rules }) => rules.map((rule: { resources: string[] }) => rule.resources.join()));
    expect(new Set(asked)).toEqual(
      new Set(['pods', 'leases', 'endpointslices', 'services', 'nodes/metrics', 'secrets']),
    );
  });

  test('each goes to an account that is there', () => {
    for (const { roleRef, subjects } of objects.filter(({ kind }) => kind.endsWith('RoleBinding'))) {
      expect(one(roleRef.kind, roleRef.name)).toBeDefined();
      for (const { kind, name } of subjects) {
        expect(one(kind, name)).toBeDefined();
      }
    }
  });
});

describe('the files for Istio, Kiali and Grafana', () => {
  const folder = join(deploy, '../istio');
  const files = readdirSync(folder);

  test.each(files)('%s: is YAML without errors, and says what it is for', (file) => {
    const source = readFileSync(join(folder, file), 'utf8');
    const parsed = parseAllDocuments(source, { uniqueKeys: true, strict: true });
    expect(parsed.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(source).toMatch(/^# /);
  });

  test.each(files)('%s: every name below meshbridge is a Service that is there, with that port', (file) => {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [, name, port] of source.matchAll(/([\w-]+)\.meshbridge\.svc[\w.]*(?::(\d+))?/g)) {
      const service = one('Service', name);
      expect(service).toBeDefined();
      const ports = service.spec.ports.map((one: { port: number }) => one.port);
      expect(port === undefined || ports.includes(Number(port))).toBe(true);
    }
  });

  test('the address for sidecars is the port that agents have on their node', () => {
    const { spec } = parse(readFileSync(join(folder, 'mesh-config.yaml'), 'utf8'));
    const { hostPort } = one('DaemonSet').spec.template.spec.containers[0].ports.find(
      ({ name }: { name: string }) => name === 'http-zipkin',
    );
    expect(spec.meshConfig.defaultConfig.tracing.zipkin.address).toBe(`$(HOST_IP):${hostPort}`);
  });
});

describe('the docs', () => {
  test.each(['install', 'istio', 'from-datakit'])(
    '%s.md: names only files and folders of deploy/ that are there',
    (name) => {
      const text = readFileSync(join(deploy, '../../docs', `${name}.md`), 'utf8');
      const below = (folder: string) => new RegExp(`(?<![\\w/.-])${folder}/[\\w./-]*\\w`, 'g');
      const named = [
        ...(text.match(below('deploy')) ?? []),
        ...['overlays', 'components', 'rights'].flatMap((folder) =>
          (text.match(below(folder)) ?? []).map((path) => `deploy/kubernetes/${path}`),
        ),
      ];
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter((path) => !existsSync(join(deploy, '../..', path)))).toEqual([]);
      const links = [...text.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, file]) => file ?? '');
      expect(links.filter((file) => !existsSync(join(deploy, '../../docs', file)))).toEqual([]);
    },
  );
});
