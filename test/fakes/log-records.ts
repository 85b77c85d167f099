import { type Attributes, encodeAttributes } from '../../src/codec/log-block/attributes.ts';
import { encodeLogBlock, logBlockFormat } from '../../src/codec/log-block/log-block.ts';
import { LogBlockBuilder } from '../../src/codec/log-block/log-block-builder.ts';
import type { Origin, QueueRecord, TagEdits } from '../../src/model/batch.ts';
import { type LogLevel, type LogStream, logFlags, logLevels } from '../../src/model/log.ts';

export interface TestLine {
  readonly message: string | Uint8Array;
  /** Ns since 1970. */
  readonly timeNanos: bigint;
  readonly level?: LogLevel;
  readonly stream?: LogStream;
  readonly attributes?: Attributes;
}

export interface LogRecordOptions {
  readonly seq: number;
  readonly receivedAtMs?: number;
  /** Items of the lane before this record. */
  readonly itemsBefore?: number;
  readonly origin?: Origin;
  readonly edits?: TagEdits;
}

/** A record of the logs lane, as the input of container files makes it. */
export function logRecord(lines: readonly TestLine[], options: LogRecordOptions): QueueRecord {
  const builder = new LogBlockBuilder();
  for (const { message, timeNanos, level = 'unknown', stream = 'stdout', attributes = {} } of lines) {
    const bytes = Buffer.from(message);
    const encoded = encodeAttributes(attributes);
    const marks = {
      ...(encoded !== undefined && { attributes: encoded }),
      seconds: Number(timeNanos / 1_000_000_000n),
      nanos: Number(timeNanos % 1_000_000_000n),
      flags: stream === 'stderr' ? logFlags.stderr : 0,
      level: logLevels.indexOf(level),
    };
    builder.append(marks, bytes, 0, bytes.length);
  }
  const block = builder.block();
  return {
    seq: options.seq,
    signal: 'logs',
    format: logBlockFormat(block),
    receivedAtMs: options.receivedAtMs ?? Date.UTC(2026, 10, 21, 12),
    items: lines.length,
    cumItems: (options.itemsBefore ?? 0) + lines.length,
    origin: options.origin ?? { namespace: 'default', pod: 'app-0', container: 'app' },
    ...(options.edits === undefined ? {} : { edits: options.edits }),
    payload: encodeLogBlock(block),
  };
}
