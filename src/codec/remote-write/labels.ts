import { readShapeRows, type ShapeRows } from '../metric-frame/metric-frame.ts';
import { field } from './varint.ts';

const nameLabel = Buffer.from('__name__');

/** The series of an encoded shape as lists of labels, each distinct one encoded once: `labels=1` {name=1, value=2}. */
export class ShapeLabels {
  readonly rows: ShapeRows;
  readonly tokens: Buffer[] = [];
  readonly #ofPair: Int32Array;
  readonly #ofName: Int32Array;
  /** By pair: whether it stands before `__name__`, or has no value and is left out. */
  readonly #places: Uint8Array;

  constructor(encoded: Uint8Array) {
    this.rows = readShapeRows(encoded);
    const { pairs, strings } = this.rows;
    this.#ofPair = new Int32Array(pairs.length / 2);
    this.#ofName = new Int32Array(strings.length).fill(-1);
    this.#places = new Uint8Array(pairs.length / 2);
    for (let pair = 0; pair < this.#ofPair.length; pair++) {
      const name = this.#string(pairs[2 * pair]);
      const value = this.#string(pairs[2 * pair + 1]);
      this.#ofPair[pair] = this.tokens.push(encodeLabel(name, value)) - 1;
      this.#places[pair] =
        value.length === 0 ? place.nowhere : name.compare(nameLabel) < 0 ? place.before : place.behind;
    }
  }

  /** The tokens of a series, in byte order of the names with `__name__` among them, written to `out`; says how many. */
  of(series: number, out: Uint32Array): number {
    const { labelsFrom, labels } = this.rows;
    const to = labelsFrom[series + 1] ?? 0;
    let count = 0;
    let named = false;
    for (let at = labelsFrom[series] ?? 0; at < to; at++) {
      const pair = labels[at] ?? 0;
      if (!named && this.#places[pair] === place.behind) {
        out[count++] = this.#nameToken(series);
        named = true;
      }
      if (this.#places[pair] !== place.nowhere) {
        out[count++] = this.#ofPair[pair] ?? 0;
      }
    }
    if (!named) {
      out[count++] = this.#nameToken(series);
    }
    return count;
  }

  /** Most tokens that a series has. */
  get widest(): number {
    const { labelsFrom, count } = this.rows;
    let widest = 0;
    for (let i = 0; i < count; i++) {
      widest = Math.max(widest, (labelsFrom[i + 1] ?? 0) - (labelsFrom[i] ?? 0));
    }
    return widest + 1;
  }

  #nameToken(series: number): number {
    const name = this.rows.names[series] ?? 0;
    const known = this.#ofName[name] ?? -1;
    if (known >= 0) {
      return known;
    }
    const token = this.tokens.push(encodeLabel(nameLabel, this.#string(name))) - 1;
    this.#ofName[name] = token;
    return token;
  }

  #string(index: number | undefined): Buffer {
    return this.rows.strings[index ?? -1] ?? Buffer.alloc(0);
  }
}

const place = { nowhere: 0, before: 1, behind: 2 } as const;

export function encodeLabel(name: Buffer, value: Buffer): Buffer {
  return field(0x0a, field(0x0a, name), field(0x12, value));
}
