/** The lines of a page as it was read: for each sample three offsets. */
export interface LineMarks {
  readonly count: number;
  /** By line: where what belongs to it begins (comments before it), where the line itself does, where its value does. */
  readonly marks: readonly number[];
  /** Where what stands behind the last sample begins. */
  readonly restAt: number;
}

/** What one line is made of: own bytes, bytes of its model, own bytes, the model's last bytes. */
interface Likeness {
  readonly model: number;
  /** Own bytes in front: the name, where that is not the model's. */
  readonly front: number;
  /** Where in the model's key the first like bytes begin, and how many they are. */
  readonly from: number;
  readonly like: number;
  /** Like bytes at the end. */
  readonly end: number;
}

const unlike: Likeness = { model: -1, front: 0, from: 0, like: 0, end: 0 };
const mostLike = 0xffff;
const comparedHere = 24;

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
      const { model, front, from, like, end } = models.of(i);
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
    const [front = 0, from = 0, like = 0, tail = 0] = this.#sizes.subarray(4 * line, 4 * line + 4);
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

/** Both ranges lie within the page. */
function isSame(page: Buffer, one: number, other: number, length: number): boolean {
  if (length > comparedHere) {
    return page.compare(page, one, one + length, other, other + length) === 0;
  }
  for (let i = 0; i < length; i++) {
    if (page[one + i] !== page[other + i]) {
      return false;
    }
  }
  return true;
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

/**
 * Chooses the model of each line: the line before it, which often differs in one label; the last one with the same labels,
 * under another name; or the last one of the same name with the same end, such as the same bucket of another client.
 */
class Models {
  readonly #page: Buffer;
  readonly #marks: readonly number[];
  readonly #byLabels = new Map<number, number>();
  readonly #byEnd = new Map<number, number>();

  constructor(page: Buffer, { marks }: LineMarks) {
    this.#page = page;
    this.#marks = marks;
  }

  /** Lines are asked for in their order. */
  of(line: number): Likeness {
    const [at, nameEnd, end] = this.#parts(line);
    const labels = this.#hash(nameEnd, end);
    const tail = this.#hash(at, nameEnd) ^ Math.imul(this.#hash(Math.max(nameEnd, end - 12), end), 31);
    let best = line === 0 ? unlike : this.#likeness(line, line - 1);
    for (const model of [this.#byLabels.get(labels), this.#byEnd.get(tail)]) {
      if (end - at - best.like - best.end > comparedHere && model !== undefined) {
        const other = this.#likeness(line, model);
        best = other.like + other.end > best.like + best.end ? other : best;
      }
    }
    this.#byLabels.set(labels, line);
    this.#byEnd.set(tail, line);
    return best;
  }

  #likeness(line: number, model: number): Likeness {
    const [at, nameEnd, end] = this.#parts(line);
    const [modelAt, modelNameEnd, modelEnd] = this.#parts(model);
    const page = this.#page;
    const named = nameEnd - at === modelNameEnd - modelAt && isSame(page, modelAt, at, nameEnd - at);
    const front = named ? 0 : nameEnd - at;
    const from = named ? 0 : modelNameEnd - modelAt;
    if (Math.max(front, from) > mostLike) {
      return unlike;
    }
    const most = Math.min(end - at - front, modelEnd - modelAt - from, mostLike);
    let like = 0;
    while (like < most && page[at + front + like] === page[modelAt + from + like]) {
      like++;
    }
    const mostEnd = Math.min(most - like, end - at - front - like);
    let tail = 0;
    while (tail < mostEnd && page[end - 1 - tail] === page[modelEnd - 1 - tail]) {
      tail++;
    }
    return { model, front, from, like, end: tail };
  }

  /** Where it begins, where its name ends, and where its value begins. */
  #parts(line: number): readonly [number, number, number] {
    const at = this.#marks[3 * line + 1] ?? 0;
    const end = this.#marks[3 * line + 2] ?? 0;
    const brace = this.#page.indexOf(0x7b, at);
    return [at, brace < 0 || brace > end ? end : brace, end];
  }

  #hash(from: number, to: number): number {
    return bytesHash(this.#page, from, to);
  }
}

/** Sees the length, some sixteen bytes spread over the range, and its end, where the buckets of a histogram differ. */
export function bytesHash(bytes: Buffer, from: number, to: number): number {
  let hash = to - from;
  const step = Math.max(1, (to - from) >> 4);
  for (let at = from; at < to; at += step) {
    hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  }
  for (let at = Math.max(from, to - 12); at < to; at++) {
    hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
