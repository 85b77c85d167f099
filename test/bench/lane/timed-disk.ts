import { type Disk, type DiskFile, systemDisk } from '../../../src/record/disk.ts';

/** The real disk, and how long its commits took. */
export class TimedDisk implements Disk {
  commits = 0;
  bytes = 0;
  milliseconds = 0;

  async file(path: string, how: 'create' | 'open'): Promise<DiskFile> {
    const file = await systemDisk.file(path, how);
    const timed = async (work: Promise<void>): Promise<void> => {
      const startedMs = performance.now();
      await work;
      this.milliseconds += performance.now() - startedMs;
    };
    return {
      ...file,
      write: (bytes, position) => {
        this.bytes += bytes.length;
        return timed(file.write(bytes, position));
      },
      datasync: () => {
        this.commits += 1;
        return timed(file.datasync());
      },
    };
  }

  remove(path: string): Promise<void> {
    return systemDisk.remove(path);
  }

  syncDirOf(path: string): Promise<void> {
    return systemDisk.syncDirOf(path);
  }
}
