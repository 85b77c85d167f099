import { type BigIntStats, close, constants, fstat, open, read, readdir, readlink, realpath, stat } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { promisify } from 'node:util';

// The calls with plain descriptors cost about half of what FileHandle does, and a poll does one per file.
const openCall = promisify(open);
export const closeFile = promisify(close);
export const realPathOf: (path: string) => Promise<string> = promisify(realpath);
const statCall = promisify(stat);
const fstatCall = promisify(fstat);
const readCall = promisify(read);
const readdirCall = promisify(readdir);

export function openFile(path: string): Promise<number> {
  return openCall(path, 'r');
}

const readlinkCall = promisify(readlink);

/**
 * Opens a file that somebody else has in his hands: no link is followed at its end, a pipe does not keep us waiting, and what was
 * opened must lie below the directory, a real path, whatever the way to it has become meanwhile. Undefined where it is not.
 */
export async function openFileWithin(path: string, directory: string): Promise<number | undefined> {
  const descriptor = await openCall(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const reached = await readlinkCall(`/proc/self/fd/${descriptor}`);
  if (reached.startsWith(`${directory}/`)) {
    return descriptor;
  }
  await closeFile(descriptor);
  return undefined;
}

export interface FileFacts {
  /** `<device>:<inode>`; inode numbers can be larger than 2^53. */
  readonly id: string;
  readonly size: number;
  readonly isFile: boolean;
  readonly modifiedNanos: bigint;
}

/** Undefined when nothing is there. Follows links. */
export async function factsOf(path: string): Promise<FileFacts | undefined> {
  return factsFrom(await unlessMissing(statCall(path, { bigint: true })));
}

export async function factsOfOpen(descriptor: number): Promise<FileFacts> {
  return factsFrom(await fstatCall(descriptor, { bigint: true }));
}

function factsFrom(stats: BigIntStats): FileFacts;
function factsFrom(stats: BigIntStats | undefined): FileFacts | undefined;
function factsFrom(stats: BigIntStats | undefined): FileFacts | undefined {
  return (
    stats && {
      id: `${stats.dev}:${stats.ino}`,
      size: Number(stats.size),
      isFile: stats.isFile(),
      modifiedNanos: stats.mtimeNs,
    }
  );
}

/** Bytes read into `buffer` from its beginning; fewer than fit only at the end of the file. */
export async function readAt(descriptor: number, buffer: Buffer, from: number): Promise<number> {
  const { bytesRead } = await readCall(descriptor, buffer, 0, buffer.length, from);
  return bytesRead;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isLink: boolean;
}

/** Undefined when the directory is not there. */
export async function entriesOf(path: string): Promise<readonly DirectoryEntry[] | undefined> {
  const entries = await unlessMissing(readdirCall(path, { withFileTypes: true }));
  return entries?.map((entry) => ({
    name: entry.name,
    isDirectory: entry.isDirectory(),
    isLink: entry.isSymbolicLink(),
  }));
}

/** As `entriesOf`, but no more than so many of them, in the order of the file system: whoever fills the directory is not us. */
export async function someEntriesOf(path: string, most: number): Promise<readonly DirectoryEntry[] | undefined> {
  const directory = await unlessMissing(opendir(path));
  const entries: DirectoryEntry[] = [];
  for await (const entry of directory ?? []) {
    entries.push({ name: entry.name, isDirectory: entry.isDirectory(), isLink: entry.isSymbolicLink() });
    if (entries.length >= most) {
      break;
    }
  }
  return directory === undefined ? undefined : entries;
}

export async function unlessMissing<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending;
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}
