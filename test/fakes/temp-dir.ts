import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDir {
  readonly path: string;
  remove(): Promise<void>;
}

/** A new empty directory. */
export async function tempDir(prefix = 'meshbridge-'): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}

/** Runs with a new empty directory, and removes it whatever happens. */
export async function inTempDir<T>(run: (path: string) => Promise<T>): Promise<T> {
  const dir = await tempDir();
  try {
    return await run(dir.path);
  } finally {
    await dir.remove();
  }
}
