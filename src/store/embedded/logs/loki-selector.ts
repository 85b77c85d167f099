import { labelName } from '../../../logql/line-labels.ts';
import { testOf } from '../../../logql/matcher.ts';
import type { Values } from '../../../logql/source.ts';
import { type LogLevel, type LogStream, logFlags, logLevels } from '../../../model/log.ts';
import type { BlockFacts } from './block-summary.ts';
import type { StreamLabels } from './stream-labels.ts';

/** As Loki looks for the name of a stream's service where nothing says it. */
const serviceLabels = ['service', 'app', 'application', 'name', 'container', 'component', 'workload', 'job', 'source'];
const levelNames: ReadonlySet<string> = new Set(['level', 'detected_level']);

/** The lines of one output of a stream, as Loki shows them. */
export interface StreamView {
  readonly labels: Values;
  /** Bit i: lines of level i are meant. */
  readonly levelBits: number;
}

interface Matcher {
  readonly name: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** A stream selector over a range of times, ready to be held against blocks and lines. */
export class LokiSelector {
  readonly startMs: number;
  readonly endMs: number;
  readonly #tests: readonly { readonly name: string; readonly test: (value: string) => boolean }[];
  readonly #views = new Map<StreamLabels, Readonly<Record<LogStream, StreamView>>>();

  /** Throws a LogqlError at a wrong expression. */
  constructor(matchers: readonly Matcher[], { startMs, endMs }: { readonly startMs: number; readonly endMs: number }) {
    this.startMs = startMs;
    this.endMs = endMs;
    this.#tests = matchers.map((matcher) => ({ name: matcher.name, test: testOf(matcher) }));
  }

  view(labels: StreamLabels, flags: number): StreamView {
    const known = this.#views.get(labels) ?? {
      stdout: this.#view(labels, 'stdout'),
      stderr: this.#view(labels, 'stderr'),
    };
    this.#views.set(labels, known);
    return (flags & logFlags.stderr) === 0 ? known.stdout : known.stderr;
  }

  /** The views of a block's streams that have lines which are meant, as far as the block's facts say. */
  viewsIn(facts: BlockFacts, streams: readonly StreamLabels[]): StreamView[] {
    const levels = facts.levels.reduce((bits, lines, level) => bits | (lines > 0 ? 1 << level : 0), 0);
    const outputs = [
      ...(facts.stderrLines < facts.lines ? [0] : []),
      ...(facts.stderrLines > 0 ? [logFlags.stderr] : []),
    ];
    const views = streams.flatMap((labels) => outputs.map((flags) => this.view(labels, flags)));
    return views.filter(({ levelBits }) => (levelBits & levels) !== 0);
  }

  mayHold(facts: BlockFacts, streams: readonly StreamLabels[]): boolean {
    return facts.maxMs >= this.startMs && facts.minMs <= this.endMs && this.viewsIn(facts, streams).length > 0;
  }

  #view(stored: StreamLabels, stream: LogStream): StreamView {
    const labels = shown(stored, stream);
    const isMeant = this.#tests.every(({ name, test }) => isLevel(name, labels) || test(labels[name] ?? ''));
    const ofLevel = this.#tests.filter(({ name }) => isLevel(name, labels));
    const takes = (level: LogLevel): boolean => ofLevel.every(({ name, test }) => test(levelValue(name, level)));
    const levelBits = logLevels.reduce((bits, level, i) => bits | (takes(level) ? 1 << i : 0), 0);
    return { labels, levelBits: isMeant ? levelBits : 0 };
  }
}

/** What no label of the stream says, the lines' own levels do. */
function isLevel(name: string, labels: Values): boolean {
  return levelNames.has(name) && labels[name] === undefined;
}

function levelValue(name: string, level: LogLevel): string {
  return level === 'unknown' && name === 'level' ? '' : level;
}

function shown(stored: StreamLabels, stream: LogStream): Values {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...stored, stream })) {
    labels[labelName(name)] ??= value;
  }
  labels['service_name'] ??=
    serviceLabels.map((name) => labels[name]).find((name) => name !== undefined) ?? 'unknown_service';
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
