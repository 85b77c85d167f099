import type { Clock } from '../../../contract/runtime.ts';
import { type Disk, systemDisk } from '../../../record/disk.ts';

const codes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);
const retryMs = 1000;

function isDiskFull(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && codes.has(error.code);
}

/** For work that is whole or not done at all, and is tried again later; undefined where it found no room. */
export async function unlessDiskFull<T>(work: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!isDiskFull(error)) {
      throw error;
    }
    return undefined;
  }
}

/**
 * The system's disk, on which beginning a file and writing wait for room: what somebody else fills in the middle of a commit does
 * not end the store. The lane keeps what waits, so an end meanwhile loses nothing.
 */
export function patientDisk(clock: Clock, disk: Disk = systemDisk): Disk {
  return {
    file: async (path, how) => {
      const file = await whenRoom(clock, () => disk.file(path, how));
      return {
        write: (bytes, position) => whenRoom(clock, () => file.write(bytes, position)),
        datasync: () => file.datasync(),
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
      };
    },
    remove: (path) => disk.remove(path),
    syncDirOf: (path) => disk.syncDirOf(path),
  };
}

async function whenRoom<T>(clock: Clock, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isDiskFull(error)) {
        throw error;
      }
    }
    await clock.sleep(retryMs);
  }
}
