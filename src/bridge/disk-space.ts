import { statfsSync } from 'node:fs';
import type { Clock } from '../contract/runtime.ts';
import type { DiskStatus } from '../contract/status.ts';
import type { Signal } from '../model/batch.ts';

/** Caps as configured, or what 10 % of the file system leaves of them, each shrunk by the same factor. */
export function laneCaps(
  configured: Readonly<Record<Signal, number>>,
  fileSystemBytes: number,
): Readonly<Record<Signal, number>> {
  const wanted = configured.metrics + configured.traces + configured.logs + configured.rum;
  const factor = Math.min(1, (fileSystemBytes * 0.1) / wanted);
  const cap = (bytes: number): number => Math.floor(bytes * factor);
  return {
    metrics: cap(configured.metrics),
    traces: cap(configured.traces),
    logs: cap(configured.logs),
    rum: cap(configured.rum),
  };
}

/** Size of the file system that holds `dir`, in bytes. */
export function fileSystemBytes(dir: string): number {
  const { blocks, bsize } = statfsSync(dir);
  return blocks * bsize;
}

/** Bytes free for us there, asked at most once a second: each append wants to know. */
export function freeBytesOf(dir: string, clock: Clock): () => number {
  let askedMs = Number.NEGATIVE_INFINITY;
  let free = 0;
  return () => {
    const now = clock.now();
    if (now - askedMs >= 1_000 || now < askedMs) {
      const { bavail, bsize } = statfsSync(dir);
      free = bavail * bsize;
      askedMs = now;
    }
    return free;
  };
}

export type FreeFloor = { readonly percent: number } | { readonly bytes: number };

/** How much must stay free of a file system of that size. */
export function floorBytes(floor: FreeFloor, totalBytes: number): number {
  return 'percent' in floor ? (totalBytes * floor.percent) / 100 : floor.bytes;
}

/** What the status says of the disk under the data directory. */
export function diskStatusOf(dir: string, floor: FreeFloor, clock: Clock): () => DiskStatus {
  const totalBytes = fileSystemBytes(dir);
  const freeBytes = freeBytesOf(dir, clock);
  return () => ({ dir, freeBytes: freeBytes(), totalBytes, minFreeBytes: floorBytes(floor, totalBytes) });
}
