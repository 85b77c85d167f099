import type { Samples } from '../../../promql/source.ts';
import type { Chunk } from './chunk.ts';
import { readChunk, type SamplePool, SampleRoom } from './chunk-reader.ts';

type Read = Omit<Samples, 'labels'>;

/**
 * The samples of one series in a range, both ends included. Chunks come in the order of their arrival, and where two have a sample
 * of the same time, the later one's stands. Throws BRIDGE_CORRUPT.
 */
export function readSamples(
  chunks: readonly Chunk[],
  range: { readonly startMs: number; readonly endMs: number },
  pool?: SamplePool,
): Read {
  const room = new SampleRoom(
    chunks.reduce((sum, { count }) => sum + count, 0),
    pool,
  );
  let inOrder = true;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const chunk of chunks) {
    inOrder &&= chunk.firstMs > lastMs;
    ({ lastMs } = chunk);
    readChunk(chunk, room);
  }
  return within(inOrder ? room : ordered(room), range.startMs, range.endMs);
}

function within({ timesMs, values, stale }: Read, startMs: number, endMs: number): Read {
  const from = firstFrom(timesMs, startMs);
  let to = firstFrom(timesMs, endMs);
  if (timesMs[to] === endMs) {
    to++;
  }
  const marks = stale?.subarray(from, to);
  return {
    timesMs: timesMs.subarray(from, to),
    values: values.subarray(from, to),
    ...(marks?.includes(1) && { stale: marks }),
  };
}

/** The index of the first time at or behind `timeMs`. */
function firstFrom(timesMs: Float64Array, timeMs: number): number {
  let low = 0;
  let high = timesMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((timesMs[middle] ?? 0) < timeMs) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** By time, each time once: what stands last of those of one time. */
function ordered(room: SampleRoom): SampleRoom {
  const timeOf = (index: number): number => room.timesMs[index] ?? 0;
  const order = Uint32Array.from({ length: room.length }, (_, i) => i).sort((a, b) => timeOf(a) - timeOf(b) || a - b);
  const kept = order.filter((index, i) => i + 1 === order.length || timeOf(order[i + 1] ?? 0) !== timeOf(index));
  const target = new SampleRoom(kept.length);
  for (const [to, from] of kept.entries()) {
    target.timesMs[to] = timeOf(from);
    target.words[to * 2] = room.words[from * 2] ?? 0;
    target.words[to * 2 + 1] = room.words[from * 2 + 1] ?? 0;
    if (room.stale?.[from] === 1) {
      target.markStale(to);
    }
  }
  target.length = kept.length;
  return target;
}
