import { z } from 'zod';

const strings = z.record(z.string(), z.string());
const port = z.union([z.number(), z.string()]);

const environmentEntry = z.looseObject({ name: z.string(), value: z.coerce.string().optional() });
const mount = z.looseObject({ name: z.string(), mountPath: z.string() });
const volume = z.looseObject({ name: z.string() });

const container = z.looseObject({
  name: z.string().default(''),
  image: z.string().default(''),
  command: z.array(z.string()).optional(),
  env: z.array(environmentEntry).default([]),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() })).default([]),
  volumeMounts: z.array(mount).default([]),
  securityContext: z.looseObject({ privileged: z.boolean().optional() }).optional(),
});

const daemonSet = z.looseObject({
  kind: z.literal('DaemonSet'),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().default('default') }),
  spec: z.looseObject({
    selector: z.looseObject({ matchLabels: strings }),
    template: z.looseObject({
      metadata: z.looseObject({ labels: strings.default({}) }),
      spec: z.looseObject({
        containers: z.array(container).min(1),
        initContainers: z.array(z.looseObject({ name: z.string() })).default([]),
        volumes: z.array(volume).default([]),
        nodeSelector: strings.optional(),
        tolerations: z.array(z.unknown()).optional(),
      }),
    }),
  }),
});

const service = z.looseObject({
  kind: z.literal('Service'),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().default('default') }),
  spec: z.looseObject({
    selector: strings.default({}),
    ports: z
      .array(z.looseObject({ port: z.number(), targetPort: port.optional(), protocol: z.string().optional() }))
      .default([]),
  }),
});

export type DaemonSet = z.output<typeof daemonSet>;
export type Container = z.output<typeof container>;
export type Service = z.output<typeof service>;
export type EnvironmentEntry = z.output<typeof environmentEntry>;
export type Mount = z.output<typeof mount>;
export type Volume = z.output<typeof volume>;

/** What of DataKit stands in manifests. */
export interface DataKitSetup {
  readonly daemonSet: DaemonSet;
  /** DataKit itself among the containers of its pod. */
  readonly container: Container;
  /** Names of the pod's other containers. */
  readonly others: readonly string[];
  /** Services that lead to its pods; `targetPort` is always a number, where its name could be found. */
  readonly services: readonly Service[];
  /** Everything else of its own that goes on as it is: ConfigMaps, and aliases of its Services. */
  readonly kept: readonly object[];
  /** Objects that nothing needs any more, such as `ClusterRole datakit`. */
  readonly obsolete: readonly string[];
}

const dataKitImage = /(?:^|\/)datakit(?:$|[:@])/;
const dataKitLabel = 'daemonset-datakit';

/** Picks DataKit out of objects of any kind. Undefined where no DaemonSet runs it. */
export function dataKitSetup(documents: readonly unknown[]): DataKitSetup | undefined {
  const objects = documents.flatMap(itemsOf);
  const found = objects.flatMap((object) => {
    const read = daemonSet.safeParse(object);
    return read.success && isDataKit(read.data) ? [read.data] : [];
  })[0];
  if (found === undefined) {
    return undefined;
  }
  const { labels } = found.spec.template.metadata;
  const services = objects.flatMap((object) => {
    const read = service.safeParse(object);
    return read.success && selects(read.data, labels) ? [withNumbers(read.data, found)] : [];
  });
  const names = new Set(services.map(({ metadata }) => metadata.name));
  const isKept = (object: unknown): object is object => isConfigMap(object) || isAlias(object, names);
  const { containers, initContainers } = found.spec.template.spec;
  const itself = containers.find(({ image }) => dataKitImage.test(image)) ?? containers[0];
  if (itself === undefined) {
    return undefined;
  }
  return {
    daemonSet: found,
    container: itself,
    others: [...containers, ...initContainers].filter((one) => one !== itself).map(({ name }) => name),
    services,
    kept: lastOfEach(objects.filter(isKept)),
    obsolete: objects.flatMap((object) => obsoleteTitle(object, found.metadata.namespace)),
  };
}

/** As kubectl has it: where an object stands twice, the later one holds. */
function lastOfEach(objects: readonly object[]): readonly object[] {
  const titleOf = (object: object): string => {
    const { kind, metadata } = titled.parse(object);
    return [kind, metadata['namespace'], metadata.name].join();
  };
  return [...new Map(objects.map((object) => [titleOf(object), object])).values()];
}

const list = z.looseObject({ kind: z.string().endsWith('List'), items: z.array(z.unknown()) });

/** The objects of a List, as `kubectl get -o yaml` prints several. */
function itemsOf(object: unknown): readonly unknown[] {
  const read = list.safeParse(object);
  return read.success ? read.data.items : [object];
}

function isDataKit({ spec }: DaemonSet): boolean {
  const { metadata, spec: pod } = spec.template;
  return metadata.labels['app'] === dataKitLabel || pod.containers.some(({ image }) => dataKitImage.test(image));
}

function selects({ spec }: Service, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(spec.selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

function withNumbers(service: Service, { spec }: DaemonSet): Service {
  const declared = spec.template.spec.containers.flatMap((one) => one.ports);
  const ports = service.spec.ports.map((port) => {
    const { targetPort = port.port } = port;
    const number = declared.find(({ name }) => name === targetPort)?.containerPort ?? targetPort;
    return { ...port, targetPort: number };
  });
  return { ...service, spec: { ...service.spec, ports } };
}

const titled = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });

function isConfigMap(object: unknown): boolean {
  return titled.safeParse(object).data?.kind === 'ConfigMap';
}

const alias = z.looseObject({
  kind: z.literal('Service'),
  spec: z.looseObject({ type: z.literal('ExternalName'), externalName: z.string() }),
});

/** Is that an ExternalName of one of those Services? */
function isAlias(object: unknown, services: ReadonlySet<string>): boolean {
  const read = alias.safeParse(object);
  return read.success && services.has(read.data.spec.externalName.split('.')[0] ?? '');
}

const rights = new Set(['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'ServiceAccount']);

function obsoleteTitle(object: unknown, namespace: string): readonly string[] {
  const read = titled.safeParse(object);
  if (!read.success || !rights.has(read.data.kind)) {
    return [];
  }
  const { kind, metadata } = read.data;
  return [`${kind.toLowerCase()}/${metadata.name}${kind.startsWith('Cluster') ? '' : ` -n ${namespace}`}`];
}
