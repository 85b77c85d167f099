import { Writer } from 'protobufjs/minimal.js';
import type { Point, PointValue } from './point.ts';

/*
 * DataKit's wire format v2 (com.guance.Point):
 *     PBPoints  1 arr: PBPoint
 *     PBPoint   1 name: string · 2 fields: Field · 3 time: int64 (ns since 1970)
 *     Field     1 key: string · oneof { 2 i: int64 · 4 f: double · 5 b: bool · 11 s: string } · 8 is_tag: bool
 * What else a field may be (3 uint64, 6 bytes, 7 Any) and say (9 type, 10 unit) is not used.
 */
const [varint, fixed64, lengthDelimited] = [0, 1, 2];

export function encodePointsProto(points: readonly Point[]): Uint8Array {
  const writer = Writer.create();
  for (const { measurement, tags, fields, timeNanos } of points) {
    writer.uint32(key(1, lengthDelimited)).fork();
    writer.uint32(key(1, lengthDelimited)).string(measurement);
    for (const [name, value] of Object.entries(tags)) {
      writer.uint32(key(2, lengthDelimited)).fork();
      writeField(writer, name, value);
      writer.uint32(key(8, varint)).bool(true).ldelim();
    }
    for (const [name, value] of Object.entries(fields)) {
      writer.uint32(key(2, lengthDelimited)).fork();
      writeField(writer, name, value);
      writer.ldelim();
    }
    writer.uint32(key(3, varint)).int64(String(timeNanos)).ldelim();
  }
  return writer.finish();
}

function writeField(writer: Writer, name: string, value: PointValue): void {
  writer.uint32(key(1, lengthDelimited)).string(name);
  switch (typeof value) {
    case 'bigint':
      writer.uint32(key(2, varint)).int64(String(value));
      break;
    case 'number':
      writer.uint32(key(4, fixed64)).double(value);
      break;
    case 'boolean':
      writer.uint32(key(5, varint)).bool(value);
      break;
    default:
      writer.uint32(key(11, lengthDelimited)).string(value);
  }
}

function key(field: number, wireType: number): number {
  return (field << 3) | wireType;
}
