import type { Clock, Logger } from '../contract/runtime.ts';
import type { Signal } from '../model/batch.ts';
import type { Disk } from '../record/disk.ts';

export interface LaneOptions {
  readonly signal: Signal;
  /** `<dataDir>/queue/<signal>`; made if it is not there. */
  readonly dir: string;
  readonly segmentBytes: number;
  /** Cap of the directory. From half of it on, outputs that may drop lose their oldest. */
  readonly maxBytes: number;
  /** statfs `bavail`, in bytes. Asked at most once a second or every few MiB. */
  readonly freeBytes: () => number;
  readonly minFreeBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly disk?: Disk;
}
