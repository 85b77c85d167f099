import { close, constants, fdatasync, ftruncate, open as openFile, write } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An open file. Every call resolves when the kernel has done all of it. */
export interface DiskFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  datasync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** The few calls that writing needs, so that tests can count them and let them fail. */
export interface Disk {
  /** `create` fails if the file is there, `open` if it is not. Readable by the owner only. */
  file(path: string, how: 'create' | 'open'): Promise<DiskFile>;
  /** Unlinks; a file that is not there is fine. */
  remove(path: string): Promise<void>;
  /** Makes a created, renamed or removed name of that file's directory durable. */
  syncDirOf(path: string): Promise<void>;
}

type Done = (error: Error | null) => void;

function call(start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
}

function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const from = (done: number): void => {
      write(fd, bytes, done, bytes.length - done, position + done, (error, written) => {
        if (error !== null) {
          reject(error);
        } else if (done + written < bytes.length) {
          from(done + written);
        } else {
          resolve();
        }
      });
    };
    from(0);
  });
}

/**
 * O_DSYNC: a write returns when it is as durable as fdatasync would make it (open(2)), so that a commit is one way through
 * the pool of threads and not two. Elsewhere than on Linux it may mean less.
 */
const writesThrough = process.platform === 'linux';
const flags = {
  create: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (writesThrough ? constants.O_DSYNC : 0),
  open: constants.O_RDWR | (writesThrough ? constants.O_DSYNC : 0),
};

/**
 * Callbacks on a descriptor: a commit through `FileHandle` costs about three times as much. `isDurable`: nothing of the file
 * can be lost yet but what is written here; true of one just created.
 */
function onDescriptor(fd: number, isDurable: boolean): DiskFile {
  let needsSync = !(writesThrough && isDurable);
  return {
    write: (bytes, position) => writeAll(fd, bytes, position),
    datasync: async () => {
      if (needsSync) {
        await call((done) => fdatasync(fd, done));
        needsSync = !writesThrough;
      }
    },
    truncate: (bytes) => {
      needsSync = true;
      return call((done) => ftruncate(fd, bytes, done));
    },
    close: () => call((done) => close(fd, done)),
  };
}

export const systemDisk: Disk = {
  file: (path, how) =>
    new Promise((resolve, reject) => {
      openFile(path, flags[how], 0o600, (error, fd) => {
        if (error === null) {
          resolve(onDescriptor(fd, how === 'create'));
        } else {
          reject(error);
        }
      });
    }),
  remove: (path) => rm(path, { force: true }),
  async syncDirOf(path) {
    const dir = await open(dirname(path), 'r');
    try {
      await dir.sync();
    } finally {
      await dir.close();
    }
  },
};
