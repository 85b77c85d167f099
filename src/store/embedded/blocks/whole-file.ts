import { open, rename, rm } from 'node:fs/promises';
import { systemDisk } from '../../../record/disk.ts';

/**
 * Writes all of a file or nothing of it: a temporary file, fsync, rename, fsync of the directory. The parts stand one behind the
 * other. Resolves with its bytes.
 */
export async function writeWholeFile(path: string, parts: Iterable<Uint8Array>): Promise<number> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  let bytes = 0;
  try {
    for (const part of parts) {
      // Where room ends within a part, only what fits is written; what is left then says why.
      for (let done = 0; done < part.length; ) {
        done += (await file.write(part, done, part.length - done, bytes + done)).bytesWritten;
      }
      bytes += part.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await systemDisk.syncDirOf(path);
  return bytes;
}
