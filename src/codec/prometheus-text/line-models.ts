import type { PageKeys } from './page-keys.ts';

/** The lines of a page as it was read: for each sample three offsets. */
export interface LineMarks {
  readonly count: number;
  /** By line: where what belongs to it begins (comments before it), where the line itself does, where its value does. */
  readonly marks: readonly number[];
  /** Where what stands behind the last sample begins. */
  readonly restAt: number;
  /** An earlier page that had some of these lines: of those, what they are like need not be found out again. */
  readonly before?: PageBefore;
}

export interface PageBefore {
  readonly keys: PageKeys;
  /** By line: which line of that page has the same bytes; −1: none. */
  readonly lines: readonly number[];
}

/** What one line is made of: own bytes, bytes of its model, own bytes, the model's last bytes. */
export interface Likeness {
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
/** Shorter ranges are compared here: a call costs more. */
export const comparedHere = 24;

/** Lines that stood on the page before, and whose models did too, are like them still. */
export class KnownModels {
  readonly #before: PageBefore | undefined;
  /** By line of the page before: where it stands now. */
  readonly #now: Int32Array;

  constructor(before: PageBefore | undefined) {
    this.#before = before;
    this.#now = new Int32Array(before?.keys.count ?? 0).fill(-1);
  }

  /** Lines are asked for in their order. */
  of(line: number): Likeness | undefined {
    const earlier = this.#before?.lines[line] ?? -1;
    if (this.#before === undefined || earlier < 0) {
      return undefined;
    }
    this.#now[earlier] = line;
    const likeness = this.#before.keys.likeness(earlier);
    if (likeness.model < 0) {
      return likeness;
    }
    const model = this.#now[likeness.model] ?? -1;
    return model < 0 ? undefined : { ...likeness, model };
  }
}

/**
 * Chooses the model of each line: the line before it, which often differs in one label; the last one with the same labels,
 * under another name; or the last one of the same name with the same end, such as the same bucket of another client.
 */
export class Models {
  readonly #page: Buffer;
  readonly #marks: readonly number[];
  readonly #byLabels = new Map<number, number>();
  readonly #byEnd = new Map<number, number>();

  constructor(page: Buffer, { marks }: LineMarks) {
    this.#page = page;
    this.#marks = marks;
  }

  /** Lines are asked for in their order; those that are left out are no models of others, but for the next one. */
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

/** Both ranges lie within the page. */
export function isSame(page: Buffer, one: number, other: number, length: number): boolean {
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
