import { isUtf8 } from 'node:buffer';
import type { QueueRecord } from '../../model/batch.ts';
import { type LogBlock, logFlags, logLevels } from '../../model/log.ts';
import { attributesOf } from '../log-block/attributes.ts';
import type { ByteSink } from './byte-sink.ts';
import { writeEscaped } from './json-escape.ts';

const head = Buffer.from('{"signal":"logs","message":"');
const beforeTime = Buffer.from('","timestamp":"');
const timeBytes = '2026-11-21T09:39:00.695877641Z'.length;
/** Keys of a line that no tag may take. */
const ownKeys: ReadonlySet<string> = new Set([
  'signal',
  'message',
  'attributes',
  'timestamp',
  'stream',
  'level',
  'truncated',
]);

/**
 * Lines of one block, one object a line: message, attributes if it has any, timestamp (RFC 3339, ns), stream, the level where it is known, and the
 * fields of the pod with the header's edits applied. Bytes that are no UTF-8 become U+FFFD.
 */
export function writeLogLines(sink: ByteSink, record: Pick<QueueRecord, 'origin' | 'edits'>, block: LogBlock): void {
  const tails = new TailCache(fieldsOf(record));
  const clock = new TimeWriter();
  const isClean = hasWholeCharacters(block);
  for (let i = 0; i < block.count; i++) {
    const start = block.offsets[i] ?? 0;
    const end = block.offsets[i + 1] ?? 0;
    copy(sink, head);
    if (isClean || isUtf8(block.bytes.subarray(start, end))) {
      writeEscaped(sink, block.bytes, start, end);
    } else {
      const repaired = Buffer.from(Buffer.from(block.bytes.subarray(start, end)).toString('utf8'));
      writeEscaped(sink, repaired, 0, repaired.length);
    }
    const attributes = attributesOf(block, i);
    if (attributes === undefined) {
      copy(sink, beforeTime);
    } else {
      sink.text(`","attributes":${JSON.stringify(attributes)},"timestamp":"`);
    }
    clock.write(sink, block.seconds[i] ?? 0, block.nanos[i] ?? 0);
    copy(sink, tails.tail(block.flags[i] ?? 0, block.levels[i] ?? 0));
  }
}

/** Is every record valid UTF-8 by itself? One look at all of the text, since nearly all logs are. */
function hasWholeCharacters({ bytes, offsets, count }: LogBlock): boolean {
  if (!isUtf8(bytes)) {
    return false;
  }
  for (let i = 0; i < count; i++) {
    const start = offsets[i] ?? 0;
    if (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) {
      return false;
    }
  }
  return true;
}

function fieldsOf({ origin, edits }: Pick<QueueRecord, 'origin' | 'edits'>): string {
  const { podUid, ...rest } = origin;
  const pod = { ...rest, ...(podUid === undefined ? {} : { pod_uid: podUid }) };
  const dropped = new Set(edits?.drop);
  const fields = Object.entries({ ...edits?.add, ...omit(pod, dropped) });
  const kept = fields.filter(([key, value]) => value !== '' && !ownKeys.has(key));
  return kept.map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`).join('');
}

function omit(fields: Readonly<Record<string, string>>, keys: ReadonlySet<string>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.has(key)));
}

/** What stands behind the timestamp, by flags and level. */
class TailCache {
  readonly #fields: string;
  readonly #tails: (Buffer | undefined)[] = [];

  constructor(fields: string) {
    this.#fields = fields;
  }

  tail(flags: number, level: number): Buffer {
    const key = flags * logLevels.length + level;
    const known = this.#tails[key];
    if (known !== undefined) {
      return known;
    }
    const stream = (flags & logFlags.stderr) === 0 ? 'stdout' : 'stderr';
    const levelField = level === 0 ? '' : `,"level":"${logLevels[level]}"`;
    const truncated = (flags & logFlags.truncated) === 0 ? '' : ',"truncated":true';
    const gap = (flags & logFlags.gap) === 0 ? '' : ',"gap":true';
    const tail = Buffer.from(`","stream":"${stream}"${levelField}${truncated}${gap}${this.#fields}}\n`);
    this.#tails[key] = tail;
    return tail;
  }
}

/** Writes timestamps; neighbours share their second. */
class TimeWriter {
  #seconds = -1;
  readonly #digits = Buffer.alloc(timeBytes);

  write(sink: ByteSink, seconds: number, nanos: number): void {
    if (seconds !== this.#seconds) {
      this.#seconds = seconds;
      this.#digits.write(new Date(seconds * 1000).toISOString().slice(0, 19), 'latin1');
      this.#digits.write('.000000000Z', 19, 'latin1');
    }
    let rest = nanos;
    for (let at = timeBytes - 2; at >= timeBytes - 10; at--) {
      const next = Math.trunc(rest / 10);
      this.#digits[at] = 48 + rest - next * 10;
      rest = next;
    }
    copy(sink, this.#digits);
  }
}

/** For pieces of some dozen bytes, where a loop beats a call. */
function copy(sink: ByteSink, piece: Uint8Array): void {
  sink.reserve(piece.length);
  const { bytes, at } = sink;
  for (let i = 0; i < piece.length; i++) {
    bytes[at + i] = piece[i] ?? 0;
  }
  sink.at = at + piece.length;
}
