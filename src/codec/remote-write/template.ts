import type { Series, Shape } from '../../model/metric.ts';

/** Sample {value=1 double, timestamp=2 int64}: tag, length, and the two fields with a time of six bytes. */
export const sampleBytes = 18;
const nameLabel = '__name__';

/**
 * `timeseries=1` of every series of a shape, one behind the other, with room for one sample whose time takes six bytes.
 * Only values and times are still to be put in.
 */
export interface Template {
  readonly bytes: Buffer;
  /** count + 1 entries: where the message of each series begins. Its sample is its last `sampleBytes`. */
  readonly starts: Uint32Array;
  /** Where the labels of each series begin; they end where its sample begins. */
  readonly labelsAt: Uint32Array;
}

export function templateOf(shape: Shape): Template {
  const { series } = shape;
  const starts = new Uint32Array(series.length + 1);
  const labelsAt = new Uint32Array(series.length);
  const labels = new LabelWriter();
  const parts: Buffer[] = [];
  let filled = 0;
  series.forEach((one, i) => {
    const encoded = labels.of(one);
    const message = Buffer.allocUnsafe(6 + encoded.length + sampleBytes);
    let at = writeVarint(message, 1, encoded.length + sampleBytes);
    message[0] = 0x0a;
    starts[i] = filled;
    labelsAt[i] = filled + at;
    at += encoded.copy(message, at);
    message.fill(0, at, at + sampleBytes);
    message[at] = 0x12;
    message[at + 1] = sampleBytes - 2;
    message[at + 2] = 0x09;
    message[at + 11] = 0x10;
    parts.push(message.subarray(0, at + sampleBytes));
    filled += at + sampleBytes;
  });
  starts[series.length] = filled;
  return { bytes: Buffer.concat(parts, filled), starts, labelsAt };
}

/** Writes a positive integer below 2^53 and returns where it ends. */
export function writeVarint(out: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest > 0x7f) {
    out[end++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[end++] = rest;
  return end;
}

/** Encodes `labels=1` {name=1, value=2}, and each distinct pair only once. */
class LabelWriter {
  readonly #known = new Map<string, Map<string, Buffer>>();

  /** In byte order of the names, `__name__` among them, without empty values. */
  of({ name, labels }: Series): Buffer {
    const sorted: Buffer[] = [];
    let named = false;
    for (const [label, value] of labels) {
      if (!named && label > nameLabel) {
        sorted.push(this.#label(nameLabel, name));
        named = true;
      }
      if (value !== '') {
        sorted.push(this.#label(label, value));
      }
    }
    if (!named) {
      sorted.push(this.#label(nameLabel, name));
    }
    return Buffer.concat(sorted);
  }

  #label(name: string, value: string): Buffer {
    const values = this.#known.get(name) ?? new Map<string, Buffer>();
    this.#known.set(name, values);
    let encoded = values.get(value);
    if (encoded === undefined) {
      encoded = encodeLabel(Buffer.from(name), Buffer.from(value));
      values.set(value, encoded);
    }
    return encoded;
  }
}

function encodeLabel(name: Buffer, value: Buffer): Buffer {
  const inner = Buffer.allocUnsafe(12 + name.length + value.length);
  inner[0] = 0x0a;
  let at = writeVarint(inner, 1, name.length);
  at += name.copy(inner, at);
  inner[at] = 0x12;
  at = writeVarint(inner, at + 1, value.length);
  at += value.copy(inner, at);
  const head = Buffer.alloc(6);
  head[0] = 0x0a;
  return Buffer.concat([head.subarray(0, writeVarint(head, 1, at)), inner.subarray(0, at)]);
}
