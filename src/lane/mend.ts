import type { Disk, DiskFile } from '../record/disk.ts';
import type { Recovered } from './recover.ts';
import type { LogEnd } from './segment-log.ts';

/** Did an earlier life leave a log that cannot be gone on in under its queue id? */
export function needsNewId({ queueId, cuts }: Recovered): boolean {
  return queueId === undefined || cuts.length > 0;
}

/** The log without what is to be cut. Names that are cut away whole stay used. */
export function survivingEnd({ end, cuts }: Recovered): LogEnd {
  const cutTo = new Map(cuts.map(({ path, bytes }) => [path, bytes]));
  let { seq } = end;
  for (const segment of end.segments) {
    segment.bytes = cutTo.get(segment.path) ?? segment.bytes;
    seq = segment.bytes === 0 ? Math.max(seq, segment.firstSeq) : seq;
  }
  return { ...end, seq, segments: end.segments.filter(({ bytes }) => bytes > 0) };
}

/** Before new records stand behind it: an earlier life may have ended between a write and its fdatasync. */
export async function settle(disk: Disk, { end, empties }: Recovered): Promise<void> {
  for (const path of empties) {
    await disk.remove(path);
  }
  const newest = end.segments.at(-1);
  if (newest !== undefined) {
    await using(disk, newest.path, (file) => file.datasync());
  }
}

/** After the new queue id is durable: whoever finds the bytes before that sees damage, never records. */
export async function cutOff(disk: Disk, { cuts }: Recovered): Promise<void> {
  for (const { path, bytes } of cuts) {
    if (bytes === 0) {
      await disk.remove(path);
    } else {
      await using(disk, path, async (file) => {
        await file.truncate(bytes);
        await file.datasync();
      });
    }
  }
}

/** A segment that everyone has passed may have been removed meanwhile. */
async function using(disk: Disk, path: string, work: (file: DiskFile) => Promise<void>): Promise<void> {
  const file = await disk.file(path, 'open').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  if (file === undefined) {
    return;
  }
  try {
    await work(file);
  } finally {
    await file.close();
  }
}
