import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Fault } from './fault.ts';
import type { TomlSource } from './toml-document.ts';

/** Where configuration is looked for when nobody says where, in this order (interfaces.md, `run`). */
export const searchPath: readonly string[] = ['conf.d', '/etc/meshbridge/conf.d', '/usr/local/datakit/conf.d'];

const maxFileBytes = 4 * 1024 * 1024;

export interface FoundFiles {
  /** Files with their text, sorted by name within each directory. Files of equal bytes are here once. */
  readonly sources: readonly TomlSource[];
  readonly faults: readonly Fault[];
}

/** All `*.conf` under `configDir` if that is given, else under those of `searchPath` that exist. Relative paths start at `cwd`. */
export async function findConfigFiles(cwd: string, configDir?: string): Promise<FoundFiles> {
  const reading = new Reading(cwd);
  for (const directory of configDir === undefined ? searchPath : [configDir]) {
    await reading.root(directory, configDir === undefined ? 'may be missing' : 'must exist');
  }
  return { sources: reading.sources, faults: reading.faults };
}

/** The files of that name, whatever they are called. */
export async function readConfigFiles(cwd: string, files: readonly string[]): Promise<FoundFiles> {
  const reading = new Reading(cwd);
  for (const file of files) {
    await reading.file(file);
  }
  return { sources: reading.sources, faults: reading.faults };
}

class Reading {
  readonly sources: TomlSource[] = [];
  readonly faults: Fault[] = [];
  readonly #cwd: string;
  readonly #visited = new Set<string>();
  readonly #digests = new Set<string>();

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  async root(directory: string, missing: 'may be missing' | 'must exist'): Promise<void> {
    const found = await stat(resolve(this.#cwd, directory)).catch((error: unknown) => {
      if (missing === 'must exist' || codeOf(error) !== 'ENOENT') {
        this.#fault(directory, `can't be read: ${whyUnreadable(error)}`);
      }
      return undefined;
    });
    if (found === undefined) {
      return;
    }
    if (!found.isDirectory()) {
      this.#fault(directory, 'is a file, not a directory', 'name the directory that it is in');
      return;
    }
    await this.#walk(directory);
  }

  /** Names that begin with a dot are skipped: Kubernetes keeps the real files of a mounted ConfigMap in such directories. */
  async #walk(directory: string): Promise<void> {
    const path = resolve(this.#cwd, directory);
    if (!(await this.#first(path))) {
      return;
    }
    let names: string[];
    try {
      names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
    } catch (error) {
      this.#fault(directory, `can't be read: ${whyUnreadable(error)}`);
      return;
    }
    for (const name of names) {
      const entry = join(directory, name);
      const found = await stat(resolve(this.#cwd, entry)).catch((error: unknown) => whyUnreadable(error));
      if (typeof found === 'string') {
        if (name.endsWith('.conf')) {
          this.#fault(entry, `can't be read: ${found}`);
        }
      } else if (found.isDirectory()) {
        await this.#walk(entry);
      } else if (found.isFile() && name.endsWith('.conf')) {
        await this.file(entry);
      }
    }
  }

  async file(file: string): Promise<void> {
    const path = resolve(this.#cwd, file);
    try {
      const { size } = await stat(path);
      if (size > maxFileBytes) {
        this.#fault(
          file,
          `is larger than ${maxFileBytes / 1024 / 1024} MiB`,
          'a configuration file is a page or two of text',
        );
        return;
      }
      if (!(await this.#first(path))) {
        return;
      }
      const bytes = await readFile(path);
      const digest = createHash('sha256').update(bytes).digest('hex');
      if (!this.#digests.has(digest)) {
        this.#digests.add(digest);
        this.#decode(file, bytes);
      }
    } catch (error) {
      this.#fault(file, `can't be read: ${whyUnreadable(error)}`);
    }
  }

  async #first(path: string): Promise<boolean> {
    const real = await realpath(path);
    const first = !this.#visited.has(real);
    this.#visited.add(real);
    return first;
  }

  #decode(file: string, bytes: Buffer): void {
    try {
      this.sources.push({ file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) });
    } catch {
      this.#fault(file, 'is not text in UTF-8', 'save it as UTF-8');
    }
  }

  #fault(file: string, message: string, hint?: string): void {
    this.faults.push({ code: 'file', file, keyPath: '', message, ...(hint === undefined ? {} : { hint }) });
  }
}

/** Why a file could not be read, in words. */
export function whyUnreadable(error: unknown): string {
  const code = codeOf(error);
  return { ENOENT: 'it is not there', EACCES: 'this user may not read it', EISDIR: 'it is a directory' }[code] ?? code;
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
