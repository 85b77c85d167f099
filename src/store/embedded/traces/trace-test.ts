import type { BlockView } from './block-view.ts';
import type { Condition } from './conditions.ts';
import type { SpanPlace, TimeBounds } from './trace-reader.ts';

/** When the trace began, in µs: its root's timestamp, else the smallest; undefined where no span has one. */
export function traceMicros(places: readonly SpanPlace[]): number | undefined {
  let smallest: number | undefined;
  for (const { view, index } of places) {
    const at = view.timestamp[index] ?? Number.NaN;
    if (!Number.isNaN(at)) {
      if (view.parentId(index) === undefined) {
        return at;
      }
      smallest = smallest === undefined || at < smallest ? at : smallest;
    }
  }
  return smallest;
}

/** Holds conditions against traces; what a condition needs of a block is worked out once a block. */
export class TraceTest {
  readonly #conditions: readonly Condition[];
  readonly #byView = new WeakMap<BlockView, readonly ((index: number) => boolean)[]>();

  constructor(conditions: readonly Condition[]) {
    this.#conditions = conditions;
  }

  /** Does each condition hold on some span? */
  holds(places: readonly SpanPlace[]): boolean {
    return this.#conditions.every((_, condition) =>
      places.some(({ view, index }) => this.holdsOn(view, condition)(index)),
    );
  }

  /** The test of one condition, by its index, on spans of one block. */
  holdsOn(view: BlockView, condition: number): (index: number) => boolean {
    let tests = this.#byView.get(view);
    if (tests === undefined) {
      tests = this.#conditions.map((each) => each.on(view));
      this.#byView.set(view, tests);
    }
    return tests[condition] ?? never;
  }
}

function never(): boolean {
  return false;
}

export function within(micros: number, { minMicros, maxMicros }: TimeBounds): boolean {
  return micros >= minMicros && micros <= maxMicros;
}
