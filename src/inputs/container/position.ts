import { z } from 'zod';
import type { StreamIndex } from '../../codec/cri/runtime-line.ts';
import type { Moment } from './gap.ts';

/** One number per stream: stdout, stderr. */
export type PerStream<T> = [out: T, err: T];

/** One file of a log, as it stands in a position. */
export interface FilePosition {
  /** `<device>:<inode>`. */
  readonly id: string;
  /** Name when it was last seen, for people. */
  readonly name: string;
  /** How many of the first bytes `hash` is of. */
  readonly prefixBytes: number;
  readonly hash: string;
  /** Records of a stream that begin before this offset have been handed over. */
  readonly consumed: PerStream<number>;
  /** Size when it was last seen. */
  readonly size: number;
  /** It was being written then. */
  readonly growing: boolean;
  /** Of one that has not turned up again: between which records of its log it is missing, as far as that is known. */
  readonly missing?: { readonly from: Moment | undefined; readonly to: Moment | undefined };
}

/** How far one log has been read: its files from the oldest that still exists to the one that is written. */
export interface LogPosition {
  readonly files: readonly FilePosition[];
  /** Whether the rest of a record that was cut at the limit is still to be skipped. */
  readonly discarding: PerStream<boolean>;
  /** Of the last record that was read. */
  readonly lastTime?: Moment;
}

const version = 1;
const offset = z.int().min(0);
const wire = z.object({
  v: z.literal(version),
  files: z.array(z.tuple([z.string(), z.string(), offset, z.string(), offset, offset, offset], z.int())),
  cut: z.tuple([z.boolean(), z.boolean()]).optional(),
  last: z.tuple([offset, offset]).optional(),
});

function marksOf({ growing, missing }: FilePosition): readonly number[] {
  if (missing === undefined) {
    return growing ? [1] : [];
  }
  const { from, to } = missing;
  return [growing ? 1 : 0, ...[from, to].flatMap((at) => [at?.seconds ?? 0, at?.nanos ?? 0])];
}

function missingOf([fromSeconds, fromNanos = 0, toSeconds = 0, toNanos = 0]: readonly number[]): Pick<
  FilePosition,
  'missing'
> {
  if (fromSeconds === undefined) {
    return {};
  }
  const at = (seconds: number, nanos: number): Moment | undefined => (seconds === 0 ? undefined : { seconds, nanos });
  return { missing: { from: at(fromSeconds, fromNanos), to: at(toSeconds, toNanos) } };
}

export function encodePosition(position: LogPosition): string {
  const files = position.files.map((file) => [
    file.id,
    file.name,
    file.prefixBytes,
    file.hash,
    file.consumed[0],
    file.consumed[1],
    file.size,
    ...marksOf(file),
  ]);
  const { discarding, lastTime } = position;
  return JSON.stringify({
    v: version,
    files,
    ...((discarding[0] || discarding[1]) && { cut: discarding }),
    ...(lastTime !== undefined && { last: [lastTime.seconds, lastTime.nanos] }),
  });
}

/** Undefined when the text is no position of a version that is known. */
export function decodePosition(text: string): LogPosition | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = wire.safeParse(value);
  if (!parsed.success) {
    return undefined;
  }
  const files = parsed.data.files.map(
    ([id, name, prefixBytes, hash, out, err, size, growing, ...missing]): FilePosition => ({
      id,
      name,
      prefixBytes,
      hash,
      consumed: [out, err],
      size,
      growing: growing === 1,
      ...missingOf(missing),
    }),
  );
  const { cut = [false, false], last } = parsed.data;
  return { files, discarding: cut, ...(last !== undefined && { lastTime: { seconds: last[0], nanos: last[1] } }) };
}

export const bothStreams: readonly StreamIndex[] = [0, 1];
