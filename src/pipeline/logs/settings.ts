import type { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import type { FieldValue } from '../../model/rum.ts';

/**
 * `character_encoding` of DataKit and the names that go with it; all are read into UTF-8, and bytes that are none of it become
 * U+FFFD, counted. `as-is` is the bytes as they are.
 */
export const logEncodings = [
  'as-is',
  'utf-8',
  'utf-16le',
  'utf-16be',
  'gbk',
  'gb18030',
  'big5',
  'shift_jis',
  'euc-jp',
  'euc-kr',
  'iso-8859-1',
  'windows-1252',
] as const;
export type LogEncoding = (typeof logEncodings)[number];

/** Whose stack traces are put together. */
export const traceLanguages = ['java', 'python', 'go', 'node', 'dotnet'] as const;
export type TraceLanguage = (typeof traceLanguages)[number];

/**
 * Which lines make one record.
 *
 * - `off`: every line is a record.
 * - `languages`: stack traces of these languages; every other line is a record of its own.
 * - `pattern`: a line that one of the patterns is found in begins a record, the others continue it (DataKit's
 *   `multiline_match`). Before the first that is found, indented lines continue.
 * - `dates`: the same with the forms of times that programs begin their lines with (DataKit's auto detection), and with
 *   `patterns` as more of them.
 */
export type Multiline =
  | { readonly by: 'off' }
  | ({ readonly by: 'languages'; readonly languages: readonly TraceLanguage[] } & MultilineLimits)
  | ({ readonly by: 'pattern'; readonly patterns: readonly string[] } & MultilineLimits)
  | ({ readonly by: 'dates'; readonly patterns: readonly string[] } & MultilineLimits);

/** Past a limit a record ends and the next line begins another: nothing is left out. */
export interface MultilineLimits {
  readonly maxLines: number;
  readonly maxBytes: number;
  /** How long a record waits for its next line. */
  readonly flushAfterMs: number;
}

export const multilineDefaults: MultilineLimits = { maxLines: 500, maxBytes: 786_432, flushAfterMs: 1_000 };

/** Sets of patterns of things that must not leave the process. */
export const redactionSets = ['secrets', 'cards', 'tokens', 'emails'] as const;
export type RedactionSet = (typeof redactionSets)[number];

/** A set, or a pattern of the user's; what it finds is replaced. `$1` in `replacement` is the first group. */
export type Redaction =
  | RedactionSet
  | { readonly name: string; readonly pattern: string; readonly replacement?: string | undefined };

/** Whether a step is for a record. A missing field is matched by nothing but `missing`. */
export interface StepCondition {
  /** The message where it is absent. */
  readonly field?: string | undefined;
  /** Found anywhere in the value. */
  readonly matches?: string | undefined;
  readonly equals?: FieldValue | undefined;
  readonly missing?: boolean | undefined;
}

interface AnyStep {
  readonly when?: StepCondition | undefined;
}

interface ReadingStep extends AnyStep {
  /** The field that is read; the message where it is absent. */
  readonly from?: string | undefined;
  /** Put before the name of each field. */
  readonly prefix?: string | undefined;
}

/** One step. A step that finds nothing to do leaves the record as it is. */
export type ParseStep =
  | (ReadingStep & { readonly step: 'json' })
  | (ReadingStep & { readonly step: 'logfmt' })
  | (ReadingStep & {
      readonly step: 'grok';
      /** The first that fits is taken. */
      readonly patterns: readonly string[];
      /** Names of the user's own, beside the common ones. */
      readonly define?: Readonly<Record<string, string>> | undefined;
    })
  | (ReadingStep & { readonly step: 'access-log' })
  /** The record is left out, and counted. */
  | (AnyStep & { readonly step: 'drop' })
  | (AnyStep & { readonly step: 'add'; readonly fields: Readonly<Record<string, FieldValue>> })
  | (AnyStep & { readonly step: 'rename'; readonly from: string; readonly to: string })
  | (AnyStep & { readonly step: 'remove'; readonly fields: readonly string[] })
  | (AnyStep & { readonly step: 'cast'; readonly field: string; readonly to: 'int' | 'float' | 'bool' | 'string' })
  /** `map`: words of the program's own to levels. */
  | (AnyStep & {
      readonly step: 'level';
      readonly from: string;
      readonly map?: Readonly<Record<string, string>> | undefined;
    })
  /** The field's text becomes the message; the field goes. */
  | (AnyStep & { readonly step: 'message'; readonly from: string })
  /** `format`: one of `timeFormats` of `./times.ts`; guessed where it is absent. `zone` (`+08:00`) is for times without one. */
  | (AnyStep & {
      readonly step: 'time';
      readonly from: string;
      readonly format?: string | undefined;
      readonly zone?: string | undefined;
    });

/**
 * What is done with the lines of a container between the runtime's file and the block, all of it checked by the one who makes
 * it. `compileLogSteps` finds out what cannot be checked by shape (patterns) and says so with BRIDGE_CONFIG.
 */
export interface LogSettings {
  readonly encoding: LogEncoding;
  /** Takes colours and other terminal sequences out. */
  readonly removeAnsi: boolean;
  readonly multiline: Multiline;
  readonly redact: readonly Redaction[];
  readonly parse: readonly ParseStep[];
  /** The measurement of DataKit; goes into the origin. The container's name where it is absent. */
  readonly source?: string | undefined;
  readonly service?: string | undefined;
  /** Added to the lines where they lack the key. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Nothing is done: the lines go the quick way. */
export const plainLogSettings: LogSettings = {
  encoding: 'as-is',
  removeAnsi: false,
  multiline: { by: 'off' },
  redact: [],
  parse: [],
  tags: {},
};

/** A record after its fragments were joined, before anything is done with it: `bytes[start .. end)`. */
export interface JoinedRecord {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly seconds: number;
  readonly nanos: number;
  /** Bits of `logFlags`. */
  readonly flags: number;
}

/** 0 is stdout, 1 is stderr. */
type Stream = 0 | 1;

/** The steps of one container instance, with what is open of it. The two streams know nothing of each other. */
export interface RecordSteps {
  /** Lines are put together, so that a record may be open after `take`. */
  readonly joins: boolean;
  /** Records that a step left out; they are not in the block, and need not be read again. */
  readonly dropped: number;
  /**
   * Takes one record; puts what is finished into `into`. `opened`: the record began a group that is open now, which was not
   * there before. `closed`: nothing of the stream is open. `joined`: it went into the group that was open.
   */
  take(stream: Stream, record: JoinedRecord, into: LogBlockBuilder): 'opened' | 'joined' | 'closed';
  isOpen(stream: Stream): boolean;
  /** Ends what is open. */
  flush(stream: Stream, into: LogBlockBuilder): void;
  /** Ends what has waited long enough for its next line; called when all that is there was taken. */
  flushIdle(stream: Stream, nowMs: number, into: LogBlockBuilder): void;
  /** Forgets what is open, since it will be read again. */
  reset(): void;
}

/**
 * Settings whose patterns are compiled, by `compileLogSteps(settings, meter)` of `./log-steps.ts`; as many containers as have
 * the same settings share it.
 */
export interface LogSteps {
  /** For one container instance. Undefined when nothing is to be done. */
  open(): RecordSteps | undefined;
}
