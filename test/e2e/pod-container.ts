/**
 * Runs the one container of a pod's template as a kubelet and its runtime would: the volumes of a made-up node mounted where the
 * manifest says, the environment, user, capabilities and root file system as it says, in namespaces of its own, network included.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from '../fakes/until.ts';
import type { BuiltImage } from './container-image.ts';
import type { KubernetesObject } from './kubernetes-schema.ts';

export interface PodOptions {
  readonly runc: string;
  /** The program of iproute2. */
  readonly ip: string;
  readonly image: BuiltImage;
  /** A DaemonSet or StatefulSet. */
  readonly workload: KubernetesObject;
  /** Its ConfigMaps and Secrets, among others. */
  readonly objects: readonly KubernetesObject[];
  /** Folder that is the file system of the node. */
  readonly node: string;
  /** Empty folder for the container. */
  readonly dir: string;
  /** As of a runtime that does not know clone3. */
  readonly oldRuntime?: true;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface PodContainer {
  readonly exited: Promise<number | string>;
  output(): string;
  /** Process id of the program, as this machine sees it. */
  pid(): number;
  /** From within the pod's network. */
  fetch(url: string, init?: { readonly method?: string; readonly body?: string }): Answer;
  /** Gives the pod one more address, from which it is asked as by a stranger. */
  addAddress(address: string): void;
  end(signal?: NodeJS.Signals): Promise<number | string>;
}

// biome-ignore lint/suspicious/noExplicitAny: what stands in a manifest is of any shape.
type Any = any;

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options?: readonly string[];
}

const fields: Readonly<Record<string, string>> = {
  'spec.nodeName': 'node-1',
  'status.hostIP': '10.0.0.7',
  'metadata.name': 'pod-1',
};

export async function runPod(options: PodOptions): Promise<PodContainer> {
  const { runc, ip, dir } = options;
  const bundle = join(dir, 'bundle');
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(ociConfig(options)));
  const id = `meshbridge-${process.pid}-${Date.now()}`;
  const state = ['--root', join(dir, 'runc')];
  const child = spawn(runc, [...state, 'run', '--bundle', bundle, id], { stdio: ['ignore', 'pipe', 'pipe'] });
  const container = new RunningPod(child, { runc, ip, state, id });
  await container.started();
  return container;
}

interface Runc {
  readonly runc: string;
  readonly ip: string;
  readonly state: readonly string[];
  readonly id: string;
}

class RunningPod implements PodContainer {
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #runc: Runc;
  #text = '';
  #pid = 0;
  #ended: number | string | undefined;

  constructor(child: ChildProcess, runc: Runc) {
    this.#child = child;
    this.#runc = runc;
    const keep = (chunk: Buffer): void => {
      this.#text += chunk.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = new Promise((resolve) =>
      child.once('close', (code, signal) => {
        this.#ended = code ?? signal ?? 'unknown';
        resolve(this.#ended);
      }),
    );
  }

  async started(): Promise<void> {
    const { runc, state, id } = this.#runc;
    await until(
      () => {
        const { stdout } = spawnSync(runc, [...state, 'state', id], { encoding: 'utf8' });
        this.#pid = stdout === '' ? 0 : JSON.parse(stdout).pid;
        return this.#pid > 0 || this.#ended !== undefined;
      },
      { what: 'the container' },
    );
  }

  output(): string {
    return this.#text;
  }

  pid(): number {
    return this.#pid;
  }

  #within(args: readonly string[]): string {
    const network = ['--target', String(this.#pid), '--net'];
    const { status, stdout, stderr } = spawnSync('nsenter', [...network, ...args], { encoding: 'utf8' });
    if (status !== 0) {
      throw new Error(`${args.join(' ')}: ${stderr}\n${this.#text}`);
    }
    return stdout;
  }

  fetch(url: string, init: object = {}): Answer {
    const script = `const r = await fetch(${JSON.stringify(url)}, ${JSON.stringify(init)});
      console.log(JSON.stringify({ status: r.status, body: await r.text() }));`;
    return JSON.parse(this.#within([process.execPath, '--input-type=module', '--eval', script]));
  }

  addAddress(address: string): void {
    this.#within([this.#runc.ip, 'address', 'add', `${address}/32`, 'dev', 'lo']);
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    if (this.#ended === undefined) {
      const { runc, state, id } = this.#runc;
      spawnSync(runc, [...state, 'kill', id, signal]);
    }
    const ended = await this.exited;
    this.#child.removeAllListeners();
    return ended;
  }
}

function ociConfig(options: PodOptions): object {
  const { image, workload, dir, oldRuntime } = options;
  const pod: Any = workload['spec'].template.spec;
  const [container] = pod.containers;
  const security: Any = { ...pod.securityContext, ...container.securityContext };
  const isReadOnly = security.readOnlyRootFilesystem === true;
  const root = isReadOnly ? image.root : writableCopy(image.root, join(dir, 'root'));
  const capabilities = security.capabilities?.drop?.includes('ALL') ? [] : usualCapabilities;
  const entry: readonly string[] = container.command ?? image.config.Entrypoint;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: {
        uid: security.runAsUser ?? 0,
        gid: security.runAsGroup ?? 0,
        ...(security.fsGroup !== undefined && { additionalGids: [security.fsGroup] }),
      },
      args: [...entry, ...(container.args ?? image.config.Cmd)],
      env: [...image.config.Env, ...clusterEnvironment, ...container.env.map(variable)],
      cwd: container.workingDir ?? image.config.WorkingDir,
      capabilities: Object.fromEntries(
        ['bounding', 'effective', 'permitted'].map((set) => [set, security.runAsUser > 0 ? [] : capabilities]),
      ),
      noNewPrivileges: security.allowPrivilegeEscalation === false,
    },
    root: { path: root, readonly: isReadOnly },
    hostname: 'pod-1',
    mounts: [...systemMounts, ...volumeMounts(options, pod, container)],
    linux: {
      namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })),
      ...(oldRuntime === true && security.seccompProfile?.type !== 'Unconfined' && { seccomp: oldProfile }),
    },
  };
}

