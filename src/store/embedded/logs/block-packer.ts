import { logFlags, logLevels } from '../../../model/log.ts';
import type { PackedBlock } from '../blocks/block-format.ts';
import { attributesVersion, recordVersion } from '../blocks/block-records.ts';
import { type Arrival, compareArrivals } from './arrival.ts';
import { addAttributeWords, attributeBytesOf, encodeAttributes } from './attribute-section.ts';
import { packPayload } from './block-payload.ts';
import type { BlockFacts, BlockSummary } from './block-summary.ts';
import { encodeColumns, type LineRun, linesOf } from './log-columns.ts';
import { type StreamLabels, streamKey } from './stream-labels.ts';
import { TextSqueezer } from './text-squeeze.ts';
import { WordSet } from './words.ts';

/** A block is given out at this much text, or this many lines. */
export const blockTextBytes = 256 * 1024;
const blockLines = 16_384;
/** A stream with this much has a block of its own; those with less share one. */
const ownBlockBytes = blockTextBytes / 2;
/** So that the list of a block's streams fits in its header: letters of labels. */
const blockLabelLength = 256 * 1024;

interface Waiting {
  readonly labels: StreamLabels;
  readonly labelLength: number;
  runs: LineRun[];
  /** And of attributes. */
  textBytes: number;
  lines: number;
}

/** Part of a block: runs of one stream. */
interface Share {
  readonly labels: StreamLabels;
  readonly runs: readonly LineRun[];
}

/** Sorts lines by stream and cuts them into blocks. Runs are kept by reference until they are packed. */
export class BlockPacker {
  readonly #words = new WordSet();
  readonly #squeezer = new TextSqueezer(this.#words);
  #streams = new Map<string, Waiting>();
  #packed: PackedBlock<BlockSummary>[] = [];
  #waitingBytes = 0;
  #packedBytes = 0;
  #lines = 0;

  /** Lines that `finish` would give out. */
  get lines(): number {
    return this.#lines;
  }

  /** Bytes in memory: of text and attributes that wait, and of blocks that are packed. */
  get bytes(): number {
    return this.#waitingBytes + this.#packedBytes;
  }

  add(labels: StreamLabels, run: LineRun): void {
    const key = streamKey(labels);
    const waiting = this.#streams.get(key) ?? { labels, labelLength: key.length, runs: [], textBytes: 0, lines: 0 };
    this.#streams.set(key, waiting);
    this.#lines += run.to - run.from;
    for (let { from } = run; from < run.to; ) {
      const to = this.#lineToCutAt(waiting, run, from);
      const part = { ...run, from, to, index: run.index + from - run.from };
      const bytes = textBytesOf(part) + attributeBytesOf(part);
      waiting.runs.push(part);
      waiting.textBytes += bytes;
      waiting.lines += to - from;
      this.#waitingBytes += bytes;
      if (waiting.textBytes >= blockTextBytes || waiting.lines >= blockLines) {
        this.#packShares([waiting]);
        this.#empty(waiting);
      }
      from = to;
    }
  }

  /** All blocks; streams with little are sorted and share theirs. */
  finish(): PackedBlock<BlockSummary>[] {
    const small: Waiting[] = [];
    for (const waiting of this.#streams.values()) {
      if (waiting.textBytes >= ownBlockBytes) {
        this.#packShares([waiting]);
      } else if (waiting.lines > 0) {
        small.push(waiting);
      }
    }
    this.#packTogether(small);
    const packed = this.#packed;
    this.#streams = new Map();
    this.#packed = [];
    this.#waitingBytes = 0;
    this.#packedBytes = 0;
    this.#lines = 0;
    return packed;
  }

