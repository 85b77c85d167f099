/** Numbers of the things that a span may have, for `SpanPlaces.set`; an endpoint's four parts follow each other from its own on. */
export const placesOf = {
  traceId: 0,
  id: 2,
  parentId: 4,
  name: 6,
  kind: 8,
  timestamp: 10,
  duration: 12,
  debug: 14,
  shared: 16,
  local: 18,
  remote: 26,
  /** Of the last annotation. */
  annotationTime: -4,
  annotationValue: -2,
} as const;

/** A span's words: begin and end of each thing, then where its tags and its annotations begin among theirs. */
const spanWords = 36;
const tagsAt = 34;
const annotationsAt = 35;
const extraWords = 4;

/** Where the things of a list of spans stand in its bytes. An end of 0 says that the thing is not there. Used again and again. */
export class SpanPlaces {
  #spans: Int32Array = new Int32Array(spanWords * 64);
  #tags: Int32Array = new Int32Array(extraWords * 2048);
  #annotations: Int32Array = new Int32Array(extraWords * 64);
  #spanEnd = 0;
  #tagsEnd = 0;
  #annotationsEnd = 0;

  get length(): number {
    return this.#spanEnd / spanWords;
  }

  clear(): void {
    this.#spanEnd = 0;
    this.#tagsEnd = 0;
    this.#annotationsEnd = 0;
  }

  /** The next span begins. */
  begin(): void {
    const from = this.#spanEnd;
    this.#spanEnd += spanWords;
    this.#spans = roomy(this.#spans, this.#spanEnd);
    this.#spans.fill(0, from, this.#spanEnd);
    this.#spans[from + tagsAt] = this.#tagsEnd;
    this.#spans[from + annotationsAt] = this.#annotationsEnd;
  }

  set(place: number, begin: number, end: number): void {
    if (place < 0) {
      this.#annotations[this.#annotationsEnd + place] = begin;
      this.#annotations[this.#annotationsEnd + place + 1] = end;
    } else {
      const at = this.#spanEnd - spanWords + place;
      this.#spans[at] = begin;
      this.#spans[at + 1] = end;
    }
  }

  tag(keyBegin: number, keyEnd: number, valueBegin: number, valueEnd: number): void {
    const at = this.#tagsEnd;
    this.#tagsEnd += extraWords;
    this.#tags = roomy(this.#tags, this.#tagsEnd);
    this.#tags[at] = keyBegin;
    this.#tags[at + 1] = keyEnd;
    this.#tags[at + 2] = valueBegin;
    this.#tags[at + 3] = valueEnd;
  }

  /** The next annotation of the span begins. */
  annotation(): void {
    this.#annotationsEnd += extraWords;
    this.#annotations = roomy(this.#annotations, this.#annotationsEnd);
  }

  begins(span: number, place: number): number {
    return this.#spans[span * spanWords + place] ?? 0;
  }

  ends(span: number, place: number): number {
    return this.#spans[span * spanWords + place + 1] ?? 0;
  }

  /** Where the span's tags begin and the next one's: steps of four words, begin and end of the key and of the value. */
  tagsFrom(span: number): number {
    return span < this.length ? (this.#spans[span * spanWords + tagsAt] ?? 0) : this.#tagsEnd;
  }

  tagWord(at: number): number {
    return this.#tags[at] ?? 0;
  }

  /** The same of annotations: begin and end of the time's digits and of the value. */
  annotationsFrom(span: number): number {
    return span < this.length ? (this.#spans[span * spanWords + annotationsAt] ?? 0) : this.#annotationsEnd;
  }

  annotationWord(at: number): number {
    return this.#annotations[at] ?? 0;
  }
}

function roomy(words: Int32Array, length: number): Int32Array {
  if (length <= words.length) {
    return words;
  }
  const larger = new Int32Array(words.length * 2);
  larger.set(words);
  return larger;
}
