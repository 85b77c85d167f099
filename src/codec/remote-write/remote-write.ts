import { isStale, type MetricFrame, type Shape } from '../../model/metric.ts';
import { sampleBytes, type Template, templateOf, writeVarint } from './template.ts';

export interface WriteRequestEncoderOptions {
  /** A request is ended before it grows past this, unless a single series is larger. */
  readonly maxRequestBytes: number;
  /** What encoded labels may take that are kept from request to request. */
  readonly maxTemplateBytes: number;
}

interface KeptTemplate {
  readonly template: Template;
  lastUse: number;
}

/** Times that take six bytes as a varint: 1971 to 2109. */
const sixByteMs = { from: 2 ** 35, below: 2 ** 42 };

/**
 * `prometheus.WriteRequest` of remote-write 1.0 (prometheus/docs, remote_write_spec.md), not yet compressed. Samples go out
 * in the order of the frames. The labels of a shape are encoded once; from then on a frame costs a copy and its values.
 */
export class WriteRequestEncoder {
  readonly #options: WriteRequestEncoderOptions;
  readonly #templates = new Map<string, KeptTemplate>();
  #templateBytes = 0;
  #uses = 0;
  #out = Buffer.allocUnsafe(64 * 1024);
  #view = new DataView(this.#out.buffer, this.#out.byteOffset, this.#out.byteLength);
  #filled = 0;

  constructor(options: WriteRequestEncoderOptions) {
    this.#options = options;
  }

  /** Each request is good until the next one is asked for. */
  *encode(frames: Iterable<MetricFrame>): Generator<Buffer, void, undefined> {
    this.#filled = 0;
    for (const frame of frames) {
      const template = this.#template(frame.shape);
      for (let index = 0; index < frame.values.length; ) {
        const end = this.#fitting(template, index);
        if (end === index) {
          yield this.#taken();
          continue;
        }
        this.#append(frame, template, index, end);
        index = end;
      }
    }
    if (this.#filled > 0) {
      yield this.#taken();
    }
  }

  #taken(): Buffer {
    const request = this.#out.subarray(0, this.#filled);
    this.#filled = 0;
    return request;
  }

  /** How far the series from `index` on fit; at least one into an empty request. */
  #fitting({ starts }: Template, index: number): number {
    const room = this.#options.maxRequestBytes - this.#filled + (starts[index] ?? 0);
    const count = starts.length - 1;
    if ((starts[count] ?? 0) <= room) {
      return count;
    }
    let end = index;
    while ((starts[end + 1] ?? 0) <= room) {
      end++;
    }
    return end === index && this.#filled === 0 ? index + 1 : end;
  }

  #append(frame: MetricFrame, template: Template, from: number, to: number): void {
    const { timestampMs, timestampsMs } = frame;
    if (timestampsMs === undefined && timestampMs >= sixByteMs.from && timestampMs < sixByteMs.below) {
      this.#stamp(frame, template, from, to);
      return;
    }
    for (let i = from; i < to; i++) {
      const ownMs = timestampsMs?.[i] ?? Number.NaN;
      this.#single(frame, template, i, Number.isNaN(ownMs) ? timestampMs : ownMs);
    }
  }

  #stamp(frame: MetricFrame, { bytes, starts }: Template, from: number, to: number): void {
    const first = starts[from] ?? 0;
    this.#room((starts[to] ?? 0) - first);
    const out = this.#out;
    const shift = this.#filled - first;
    const time = Buffer.alloc(6);
    writeVarint(time, 0, frame.timestampMs);
    const low = time.readUInt32LE(0);
    const high = time.readUInt16LE(4);
    this.#filled += bytes.copy(out, this.#filled, first, starts[to]);
    for (let i = from; i < to; i++) {
      const valueAt = (starts[i + 1] ?? 0) + shift - 15;
      this.#value(frame, i, valueAt);
      this.#view.setUint32(valueAt + 9, low, true);
      this.#view.setUint16(valueAt + 13, high, true);
    }
  }

  #single(frame: MetricFrame, template: Template, index: number, timestampMs: number): void {
    const labelsAt = template.labelsAt[index] ?? 0;
    const labelsEnd = (template.starts[index + 1] ?? 0) - sampleBytes;
    const time = int64(timestampMs);
    const innerBytes = labelsEnd - labelsAt + 12 + time.length;
    this.#room(innerBytes + 6);
    const out = this.#out;
    out[this.#filled] = 0x0a;
    let at = writeVarint(out, this.#filled + 1, innerBytes);
    at += template.bytes.copy(out, at, labelsAt, labelsEnd);
    out[at] = 0x12;
    out[at + 1] = 10 + time.length;
    out[at + 2] = 0x09;
    this.#value(frame, index, at + 3);
    out[at + 11] = 0x10;
    this.#filled = at + 12 + time.copy(out, at + 12);
  }

  /** A stale marker and an ordinary NaN differ in their bits only, which a JS number would not keep. */
  #value(frame: MetricFrame, index: number, at: number): void {
    const value = frame.values[index] ?? Number.NaN;
    if (frame.stale !== undefined && isStale(frame, index)) {
      this.#view.setUint32(at, 0x00000002, true);
      this.#view.setUint32(at + 4, 0x7ff00000, true);
    } else if (Number.isNaN(value)) {
      this.#view.setUint32(at, 0x00000001, true);
      this.#view.setUint32(at + 4, 0x7ff80000, true);
    } else {
      this.#view.setFloat64(at, value, true);
    }
  }

  #room(needed: number): void {
    if (this.#filled + needed > this.#out.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#out.length * 2, this.#filled + needed));
      this.#out.copy(grown, 0, 0, this.#filled);
      this.#out = grown;
      this.#view = new DataView(grown.buffer, grown.byteOffset, grown.byteLength);
    }
  }

  #template(shape: Shape): Template {
    this.#uses++;
    const kept = this.#templates.get(shape.id);
    if (kept !== undefined) {
      kept.lastUse = this.#uses;
      return kept.template;
    }
    const template = templateOf(shape);
    if (!this.#fits(template)) {
      this.#sweep();
    }
    if (this.#fits(template)) {
      this.#templates.set(shape.id, { template, lastUse: this.#uses });
      this.#templateBytes += template.bytes.length;
    }
    return template;
  }

  #fits(template: Template): boolean {
    return this.#templateBytes + template.bytes.length <= this.#options.maxTemplateBytes;
  }

  /** Targets come round in turn: what was not used for some rounds is gone. Least recently used would throw out each just before its turn. */
  #sweep(): void {
    const oldest = this.#uses - 4 * this.#templates.size;
    for (const [id, { template, lastUse }] of this.#templates) {
      if (lastUse < oldest) {
        this.#templates.delete(id);
        this.#templateBytes -= template.bytes.length;
      }
    }
  }
}

/** An int64 as a varint: a negative one takes ten bytes. */
function int64(value: number): Buffer {
  const out = Buffer.alloc(10);
  const whole = Math.round(value);
  if (whole >= 0) {
    return out.subarray(0, writeVarint(out, 0, whole));
  }
  let rest = BigInt.asUintN(64, BigInt(whole));
  for (let at = 0; at < 9; at++) {
    out[at] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  out[9] = Number(rest);
  return out;
}
