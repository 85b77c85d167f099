import { zstdDecompressSync } from 'node:zlib';
import type { MetricType } from '../../model/metric.ts';
import { ByteReader } from './bytes.ts';

/** Version 1: as `encodeShape` says. Version 2: 2 · number of series · length of version 1 (counts) · version 1, compressed by zstd. */
export const shapeVersions = { plain: 1, packed: 2 } as const;

/** Codes of the wire: only ever add at the end. */
export const metricTypes: readonly MetricType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'summary',
  'info',
  'stateset',
  'gaugehistogram',
];

/** What damaged bytes may make us ask for. */
const maxShapeBytes = 1024 * 1024 * 1024;

/** An encoded shape taken apart, but for its texts: for whoever needs bytes and numbers, and no objects. */
export interface ShapeRows {
  readonly count: number;
  /** UTF-8 */
  readonly strings: readonly Buffer[];
  /** Two of `strings` each: name and value. */
  readonly pairs: Uint32Array;
  /** By series: index into `strings`. */
  readonly names: Uint32Array;
  /** By series: index into `metricTypes`. */
  readonly types: Uint8Array;
  /** By series: index into `strings`, + 1; 0: none. */
  readonly helps: Uint32Array;
  readonly units: Uint32Array;
  /** By series: index into `strings`. */
  readonly measurements: Uint32Array;
  readonly fields: Uint32Array;
  /** count + 1 entries: where in `labels` those of each series begin. */
  readonly labelsFrom: Uint32Array;
  /** Indices into `pairs`, halved. */
  readonly labels: Uint32Array;
}

/** Throws BRIDGE_DECODE. The strings are views of the bytes. */
export function readShapeRows(bytes: Uint8Array): ShapeRows {
  const reader = new ByteReader(plainShape(bytes), 'shape');
  const version = reader.byte();
  if (version !== shapeVersions.plain) {
    throw reader.fault(`version ${version} is not known`);
  }
  const strings = Array.from({ length: reader.length() }, () => reader.bytes());
  const pairs = readNumbers(reader, 2 * reader.length(), strings.length);
  const rows = readRows(reader, strings.length, pairs.length / 2);
  reader.end();
  const head = bytes[0] === shapeVersions.packed ? packedHead(bytes) : undefined;
  if (head !== undefined && head.count !== rows.count) {
    throw head.fault(`${rows.count} series instead of ${head.count}`);
  }
  return { strings, pairs, ...rows };
}

/** How many series it has. Throws BRIDGE_DECODE. */
export function shapeCount(bytes: Uint8Array): number {
  return bytes[0] === shapeVersions.packed ? packedHead(bytes).count : readShapeRows(bytes).count;
}

/** Its length before compression. Throws BRIDGE_DECODE. */
export function plainShapeBytes(bytes: Uint8Array): number {
  return bytes[0] === shapeVersions.packed ? packedHead(bytes).plainBytes : bytes.length;
}

interface PackedHead {
  readonly count: number;
  readonly plainBytes: number;
  readonly packed: Uint8Array;
  readonly fault: (message: string) => Error;
}

function packedHead(bytes: Uint8Array): PackedHead {
  const reader = new ByteReader(bytes, 'shape');
  reader.byte();
  const count = reader.count();
  const plainBytes = reader.count();
  if (plainBytes > maxShapeBytes) {
    throw reader.fault(`it says that it holds ${plainBytes} bytes`);
  }
  return { count, plainBytes, packed: reader.take(reader.left), fault: (message) => reader.fault(message) };
}

/** The bytes of version 1. */
function plainShape(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== shapeVersions.packed) {
    return bytes;
  }
  const { plainBytes, packed, fault } = packedHead(bytes);
  try {
    const plain = zstdDecompressSync(packed, { maxOutputLength: Math.max(1, plainBytes) });
    if (plain.length === plainBytes) {
      return plain;
    }
  } catch {
    // Whatever is wrong with it, it is no shape.
  }
  throw fault('what is compressed in it is damaged');
}

function readNumbers(reader: ByteReader, count: number, below: number): Uint32Array {
  if (count > 2 * reader.left) {
    throw reader.fault(`${count} numbers cannot follow in ${reader.left} bytes`);
  }
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    numbers[i] = index(reader, below);
  }
  return numbers;
}

function index(reader: ByteReader, below: number): number {
  const found = reader.count();
  if (found >= below) {
    throw reader.fault(`entry ${found} of a table of ${below}`);
  }
  return found;
}

/** A row is name, type, help + 1, unit + 1, measurement, field, number of labels, labels. */
function readRows(reader: ByteReader, strings: number, pairs: number): Omit<ShapeRows, 'strings' | 'pairs'> {
  const count = reader.length();
  const numbers = (): Uint32Array => new Uint32Array(count);
  const [names, helps, units, measurements, fields] = [numbers(), numbers(), numbers(), numbers(), numbers()];
  const types = new Uint8Array(count);
  const labelsFrom = new Uint32Array(count + 1);
  let labels = new Uint32Array(Math.min(reader.left, count * 32));
  let filled = 0;
  for (let i = 0; i < count; i++) {
    names[i] = index(reader, strings);
    types[i] = reader.byte();
    if ((types[i] ?? 0) >= metricTypes.length) {
      throw reader.fault(`type ${types[i]} is not known`);
    }
    helps[i] = index(reader, strings + 1);
    units[i] = index(reader, strings + 1);
    measurements[i] = index(reader, strings);
    fields[i] = index(reader, strings);
    const more = reader.length();
    if (filled + more > labels.length) {
      labels = grown(labels, filled + more);
    }
    for (let label = 0; label < more; label++) {
      labels[filled++] = index(reader, pairs);
    }
    labelsFrom[i + 1] = filled;
  }
  return { count, names, types, helps, units, measurements, fields, labelsFrom, labels };
}

function grown(numbers: Uint32Array<ArrayBuffer>, needed: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(needed, numbers.length * 2));
  larger.set(numbers);
  return larger;
}
