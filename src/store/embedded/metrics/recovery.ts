import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BridgeError } from '../../../contract/errors.ts';
import type { FoundBlock } from '../blocks/block-format.ts';
import { readPayload } from '../blocks/block-read.ts';
import { type BlockScan, recordBytesOf, scanBlocks } from '../blocks/block-scan.ts';
import type { DamageBook } from '../damage-book.ts';
import type { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import { type ChunkBlock, ChunkBlockView, chunkBlocks, unpackSeries } from './chunk-block.ts';
import type { SamplesBlock } from './chunk-file.ts';
import { type FrameBlock, frameBlocks, type ShapeSource, unpackFrames } from './frame-block.ts';
import { LivePart } from './live-part.ts';

interface Shared {
  readonly files: FileCache;
  readonly damage: DamageBook;
}

interface Recovered {
  readonly live: LivePart;
  readonly scan: BlockScan<FrameBlock>;
}

const nothing: BlockScan<FrameBlock> = {
  nonce: undefined,
  blocks: [],
  position: undefined,
  arrivedMs: undefined,
  keepBytes: 0,
  fileBytes: 0,
  beyond: 0,
  beyondQueueId: undefined,
  damage: [],
};

/**
 * Builds the memory of a partition that has no index: first from its files of chunks, then from the frames behind the last cut.
 * A file of chunks that is bitten is written anew from the frames while these are there. What cannot be had is named.
 */
export function recoverLive(dir: string, startMs: number, shared: Shared): Recovered {
  const blocksPath = join(dir, 'blocks.rec');
  const scan = existsSync(blocksPath) ? scanBlocks(shared.files, blocksPath, frameBlocks) : nothing;
  const live = new LivePart(dir, startMs);
  const framesAreWhole = scan.nonce !== undefined && scan.damage.length === 0;
  let position: HeldPosition | undefined;
  let arrivedMs = 0;
  for (const [number, name] of chunkFilesIn(dir)) {
    const path = join(dir, name);
    const file = scanBlocks(shared.files, path, chunkBlocks);
    const cut = file.blocks.findLast(({ summary }) => summary.kind === 'cut')?.summary;
    if (framesAreWhole && (file.damage.length > 0 || cut === undefined)) {
      dropFrom(dir, number, shared.files);
      break;
    }
    live.reserve(number);
    takeFile(live, { path, name, scan: file, shared });
    position = later(position, file.position);
    arrivedMs = Math.max(arrivedMs, file.arrivedMs ?? 0);
  }
  takeFrames(live, blocksPath, scan, shared);
  live.moved(later(position, scan.position), scan.keepBytes, Math.max(arrivedMs, scan.arrivedMs ?? 0));
  return { live, scan };
}

function chunkFilesIn(dir: string): (readonly [number: number, name: string])[] {
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => /^chunks-\d{1,9}$/.test(name)) : [];
  return names.map((name) => [Number(name.slice('chunks-'.length)), name] as const).sort(([a], [b]) => a - b);
}

/** Everything from that file on is written anew. */
function dropFrom(dir: string, from: number, files: FileCache): void {
  for (const [number, name] of chunkFilesIn(dir)) {
    if (number >= from) {
      files.forget(join(dir, name));
      rmSync(join(dir, name), { force: true });
    }
  }
}

interface FoundFile {
  readonly path: string;
  readonly name: string;
  readonly scan: BlockScan<ChunkBlock>;
  readonly shared: Shared;
}

function takeFile(live: LivePart, { path, name, scan, shared }: FoundFile): void {
  const { files, damage } = shared;
  for (const place of scan.damage) {
    damage.note(place);
  }
  const samples: FoundBlock<SamplesBlock>[] = [];
  let coveredBytes = live.coveredBytes;
  let items = live.items;
  for (const { place, summary } of scan.blocks) {
    try {
      if (summary.kind === 'series') {
        live.table.skipTo(summary.first);
        for (const series of unpackSeries(readPayload(files, path, place))) {
          live.table.number(series);
        }
      } else if (summary.kind === 'samples') {
        extend(live, new ChunkBlockView(readPayload(files, path, place), summary.inflatedBytes));
        samples.push({ place, summary });
      } else {
        coveredBytes = summary.coveredBytes;
        items = summary.items;
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      damage.note({ file: path, offset: place.offset, bytes: recordBytesOf(place), reason });
    }
  }
  live.found({ name, bytes: scan.fileBytes, blocks: samples }, coveredBytes, items);
}

function extend(live: LivePart, view: ChunkBlockView): void {
  for (const [index, series] of view.series.entries()) {
    live.table.skipTo(series + 1);
    const { firstMs, lastMs } = view.chunk(index);
    live.extend(series, firstMs, lastMs);
  }
}

/** The frames behind the last cut. */
function takeFrames(live: LivePart, path: string, scan: BlockScan<FrameBlock>, { files, damage }: Shared): void {
  const { coveredBytes } = live;
  for (const place of scan.damage) {
    if (place.offset >= coveredBytes || scan.nonce === undefined) {
      damage.note(place);
    }
  }
  const shapes = new Map<string, ShapeSource>();
  for (const { place } of scan.blocks.filter(({ place: { offset } }) => offset >= coveredBytes)) {
    try {
      takeBlock(live, readPayload(files, path, place), shapes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      damage.note({ file: path, offset: place.offset, bytes: recordBytesOf(place), reason });
    }
  }
  for (const key of shapes.keys()) {
    live.wrote(key);
  }
}

function takeBlock(live: LivePart, packed: Buffer, shapes: Map<string, ShapeSource>): void {
  let lost = 0;
  for (const frame of unpackFrames(packed, shapes)) {
    if ('lost' in frame) {
      lost += frame.lost;
    } else {
      live.take(frame);
    }
  }
  if (lost > 0) {
    throw new BridgeError('BRIDGE_CORRUPT', `${lost} samples lost: their shape stood in a block that cannot be read`);
  }
}

/** Of one queue the one that is further; of two queues that of the frames, which the lane gave last. */
function later(one: HeldPosition | undefined, other: HeldPosition | undefined): HeldPosition | undefined {
  if (one === undefined || other === undefined) {
    return other ?? one;
  }
  return one.queueId === other.queueId && one.seq > other.seq ? one : other;
}
