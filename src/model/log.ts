export type LogStream = 'stdout' | 'stderr';

/** Severity as sniffed from the bytes; `unknown` where nothing said so. The index is what is stored. */
export const logLevels = ['unknown', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Bits of `LogBlock.flags`. */
export const logFlags = { stderr: 1, truncated: 2, gap: 4 } as const;

/**
 * Consecutive records of one stream (one container instance), as bytes. Record i is `bytes[offsets[i] .. offsets[i + 1])`,
 * without its newline. Times are the runtime's, in two parts because ns since 1970 do not fit a double.
 */
export interface LogBlock {
  readonly count: number;
  readonly seconds: Uint32Array;
  readonly nanos: Uint32Array;
  readonly flags: Uint8Array;
  /** Index into `logLevels`. */
  readonly levels: Uint8Array;
  /** count + 1 entries; the first is 0. */
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
  /** Absent when no record of the block has any. */
  readonly attributes?: LogAttributes;
}

/**
 * What is known of single records beside their text: fields that a parsing step took out of it, OTLP's attributes, Loki's
 * structured metadata. Of record i, `bytes[offsets[i] .. offsets[i + 1])` is a flat JSON object (UTF-8) of strings, numbers
 * and booleans; no bytes where the record has none.
 */
export interface LogAttributes {
  /** count + 1 entries; the first is 0. */
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}
