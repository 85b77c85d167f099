import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findConfigFiles, searchPath } from './files.ts';

export interface ConfigWatchOptions {
  readonly cwd: string;
  /** As for `findConfigFiles`. */
  readonly configDir?: string;
  /** So long nothing must have happened before files are read again. Default 500. */
  readonly quietMs?: number;
  /** How often files are read where nothing is said of them. Default 10,000. */
  readonly pollMs?: number;
}

interface Watched {
  /** Another directory may have come to that path. */
  readonly identity: string;
  readonly watcher: FSWatcher;
}

const deepest = 16;
/** A tree that goes on changing tells so by itself. */
const mostRounds = 5;

/**
 * Notices when the bytes of configuration files change. Directories are watched, not files: a ConfigMap changes by renaming the
 * link `..data` in its directory, which nobody who watches a file behind it is told of. File systems that tell nothing are
 * read now and then.
 */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #watched = new Map<string, Watched>();
  #onChange: (() => void) | undefined;
  #known: string | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
  }

  /** Notes what the files hold now: what differs from that later is a change. Resolves with what tells it from others. */
  async note(): Promise<string> {
    const now = await this.#fingerprint();
    this.#known = now;
    return now;
  }

  /** Calls `onChange` once for every change, after the files have been quiet for a moment. */
  start(onChange: () => void): void {
    this.#onChange = onChange;
    this.#poll = setInterval(() => this.#lookNow(), this.#options.pollMs ?? 10_000).unref();
    this.#lookNow();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#quiet);
    await this.#looking;
    for (const { watcher } of this.#watched.values()) {
      watcher.close();
    }
    this.#watched.clear();
  }

  #lookSoon(): void {
    clearTimeout(this.#quiet);
    if (!this.#isStopped) {
      this.#quiet = setTimeout(() => this.#lookNow(), this.#options.quietMs ?? 500).unref();
    }
  }

  #lookNow(): void {
    this.#looking = this.#looking.then(() => this.#look()).catch(() => undefined);
  }

  /** The watches come first, until there is nothing more to watch: what changes later is seen by one of them. */
  async #look(): Promise<void> {
    if (this.#isStopped) {
      return;
    }
    for (let rounds = 0; rounds < mostRounds && (await this.#watchAll()); rounds += 1) {}
    const now = await this.#fingerprint();
    if (now !== this.#known && !this.#isStopped) {
      this.#known = now;
      this.#onChange?.();
    }
  }

  async #fingerprint(): Promise<string> {
    const { cwd, configDir } = this.#options;
    const { sources, faults } = await findConfigFiles(cwd, configDir);
    return createHash('sha256').update(JSON.stringify({ sources, faults })).digest('hex');
  }

  /** Whether there were directories that had not been watched: something may have come there before they were. */
  async #watchAll(): Promise<boolean> {
    const { cwd, configDir } = this.#options;
    const roots = configDir === undefined ? searchPath : [configDir];
    const found = new Map<string, string>();
    for (const root of roots) {
      await directoriesUnder(resolve(cwd, root), found, deepest);
    }
    for (const [path, { identity, watcher }] of this.#watched) {
      if (found.get(path) !== identity) {
        watcher.close();
        this.#watched.delete(path);
      }
    }
    const fresh = [...found].filter(([path]) => !this.#watched.has(path));
    for (const [path, identity] of fresh) {
      this.#watch(path, identity);
    }
    return fresh.length > 0;
  }

  /** Where there are no watches left to be had, the polling is what there is. */
  #watch(path: string, identity: string): void {
    try {
      const watcher = watch(path, { persistent: false }, () => this.#lookSoon());
      watcher.on('error', () => {
        watcher.close();
        this.#watched.delete(path);
      });
      this.#watched.set(path, { identity, watcher });
    } catch {
      this.#watched.delete(path);
    }
  }
}

/** Path → identity of the directory that is there. Names that begin with a dot are no configuration (config/files.ts). */
async function directoriesUnder(path: string, into: Map<string, string>, depth: number): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true || depth === 0) {
    return;
  }
  into.set(path, `${found.dev}:${found.ino}`);
  const names = await readdir(path).catch(() => []);
  for (const name of names.filter((one) => !one.startsWith('.'))) {
    await directoriesUnder(join(path, name), into, depth - 1);
  }
}
