const stepBytes = 64 * 1024;

interface Mark {
  readonly seq: number;
  readonly offset: number;
  readonly receivedAtMs: number;
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
  mark(seq: number, offset: number, receivedAtMs: number): void {
    const last = this.#marks.at(-1);
    if (last === undefined || offset - last.offset >= stepBytes) {
      this.#marks.push({ seq, offset, receivedAtMs });
    }
  }

  /** Of a record at or shortly before that one; undefined where nothing is known. */
  near(seq: number): { readonly offset: number; readonly receivedAtMs: number } | undefined {
    return this.#marks.findLast((mark) => mark.seq <= seq) ?? this.#marks[0];
  }
}
