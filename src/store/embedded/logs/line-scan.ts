import type { Arrival } from './arrival.ts';
import type { BlockLines } from './block-payload.ts';
import type { LineQuery } from './line-query.ts';
import type { LineColumns, StoredRun } from './log-columns.ts';
import type { StreamLabels } from './stream-labels.ts';
import type { TextNeedle } from './text-needle.ts';

const noBytes = new Uint8Array(0);

/** One line of a block, as a question looks at it; `at` is moved from line to line. */
export class LineAt {
  readonly #lines: BlockLines;
  readonly #columns: LineColumns;
  readonly #streams: readonly StreamLabels[];
  #run = 0;
  /** First line of the run, and the one behind it. */
  #runBegin = 0;
  #runEnd: number;
  #line = 0;

  /** `streams` are the block's, in its order. */
  constructor(lines: BlockLines, streams: readonly StreamLabels[]) {
    this.#lines = lines;
    this.#columns = lines.columns;
    this.#streams = streams;
    this.#runEnd = this.#columns.runs[0]?.lines ?? 0;
  }

  get count(): number {
    return this.#columns.levels.length;
  }

  /** Goes to a line that is not before the one it stands at. */
  goTo(line: number): void {
    this.#line = line;
    while (line >= this.#runEnd && this.#run < this.#columns.runs.length - 1) {
      this.#run += 1;
      this.#runBegin = this.#runEnd;
      this.#runEnd += this.#columns.runs[this.#run]?.lines ?? 0;
    }
  }

  get run(): StoredRun | undefined {
    return this.#columns.runs[this.#run];
  }

  /** The line behind the last of this run. */
  get runEnd(): number {
    return this.#runEnd;
  }

  get labels(): StreamLabels {
    return this.#streams[this.run?.stream ?? 0] ?? {};
  }

  get seconds(): number {
    return this.#columns.seconds[this.#line] ?? 0;
  }

  get nanos(): number {
    return this.#columns.nanos[this.#line] ?? 0;
  }

  get ms(): number {
    return this.seconds * 1000 + Math.floor(this.nanos / 1_000_000);
  }

  get level(): number {
    return this.#columns.levels[this.#line] ?? 0;
  }

  get flags(): number {
    return this.#columns.flags[this.#line] ?? 0;
  }

  get arrival(): Arrival {
    const run = this.run;
    return { ms: run?.arrivedMs ?? 0, seq: run?.seq ?? 0, index: (run?.index ?? 0) + this.#line - this.#runBegin };
  }

  /** A view of a JSON object; empty where the line has no attributes. */
  get attributes(): Uint8Array {
    const { attributes } = this.#lines;
    return attributes?.bytes.subarray(attributes.offsets[this.#line], attributes.offsets[this.#line + 1]) ?? noBytes;
  }

  /** Bytes of the message. */
  get length(): number {
    return (this.#columns.offsets[this.#line + 1] ?? 0) - (this.#columns.offsets[this.#line] ?? 0);
  }

  /** A view. */
  get message(): Buffer {
    return this.#lines.text.subarray(this.#columns.offsets[this.#line], this.#columns.offsets[this.#line + 1]);
  }
}

/** Calls `visit` with each line of the block that the query means, in the order of the block. */
export function scanLines(
  lines: BlockLines,
  streams: readonly StreamLabels[],
  query: LineQuery,
  visit: (line: LineAt) => void,
): void {
  const at = new LineAt(lines, streams);
  if (query.needles.length > 0 && !query.namesLevels) {
    scanText(lines, query, at, () => {
      if (query.wants(at, query.bitsOf(at.labels)) && query.passes(at)) {
        visit(at);
      }
    });
    return;
  }
  // Lines of some levels are few: to look at their texts one by one is less than to fold all.
  for (let line = 0; line < at.count; line++) {
    at.goTo(line);
    const bits = query.bitsOf(at.labels);
    if (bits === 0) {
      line = at.runEnd - 1;
    } else if (query.wants(at, bits) && query.isIn(at) && query.passes(at)) {
      visit(at);
    }
  }
}

function scanText(lines: BlockLines, { needles, folder }: LineQuery, at: LineAt, look: () => void): void {
  const folded = folder.fold(lines.text);
  const { offsets } = lines.columns;
  // The longest leads: it is most likely the rarest.
  const [lead, ...others]: readonly TextNeedle[] = needles.toSorted((a, b) => b.folded.length - a.folded.length);
  if (lead === undefined) {
    return;
  }
  const holdsAll = (start: number, end: number): boolean =>
    others.every((needle) => folded.subarray(start, end).includes(needle.folded)) &&
    needles.every((needle) => needle.holds(lines.text.subarray(start, end)));
  let line = 0;
  while (line < at.count) {
    const from = offsets[line] ?? 0;
    const found = lead.folded.length === 0 ? from : folded.indexOf(lead.folded, from);
    if (found < 0) {
      return;
    }
    line = lead.folded.length === 0 ? line : lineAt(offsets, line, found);
    const start = offsets[line] ?? 0;
    const end = offsets[line + 1] ?? 0;
    // A text that goes over the end of the line is in no line.
    if (found + lead.folded.length <= end && holdsAll(start, end)) {
      at.goTo(line);
      look();
    }
    line += 1;
  }
}

/** The line that byte `offset` stands in; not before `from`. */
export function lineAt(offsets: Uint32Array, from: number, offset: number): number {
  let low = from;
  let high = offsets.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((offsets[middle] ?? 0) <= offset) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
