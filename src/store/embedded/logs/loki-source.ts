import type { LineRequest, LineSource, LineVisitor } from '../../../logql/source.ts';
import { logLevels } from '../../../model/log.ts';
import type { Slice } from '../slice.ts';
import { type Arrival, compareArrivals } from './arrival.ts';
import { BlocksInOrder } from './block-order.ts';
import type { BlockLines } from './block-payload.ts';
import type { Candidate } from './candidates.ts';
import { LineAt, lineAt } from './line-scan.ts';
import { LineView } from './line-view.ts';
import type { LogPartition } from './log-partition.ts';
import { LokiSelector } from './loki-selector.ts';
import { Scratch } from './scratch.ts';
import { TextFilter } from './words.ts';

/** Lines looked at between two looks at the clock. */
const linesAtOnce = 32;
const allLevels = (1 << logLevels.length) - 1;

export interface LokiSourceOptions {
  readonly slice: Slice;
  /** Only lines that arrived so. */
  readonly arrived?: (arrival: Arrival) => boolean;
  /** Only blocks with lines that came after that. */
  readonly after?: Arrival;
}

/** One pass over blocks; others may be under way beside it. */
interface Scanning {
  readonly selector: LokiSelector;
  readonly texts: NeededTexts;
  readonly room: Scratch;
  readonly visitor: LineVisitor;
}

/** The store's lines as LogQL sees them. */
export class LokiSource implements LineSource {
  readonly #partitions: readonly LogPartition[];
  readonly #slice: Slice;
  readonly #arrived: LokiSourceOptions['arrived'];
  readonly #after: Arrival | undefined;
  /** What was looked at so far. */
  lines = 0;
  bytes = 0;
  blocks = 0;

  constructor(partitions: readonly LogPartition[], { slice, arrived, after }: LokiSourceOptions) {
    this.#partitions = partitions;
    this.#slice = slice;
    this.#arrived = arrived;
    this.#after = after;
  }

  async scan(request: LineRequest, visitor: LineVisitor): Promise<void> {
    const selector = new LokiSelector(request.matchers, request);
    const texts = new NeededTexts(request.texts);
    const room = new Scratch();
    const order = request.order === 'oldest first' ? 'oldest first' : 'newest first';
    const blocks = new BlocksInOrder(this.#partitions, selector, order);
    for (let next = await blocks.take(this.#slice); next !== undefined; next = await blocks.take(this.#slice)) {
      if (visitor.enough(order === 'newest first' ? next.facts.maxMs : next.facts.minMs)) {
        break;
      }
      const { partition, contents, block, facts } = next;
      if (this.#after !== undefined && compareArrivals(facts.last, this.#after) <= 0) {
        continue;
      }
      try {
        await this.#scanBlock(next, { selector, texts, room, visitor });
      } catch (error) {
        partition.noteUnread(contents, block, error);
      }
      if (this.#slice.over) {
        await this.#slice.yield();
      }
    }
  }

  async #scanBlock(
    { partition, contents, block, facts, streams }: Candidate,
    { selector, texts, room, visitor }: Scanning,
  ): Promise<void> {
    this.blocks += 1;
    const bloom = texts.filters.length === 0 ? undefined : partition.bloom(contents, block);
    if (bloom !== undefined && !texts.filters.every((filter) => filter.mayHold(bloom, facts.longestWord))) {
      return;
    }
    const lines = partition.lines(contents, block, (read) => read, room);
    if (lines === undefined) {
      return;
    }
    const at = new LineAt(lines, streams);
    await this.#rest();
    const view = new LineView(at);
    this.bytes += facts.textBytes;
    // Lines of some levels are few: to look at their texts one by one is less than to look through all.
    const isSome = selector.viewsIn(facts, streams).some(({ levelBits }) => (levelBits & allLevels) !== allLevels);
    const next = (from: number): number => (isSome ? from : texts.next(lines, from));
    let looked = 0;
    for (let line = next(0); line < at.count; line = next(line + 1)) {
      at.goTo(line);
      const meant = selector.view(at.labels, at.flags);
      const isMeant = (meant.levelBits & (1 << at.level)) !== 0 && this.#arrived?.(at.arrival) !== false;
      if (isMeant && (!isSome || texts.areIn(at.message))) {
        view.stand(meant);
        visitor.visit(view);
      }
      looked += 1;
      if (looked % linesAtOnce === 0) {
        await this.#rest();
      }
    }
    this.lines += looked;
  }

  async #rest(): Promise<void> {
    if (this.#slice.over) {
      await this.#slice.yield();
    }
  }
}

/** Texts of which each must stand in a line, in these letters. */
class NeededTexts {
  readonly filters: readonly TextFilter[];
  readonly #needles: readonly Buffer[];

  constructor(texts: readonly string[]) {
    // The longest leads: it is most likely the rarest.
    this.#needles = texts.map((text) => Buffer.from(text)).sort((a, b) => b.length - a.length);
    this.filters = this.#needles.map((needle) => new TextFilter(needle)).filter(({ idle }) => !idle);
  }

  areIn(text: Buffer): boolean {
    return this.#needles.every((needle) => text.includes(needle));
  }

  /** The next line, from that one on, that holds all; the number of lines where there is none. */
  next(lines: BlockLines, from: number): number {
    const { offsets, levels } = lines.columns;
    const [lead, ...others] = this.#needles;
    if (lead === undefined) {
      return from;
    }
    const { text } = lines;
    for (let line = from; line < levels.length; line++) {
      const found = text.indexOf(lead, offsets[line]);
      if (found < 0) {
        break;
      }
      line = lineAt(offsets, line, found);
      const end = offsets[line + 1] ?? 0;
      const own = text.subarray(offsets[line], end);
      // A text that goes over the end of the line is in no line.
      if (found + lead.length <= end && others.every((needle) => own.includes(needle))) {
        return line;
      }
    }
    return levels.length;
  }
}
