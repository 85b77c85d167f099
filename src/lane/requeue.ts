import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { deadLetterPaths, fileFacts, readDeadLetters } from './dead-letter-file.ts';
import type { Lane } from './lane.ts';

/** As much is on its way to the disk at once. */
const groupRecords = 256;
const groupBytes = 8 * 1024 * 1024;

export interface Requeued {
  readonly records: number;
  readonly items: number;
}

/**
 * Appends the dead letters of an output to the lane again, for that output alone, and takes the files away. How far it has come
 * stands in the lane with the records themselves: after a crash it goes on there, and none is queued twice. No delivery may
 * be adding letters meanwhile. Rejects with BRIDGE_OVERLOADED when the lane takes no more; what is left stays in the files.
 */
export async function requeue(lane: Lane, output: string, dir: string): Promise<Requeued> {
  const key = `${lane.ownPrefix}requeued:${output}`;
  const { before, now } = deadLetterPaths(dir, lane.signal);
  let [records, items] = [0, 0];
  for (const path of [before, now]) {
    const facts = await fileFacts(path);
    if (facts === undefined) {
      continue;
    }
    const place = `${facts.inode}:`;
    const known = lane.position(key) ?? '';
    const doneBytes = known.startsWith(place) ? Number(known.slice(place.length)) : 0;
    let waiting: Promise<void>[] = [];
    let waitingBytes = 0;
    for await (const { batch, end } of readDeadLetters(path, lane.signal)) {
      if (end <= doneBytes) {
        continue;
      }
      waiting.push(lane.append({ ...batch, only: output }, { key, value: `${place}${end}` }));
      waitingBytes += batch.payload.length;
      records += 1;
      items += batch.items;
      if (waiting.length >= groupRecords || waitingBytes >= groupBytes) {
        await Promise.all(waiting);
        waiting = [];
        waitingBytes = 0;
      }
    }
    await Promise.all(waiting);
    await rm(path);
    await syncDirectory(dirname(path));
  }
  lane.forget(key);
  return { records, items };
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
