import type { ContainerLog } from './container-log.ts';
import type { LogFile } from './log-file.ts';

/** A deleted file takes its room on the disk for as long as we hold it open to read its rest. */
export interface PinLimits {
  /** For so long, ms. */
  readonly ms: number;
  /** Of all together. */
  readonly bytes: number;
}

export interface PinnedFile {
  readonly log: ContainerLog;
  readonly file: LogFile;
}

/** Deleted files that we hold open, the one that went first first. */
export function pinnedFiles(logs: Iterable<ContainerLog>): readonly PinnedFile[] {
  const pinned: PinnedFile[] = [];
  for (const log of logs) {
    for (const file of log.files) {
      if (file.gone && file.isOpen) {
        pinned.push({ log, file });
      }
    }
  }
  return pinned.sort((a, b) => (a.file.goneSinceMs ?? 0) - (b.file.goneSinceMs ?? 0));
}

/** Those that are to be let go, whatever is left in them. */
export function overPinned(pinned: readonly PinnedFile[], limits: PinLimits, nowMs: number): readonly PinnedFile[] {
  let bytes = pinned.reduce((sum, { file }) => sum + file.seen.size, 0);
  return pinned.filter(({ file }) => {
    const isOver = bytes > limits.bytes || nowMs - (file.goneSinceMs ?? nowMs) > limits.ms;
    bytes -= isOver ? file.seen.size : 0;
    return isOver;
  });
}
