import { BridgeError } from '../../../contract/errors.ts';
import type { RumQuery } from '../../../contract/store.ts';
import type { RumPoint } from '../../../model/rum.ts';
import type { Slice } from '../slice.ts';
import type { PointPage } from './point-page.ts';
import { PointQuery } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';

/** Where a point stands among all: by time, equal times by arrival. */
interface Place {
  readonly ms: number;
  readonly arrivedMs: number;
  readonly seq: number;
  readonly index: number;
}

interface Found extends Place {
  readonly point: RumPoint;
}

interface Search {
  readonly query: RumQuery;
  readonly limit: number;
  /** An earlier answer's `next`. */
  readonly before?: string;
}

function compare(a: Place, b: Place): number {
  return a.ms - b.ms || a.arrivedMs - b.arrivedMs || a.seq - b.seq || a.index - b.index;
}

/** Points as they came, the newest first. Blocks are read from the newest on, and only while they may hold newer ones. */
export async function pointList(
  partitions: readonly RumPartition[],
  { query, limit, before }: Search,
  slice: Slice,
): Promise<{ readonly points: readonly object[]; readonly next?: string }> {
  const end = before === undefined ? undefined : parsePlace(before);
  const wanted = new PointQuery({ ...query, endMs: Math.min(query.endMs, end?.ms ?? query.endMs) });
  let found: Found[] = [];
  for (const { partition, block, path } of newestBlocks(partitions, wanted)) {
    if (found.length === limit && block.summary.maxMs < (found.at(-1)?.ms ?? 0)) {
      break;
    }
    const page = partition.page(path, block);
    if (page !== undefined) {
      found = newest([...found, ...placesIn(page, wanted, end)], limit);
    }
    if (slice.over) {
      await slice.yield();
    }
  }
  const last = found.length === limit ? found.at(-1) : undefined;
  return { points: found.map(pointJson), ...(last !== undefined && { next: placeText(last) }) };
}

/** Those that may hold points that are meant. */
function newestBlocks(partitions: readonly RumPartition[], wanted: PointQuery) {
  const blocks = partitions.flatMap((partition) =>
    partition
      .blocks()
      .filter(({ summary }) => wanted.mayHold(summary))
      .map((block) => ({ partition, block, path: partition.blocksPath })),
  );
  return blocks.sort((a, b) => b.block.summary.maxMs - a.block.summary.maxMs);
}

function newest(found: Found[], limit: number): Found[] {
  return found.sort((a, b) => compare(b, a)).slice(0, limit);
}

function placesIn(page: PointPage, query: PointQuery, end: Place | undefined): Found[] {
  const found: Found[] = [];
  const places = placesOf(page);
  for (const at of query.pointsIn(page)) {
    const place = places[at];
    if (place !== undefined && (end === undefined || compare(place, end) < 0)) {
      found.push({ ...place, point: page.point(at) });
    }
  }
  return found;
}

function placesOf(page: PointPage): readonly Place[] {
  const places: Place[] = [];
  for (const [seq, index, arrivedMs, count] of page.runs) {
    for (let i = 0; i < count; i++) {
      places.push({ ms: page.ms[places.length] ?? 0, arrivedMs, seq, index: index + i });
    }
  }
  return places;
}

function pointJson({ ms, point }: Found): object {
  const { measurement, tags, fields, timeNanos } = point;
  return { measurement, timeMs: ms, time: String(timeNanos), tags, fields };
}

function placeText({ ms, arrivedMs, seq, index }: Place): string {
  return `${ms}.${arrivedMs}-${seq}-${index}`;
}

function parsePlace(text: string): Place {
  const [, ms, arrivedMs, seq, index] = /^(-?\d{1,16})\.(\d{1,16})-(\d{1,16})-(\d{1,10})$/.exec(text) ?? [];
  if (index === undefined) {
    throw new BridgeError('BRIDGE_DECODE', '`before` is not what an earlier answer gave');
  }
  return { ms: Number(ms), arrivedMs: Number(arrivedMs), seq: Number(seq), index: Number(index) };
}
