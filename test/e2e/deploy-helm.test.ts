import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { charted, deployFolder, kustomized, type Release, titleOf } from './kubernetes-objects.ts';
import { type KubernetesObject, KubernetesSchema } from './kubernetes-schema.ts';

const chart = join(deployFolder, 'helm/meshbridge');

/** Keys that only Helm's objects have, and that change nothing of what runs. */
const ofHelm = new Set([
  ...['app.kubernetes.io/instance', 'app.kubernetes.io/version', 'app.kubernetes.io/managed-by', 'helm.sh/chart'],
  ...['checksum/config', 'imagePullPolicy'],
]);

/** Without what only Helm adds, and without labels, which kustomize's objects have fewer of; those of pods stay. */
function substance(value: unknown, path: readonly string[] = []): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => substance(item, path));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const kept = Object.entries(value).flatMap(([key, entry]) => {
    const isLabelsOfObject = path.length === 1 && path[0] === 'metadata' && key === 'labels';
    const plain = ofHelm.has(key) || isLabelsOfObject ? undefined : substance(entry, [...path, key]);
    const isEmptied = plain !== undefined && JSON.stringify(plain) === '{}' && JSON.stringify(entry) !== '{}';
    return plain === undefined || isEmptied ? [] : [[key, plain] as const];
  });
  return Object.fromEntries(kept);
}

/** Namespaces are the cluster's business for Helm, and the pod of `helm test` has no twin. */
const comparable = (objects: readonly KubernetesObject[]) =>
  Object.fromEntries(
    objects
      .filter(({ kind }) => kind !== 'Namespace' && kind !== 'Pod')
      .map((object) => [titleOf(object), substance(object)]),
  );

const variants: Readonly<Record<string, Release>> = {
  'as it is': {},
  'without a hub': { values: { hub: { enabled: false } } },
  'drop-in': { namespace: 'datakit', values: { dropIn: { enabled: true } } },
  'without any right or policy': {
    values: {
      rights: { pods: false, leases: false, endpointSlices: false, services: false, nodeMetrics: false },
      networkPolicy: { enabled: false },
    },
  },
  'under another name, with everything set': {
    name: 'prod',
    namespace: 'observability',
    values: {
      image: {
        repository: 'registry.example.com/meshbridge',
        digest: `sha256:${'a'.repeat(64)}`,
        pullPolicy: 'Always',
      },
      imagePullSecrets: [{ name: 'pull' }],
      oldRuntime: true,
      agent: {
        config: { 'outputs.conf': '[[outputs.stdout]]\n' },
        existingConfigMap: 'more',
        logRoots: ['/var/lib/docker/containers', '/data/docker/containers'],
        hostPorts: { zipkin: 0, main: 9529 },
        nodeSelector: { pool: 'a' },
        tolerations: [{ key: 'x', operator: 'Exists' }],
        affinity: { nodeAffinity: {} },
        priorityClassName: 'system-node-critical',
        podAnnotations: { a: 'b' },
        podLabels: { team: 'x' },
        env: [{ name: 'ENV_HTTP_LISTEN', value: '[::]:9529' }],
      },
      hub: {
        config: { 'more.conf': '[log]\n  level = "warn"\n' },
        tokenSecret: 'own-token',
        persistence: { size: '1Gi', storageClass: 'fast' },
        service: { type: 'NodePort', nodePort: 30529, annotations: { a: 'b' } },
        tolerations: [{ operator: 'Exists' }],
        env: [{ name: 'A', value: 'b' }],
      },
    },
  },
};

