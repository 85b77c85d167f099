import { encodeAttributes } from '../../codec/log-block/attributes.ts';
import type { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import { logFlags, logLevels } from '../../model/log.ts';

/** A moment as lines have it. */
export interface Moment {
  readonly seconds: number;
  readonly nanos: number;
}

export type GapReason = 'deleted' | 'truncated' | 'damaged' | 'restarts' | 'abandoned';

/** Part of a log that went before it was read, or that can't be read. */
export interface Gap {
  /** Of the file; of restarts whose files are gone, what they were called. */
  readonly name: string;
  /** At least so many; undefined where nobody knows, and it may have been none. */
  readonly bytes: number | undefined;
  readonly reason: GapReason;
  /** When the last record before it was written; undefined when there was none. */
  readonly from: Moment | undefined;
  /** When the next record was written, or else when the loss was noticed. */
  readonly to: Moment;
}

const words: Readonly<Record<GapReason, string>> = {
  deleted: 'deleted before they were read',
  truncated: 'truncated away before they were read',
  damaged: 'in a damaged file',
  restarts: 'of restarts whose logs are gone',
  abandoned: 'of a deleted file that was held open for too long',
};

export function momentOf(ms: number): Moment {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.floor(ms - seconds * 1000) * 1_000_000 };
}

/** One record that stands for what is missing, at the time where the hole begins. */
export function appendGap(gap: Gap, into: LogBlockBuilder): void {
  const { name, bytes, reason, from, to } = gap;
  const [start, end] = [textOf(from ?? to), textOf(to)];
  const amount = bytes === undefined ? 'an unknown number of bytes' : `${bytes} bytes`;
  const text = Buffer.from(`[meshbridge] gap: ${amount} of ${name}, ${words[reason]}, between ${start} and ${end}`);
  const attributes = encodeAttributes({
    gap_file: name,
    gap_reason: reason,
    gap_from: start,
    gap_to: end,
    ...(bytes !== undefined && { gap_bytes: bytes }),
  });
  const at = from ?? to;
  const marks = { ...at, flags: logFlags.gap, level: logLevels.indexOf('warn') };
  into.append({ ...marks, ...(attributes !== undefined && { attributes }) }, text, 0, text.length);
}

function textOf({ seconds, nanos }: Moment): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;
}
