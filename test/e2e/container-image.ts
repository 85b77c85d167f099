/**
 * The container image, built of the Dockerfile by buildah. Its base images can only be had from a registry of images, so its first
 * stage is what that leaves behind (image-tree.sh), and the base is this machine's C and C++ libraries.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface ImageConfig {
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly User?: string;
  readonly Volumes?: object;
}

export interface BuiltImage {
  /** What a container of it sees as `/`. */
  readonly root: string;
  readonly config: ImageConfig;
  /** Bytes to pull it. */
  compressedBytes(): number;
  remove(): void;
}

const top = join(import.meta.dirname, '../..');

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: top, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(' ')} ended with ${status ?? error}:\n${stdout}${stderr}`);
  }
  return stdout.trim();
}

/** Of the files that Debian's `libc6`, `libgcc` and `libstdc++` have for Node, as the Dockerfile's base has them. */
function layBase(folder: string): void {
  const libraries = run('ldd', [process.execPath]).match(/\/\S+/g) ?? [];
  for (const library of libraries) {
    mkdirSync(join(folder, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(folder, library));
  }
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/sbin/nologin\n');
}

/** `dir`: an empty folder for all of it. */
export function buildImage(buildah: string, dir: string): BuiltImage {
  const storage = ['--root', join(dir, 'storage'), '--runroot', join(dir, 'run'), '--storage-driver', 'vfs'];
  const call = (...args: readonly string[]): string => run(buildah, [...storage, ...args]);
  layBase(join(dir, 'base'));
  run('bash', ['test/components/image-tree.sh', join(dir, 'stage/image')]);
  const scratch = call('from', 'scratch');
  call('copy', scratch, join(dir, 'base'), '/');
  call('commit', '--quiet', scratch, 'localhost/base');
  const bases = ['BASE', 'BUILD_BASE'].flatMap((name) => ['--build-arg', `${name}=localhost/base`]);
  const stage = ['--build-context', `build=${join(dir, 'stage')}`];
  call(
    'build',
    '--isolation',
    'chroot',
    ...bases,
    ...stage,
    '--file',
    'Dockerfile',
    '--tag',
    'localhost/meshbridge',
    top,
  );
  const container = call('from', 'localhost/meshbridge');
  const about: { readonly OCIv1: { readonly config: ImageConfig } } = JSON.parse(
    call('inspect', '--type', 'image', 'localhost/meshbridge'),
  );
  return {
    root: call('mount', container),
    config: about.OCIv1.config,
    compressedBytes: () => {
      const layout = join(dir, 'oci');
      call('push', '--quiet', 'localhost/meshbridge', `oci:${layout}`);
      const blobs = join(layout, 'blobs/sha256');
      return readdirSync(blobs).reduce((sum, name) => sum + statSync(join(blobs, name)).size, 0);
    },
    remove: () => {
      call('rm', '--all');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
