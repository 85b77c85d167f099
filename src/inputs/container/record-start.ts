import type { StreamIndex } from '../../codec/cri/runtime-line.ts';
import type { LogFile } from './log-file.ts';

/** Where a record begins. */
export interface RecordStart {
  readonly file: LogFile;
  /** Files of the same log that were read to their end, but for records that are open. */
  readonly older: readonly LogFile[];
  readonly start: number;
}

/** While a record is open its stream counts as read up to the record's beginning only, so that a crash repeats all of it. */
export function holdBack({ file, older, start }: RecordStart, stream: StreamIndex): void {
  file.consumed[stream] = start;
  for (const before of older) {
    before.consumed[stream] = before.framed;
  }
}
