import type { z } from 'zod';
import { type LogSettings, type Multiline, multilineDefaults, traceLanguages } from '../../pipeline/logs/settings.ts';
import type { contentKeys } from './content-keys.ts';
import type { RateLimitOptions } from './rate-limit.ts';

type Content = { readonly [K in keyof typeof contentKeys]?: z.output<(typeof contentKeys)[K]> };

/** What the table of the input says of the lines of every container. */
export interface LogDefaults extends Content {
  readonly removeAnsi: boolean;
  /** DataKit's switches: undefined where nobody wrote them. */
  readonly enableMultiline?: boolean | undefined;
  readonly autoMultiline?: boolean | undefined;
  readonly autoMultilinePatterns: readonly string[];
  /** A pattern of first lines, by source. */
  readonly multilineOfSource: Readonly<Record<string, string>>;
  /** How long a record waits for its next line. */
  readonly multilineWaitMs?: number | undefined;
}

/** What an annotation says, as far as it is about the lines themselves. */
export interface LogEntry extends Content {
  readonly source?: string | undefined;
  readonly service?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly multiline_match?: string | undefined;
  readonly remove_ansi_escape_codes?: boolean | undefined;
  readonly json_as_fields?: boolean | undefined;
  readonly character_encoding?: LogSettings['encoding'] | '' | undefined;
}

/**
 * What is done with the lines of one source. An entry says it for its container, the table for all; what the table hides stays
 * hidden, and what it limits stays limited.
 */
export function settingsOf(entry: LogEntry, defaults: LogDefaults, source: string): LogSettings {
  const { redact: hidden = [] } = defaults;
  const { redact = [], tags = {}, service, character_encoding: encoding = '' } = entry;
  const asFields = entry.json_as_fields === true ? [{ step: 'json' as const }] : undefined;
  return {
    encoding: encoding === '' ? 'as-is' : encoding,
    removeAnsi: entry.remove_ansi_escape_codes ?? defaults.removeAnsi,
    multiline: multilineOf(entry, defaults, source),
    redact: [...hidden, ...redact],
    parse: entry.parse ?? asFields ?? defaults.parse ?? [],
    tags,
    source: entry.source,
    service,
  };
}

export function limitOf(entry: LogEntry, defaults: LogDefaults): RateLimitOptions | undefined {
  const linesPerSecond = smaller(entry.max_lines_per_second, defaults.max_lines_per_second);
  const bytesPerSecond = smaller(entry.max_bytes_per_second, defaults.max_bytes_per_second);
  if (linesPerSecond === undefined && bytesPerSecond === undefined) {
    return undefined;
  }
  return { linesPerSecond, bytesPerSecond, over: entry.over_limit ?? defaults.over_limit ?? 'pause' };
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : Math.min(a, b ?? a);
}

function multilineOf(entry: LogEntry, defaults: LogDefaults, source: string): Multiline {
  const { multilineWaitMs: flushAfterMs = multilineDefaults.flushAfterMs, multilineOfSource } = defaults;
  const limits = { ...multilineDefaults, flushAfterMs };
  const ofSource = Object.hasOwn(multilineOfSource, source) ? multilineOfSource[source] : undefined;
  const pattern = entry.multiline_match ?? '';
  if (pattern !== '') {
    return { by: 'pattern', patterns: [pattern], ...limits };
  }
  if (entry.multiline !== undefined) {
    return named(entry.multiline, defaults, limits);
  }
  if (ofSource !== undefined && ofSource !== '' && defaults.enableMultiline !== false) {
    return { by: 'pattern', patterns: [ofSource], ...limits };
  }
  return defaults.multiline === undefined ? asDataKit(defaults, limits) : named(defaults.multiline, defaults, limits);
}

type Limits = typeof multilineDefaults;

function named(wanted: NonNullable<Content['multiline']>, defaults: LogDefaults, limits: Limits): Multiline {
  if (wanted === 'off') {
    return { by: 'off' };
  }
  return wanted === 'dates'
    ? { by: 'dates', patterns: defaults.autoMultilinePatterns, ...limits }
    : { by: 'languages', languages: wanted === 'languages' ? traceLanguages : wanted, ...limits };
}

/** DataKit joins indented lines unless that is switched off; here only where its switch was written. */
function asDataKit({ enableMultiline, autoMultiline, autoMultilinePatterns }: LogDefaults, limits: Limits): Multiline {
  if (enableMultiline === false || (enableMultiline === undefined && autoMultiline !== true)) {
    return { by: 'off' };
  }
  return autoMultiline === true
    ? { by: 'dates', patterns: autoMultilinePatterns, ...limits }
    : { by: 'pattern', patterns: [], ...limits };
}
