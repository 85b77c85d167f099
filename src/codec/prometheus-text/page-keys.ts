import { comparedHere, isSame, KnownModels, type Likeness, type LineMarks, Models } from './line-models.ts';

/**
 * The page without its values, each line told by an earlier one of the same page: a page of 1.2 MB takes some 50 KB. A line
 * is found again by comparing it with that earlier line where it stands on the new page, so what is found is equal byte for
 * byte.
 */
export class PageKeys {
  readonly count: number;
  readonly #own: Buffer;
  /** count + 1 entries: where in `#own` the bytes of a line begin, those before it included. */
  readonly #ownAt: Uint32Array;
  readonly #models: Int32Array;
  /** By line: front, from, like, end. */
  readonly #sizes: Uint16Array;
  /** Bytes between the line before and this one, where there are any. */
  readonly #leads: ReadonlyMap<number, number>;

  constructor(page: Buffer, lines: LineMarks) {
    const models = new Models(page, lines);
    const known = new KnownModels(lines.before);
    this.count = lines.count;
    this.#ownAt = new Uint32Array(lines.count + 1);
    this.#models = new Int32Array(lines.count);
    this.#sizes = new Uint16Array(lines.count * 4);
    this.#leads = new Map();
    const own = new OwnBytes(page);
    const leads = new Map<number, number>();
    for (let i = 0; i < lines.count; i++) {
      const [segmentAt = 0, at = 0, valueAt = 0] = lines.marks.slice(3 * i, 3 * i + 3);
      this.#ownAt[i] = own.length;
      if (at > segmentAt) {
        leads.set(i, at - segmentAt);
        own.add(segmentAt, at);
      }
      const { model, front, from, like, end } = known.of(i) ?? models.of(i);
      this.#models[i] = model;
      this.#sizes.set([front, from, like, end], 4 * i);
      own.add(at, at + front);
      own.add(at + front + like, valueAt - end);
    }
    this.#ownAt[lines.count] = own.length;
    own.add(lines.restAt, page.length);
    this.#own = own.bytes();
    this.#leads = leads;
  }

  likeness(line: number): Likeness {
    const [front = 0, from = 0, like = 0, end = 0] = this.#sizes.subarray(4 * line, 4 * line + 4);
    return { model: this.#models[line] ?? -1, front, from, like, end };
  }

  /**
   * Where the value of that line begins, if what belongs to it begins at `pos`, comments before it included; else −1.
   * `places` says where lines stand on this page, and takes this one.
   */
  segment(page: Buffer, pos: number, line: number, places: Places): number {
    const lead = this.#leads.get(line);
    if (lead === undefined) {
      return this.line(page, pos, line, places);
    }
    const from = this.#ownAt[line] ?? 0;
    return this.#isOwn(page, pos, from, from + lead) ? this.line(page, pos + lead, line, places) : -1;
  }

  /** The same of the line alone. */
  line(page: Buffer, at: number, line: number, places: Places): number {
    const model = this.#models[line] ?? -1;
    const modelAt = model < 0 ? at : places.at(model);
    if (modelAt < 0) {
      return this.#lineByCopy(page, at, line, places);
    }
    const ownAt = (this.#ownAt[line] ?? 0) + (this.#leads.get(line) ?? 0);
    const ownEnd = this.#ownAt[line + 1] ?? 0;
    const front = this.#sizes[4 * line] ?? 0;
    const from = this.#sizes[4 * line + 1] ?? 0;
    const like = this.#sizes[4 * line + 2] ?? 0;
    const tail = this.#sizes[4 * line + 3] ?? 0;
    const middleAt = at + front + like;
    const tailAt = middleAt + ownEnd - ownAt - front;
    const end = tailAt + tail;
    const isHere =
      end <= page.length &&
      this.#isOwn(page, at, ownAt, ownAt + front) &&
      isSame(page, modelAt + from, at + front, like) &&
      this.#isOwn(page, middleAt, ownAt + front, ownEnd) &&
      (tail === 0 || isSame(page, places.end(model) - tail, tailAt, tail));
    return isHere && places.put(line, at, end) ? end : -1;
  }

  /** Its model does not stand on this page, or stands behind it. */
  #lineByCopy(page: Buffer, at: number, line: number, places: Places): number {
    const key = this.#key(page, line, places);
    const end = at + key.length;
    const isHere = end <= page.length && page.compare(key, 0, key.length, at, end) === 0;
    return isHere && places.put(line, at, end) ? end : -1;
  }

  /** The bytes of a line, put together from those of its model, and so on. */
  #key(page: Buffer, line: number, places: Places): Buffer {
    const chain: number[] = [];
    let known: Buffer | undefined;
    for (let next = line; known === undefined && next >= 0; next = this.#models[next] ?? -1) {
      known = places.at(next) < 0 ? places.copies.get(next) : page.subarray(places.at(next), places.end(next));
      if (known === undefined) {
        chain.push(next);
      }
    }
    let key: Buffer = known ?? Buffer.alloc(0);
    for (const next of chain.reverse()) {
      key = this.#keyLike(key, next);
      places.copies.set(next, key);
    }
    return key;
  }

  #keyLike(model: Buffer, line: number): Buffer {
    const { front, from, like, end: tail } = this.likeness(line);
    const own = this.#own.subarray((this.#ownAt[line] ?? 0) + (this.#leads.get(line) ?? 0), this.#ownAt[line + 1]);
    return Buffer.concat([
      own.subarray(0, front),
      model.subarray(from, from + like),
      own.subarray(front),
      model.subarray(model.length - tail),
    ]);
  }

  /** Whether the page ends as it did. */
  rest(page: Buffer, pos: number): boolean {
    const from = this.#ownAt[this.count] ?? 0;
    return page.length - pos === this.#own.length - from && this.#isOwn(page, pos, from, this.#own.length);
  }

  #isOwn(page: Buffer, at: number, from: number, to: number): boolean {
    const own = this.#own;
    if (at + to - from > page.length) {
      return false;
    }
    if (to - from > comparedHere) {
      return page.compare(own, from, to, at, at + to - from) === 0;
    }
    for (let i = from; i < to; i++) {
      if (own[i] !== page[at + i - from]) {
        return false;
      }
    }
    return true;
  }
}

/** Where lines of an earlier page stand on this one. */
export class Places {
  /** Lines that others are told by, and that do not stand here. */
  readonly copies = new Map<number, Buffer>();
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  constructor(count: number) {
    this.#starts = new Int32Array(count).fill(-1);
    this.#ends = new Int32Array(count);
  }

  /** −1: not seen yet. */
  at(line: number): number {
    return this.#starts[line] ?? -1;
  }

  end(line: number): number {
    return this.#ends[line] ?? -1;
  }

  /** Always true. */
  put(line: number, at: number, end: number): boolean {
    this.#starts[line] = at;
    this.#ends[line] = end;
    return true;
  }
}

class OwnBytes {
  readonly #page: Buffer;
  readonly #ranges: number[] = [];
  length = 0;

  constructor(page: Buffer) {
    this.#page = page;
  }

  add(from: number, to: number): void {
    if (to > from) {
      this.#ranges.push(from, to);
      this.length += to - from;
    }
  }

  bytes(): Buffer {
    const all = Buffer.allocUnsafeSlow(this.length);
    let filled = 0;
    for (let i = 0; i < this.#ranges.length; i += 2) {
      filled += this.#page.copy(all, filled, this.#ranges[i], this.#ranges[i + 1]);
    }
    return all;
  }
}
