import { createHash } from 'node:crypto';
import { BridgeError } from '../../contract/errors.ts';
import type { TagEdits } from '../../model/batch.ts';
import type { Exemplar, MetricFrame, Series, Shape } from '../../model/metric.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { decodeShape, encodeShape } from './shape.ts';
import { plainShapeBytes, shapeCount } from './shape-rows.ts';

export { SeriesList } from './series-list.ts';
export { decodeShape, type EncodedShape, encodeShape } from './shape.ts';
export { metricTypes, readShapeRows, type ShapeRows } from './shape-rows.ts';

const frameVersion = 1;
const headerBytes = 16;
const has = { stale: 1, timestamps: 2, exemplars: 4 } as const;

/**
 * Payload of a record: version u8 · what follows u8 · 0 u16 · count u32 · timestampMs f64 · values f64 each ·
 * [stale bitmap] · [timestamps f64 each] · [exemplars]. Little endian, as every machine is that Node runs on. The parts
 * alias the frame's arrays: write them out before the frame changes. The value under a stale bit is written as it stands.
 */
export function encodeFrame(frame: Omit<MetricFrame, 'shape'>): readonly Uint8Array[] {
  const { values, stale, timestampsMs, exemplars = [] } = frame;
  const header = Buffer.alloc(headerBytes);
  header[0] = frameVersion;
  header[1] =
    (stale === undefined ? 0 : has.stale) |
    (timestampsMs === undefined ? 0 : has.timestamps) |
    (exemplars.length === 0 ? 0 : has.exemplars);
  header.writeUInt32LE(values.length, 4);
  header.writeDoubleLE(frame.timestampMs, 8);
  const parts: Uint8Array[] = [header, bytesOf(values)];
  if (stale !== undefined) {
    parts.push(stale.subarray(0, bitmapBytes(values.length)));
  }
  if (timestampsMs !== undefined) {
    parts.push(bytesOf(timestampsMs));
  }
  if (exemplars.length > 0) {
    parts.push(encodeExemplars(exemplars));
  }
  return parts;
}

export function bitmapBytes(count: number): number {
  return (count + 7) >> 3;
}

/** A frame as it stands in its payload: all but the shape. */
export type FrameBody = Omit<MetricFrame, 'shape'>;

/** Owns its arrays; `values` has as many entries as the shape has series, if the two belong together. Throws BRIDGE_DECODE. */
export function decodeFrameBody(payload: Uint8Array): FrameBody {
  const reader = new ByteReader(payload, 'metric frame');
  const version = reader.byte();
  if (version !== frameVersion) {
    throw reader.fault(`version ${version} is not known`);
  }
  const flags = reader.byte();
  reader.take(2);
  const count = reader.take(4).reduceRight((sum, byte) => sum * 256 + byte, 0);
  const timestampMs = reader.double();
  const values = readDoubles(reader, count);
  const stale = (flags & has.stale) === 0 ? undefined : Uint8Array.from(reader.take(bitmapBytes(count)));
  const timestampsMs = (flags & has.timestamps) === 0 ? undefined : readDoubles(reader, count);
  const exemplars = (flags & has.exemplars) === 0 ? undefined : readExemplars(reader, count);
  reader.end();
  return {
    timestampMs,
    values,
    ...(stale && { stale }),
    ...(timestampsMs && { timestampsMs }),
    ...(exemplars && { exemplars }),
  };
}

/** The series of a shape, with the edits of a record's header. Throws BRIDGE_DECODE. */
export function decodeSeries(dictionary: Uint8Array, edits: TagEdits | undefined): readonly Series[] {
  const series = decodeShape(dictionary);
  return edits === undefined ? series : series.map((one) => edited(one, edits));
}

/** Names the series that a shape has with those edits. */
export function shapeKey(dictionaryId: string, edits: TagEdits | undefined): string {
  return edits === undefined ? dictionaryId : `${dictionaryId}-${digest(edits)}`;
}

export interface FrameDecoderOptions {
  /** What the shapes that are kept may take, in bytes as they were before compression. Default 8 MiB; a decoded one takes some ten times as much. */
  readonly maxShapeBytes?: number;
}

interface ShapeSource {
  readonly bytes: Uint8Array;
  readonly edits: TagEdits | undefined;
}

/** A shape of which the bytes are at hand too, as `encodeShape` wrote them. */
export interface EncodedInShape extends Shape {
  readonly encoded: Uint8Array | undefined;
}

/** The bytes of a shape: those that it came from, if it has them, else new ones. */
export function encodedOf(shape: Shape | EncodedInShape): Uint8Array {
  return ('encoded' in shape ? shape.encoded : undefined) ?? encodeShape(shape.series).bytes;
}

/** A shape that is decoded when its series are asked for. */
class LazyShape implements EncodedInShape {
  readonly id: string;
  readonly count: number;
  readonly #source: ShapeSource;
  readonly #grew: (shape: LazyShape) => void;
  #series: readonly Series[] | undefined;

  /** `grew` is called when it takes more memory than before. */
  constructor(id: string, source: ShapeSource, grew: (shape: LazyShape) => void) {
    this.id = id;
    this.count = shapeCount(source.bytes);
    this.#source = source;
    this.#grew = grew;
  }

  get series(): readonly Series[] {
    if (this.#series === undefined) {
      const { bytes, edits } = this.#source;
      this.#series = decodeSeries(bytes, edits);
      this.#grew(this);
    }
    return this.#series;
  }

