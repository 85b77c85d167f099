import { compressSync } from 'snappy';
import { type Exemplar, isStale, type MetricFrame, type Shape } from '../../model/metric.ts';
import { encodedOf } from '../metric-frame/metric-frame.ts';
import { encodeLabel, ShapeLabels } from './labels.ts';
import { type FamilyMetadata, metadataOf } from './metadata.ts';
import { SnappyWriter } from './snappy-writer.ts';
import { type Template, type TemplatePiece, type TimeKind, templateOf, writeTime } from './template.ts';
import { field, int64, varint, writeVarint } from './varint.ts';

export { encodeMetadata, type FamilyMetadata } from './metadata.ts';

export interface WriteRequestEncoderOptions {
  /** A request is ended before it grows past this before compression, unless a single series is larger. */
  readonly maxRequestBytes: number;
  /** What templates may take that are kept from request to request. */
  readonly maxTemplateBytes: number;
}

/** Samples of consecutive series, to be written into a request. */
interface Part {
  readonly plainBytes: number;
  readonly bytes: number;
  write(out: Buffer, at: number): void;
}

interface KeptTemplate {
  readonly template: Template;
  readonly families: readonly FamilyMetadata[];
  lastUse: number;
}

/** Times that take six bytes as a varint: 1971 to 2109. */
const sixByteMs = { from: 2 ** 35, below: 2 ** 42 };
const mostPieceBytes = 512 * 1024;

/**
 * `prometheus.WriteRequest` of remote-write 1.0 (prometheus/docs, remote_write_spec.md), compressed (snappy, block format).
 * Samples go out in the order of the frames. The series of a shape are compressed once; from then on a frame costs a copy of
 * that and its values.
 */
export class WriteRequestEncoder {
  readonly #options: WriteRequestEncoderOptions;
  readonly #templates = new Map<string, KeptTemplate>();
  readonly #writer = new SnappyWriter();
  #templateBytes = 0;
  #uses = 0;

  constructor(options: WriteRequestEncoderOptions) {
    this.#options = options;
  }

  /** Each request owns its bytes. Throws BRIDGE_DECODE where a shape cannot be read. */
  *encode(frames: Iterable<MetricFrame>): Generator<Buffer, void, undefined> {
    let parts: Part[] = [];
    let plainBytes = 0;
    for (const frame of frames) {
      for (const part of this.#parts(frame)) {
        if (parts.length > 0 && plainBytes + part.plainBytes > this.#options.maxRequestBytes) {
          yield joined(parts, plainBytes);
          parts = [];
          plainBytes = 0;
        }
        parts.push(part);
        plainBytes += part.plainBytes;
      }
    }
    if (parts.length > 0) {
      yield joined(parts, plainBytes);
    }
  }

  /** What TYPE, HELP and UNIT said of the families of that shape. Throws BRIDGE_DECODE. */
  families(shape: Shape): readonly FamilyMetadata[] {
    return this.#kept(shape, 'shared').families;
  }

  *#parts(frame: MetricFrame): Generator<Part, void, undefined> {
    const { shape, timestampsMs } = frame;
    if (isSixBytes(frame)) {
      for (const piece of this.#kept(shape, timestampsMs === undefined ? 'shared' : 'own').template.pieces) {
        yield new StampedPiece(frame, piece);
      }
    } else {
      const labels = new ShapeLabels(encodedOf(shape));
      for (let i = 0; i < labels.rows.count; i++) {
        yield plainPart(field(0x0a, labelsOf(labels, i), field(0x12, sampleOf(frame, i))));
      }
    }
    if (frame.exemplars !== undefined && frame.exemplars.length > 0) {
      const labels = new ShapeLabels(encodedOf(shape));
      for (const exemplar of frame.exemplars) {
        yield plainPart(field(0x0a, labelsOf(labels, exemplar.index), exemplarOf(exemplar, frame.timestampMs)));
      }
    }
  }

  #kept(shape: Shape, kind: TimeKind): KeptTemplate {
    this.#uses++;
    const key = `${shape.id} ${kind}`;
    const known = this.#templates.get(key);
    if (known !== undefined) {
      known.lastUse = this.#uses;
      return known;
    }
    const labels = new ShapeLabels(encodedOf(shape));
    const pieceBytes = Math.min(mostPieceBytes, this.#options.maxRequestBytes);
    const template = templateOf(labels, kind, { pieceBytes, writer: this.#writer });
    const fresh = { template, families: metadataOf(labels.rows), lastUse: this.#uses };
    if (!this.#fits(template)) {
      this.#sweep();
    }
    if (this.#fits(template)) {
      this.#templates.set(key, fresh);
      this.#templateBytes += template.sizeBytes;
    }
    return fresh;
  }

  #fits(template: Template): boolean {
    return this.#templateBytes + template.sizeBytes <= this.#options.maxTemplateBytes;
  }

  /** Targets come round in turn: what was not used for some rounds is gone. Least recently used would throw out each just before its turn. */
  #sweep(): void {
    const oldest = this.#uses - 4 * this.#templates.size;
    for (const [key, { template, lastUse }] of this.#templates) {
      if (lastUse < oldest) {
        this.#templates.delete(key);
        this.#templateBytes -= template.sizeBytes;
      }
    }
  }
}

