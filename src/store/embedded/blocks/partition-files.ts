import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { systemDisk } from '../../../record/disk.ts';
import type { DamageBook } from '../damage-book.ts';
import type { FileCache } from '../file-cache.ts';

/** What all partitions of a store share. */
export interface PartitionShared {
  readonly files: FileCache;
  readonly damage: DamageBook;
}

/** undefined: it is not there. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Unlinks a partition with all of its files, and resolves when that is durable. */
export async function unlinkPartition(dir: string, { files, damage }: PartitionShared): Promise<void> {
  files.forgetIn(dir);
  damage.forget(dir);
  await rm(dir, { recursive: true, force: true });
  await systemDisk.syncDirOf(dir);
}
