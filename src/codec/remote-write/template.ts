import type { ShapeLabels } from './labels.ts';
import { furthestCopyBytes, type SnappyWriter } from './snappy-writer.ts';
import { varint } from './varint.ts';

/** Sample {value=1 double, timestamp=2 int64}: tag, length, and the two fields with a time of six bytes. */
const sampleBytes = 18;
const sampleHead = Buffer.of(0x12, sampleBytes - 2, 0x09);
const timeTag = 0x10;
const tailBytes = 7;

/** `shared`: all samples have one time, `own`: each has its own. */
export type TimeKind = 'shared' | 'own';

/**
 * `timeseries=1` of some consecutive series of a shape, already compressed, but for values and times: these are literals
 * that are written over each time it is used.
 */
export interface TemplatePiece {
  readonly bytes: Buffer;
  /** Its length once inflated. */
  readonly plainBytes: number;
  /** The series `from` to `to` (exclusive). */
  readonly from: number;
  readonly to: number;
  /** By series of the piece: where its value stands; with times of their own, the time stands 9 bytes behind. */
  readonly valuesAt: Uint32Array;
  /** Where the tag and the time that all share stand: mostly once, since the others are copies of it. */
  readonly timesAt: readonly number[];
}

export interface Template {
  readonly pieces: readonly TemplatePiece[];
  readonly sizeBytes: number;
}

export interface TemplateOptions {
  readonly pieceBytes: number;
  /** Worked with, and free again afterwards. */
  readonly writer: SnappyWriter;
}

/** Pieces are ended before they stand for more than `pieceBytes`, unless a single series is larger. */
export function templateOf(labels: ShapeLabels, kind: TimeKind, options: TemplateOptions): Template {
  const pieces: TemplatePiece[] = [];
  const rows = new RowSizes(labels);
  for (let from = 0; from < labels.rows.count; ) {
    options.writer.begin();
    const piece = new PieceWriter(options.writer, rows, kind).from(from, options.pieceBytes);
    pieces.push(piece);
    from = piece.to;
  }
  return {
    pieces,
    sizeBytes: pieces.reduce((sum, { bytes, valuesAt }) => sum + bytes.length + valuesAt.byteLength, 0),
  };
}

/** The tokens of the series that is looked at. */
class RowSizes {
  readonly tokens: Uint32Array;
  readonly labels: ShapeLabels;
  count = 0;
  /** Of the message, without its own tag and length. */
  innerBytes = 0;

  constructor(labels: ShapeLabels) {
    this.labels = labels;
    this.tokens = new Uint32Array(labels.widest);
  }

  read(series: number): void {
    this.count = this.labels.of(series, this.tokens);
    let bytes = sampleBytes;
    for (let i = 0; i < this.count; i++) {
      bytes += this.labels.tokens[this.tokens[i] ?? 0]?.length ?? 0;
    }
    this.innerBytes = bytes;
  }
}

class PieceWriter {
  readonly #labels: ShapeLabels;
  readonly #row: RowSizes;
  readonly #kind: TimeKind;
  readonly #writer: SnappyWriter;
  /** Where each token stood last. */
  readonly #lastAt: Int32Array;
  /** Where the head of a message of that length stood last. */
  readonly #headAt = new Map<number, number>();
  #sampleHeadAt = -1;
  #tailAt = -1;
  readonly #timesAt: number[] = [];

  constructor(writer: SnappyWriter, row: RowSizes, kind: TimeKind) {
    const { labels } = row;
    this.#writer = writer;
    this.#labels = labels;
    this.#row = row;
    this.#kind = kind;
    this.#lastAt = new Int32Array(labels.tokens.length + labels.rows.strings.length).fill(-1);
  }

  from(from: number, pieceBytes: number): TemplatePiece {
    const valuesAt: number[] = [];
    let series = from;
    for (; series < this.#labels.rows.count; series++) {
      this.#row.read(series);
      if (series > from && this.#writer.plainBytes + this.#row.innerBytes + 6 > pieceBytes) {
        break;
      }
      valuesAt.push(this.#write());
    }
    return {
      bytes: this.#writer.bytes(),
      plainBytes: this.#writer.plainBytes,
      from,
      to: series,
      valuesAt: Uint32Array.from(valuesAt),
      timesAt: this.#timesAt,
    };
  }

  /** Says where the value stands. */
  #write(): number {
    const { tokens, count, innerBytes } = this.#row;
    const headAt = this.#headAt.get(innerBytes) ?? -1;
    this.#headAt.set(innerBytes, this.#writer.plainBytes);
    if (this.#reaches(headAt)) {
      this.#writer.copy(headAt, 1 + varintBytes(innerBytes));
    } else {
      this.#writer.literal(Buffer.concat([Buffer.of(0x0a), varint(innerBytes)]));
    }
    for (let i = 0; i < count; i++) {
      this.#token(tokens[i] ?? 0);
    }
    this.#sampleHeadAt = this.#again(this.#sampleHeadAt, sampleHead);
    if (this.#kind === 'own') {
      return this.#writer.hole(8 + tailBytes);
    }
    const valueAt = this.#writer.hole(8);
    this.#tail();
    return valueAt;
  }

  #token(token: number): void {
    const bytes = this.#labels.tokens[token];
    if (bytes !== undefined) {
      this.#lastAt[token] = this.#again(this.#lastAt[token] ?? -1, bytes);
    }
  }

  #again(before: number, bytes: Buffer): number {
    const at = this.#writer.plainBytes;
    if (this.#reaches(before)) {
      this.#writer.copy(before, bytes.length);
    } else {
      this.#writer.literal(bytes);
    }
    return at;
  }

  #tail(): void {
    const at = this.#writer.plainBytes;
    if (this.#reaches(this.#tailAt)) {
      this.#writer.copy(this.#tailAt, tailBytes);
    } else {
      this.#timesAt.push(this.#writer.hole(tailBytes));
    }
    this.#tailAt = at;
  }

  #reaches(at: number): boolean {
    return at >= 0 && this.#writer.plainBytes - at <= furthestCopyBytes;
  }
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

/** Writes the tag of a time and the time itself: six bytes, so from 1971 to 2109. */
export function writeTime(out: Buffer, at: number, timestampMs: number): void {
  out[at] = timeTag;
  let rest = timestampMs;
  for (let i = 1; i < 6; i++) {
    out[at + i] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[at + 6] = rest;
}