/** Already encoded, as part of a request. */
export function withPart(request: Buffer, plain: Buffer): Buffer {
  const { length, bodyAt } = preambleOf(request);
  const part = plainPart(plain);
  const out = Buffer.allocUnsafe(5 + request.length + part.bytes);
  let at = writeVarint(out, 0, length + plain.length);
  at += request.copy(out, at, bodyAt);
  part.write(out, at);
  return out.subarray(0, at + part.bytes);
}

function preambleOf(request: Buffer): { readonly length: number; readonly bodyAt: number } {
  let length = 0;
  let bodyAt = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = request[bodyAt++] ?? 0;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      return { length, bodyAt };
    }
  }
}

/** The block begins with its length once inflated. */
function joined(parts: readonly Part[], plainBytes: number): Buffer {
  const head = varint(plainBytes);
  const out = Buffer.allocUnsafeSlow(parts.reduce((sum, { bytes }) => sum + bytes, head.length));
  let at = head.copy(out);
  for (const part of parts) {
    part.write(out, at);
    at += part.bytes;
  }
  return out;
}

function isSixBytes({ timestampMs, timestampsMs }: MetricFrame): boolean {
  const fits = (ms: number): boolean => ms >= sixByteMs.from && ms < sixByteMs.below;
  return fits(timestampMs) && (timestampsMs?.every((ms) => Number.isNaN(ms) || fits(ms)) ?? true);
}

class StampedPiece implements Part {
  readonly #frame: MetricFrame;
  readonly #piece: TemplatePiece;

  constructor(frame: MetricFrame, piece: TemplatePiece) {
    this.#frame = frame;
    this.#piece = piece;
  }

  get plainBytes(): number {
    return this.#piece.plainBytes;
  }

  get bytes(): number {
    return this.#piece.bytes.length;
  }

  write(out: Buffer, at: number): void {
    const { bytes, from, to, valuesAt, timesAt } = this.#piece;
    const { timestampMs, timestampsMs } = this.#frame;
    bytes.copy(out, at);
    for (const timeAt of timesAt) {
      writeTime(out, at + timeAt, timestampMs);
    }
    const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
    for (let i = from; i < to; i++) {
      const valueAt = at + (valuesAt[i - from] ?? 0);
      writeValue(view, valueAt, this.#frame, i);
      if (timestampsMs !== undefined) {
        const ownMs = timestampsMs[i] ?? Number.NaN;
        writeTime(out, valueAt + 8, Number.isNaN(ownMs) ? timestampMs : ownMs);
      }
    }
  }
}

/** A stale marker and an ordinary NaN differ in their bits only, which a JS number would not keep. */
function writeValue(view: DataView, at: number, frame: MetricFrame, index: number): void {
  const value = frame.values[index] ?? Number.NaN;
  if (frame.stale !== undefined && isStale(frame, index)) {
    view.setUint32(at, 0x00000002, true);
    view.setUint32(at + 4, 0x7ff00000, true);
  } else if (Number.isNaN(value)) {
    view.setUint32(at, 0x00000001, true);
    view.setUint32(at + 4, 0x7ff80000, true);
  } else {
    view.setFloat64(at, value, true);
  }
}

/** Bytes of a request as they are, without the length that a block begins with. */
function plainPart(plain: Buffer): Part {
  const block = compressSync(plain, { copyOutputData: true });
  const { bodyAt } = preambleOf(block);
  return {
    plainBytes: plain.length,
    bytes: block.length - bodyAt,
    write: (out, at) => {
      block.copy(out, at, bodyAt);
    },
  };
}

function labelsOf(labels: ShapeLabels, series: number): Buffer {
  const tokens = new Uint32Array(labels.widest);
  const count = labels.of(series, tokens);
  return Buffer.concat(Array.from(tokens.subarray(0, count), (token) => labels.tokens[token] ?? Buffer.alloc(0)));
}

function sampleOf(frame: MetricFrame, index: number): Buffer {
  const ownMs = frame.timestampsMs?.[index] ?? Number.NaN;
  const value = Buffer.alloc(9, 0x09);
  writeValue(new DataView(value.buffer, value.byteOffset, value.byteLength), 1, frame, index);
  return Buffer.concat([value, Buffer.of(0x10), int64(Number.isNaN(ownMs) ? frame.timestampMs : ownMs)]);
}

/** `exemplars=3` {labels=1, value=2, timestamp=3}: a series of its own without samples, as Prometheus sends them. */
function exemplarOf({ labels, value, timestampMs }: Exemplar, scrapeMs: number): Buffer {
  const parts = labels.map(([name, text]) => encodeLabel(Buffer.from(name), Buffer.from(text)));
  const number = Buffer.alloc(9, 0x11);
  number.writeDoubleLE(value, 1);
  return field(0x1a, ...parts, number, Buffer.of(0x18), int64(timestampMs ?? scrapeMs));
}
