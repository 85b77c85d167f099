import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

const text = readFileSync(new URL('../../deploy/kubernetes/meshbridge.yaml', import.meta.url), 'utf8');
const documents = parseAllDocuments(text, { uniqueKeys: true, strict: true });
const objects = documents.map((document) => document.toJS());
const one = (kind: string, name = 'meshbridge') =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);

describe('the manifest for Kubernetes', () => {
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

  const pod = one('DaemonSet').spec.template;
  const [container] = pod.spec.containers;

  test('keeps Istio out of the pod and selects it by its own labels', () => {
    expect(pod.metadata.labels['sidecar.istio.io/inject']).toBe('false');
    for (const selector of [
      one('DaemonSet').spec.selector.matchLabels,
      one('Service').spec.selector,
      one('Service', 'zipkin').spec.selector,
    ]) {
      expect(pod.metadata.labels).toMatchObject(selector);
    }
  });

  test('runs with as few rights as log files allow', () => {
    expect(container.securityContext).toMatchObject({
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.spec).not.toHaveProperty('hostNetwork');
    expect(pod.spec).not.toHaveProperty('hostPID');
  });

  test('asks the API server for pods and nothing else, with the account of the daemon alone', () => {
    expect(one('ClusterRole').rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    expect(one('ClusterRoleBinding')).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: 'meshbridge' },
      subjects: [{ kind: 'ServiceAccount', name: pod.spec.serviceAccountName, namespace: 'meshbridge' }],
    });
    expect(one('ServiceAccount').automountServiceAccountToken).toBe(false);
    expect(pod.spec.automountServiceAccountToken).toBe(true);
    const node = container.env.find(({ name }: { name: string }) => name === 'NODE_NAME');
    expect(node.valueFrom.fieldRef.fieldPath).toBe('spec.nodeName');
  });

  test('writes to its data directory only', () => {
    const writable = container.volumeMounts.filter(({ readOnly }: { readOnly?: boolean }) => readOnly !== true);
    expect(writable.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(['/var/lib/meshbridge']);
    expect(container.args).toEqual(expect.arrayContaining(['--data-dir', '/var/lib/meshbridge']));
  });

  test('every mount has its volume, every named port exists and says its protocol', () => {
    const volumes = pod.spec.volumes.map(({ name }: { name: string }) => name);
    expect(container.volumeMounts.map(({ name }: { name: string }) => name).sort()).toEqual([...volumes].sort());
    const ports = container.ports.map(({ name }: { name: string }) => name);
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    const used = [
      ...probes.map(({ httpGet }) => httpGet.port),
      ...[one('Service'), one('Service', 'zipkin')].flatMap(({ spec }) =>
        spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort),
      ),
    ];
    expect(ports).toEqual(expect.arrayContaining(used));
    expect(ports.every((name: string) => name.startsWith('http-'))).toBe(true);
    expect(one('Service', 'zipkin').spec.ports).toMatchObject([{ port: 9411 }]);
  });

  test('never runs two on one data directory', () => {
    expect(one('DaemonSet').spec.updateStrategy.rollingUpdate.maxSurge).toBe(0);
  });
});
