const stepBytes = 64 * 1024;

interface Mark {
  readonly seq: number;
  readonly offset: number;
  readonly receivedAtMs: number;
  /** Of the lane, before that record. */
  readonly cumItems: number;
}

/** A segment as the lane that writes it knows it: where it lies, how long it is, and about where in it a record stands. */
export class SegmentIndex {
  readonly path: string;
  readonly firstSeq: number;
  /** Items of the lane before this segment. */
  startCumItems: number;
  bytes: number;
  readonly #marks: Mark[] = [];

  constructor(at: { path: string; firstSeq: number; startCumItems: number; bytes: number }) {
    this.path = at.path;
    this.firstSeq = at.firstSeq;
    this.startCumItems = at.startCumItems;
    this.bytes = at.bytes;
  }

  /** A data record begins at `offset`. */
  mark(mark: Mark): void {
    const last = this.#marks.at(-1);
    if (last === undefined || mark.offset - last.offset >= stepBytes) {
      this.#marks.push(mark);
    }
  }

  /** Of a record at or shortly before that one; undefined where nothing is known. */
  near(seq: number): { readonly offset: number; readonly receivedAtMs: number } | undefined {
    return this.#marks.findLast((mark) => mark.seq <= seq) ?? this.#marks[0];
  }

  /** What began there or later is gone. */
  cutTo(bytes: number): void {
    this.bytes = bytes;
    while ((this.#marks.at(-1)?.offset ?? -1) >= bytes) {
      this.#marks.pop();
    }
  }

  /** A record behind `seq` that begins at `offset` or later; undefined where nothing is known of one. */
  behind(seq: number, offset: number): Mark | undefined {
    return this.#marks.find((mark) => mark.offset >= offset && mark.seq > seq);
  }
}
