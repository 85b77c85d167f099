import { BridgeError } from '../../../contract/errors.ts';
import type { LabelMatcher, LogQuery } from '../../../contract/store.ts';
import { labelTest } from '../../../lib/label-matcher.ts';
import { type LogLevel, logFlags, logLevels } from '../../../model/log.ts';
import type { BlockFacts } from './block-summary.ts';
import type { LineAt } from './line-scan.ts';
import { LogqlFilter } from './logql-filter.ts';
import { Scratch } from './scratch.ts';
import type { StreamLabels } from './stream-labels.ts';
import { TextFolder, TextNeedle } from './text-needle.ts';

/** Which lines of a stream are meant, by what the runtime said of them. */
export const streamBits = { stdout: 1, stderr: 2 } as const;
const bothStreams = streamBits.stdout | streamBits.stderr;

type LabelTest = (value: string) => boolean;

/** A query, checked and ready to be held against blocks and lines. */
export class LineQuery {
  readonly startMs: number;
  readonly endMs: number;
  readonly needles: readonly TextNeedle[];
  readonly folder = new TextFolder();
  /** For the text of the block that is looked at. */
  readonly room = new Scratch();
  /** Bit i: lines of level i are meant. */
  readonly levelBits: number;
  readonly #tests: readonly { readonly name: string; readonly test: LabelTest }[];
  readonly #streamBits: number;
  readonly #known = new WeakMap<StreamLabels, number>();
  readonly #logql: LogqlFilter | undefined;

  /** Throws BRIDGE_DECODE at a wrong expression or level. */
  constructor({ startMs, endMs, matchers, texts: asked, levels, logql }: LogQuery) {
    this.startMs = startMs;
    this.endMs = endMs;
    this.#logql = logql === undefined ? undefined : new LogqlFilter(logql);
    const texts = [...asked, ...(this.#logql?.texts ?? [])];
    this.needles = texts.filter((text) => text !== '').map((text) => new TextNeedle(text));
    this.levelBits = levels.length === 0 ? -1 : levels.reduce((bits, level) => bits | levelBit(level), 0);
    const tests = matchers.map((matcher) => ({ name: matcher.name, test: testOf(matcher) }));
    const ofStream = tests.filter(({ name }) => name === 'stream');
    const meant = (stream: keyof typeof streamBits): number =>
      ofStream.every(({ test }) => test(stream)) ? streamBits[stream] : 0;
    this.#tests = tests.filter(({ name }) => name !== 'stream');
    this.#streamBits = meant('stdout') | meant('stderr');
  }

  get namesLevels(): boolean {
    return this.levelBits !== -1;
  }

  /** The same query over all times. */
  static ofAllTimes(query: LogQuery): LineQuery {
    return new LineQuery({ ...query, startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY });
  }

  /** `streamBits` of the stream's lines that are meant; 0: none. */
  bitsOf(labels: StreamLabels): number {
    const known = this.#known.get(labels);
    if (known !== undefined) {
      return known;
    }
    const bits = this.#tests.every(({ name, test }) => test(labels[name] ?? '')) ? this.#streamBits : 0;
    this.#known.set(labels, bits);
    return bits;
  }

  /** May a block hold such lines, as far as its times, levels and streams say? */
  mayHold(facts: BlockFacts, streams: readonly StreamLabels[]): boolean {
    const { minMs, maxMs, levels } = facts;
    if (maxMs < this.startMs || minMs > this.endMs || !levels.some((lines, level) => lines > 0 && this.#wants(level))) {
      return false;
    }
    const has =
      (facts.stderrLines > 0 ? streamBits.stderr : 0) | (facts.stderrLines < facts.lines ? streamBits.stdout : 0);
    return streams.some((labels) => (this.bitsOf(labels) & has) !== 0);
  }

  /** Is every line of the block meant, unless its level is not? */
  takesAll(facts: BlockFacts, streams: readonly StreamLabels[]): boolean {
    return (
      this.needles.length === 0 &&
      this.#logql === undefined &&
      this.#streamBits === bothStreams &&
      facts.minMs >= this.startMs &&
      facts.maxMs <= this.endMs &&
      streams.every((labels) => this.bitsOf(labels) !== 0)
    );
  }

  /** Does LogQL let the line through, where the query has some? */
  passes(line: LineAt): boolean {
    return this.#logql?.passes(line) !== false;
  }

  /** Is a line meant, its text aside? */
  wants(line: { readonly ms: number; readonly level: number; readonly flags: number }, bits: number): boolean {
    const stream = (line.flags & logFlags.stderr) === 0 ? streamBits.stdout : streamBits.stderr;
    return (bits & stream) !== 0 && this.#wants(line.level) && line.ms >= this.startMs && line.ms <= this.endMs;
  }

  /** Does every text stand in the line? */
  isIn(line: { readonly message: Uint8Array }): boolean {
    if (this.needles.length === 0) {
      return true;
    }
    const folded = this.folder.fold(line.message);
    return this.needles.every((needle) => folded.includes(needle.folded) && needle.holds(line.message));
  }

  #wants(level: number): boolean {
    return (this.levelBits & (1 << level)) !== 0;
  }
}

function levelBit(level: string): number {
  const index = logLevels.indexOf(level as LogLevel);
  if (index < 0) {
    throw new BridgeError('BRIDGE_DECODE', `"${level}" is no level; there are ${logLevels.join(', ')}`);
  }
  return 1 << index;
}

function testOf(matcher: LabelMatcher): LabelTest {
  try {
    return labelTest(matcher);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BridgeError('BRIDGE_DECODE', `"${matcher.value}" is no regular expression: ${reason}`, { cause });
  }
}