  get encoded(): Uint8Array | undefined {
    return this.#source.edits === undefined ? this.#source.bytes : undefined;
  }

  get sizeBytes(): number {
    const { bytes } = this.#source;
    return this.#series === undefined ? bytes.length : plainShapeBytes(bytes);
  }
}

/** Decodes payloads, and keeps the shapes that it met last, those with header edits applied among them. */
export class FrameDecoder {
  readonly #maxShapeBytes: number;
  readonly #shapes = new Map<string, { readonly shape: LazyShape; sizeBytes: number }>();
  #keptBytes = 0;

  constructor(options: FrameDecoderOptions = {}) {
    this.#maxShapeBytes = options.maxShapeBytes ?? 8 * 1024 * 1024;
  }

  /**
   * The frame owns its arrays. `edits` change the labels of every series: first `drop`, then `add` where the label lacks;
   * such a shape has an id of its own. Throws BRIDGE_DECODE; so may the `series` of a large shape when they are first
   * asked for.
   */
  decode(
    payload: Uint8Array,
    dictionary: { readonly id: string; readonly bytes: Uint8Array } | undefined,
    edits?: TagEdits,
  ): MetricFrame {
    const body = decodeFrameBody(payload);
    if (dictionary === undefined) {
      throw new BridgeError('BRIDGE_DECODE', 'metric frame: its shape is missing');
    }
    const shape = this.#shape(dictionary, edits);
    if (body.values.length !== shape.count) {
      const { length } = body.values;
      throw new BridgeError('BRIDGE_DECODE', `${length} values for a shape of ${shape.count} series`);
    }
    return { shape, ...body };
  }

  #shape(dictionary: { readonly id: string; readonly bytes: Uint8Array }, edits: TagEdits | undefined): LazyShape {
    const id = shapeKey(dictionary.id, edits);
    const kept = this.#shapes.get(id);
    if (kept !== undefined) {
      this.#shapes.delete(id);
      this.#shapes.set(id, kept);
      return kept.shape;
    }
    const shape = new LazyShape(id, { bytes: dictionary.bytes, edits }, (grown) => this.#resize(grown));
    this.#shapes.set(id, { shape, sizeBytes: shape.sizeBytes });
    this.#keptBytes += shape.sizeBytes;
    this.#forget(id);
    return shape;
  }

  #resize(shape: LazyShape): void {
    const kept = this.#shapes.get(shape.id);
    if (kept?.shape === shape) {
      this.#keptBytes += shape.sizeBytes - kept.sizeBytes;
      kept.sizeBytes = shape.sizeBytes;
      this.#forget(shape.id);
    }
  }

  #forget(except: string): void {
    for (const [id, old] of this.#shapes) {
      if (this.#keptBytes <= this.#maxShapeBytes || id === except) {
        break;
      }
      this.#shapes.delete(id);
      this.#keptBytes -= old.sizeBytes;
    }
  }
}

function digest(edits: TagEdits): string {
  const added = Object.entries(edits.add ?? {}).sort(([a], [b]) => compareBytes(a, b));
  return createHash('sha256')
    .update(JSON.stringify([added, edits.drop ?? []]))
    .digest('hex')
    .slice(0, 16);
}

function edited(series: Series, edits: TagEdits): Series {
  const dropped = new Set(edits.drop ?? []);
  const labels = series.labels.filter(([name]) => !dropped.has(name));
  for (const [name, value] of Object.entries(edits.add ?? {})) {
    if (value !== '' && !labels.some(([other]) => other === name)) {
      labels.push([name, value]);
    }
  }
  return { ...series, labels: labels.sort(([a], [b]) => compareBytes(a, b)) };
}

/** The order of UTF-8 bytes, which is that of code points. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) {
      // In UTF-16 the surrogates stand before U+E000 to U+FFFF, in UTF-8 behind.
      const surrogates = Number(left >= 0xd800 && left < 0xe000) - Number(right >= 0xd800 && right < 0xe000);
      return surrogates !== 0 && Math.min(left, right) >= 0xd800 ? surrogates : left - right;
    }
  }
  return a.length - b.length;
}

function bytesOf(array: Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function readDoubles(reader: ByteReader, count: number): Float64Array {
  const source = reader.take(count * 8);
  const values = new Float64Array(count);
  bytesOf(values).set(source);
  return values;
}

function encodeExemplars(exemplars: readonly Exemplar[]): Uint8Array {
  const writer = new ByteWriter();
  writer.count(exemplars.length);
  for (const { index, labels, value, timestampMs } of exemplars) {
    writer.count(index);
    writer.count(labels.length);
    for (const [name, text] of labels) {
      writer.text(name);
      writer.text(text);
    }
    writer.double(value);
    writer.double(timestampMs ?? Number.NaN);
  }
  return writer.bytes();
}

function readExemplars(reader: ByteReader, count: number): readonly Exemplar[] {
  return Array.from({ length: reader.length() }, () => {
    const index = reader.count();
    if (index >= count) {
      throw reader.fault(`an exemplar of series ${index}, of ${count}`);
    }
    const labels = Array.from({ length: reader.length() }, (): [string, string] => [reader.text(), reader.text()]);
    const value = reader.double();
    const timestampMs = reader.double();
    return { index, labels, value, ...(!Number.isNaN(timestampMs) && { timestampMs }) };
  });
}
