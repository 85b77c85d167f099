/**
 * Pods that are processes: the daemon, set up from the objects that the API server has, as a kubelet would from the same: the files
 * of its ConfigMaps and Secrets, its environment, its service account's token, the node's file system.
 *
 * A process has no mounts and no DNS of its own. So paths and Service names in the files are replaced by what they stand for;
 * nothing else of them is changed.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Daemon, startDaemon } from '../daemon.ts';
import type { KubeObject } from './api-calls.ts';
import type { Cluster } from './api-server.ts';
import { endpointOf } from './endpoints.ts';
import { type ContainerSpec, podOfTemplate, runningPod } from './pods.ts';

export interface NodePodOptions {
  readonly cluster: Cluster;
  /** A DaemonSet or StatefulSet of one container, applied. */
  readonly workload: KubeObject;
  readonly node: string;
  /** A loopback address that nobody else has. */
  readonly ip: string;
  /** For its files. */
  readonly dir: string;
  /** What stands for the file system of the node. */
  readonly nodeRoot: string;
  /** Service URLs of the files that are not reached by their names here, such as `http://meshbridge-hub:9529`. */
  readonly services?: readonly string[];
}

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
}

interface Source {
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string; readonly items?: readonly { key: string; path: string }[] };
  readonly projected?: { readonly sources: readonly Source[] };
}

interface PodShape {
  readonly serviceAccountName: string;
  readonly containers: readonly [
    {
      readonly name: string;
      readonly env?: readonly EnvironmentVariable[];
      readonly ports?: NonNullable<ContainerSpec['ports']>;
      readonly volumeMounts: readonly Mount[];
    },
  ];
  readonly volumes?: readonly (Source & { readonly name: string })[];
}

export interface NodePod extends Daemon {
  readonly name: string;
  readonly ip: string;
  readonly namespace: string;
  /** Brings the files of its Secrets up to date, as a kubelet does now and then. */
  sync(): Promise<void>;
}

const mainPort = 9529;

export async function startNodePod(options: NodePodOptions): Promise<NodePod> {
  const { cluster, workload, node, ip, dir } = options;
  const shape = podOfTemplate(workload)['spec'] as unknown as PodShape;
  const { namespace = 'default', name: workloadName } = workload.metadata;
  const name = `${workloadName}-${node}`;
  const labels = podOfTemplate(workload).metadata['labels'] as Readonly<Record<string, string>>;
  const [container] = shape.containers;
  const seen = await cluster.attempt('GET', `/api/v1/namespaces/${namespace}/pods/${name}`);
  if (seen.status === 404) {
    const { serviceAccountName: serviceAccount } = shape;
    await runningPod(cluster, { name, namespace, node, ip, labels, containers: [container], serviceAccount });
  }
  const files = new PodFiles(options, shape);
  const config = {
    ...(await files.config()),
    // What a container has at a fixed place.
    'of-this-process.conf': `
      [kubernetes]
        service_account_dir = "${await cluster.serviceAccount(namespace, shape.serviceAccountName)}"
      [queue]
        min_free = "1MB"
    `,
  };
  await files.syncSecrets();
  const fields: Readonly<Record<string, string>> = {
    'spec.nodeName': node,
    'status.hostIP': ip,
    'metadata.name': name,
  };
  const own = (container.env ?? []).map(({ name: key, value, valueFrom }) => [
    key,
    value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''] ?? '',
  ]);
  const env = { ...Object.fromEntries(own), ...cluster.podEnvironment, HOST_ROOT: options.nodeRoot };
  const daemon = await startDaemon({ dir: join(dir, name), host: ip, port: mainPort, config, env, readyMs: 90_000 });
  return { ...daemon, name, ip, namespace, sync: () => files.syncSecrets() };
}

class PodFiles {
  readonly #options: NodePodOptions;
  readonly #shape: PodShape;

  constructor(options: NodePodOptions, shape: PodShape) {
    this.#options = options;
    this.#shape = shape;
  }

  /** What is mounted below a folder `conf.d`: file there → text. */
  async config(): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const { mountPath, subPath, name } of this.#shape.containers[0].volumeMounts) {
      const [, below] = mountPath.split('/conf.d');
      if (below === undefined) {
        continue;
      }
      for (const source of this.#sources(name)) {
        const data = (await this.#object('configmaps', source.configMap?.name))?.['data'] ?? {};
        for (const [key, text] of Object.entries(data as Record<string, string>)) {
          if (subPath === undefined) {
            files[join('.', below, key)] = await this.#local(text);
          } else if (subPath === key) {
            files[join('.', below)] = await this.#local(text);
          }
        }
      }
    }
    return files;
  }

  async syncSecrets(): Promise<void> {
    for (const { mountPath, name } of this.#shape.containers[0].volumeMounts) {
      for (const { secret } of this.#sources(name)) {
        const data = (await this.#object('secrets', secret?.secretName))?.['data'] as
          | Record<string, string>
          | undefined;
        for (const { key, path } of secret?.items ?? []) {
          const file = join(this.#pathOf(mountPath), path);
          if (data?.[key] !== undefined) {
            await mkdir(dirname(file), { recursive: true });
            await writeFile(`${file}.new`, Buffer.from(data[key], 'base64'), { mode: 0o400 });
            await rename(`${file}.new`, file);
          }
        }
      }
    }
  }

  #sources(volume: string): readonly Source[] {
    const found = this.#shape.volumes?.find(({ name }) => name === volume);
    return found === undefined ? [] : (found.projected?.sources ?? [found]);
  }

  async #object(kind: string, name: string | undefined): Promise<KubeObject | undefined> {
    const { cluster, workload } = this.#options;
    const path = `/api/v1/namespaces/${workload.metadata.namespace}/${kind}/${name}`;
    const { status, body } = name === undefined ? { status: 404, body: undefined } : await cluster.attempt('GET', path);
    return status === 200 ? body : undefined;
  }

  #pathOf(path: string): string {
    return join(this.#options.dir, 'mounts', this.#options.node, path);
  }

  async #local(text: string): Promise<string> {
    const { cluster, services = [], node, workload } = this.#options;
    let local = text;
    for (const { mountPath } of this.#shape.containers[0].volumeMounts) {
      local = local.replaceAll(`"${mountPath}/`, `"${this.#pathOf(mountPath)}/`);
    }
    for (const service of services) {
      const { hostname, port } = new URL(service);
      const [name = '', namespace = workload.metadata.namespace ?? ''] = hostname.split('.');
      const address = await endpointOf(cluster, { name, namespace, port: Number(port), node });
      local = local.replaceAll(service, `http://${address}`);
    }
    return local;
  }
}