  #packTogether(small: readonly Waiting[]): void {
    let shares: Waiting[] = [];
    let [bytes, lines, labels] = [0, 0, 0];
    for (const waiting of small) {
      const full =
        bytes + waiting.textBytes > blockTextBytes ||
        lines + waiting.lines > blockLines ||
        labels + waiting.labelLength > blockLabelLength;
      if (full && shares.length > 0) {
        this.#packShares(shares);
        shares = [];
        [bytes, lines, labels] = [0, 0, 0];
      }
      shares.push(waiting);
      bytes += waiting.textBytes;
      lines += waiting.lines;
      labels += waiting.labelLength;
    }
    if (shares.length > 0) {
      this.#packShares(shares);
    }
  }

  #empty(waiting: Waiting): void {
    this.#waitingBytes -= waiting.textBytes;
    waiting.runs = [];
    waiting.textBytes = 0;
    waiting.lines = 0;
  }

  /** The first line of the run that would no longer fit; at least one goes. */
  #lineToCutAt(waiting: Waiting, { block, to }: LineRun, from: number): number {
    const endOf = (at: number): number => (block.offsets[at] ?? 0) + (block.attributes?.offsets[at] ?? 0);
    const room = blockTextBytes - waiting.textBytes + endOf(from);
    const last = Math.min(to, from + blockLines - waiting.lines);
    let line = from + 1;
    while (line < last && endOf(line) < room) {
      line += 1;
    }
    return line;
  }

  #packShares(shares: readonly Share[]): void {
    const runs = shares.flatMap((share) => share.runs);
    const numbers = shares.flatMap((share, stream) => share.runs.map(() => stream));
    const columns = encodeColumns(runs, numbers);
    const textBytes = runs.reduce((sum, run) => sum + textBytesOf(run), 0);
    const squeezed = this.#squeeze(runs, textBytes);
    for (const run of runs) {
      addAttributeWords(this.#words, run);
    }
    const longestWord = this.#words.longest;
    const bloom = this.#words.finish();
    const attributes = encodeAttributes(runs);
    const payload = packPayload({ columns, ...squeezed, textBytes, attributes });
    const streams = shares.map(({ labels }) => labels);
    const version = attributes === undefined ? recordVersion : attributesVersion;
    const summary = { ...factsOf(runs, textBytes), longestWord, version, streams, bloom };
    this.#packed.push({ summary, payload });
    this.#packedBytes += payload.length;
  }

  #squeeze(runs: readonly LineRun[], textBytes: number): { text: Buffer; ids: Buffer } {
    this.#squeezer.begin(textBytes);
    for (const { block, from, to } of runs) {
      for (let line = from; line < to; line++) {
        this.#squeezer.add(block.bytes, block.offsets[line] ?? 0, block.offsets[line + 1] ?? 0);
      }
    }
    const squeezed = this.#squeezer.finish();
    if (squeezed !== undefined) {
      return squeezed;
    }
    const parts = runs.map(({ block, from, to }) => block.bytes.subarray(block.offsets[from], block.offsets[to]));
    return { text: Buffer.concat(parts), ids: Buffer.alloc(0) };
  }
}

function textBytesOf({ block, from, to }: LineRun): number {
  return (block.offsets[to] ?? 0) - (block.offsets[from] ?? 0);
}

function factsOf(runs: readonly LineRun[], textBytes: number): Omit<BlockFacts, 'longestWord'> {
  const levels = new Array<number>(logLevels.length).fill(0);
  let stderrLines = 0;
  let minMs = Number.POSITIVE_INFINITY;
  let maxMs = Number.NEGATIVE_INFINITY;
  for (const { block, from, to } of runs) {
    for (let line = from; line < to; line++) {
      const ms = (block.seconds[line] ?? 0) * 1000 + Math.floor((block.nanos[line] ?? 0) / 1_000_000);
      minMs = Math.min(minMs, ms);
      maxMs = Math.max(maxMs, ms);
      const level = block.levels[line] ?? 0;
      levels[level] = (levels[level] ?? 0) + 1;
      stderrLines += (block.flags[line] ?? 0) & logFlags.stderr;
    }
  }
  return { lines: linesOf(runs), textBytes, minMs, maxMs, ...arrivalsOf(runs), stderrLines, levels };
}

function arrivalsOf(runs: readonly LineRun[]): { first: Arrival; last: Arrival } {
  const ends = runs.flatMap(({ arrivedMs: ms, seq, index, from, to }) => [
    { ms, seq, index },
    { ms, seq, index: index + to - from - 1 },
  ]);
  const [none] = ends;
  if (none === undefined) {
    throw new Error('a block has at least one line');
  }
  return {
    first: ends.reduce((first, end) => (compareArrivals(end, first) < 0 ? end : first), none),
    last: ends.reduce((last, end) => (compareArrivals(end, last) > 0 ? end : last), none),
  };
}