/** What docker gives to a container that asks for nothing. */
const usualCapabilities = [
  ...[
    'CAP_CHOWN',
    'CAP_DAC_OVERRIDE',
    'CAP_FSETID',
    'CAP_FOWNER',
    'CAP_MKNOD',
    'CAP_NET_RAW',
    'CAP_SETGID',
    'CAP_SETUID',
  ],
  ...['CAP_SETFCAP', 'CAP_SETPCAP', 'CAP_NET_BIND_SERVICE', 'CAP_SYS_CHROOT', 'CAP_KILL', 'CAP_AUDIT_WRITE'],
];

/** Allows what it knows, and forbids clone3 as everything else: docker before 20.10.10. */
const oldProfile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
};

const clusterEnvironment = ['KUBERNETES_SERVICE_HOST=10.96.0.1', 'KUBERNETES_SERVICE_PORT=443'];

const systemMounts: readonly Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

function variable({ name, value, valueFrom }: Any): string {
  return `${name}=${value ?? fields[valueFrom.fieldRef.fieldPath] ?? ''}`;
}

function writableCopy(root: string, to: string): string {
  // Files are never changed in place, so links to the same ones will do.
  spawnSync('cp', ['-al', root, to]);
  return to;
}

function volumeMounts(options: PodOptions, pod: Any, container: Any): readonly Mount[] {
  const sources = new Map<string, string>();
  for (const volume of pod.volumes ?? []) {
    sources.set(volume.name, sourceOf(options, volume));
  }
  for (const { metadata } of options.workload['spec'].volumeClaimTemplates ?? []) {
    sources.set(metadata.name, claimed(options, pod, metadata.name));
  }
  // A mount within another one comes behind it.
  const mounts: Any[] = [...container.volumeMounts].sort((a, b) => a.mountPath.length - b.mountPath.length);
  return mounts.map(({ name, mountPath, subPath, readOnly }) => ({
    destination: mountPath,
    type: 'bind',
    source: join(sources.get(name) ?? '', subPath ?? ''),
    options: ['rbind', readOnly === true ? 'ro' : 'rw'],
  }));
}

function sourceOf(options: PodOptions, volume: Any): string {
  if (volume.hostPath !== undefined) {
    const folder = join(options.node, volume.hostPath.path);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
  const folder = join(options.dir, 'volumes', volume.name);
  mkdirSync(folder, { recursive: true });
  for (const source of volume.projected?.sources ?? [volume]) {
    layEntries(options, source, folder);
  }
  return folder;
}

/** Files of a ConfigMap or a Secret. */
function layEntries({ objects }: PodOptions, { configMap, secret }: Any, folder: string): void {
  const kind = configMap === undefined ? 'Secret' : 'ConfigMap';
  const wanted = configMap ?? secret;
  const name = wanted.name ?? wanted.secretName;
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined && wanted.optional !== true) {
    throw new Error(`${kind} ${name} is not there, and not optional: the pod would not start`);
  }
  for (const [key, text] of Object.entries<string>(found?.['data'] ?? {})) {
    const file = join(folder, key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, kind === 'Secret' ? Buffer.from(text, 'base64') : text);
  }
}

/** A new volume is root's; the kubelet gives it to the pod's group. */
function claimed({ node }: PodOptions, pod: Any, name: string): string {
  const folder = join(node, 'volumes', name);
  mkdirSync(folder, { recursive: true });
  if (pod.securityContext?.fsGroup !== undefined) {
    spawnSync('chgrp', [String(pod.securityContext.fsGroup), folder]);
    spawnSync('chmod', ['2775', folder]);
  }
  return folder;
}
