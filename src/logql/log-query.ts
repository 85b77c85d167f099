import type { LogExpr } from './ast.ts';
import { executionError } from './errors.ts';
import type { LabelParts } from './line-labels.ts';
import { Pipeline } from './pipeline.ts';
import type { LineSource, LogLine, Values } from './source.ts';

/** A time: seconds and nanoseconds since 1970. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

export interface LogRange {
  /** Inclusive. */
  readonly from: Instant;
  /** Not included. */
  readonly to: Instant;
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
}

/** A line that passed. */
export interface Entry extends Instant {
  readonly line: string;
  readonly parts: LabelParts;
  /** What the text itself is known to say. */
  readonly derived: Values;
}

export function instantOf(nanos: bigint): Instant {
  const clipped = nanos < 0n ? 0n : nanos;
  return { seconds: Number(clipped / 1_000_000_000n), nanos: Number(clipped % 1_000_000_000n) };
}

export function compareInstants(a: Instant, b: Instant): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

function msOf({ seconds, nanos }: Instant): number {
  return seconds * 1000 + Math.floor(nanos / 1e6);
}

/** The first lines of the direction that pass all stages, in its order. Throws LogqlError. */
export async function runLogQuery(expr: LogExpr, range: LogRange, source: LineSource): Promise<readonly Entry[]> {
  const pipeline = new Pipeline(expr.stages);
  const found = new FirstEntries(range);
  const visit = (line: LogLine): void => {
    const isMeant = compareInstants(line, range.from) >= 0 && compareInstants(line, range.to) < 0 && found.takes(line);
    const state = isMeant ? pipeline.run(line) : undefined;
    if (state !== undefined) {
      const { labels } = state;
      const { seconds, nanos } = line;
      found.add({ seconds, nanos, line: state.line, parts: labels.parts(), derived: labels.derived() });
    }
  };
  await source.scan(
    {
      matchers: expr.matchers,
      texts: pipeline.texts,
      startMs: msOf(range.from),
      endMs: msOf(range.to),
      order: range.direction === 'backward' ? 'newest first' : 'oldest first',
    },
    { visit, enough: (ms) => found.hasAllBefore(ms) },
  );
  return found.finish();
}

/** Letters of the lines of one answer. */
const maxTextLength = 64 * 1024 * 1024;

/** Keeps the first entries of an order, up to a limit. */
class FirstEntries {
  readonly #limit: number;
  readonly #sign: number;
  /** In the order in which they were added, until they are sorted. */
  #entries: (Entry & { readonly ordinal: number })[] = [];
  #added = 0;
  #textLength = 0;
  #worst: Instant | undefined;

  constructor({ limit, direction }: LogRange) {
    this.#limit = limit;
    this.#sign = direction === 'backward' ? -1 : 1;
  }

  takes(at: Instant): boolean {
    return this.#limit > 0 && (this.#worst === undefined || this.#compare(at, this.#worst) <= 0);
  }

  add(entry: Entry): void {
    this.#entries.push({ ...entry, ordinal: this.#added++ });
    this.#textLength += entry.line.length;
    if (this.#entries.length >= this.#limit * 2 + 64 || this.#textLength > maxTextLength * 2) {
      this.#settle();
    }
  }

  /** Is every line from this time on, in the order, behind all that are kept? */
  hasAllBefore(ms: number): boolean {
    if (this.#worst === undefined && this.#entries.length >= this.#limit) {
      this.#settle();
    }
    return this.#worst !== undefined && (msOf(this.#worst) - ms) * this.#sign < 0;
  }

  finish(): readonly Entry[] {
    this.#settle();
    return this.#entries;
  }

  #settle(): void {
    // Lines of one time stay in the order of the direction too.
    this.#entries.sort((a, b) => this.#compare(a, b) || this.#sign * (a.ordinal - b.ordinal));
    this.#entries.length = Math.min(this.#entries.length, this.#limit);
    this.#worst = this.#entries.length === this.#limit ? this.#entries.at(-1) : undefined;
    this.#textLength = this.#entries.reduce((sum, { line }) => sum + line.length, 0);
    if (this.#textLength > maxTextLength) {
      throw executionError(`the lines of this answer are too long for one: ask for fewer than ${this.#limit}`);
    }
  }

  #compare(a: Instant, b: Instant): number {
    return this.#sign * compareInstants(a, b);
  }
}
