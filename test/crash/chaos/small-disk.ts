import { type ChildProcess, spawn } from 'node:child_process';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../fakes/until.ts';

const pageBytes = 1024 * 1024;

/**
 * A file system of its own, of a fixed size, that only processes behind `command` and this class see: it is mounted in a
 * mount namespace which ends with the process that holds it. Needs root.
 */
export class SmallDisk {
  /** Where it is mounted, for processes in the namespace. */
  readonly dir: string;
  readonly #holder: ChildProcess;

  private constructor(dir: string, holder: ChildProcess) {
    this.dir = dir;
    this.#holder = holder;
  }

  /** `dir` is an empty directory. Rejects with what the system says where this cannot be done. */
  static async mount(dir: string, bytes: number): Promise<SmallDisk> {
    const script = 'mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$2" && echo ready && exec cat';
    const args = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', String(bytes), dir];
    const holder = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { said: '', failed: '' };
    holder.stdout.on('data', (chunk: Buffer) => {
      output.said += chunk.toString();
    });
    holder.stderr.on('data', (chunk: Buffer) => {
      output.failed += chunk.toString();
    });
    holder.once('error', (error) => {
      output.failed += error.message;
    });
    await until(() => output.said.includes('ready') || output.failed !== '', { what: 'a file system of its own' });
    if (!output.said.includes('ready')) {
      holder.kill('SIGKILL');
      throw new Error(`no file system of its own: ${output.failed.trim()}`);
    }
    return new SmallDisk(dir, holder);
  }

  /** Put before a command to run it where the file system is seen. Whoever is started so keeps its process id. */
  get command(): readonly string[] {
    return ['nsenter', `--mount=/proc/${this.#holder.pid}/ns/mnt`, '--'];
  }

  /** Where this process sees it. */
  get outside(): string {
    return join(`/proc/${this.#holder.pid}/root`, this.dir);
  }

  /** Writes until no more than that is free. Somebody else may write meanwhile. */
  async fill(leaveBytes: number): Promise<void> {
    const handle = await open(this.#ballast, 'a');
    try {
      const page = Buffer.alloc(pageBytes, 'x');
      for (let free = await this.freeBytes(); free > leaveBytes; free = await this.freeBytes()) {
        const { bytesWritten } = await handle.write(page, 0, Math.min(pageBytes, free - leaveBytes));
        if (bytesWritten === 0) {
          return;
        }
      }
    } catch (error) {
      if (!(typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOSPC')) {
        throw error;
      }
    } finally {
      await handle.close();
    }
  }

  async empty(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.outside);
    return bavail * bsize;
  }

  /** What is on it is gone then. */
  async unmount(): Promise<void> {
    const ended = new Promise((resolve) => this.#holder.once('exit', resolve));
    this.#holder.kill('SIGKILL');
    await ended;
  }

  get #ballast(): string {
    return join(this.outside, 'ballast');
  }
}
