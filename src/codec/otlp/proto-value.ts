import { type WireReader, wireTypes } from '../zipkin-proto/wire.ts';

/** Field numbers of AnyValue, ArrayValue, KeyValueList and KeyValue (opentelemetry.proto.common.v1). */
const valueFields = { text: 1, bool: 2, int: 3, double: 4, array: 5, map: 6, bytes: 7 } as const;
const listField = 1;
const pairFields = { key: 1, value: 2 } as const;
const mostDeep = 32;
const sevenBits = 7n;

/** `text`: what a tag says. `json`: the same inside of a list or a map. */
export type Style = 'text' | 'json';

/** Reads the AnyValue that stands at the reader as a length-prefixed message. Throws SpanFault. */
export function readValue(wire: WireReader, style: Style, depth = 0): string {
  if (depth > mostDeep) {
    throw wire.fault(`values within values, ${depth} deep`);
  }
  let value = style === 'json' ? 'null' : '';
  wire.message(() => {
    value = readOne(wire, style, depth) ?? value;
  });
  return value;
}

function readOne(wire: WireReader, style: Style, depth: number): string | undefined {
  if (wire.is(valueFields.text, wireTypes.bytes)) {
    return styled(readText(wire), style);
  }
  if (wire.is(valueFields.bool, wireTypes.varint)) {
    return wire.varint() === 0 ? 'false' : 'true';
  }
  if (wire.is(valueFields.int, wireTypes.varint)) {
    return readInt(wire);
  }
  if (wire.is(valueFields.double, wireTypes.fixed64)) {
    const value = wire.bytes.readDoubleLE(wire.skipBytes(8));
    return Number.isFinite(value) ? String(value) : styled(String(value), style);
  }
  if (wire.is(valueFields.bytes, wireTypes.bytes)) {
    const start = wire.block();
    return styled(wire.bytes.toString('base64', start, wire.at), style);
  }
  if (wire.is(valueFields.array, wireTypes.bytes)) {
    return `[${readList(wire, () => readValue(wire, 'json', depth + 1)).join(',')}]`;
  }
  if (wire.is(valueFields.map, wireTypes.bytes)) {
    return mapJson(wire, depth);
  }
  wire.skip();
  return undefined;
}

function mapJson(wire: WireReader, depth: number): string {
  const members = readList(wire, () => {
    const [key, value] = readPair(wire, 'json', depth + 1);
    return `${JSON.stringify(key)}:${value}`;
  });
  return `{${members.join(',')}}`;
}

function readList(wire: WireReader, read: () => string): readonly string[] {
  const all: string[] = [];
  wire.message(() => {
    if (wire.is(listField, wireTypes.bytes)) {
      all.push(read());
    } else {
      wire.skip();
    }
  });
  return all;
}

/** Reads the KeyValue that stands at the reader. */
export function readPair(wire: WireReader, style: Style, depth = 0): readonly [key: string, value: string] {
  let key = '';
  let value = style === 'json' ? 'null' : '';
  wire.message(() => {
    if (wire.is(pairFields.key, wireTypes.bytes)) {
      key = readText(wire);
    } else if (wire.is(pairFields.value, wireTypes.bytes)) {
      value = readValue(wire, style, depth);
    } else {
      wire.skip();
    }
  });
  return [key, value];
}

export function readText(wire: WireReader): string {
  const start = wire.block();
  return wire.bytes.toString('utf8', start, wire.at);
}

/** All digits of an int64. */
function readInt(wire: WireReader): string {
  const start = wire.at;
  const value = wire.varint();
  if (value <= Number.MAX_SAFE_INTEGER) {
    return String(value);
  }
  let exact = 0n;
  for (let at = wire.at - 1; at >= start; at -= 1) {
    exact = (exact << sevenBits) | BigInt((wire.bytes[at] ?? 0) & 127);
  }
  return String(BigInt.asIntN(64, exact));
}

function styled(text: string, style: Style): string {
  return style === 'json' ? JSON.stringify(text) : text;
}
