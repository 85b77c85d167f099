import type { Series } from '../../model/metric.ts';
import { decodeShape, type EncodedShape, encodeShape } from './shape.ts';

/**
 * The series of a page, kept as their encoded bytes: a hundredth of what they take as objects. They are decoded when they
 * are asked for, and are the very same objects for as long as somebody holds the list.
 */
export class SeriesList {
  readonly count: number;
  /** Series that stand behind those of the page in its frames. */
  readonly behind: readonly Series[];
  /** Of the series and what stands behind them. */
  readonly shape: EncodedShape;
  #kept: WeakRef<readonly Series[]>;

  constructor(series: readonly Series[], behind: readonly Series[]) {
    this.count = series.length;
    this.behind = behind;
    this.shape = encodeShape([...series, ...behind]);
    this.#kept = new WeakRef(series);
  }

  get series(): readonly Series[] {
    const kept = this.#kept.deref();
    if (kept !== undefined) {
      return kept;
    }
    const series = decodeShape(this.shape.bytes).slice(0, this.count);
    this.#kept = new WeakRef(series);
    return series;
  }
}