for (const version of ['helm', 'helm3'] as const) {
  describeWith(version, (helm) => {
    const run = (...args: readonly string[]) => spawnSync(helm, args, { encoding: 'utf8' });

    test('helm lint has nothing to say against the chart', () => {
      const { status, stdout } = run('lint', '--strict', chart);
      expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
      expect(status).toBe(0);
    });

    test.each([
      ['hub.enabeld=true', 'enabeld'],
      ['agent.hostPorts.zipkin=high', 'zipkin'],
      ['image.digest=sha256:1', 'digest'],
      ['hub.retention=soon', 'retention'],
    ])('--set %s is refused', (value, named) => {
      const { status, stderr } = run('template', 'x', chart, '--set', value);
      expect(status).not.toBe(0);
      expect(stderr).toContain(named);
    });

    describeWith('kubectl', (kubectl) => {
      const config = Object.fromEntries(
        kustomized(kubectl, 'base').flatMap((object) =>
          object.kind === 'ConfigMap' ? Object.entries<string>(object['data']) : [],
        ),
      );

      test.each([
        { overlay: 'agents-and-hub', namespace: 'meshbridge', values: {} },
        { overlay: 'all-in-one', namespace: 'meshbridge', values: { hub: { enabled: false } } },
        { overlay: 'drop-in', namespace: 'datakit', values: { dropIn: { enabled: true } } },
      ])('makes in substance what the overlay $overlay makes', ({ overlay, namespace, values }) => {
        const made = charted(helm, { namespace, values: { ...values, agent: { config } } });
        expect(comparable(made)).toEqual(comparable(kustomized(kubectl, `overlays/${overlay}`)));
      });
    });

    for (const kubernetes of ['1.21', '1.36'] as const) {
      describeWith(`kubernetes-${kubernetes}-schema`, (path) => {
        const schema = new KubernetesSchema(path);
        test.each(Object.entries(variants))('%s: fits', (_, release) => {
          const objects = charted(helm, release);
          expect(objects.length).toBeGreaterThan(6);
          expect(objects.flatMap((object) => schema.faults(object))).toEqual([]);
        });
      });
    }

    test('the pod of helm test asks what is there, in JavaScript that parses', () => {
      for (const hub of [true, false]) {
        const objects = charted(helm, { values: { hub: { enabled: hub } } });
        const pod = objects.find(({ kind }) => kind === 'Pod') as KubernetesObject;
        const script: string = pod['spec'].containers[0].command.at(-1);
        const check = spawnSync(process.execPath, ['--input-type=module', '--check', '-'], {
          input: script,
          encoding: 'utf8',
        });
        expect(check).toMatchObject({ status: 0, stderr: '' });
        const asked = script.match(/http:\/\/[\w-]+/g);
        expect(new Set(asked)).toEqual(new Set(['http://meshbridge', ...(hub ? ['http://meshbridge-hub'] : [])]));
      }
    });

    test('a name that is given goes through everything that refers to something by name', () => {
      const objects = charted(helm, variants['under another name, with everything set']);
      const named = (kind: string, name: string) =>
        objects.find((object) => object.kind === kind && object.metadata.name === name);
      const hub = named('StatefulSet', 'prod-meshbridge-hub')?.['spec'];
      expect(named('Service', hub.serviceName)).toBeDefined();
      expect(named('ConfigMap', 'prod-meshbridge-to-hub')?.['data']['to-hub.conf']).toContain(
        'http://prod-meshbridge-hub:9529',
      );
      expect(named('Role', 'prod-meshbridge-hub-token')?.['rules'][1].resourceNames).toEqual(['own-token']);
      for (const binding of objects.filter(({ kind }) => kind.endsWith('RoleBinding'))) {
        expect(named(binding['roleRef'].kind, binding['roleRef'].name)).toBeDefined();
        for (const { kind, name, namespace } of binding['subjects']) {
          expect(named(kind, name)?.metadata.namespace).toBe(namespace);
        }
      }
      const agent = named('DaemonSet', 'prod-meshbridge')?.['spec'].template.spec;
      const mounts = agent.containers[0].volumeMounts.map(({ name }: { name: string }) => name);
      expect(mounts.sort()).toEqual(agent.volumes.map(({ name }: { name: string }) => name).sort());
      expect(agent.containers[0].image).toBe(`registry.example.com/meshbridge@sha256:${'a'.repeat(64)}`);
    });
  });
}

// Helm 3 renders notes only beside a cluster.
describeWith('helm', (helm) => {
  describe('notes', () => {
    const notesOf = (...args: readonly string[]) =>
      spawnSync(helm, ['install', 'meshbridge', chart, '--dry-run=client', '-n', 'mesh', ...args], {
        encoding: 'utf8',
      }).stdout.split('NOTES:\n')[1];

    test('say how to see the page, where the token is, and what Istio needs', () => {
      const notes = notesOf();
      expect(notes).toContain('kubectl -n mesh port-forward statefulset/meshbridge-hub 9529');
      expect(notes).toContain('kubectl -n mesh get secret meshbridge-token');
      expect(notes).toContain('zipkin: { address: "$(HOST_IP):9411" }');
    });

    test('of a release without a hub name an agent, and no token that nobody makes', () => {
      const notes = notesOf('--set', 'hub.enabled=false');
      expect(notes).toContain('port-forward daemonset/meshbridge 9529');
      expect(notes).not.toContain('get secret');
    });
  });
});
