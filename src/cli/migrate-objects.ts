import { type Document, isMap, isSeq, parseAllDocuments, stringify } from 'yaml';
import type { DataKitSetup, EnvironmentEntry, Mount, Service, Volume } from './migrate-setup.ts';

export interface MigratedSetup {
  readonly setup: DataKitSetup;
  readonly environment: readonly EnvironmentEntry[];
}

/** Ports of our agents, by number. */
const ports: Readonly<Record<number, string>> = {
  9529: 'http-main',
  9411: 'http-zipkin',
  4318: 'http-otlp',
  4317: 'grpc-otlp',
};
const configFolder = '/usr/local/datakit/conf.d';

/** The namespace that stands in our manifest. */
const ownNamespace = 'meshbridge';
/** Name of the Role that lets agents elect one of them. */
const leases = 'meshbridge-leases';

/** Our manifest under DataKit's names: applied over DataKit's it takes its place. `template` is deploy/kubernetes/meshbridge.yaml. */
export function migratedManifest(template: string, { setup, environment }: MigratedSetup): string {
  const documents = parseAllDocuments(template);
  const list = Array.isArray(documents) ? documents : [];
  for (const document of list) {
    moveTo(document, setup.daemonSet.metadata.namespace);
    if (document.get('kind') === 'DaemonSet') {
      replaceDaemonSet(document, setup, environment);
    } else if (document.getIn(['metadata', 'name']) === leases && document.get('kind') === 'Role') {
      allowLeaseOf(document, environment);
    }
  }
  const texts = list.map((document, index) => {
    const text = document.toString({ lineWidth: 0, directives: false });
    return (index === 0 ? withoutHead(text) : text).replaceAll(
      `kubectl -n ${ownNamespace} `,
      `kubectl -n ${setup.daemonSet.metadata.namespace} `,
    );
  });
  const added = [...setup.services.flatMap(migratedService), ...setup.kept]
    .map(asWritten)
    .map((object) => stringify(object, { lineWidth: 0 }));
  return [...texts, ...added].map((text) => text.replace(/^---\n/, '').trimEnd()).join('\n---\n');
}

/** Agents of an election group of DataKit's have a Lease of their own (docs/kubernetes.md). */
function allowLeaseOf(document: Document, environment: readonly EnvironmentEntry[]): void {
  const group = environment.find(({ name }) => name === 'ENV_NAMESPACE')?.value;
  const rules = document.get('rules');
  if (group === undefined || group === 'default' || !isSeq(rules)) {
    return;
  }
  for (const rule of rules.items) {
    const names = isMap(rule) ? rule.get('resourceNames') : undefined;
    if (isSeq(names)) {
      names.add(`${ownNamespace}-${group.toLowerCase().replace(/[^a-z0-9.-]+/g, '-')}`);
    }
  }
}

/** The first document's comment speaks of the whole file. */
function withoutHead(text: string): string {
  return text.replace(/^(?:#.*\n|\n)+/, '');
}

function moveTo(document: Document, namespace: string): void {
  if (document.get('kind') === 'Namespace') {
    document.setIn(['metadata', 'name'], namespace);
  } else if (document.getIn(['metadata', 'namespace']) === ownNamespace) {
    document.setIn(['metadata', 'namespace'], namespace);
  }
  const subjects = document.get('subjects');
  if (isSeq(subjects)) {
    for (const subject of subjects.items) {
      if (isMap(subject)) {
        subject.set('namespace', namespace);
      }
    }
  }
}

/** The selector of a DaemonSet cannot change, so DataKit's stays. */
function replaceDaemonSet(document: Document, setup: DataKitSetup, environment: readonly EnvironmentEntry[]): void {
  const { daemonSet } = setup;
  const { matchLabels } = daemonSet.spec.selector;
  const { nodeSelector, tolerations } = daemonSet.spec.template.spec;
  document.setIn(['metadata', 'name'], daemonSet.metadata.name);
  document.setIn(['spec', 'selector', 'matchLabels'], document.createNode(matchLabels));
  const pod = ['spec', 'template', 'spec'];
  for (const [key, value] of Object.entries(matchLabels)) {
    document.setIn(['metadata', 'labels', key], value);
    document.setIn(['spec', 'template', 'metadata', 'labels', key], value);
  }
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    document.setIn([...pod, 'nodeSelector', key], value);
  }
  if (tolerations !== undefined) {
    document.setIn([...pod, 'tolerations'], document.createNode(tolerations));
  }
  const container = [...pod, 'containers', 0];
  // Browsers send to http://NODE:9529.
  document.setIn([...container, 'ports', 0, 'hostPort'], 9529);
  for (const entry of environment) {
    document.addIn([...container, 'env'], document.createNode(entry));
  }
  const { mounts, volumes } = configurationOf(setup);
  for (const mount of mounts) {
    document.addIn([...container, 'volumeMounts'], document.createNode({ ...mount, readOnly: true }));
  }
  for (const volume of volumes) {
    document.addIn([...pod, 'volumes'], document.createNode(volume));
  }
}

/** What is mounted below DataKit's conf.d. */
export function configurationOf({ daemonSet, container }: DataKitSetup): {
  readonly mounts: readonly Mount[];
  readonly volumes: readonly Volume[];
} {
  const mounts = container.volumeMounts.filter(({ mountPath }) => isConfig(mountPath));
  const names = new Set(mounts.map(({ name }) => name));
  return { mounts, volumes: daemonSet.spec.template.spec.volumes.filter(({ name }) => names.has(name)) };
}

function isConfig(mountPath: string): boolean {
  return mountPath === configFolder || mountPath.startsWith(`${configFolder}/`);
}

const serverKeys = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'selfLink'];

/** Without what the API server adds, as in the output of `kubectl get`. */
function asWritten(object: object): object {
  const { status: _, ...rest } = Object.fromEntries(Object.entries(object));
  const metadata: unknown = rest['metadata'];
  const kept = Object.entries(typeof metadata === 'object' && metadata !== null ? metadata : {}).filter(
    ([key]) => !serverKeys.includes(key),
  );
  return { ...rest, metadata: Object.fromEntries(kept) };
}

/** The same Service, with the ports that agents answer at; nothing where there is none. */
function migratedService({ metadata, spec }: Service): readonly object[] {
  const kept = spec.ports.flatMap((port) => {
    const name = nameOf(port);
    return name === undefined ? [] : [{ ...port, name: port.port === 9411 ? 'http-zipkin' : name, targetPort: name }];
  });
  return kept.length === 0 ? [] : [{ apiVersion: 'v1', kind: 'Service', metadata, spec: { ...spec, ports: kept } }];
}

function nameOf({ targetPort }: Service['spec']['ports'][number]): string | undefined {
  return typeof targetPort === 'number' ? ports[targetPort] : undefined;
}

/** Ports of a Service that lead nowhere any more. */
export function lostPorts({ spec }: Service): readonly number[] {
  return spec.ports.filter((port) => nameOf(port) === undefined).map(({ port }) => port);
}
