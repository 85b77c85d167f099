import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export interface RotationPlan {
  /** `<pod directory>/<container>/<restart>.log`, absolute. */
  readonly path: string;
  /** The one that is written among them. */
  readonly maxFiles: number;
  /** Smaller files are left alone. */
  readonly maxBytes: number;
  /** Has the runtime write to a new file. */
  readonly reopen: () => Promise<void>;
}

/** One pass of a kubelet over one log, in the order in which a kubelet does its steps (pkg/kubelet/logs, container_log_manager). */
export async function rotateOnce(plan: RotationPlan, now = new Date()): Promise<void> {
  const { path, maxFiles, maxBytes, reopen } = plan;
  const { size } = await stat(path);
  if (size < maxBytes) {
    return;
  }
  const rotated = await withoutUnused(path);
  const most = Math.max(0, maxFiles - 2);
  for (const old of rotated.slice(0, Math.max(0, rotated.length - most))) {
    await rm(old);
  }
  for (const file of rotated.slice(-most || rotated.length).filter((name) => !name.endsWith('.gz'))) {
    await compress(file);
  }
  const target = `${path}.${stamp(now)}`;
  await rename(path, target);
  try {
    await reopen();
  } catch (error) {
    await rename(target, path);
    throw error;
  }
}

/** The oldest first. */
async function withoutUnused(path: string): Promise<readonly string[]> {
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.`)).sort();
  const kept: string[] = [];
  for (const name of names) {
    const file = join(dirname(path), name);
    if (name.endsWith('.tmp') || names.includes(`${name}.gz`)) {
      await rm(file);
    } else {
      kept.push(file);
    }
  }
  return kept;
}

async function compress(file: string): Promise<void> {
  await pipeline(createReadStream(file), createGzip(), createWriteStream(`${file}.tmp`));
  await rename(`${file}.tmp`, `${file}.gz`);
  await rm(file);
}

function stamp(at: Date): string {
  const [day = '', time = ''] = at.toISOString().slice(0, 19).replace(/[-:]/g, '').split('T');
  return `${day}-${time}`;
}
