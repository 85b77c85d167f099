import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../fakes/until.ts';
import { CriClient } from './cri-client.ts';

/** A real containerd of its own: state, socket and images are in its folder, and it shares no cgroup parent with others. */
export interface Containerd {
  readonly runtime: CriClient;
  /** The image that has been imported: busybox, and nothing else. */
  readonly image: string;
  stop(): Promise<void>;
}

export interface ContainerdOptions {
  readonly program: string;
  /** An empty directory of its own. Its path must be short, since sockets' are (107 bytes). */
  readonly dir: string;
}

const image = 'localhost/workload:1';

export async function startContainerd({ program, dir }: ContainerdOptions): Promise<Containerd> {
  const socket = join(dir, 's');
  const config = join(dir, 'config.toml');
  mkdirSync(dir, { recursive: true });
  writeFileSync(config, configOf(dir, socket));
  const log = openSync(join(dir, 'output.log'), 'a');
  const child = spawn(program, ['--config', config], { stdio: ['ignore', log, log] });
  const runtime = new CriClient(socket);
  const stop = async (): Promise<void> => {
    runtime.close();
    await ended(child);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await until(() => runtime.isReady().catch(() => false), { withinMs: 60_000, what: 'containerd' });
    execFileSync('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', writeImage(dir)], {
      stdio: 'pipe',
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { runtime, image, stop };
}

/**
 * Settings that let it run inside a container as well: without the right to lower the score of the killer of processes
 * (CAP_SYS_RESOURCE) runc dies, and an overlay on an overlay can not be mounted.
 */
function configOf(dir: string, socket: string): string {
  return `
version = 2
root = "${join(dir, 'root')}"
state = "${join(dir, 'state')}"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${image}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${join(dir, 'cni')}"
    conf_dir = "${join(dir, 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
`;
}

/** An OCI image by hand: one layer with busybox, which by default does nothing for ever. */
function writeImage(dir: string): string {
  const layout = join(dir, 'image');
  const blobs = join(layout, 'blobs/sha256');
  const tree = join(dir, 'tree');
  mkdirSync(blobs, { recursive: true });
  for (const folder of ['bin', 'tmp', 'proc', 'sys', 'dev']) {
    mkdirSync(join(tree, folder), { recursive: true });
  }
  copyFileSync(busybox(), join(tree, 'bin/busybox'));
  const put = (bytes: Buffer): { digest: string; size: number } => {
    const hash = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(blobs, hash), bytes);
    return { digest: `sha256:${hash}`, size: bytes.length };
  };
  const tar = (folder: string): Buffer =>
    execFileSync('tar', ['-C', folder, '--numeric-owner', '-cf', '-', '.'], { maxBuffer: 64 * 2 ** 20 });
  const layer = put(tar(tree));
  const about = {
    architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch,
    os: 'linux',
    config: { Entrypoint: ['/bin/busybox'], Cmd: ['sleep', '1000000'] },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...put(Buffer.from(JSON.stringify(about))) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
  };
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: manifest.mediaType,
        ...put(Buffer.from(JSON.stringify(manifest))),
        annotations: { 'io.containerd.image.name': image },
      },
    ],
  };
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const archive = join(dir, 'image.tar');
  writeFileSync(archive, tar(layout));
  return archive;
}

function busybox(): string {
  return execFileSync('bash', ['-c', 'PATH="$PATH:/usr/sbin:/sbin" command -v busybox'], { encoding: 'utf8' }).trim();
}

async function ended(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await promise;
  clearTimeout(hard);
}
