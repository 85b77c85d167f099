import type { Matcher } from './ast.ts';

export type Values = Readonly<Record<string, string>>;

/** One line, as an evaluation looks at it. The object is moved from line to line; what its getters give is good until then. */
export interface LogLine {
  /** Labels of its stream; the same object for each line of one stream. */
  readonly stream: Values;
  readonly seconds: number;
  readonly nanos: number;
  /** A name of `logLevels`. */
  readonly level: string;
  /** Bytes of its text. */
  readonly length: number;
  /** UTF-8. */
  readonly bytes: Buffer;
  /** Has it structured metadata of its own? */
  readonly hasMetadata: boolean;
  /** Structured metadata as it came; names may be any text. */
  metadata(): Readonly<Record<string, string | number | boolean>>;
  /** Fields that the text itself is known to have, such as those of an access log; cheap where it has none. */
  derived(): Values;
  /** The id of the trace that the text names; '' where it names none. */
  traceId(): string;
}

/** Which lines are looked at. */
export interface LineRequest {
  readonly matchers: readonly Matcher[];
  /** Each stands in every line that is wanted, in these very letters. A source may leave out lines without. */
  readonly texts: readonly string[];
  /** Bounds of the lines' times, ms since 1970, inclusive; a source may give lines around them. */
  readonly startMs: number;
  readonly endMs: number;
  /** Where lines of which part of the range are wanted first. */
  readonly order: 'newest first' | 'oldest first' | 'any';
}

export interface LineVisitor {
  visit(line: LogLine): void;
  /** No line further on than this time, in the request's order, is wanted any more. */
  enough(ms: number): boolean;
}

/** Where lines come from. */
export interface LineSource {
  scan(request: LineRequest, visitor: LineVisitor): Promise<void>;
}

/** What the caller of an evaluation holds in its hands. */
export interface Control {
  /** Has this question worked long enough for now? */
  readonly over: boolean;
  /** Lets others work. Rejects when the asker has gone. */
  yield(): Promise<void>;
  /** Numbers that one query may hold; past it the query fails. */
  readonly maxNumbers: number;
  /** Series that one query may make; past it the query fails. */
  readonly maxSeries: number;
}
