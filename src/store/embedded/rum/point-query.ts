import { BridgeError } from '../../../contract/errors.ts';
import type { LabelMatcher, RumQuery } from '../../../contract/store.ts';
import { labelTest } from '../../../lib/label-matcher.ts';
import { type BlockSummary, bloomKeys, mayHold } from './block-summary.ts';
import type { Column } from './column.ts';
import type { PointPage } from './point-page.ts';

/** Verdicts that are remembered for each matcher. */
const mostVerdicts = 10_000;

/** A query, checked and ready to be held against blocks and points. */
export class PointQuery {
  readonly startMs: number;
  readonly endMs: number;
  readonly #kinds: ReadonlySet<string> | undefined;
  readonly #tests: readonly ValueTest[];
  readonly #wanted: readonly LabelMatcher[];

  /** `kinds`: which points are meant at all; without it every one. Throws BRIDGE_DECODE at a wrong expression. */
  constructor({ startMs, endMs, matchers }: RumQuery, kinds?: readonly string[]) {
    this.startMs = startMs;
    this.endMs = endMs;
    this.#kinds = kinds === undefined ? undefined : new Set(kinds);
    this.#tests = matchers.map((matcher) => new ValueTest(matcher));
    this.#wanted = matchers.filter(({ name, op, value }) => op === '=' && value !== '' && bloomKeys.includes(name));
  }

  /** May a block hold such points? */
  mayHold(summary: BlockSummary): boolean {
    const { minMs, maxMs, kinds } = summary;
    return (
      maxMs >= this.startMs &&
      minMs <= this.endMs &&
      (this.#kinds === undefined || kinds.some((kind) => this.#kinds?.has(kind) === true)) &&
      this.#wanted.every(({ name, value }) => mayHold(summary, name, value))
    );
  }

  /** The points of the page that are meant, in order. */
  *pointsIn(page: PointPage): Generator<number, void, undefined> {
    const tests = this.#tests.map((test) => ({ test, text: textsOf(page, test.name) }));
    for (let at = 0; at < page.count; at++) {
      const ms = page.ms[at] ?? 0;
      const isMeant = ms >= this.startMs && ms <= this.endMs && this.#kinds?.has(page.kind.text(at)) !== false;
      if (isMeant && tests.every(({ test, text }) => test.holds(text(at)))) {
        yield at;
      }
    }
  }
}

class ValueTest {
  readonly name: string;
  readonly #test: (value: string) => boolean;
  readonly #known = new Map<string, boolean>();

  constructor(matcher: LabelMatcher) {
    this.name = matcher.name;
    try {
      this.#test = labelTest(matcher);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BridgeError('BRIDGE_DECODE', `"${matcher.value}" is no regular expression: ${reason}`, { cause });
    }
  }

  holds(value: string): boolean {
    const known = this.#known.get(value);
    if (known !== undefined) {
      return known;
    }
    const verdict = this.#test(value);
    if (this.#known.size < mostVerdicts) {
      this.#known.set(value, verdict);
    }
    return verdict;
  }
}

export type TextAt = (point: number) => string;

/** `kind` is the kind of point, `view` the name of its view; every other name is a tag or a field. '' where it is absent. */
export function textsOf(page: PointPage, name: string): TextAt {
  if (name === 'view') {
    return viewNames(page);
  }
  const column: Column = name === 'kind' ? page.kind : page.column(name);
  return (at) => column.text(at);
}

/** What a view is called: by its name, else by its path with numbers left out, its path, or its address. */
function viewNames(page: PointPage): TextAt {
  const columns = ['view_name', 'view_path_group', 'view_path', 'view_url'].map((key) => page.column(key));
  return (at) => {
    for (const column of columns) {
      const text = column.text(at);
      if (text !== '') {
        return text;
      }
    }
    return '';
  };
}
