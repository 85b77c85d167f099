import { isObject, SpanFault, shown, unexpected } from '../zipkin-json/json-value.ts';
import { type WireReader, wireTypes } from '../zipkin-proto/wire.ts';
import type { Kind } from './fields.ts';
import { anyOf, choiceAt, countAt, pairsAt, textAt } from './json-any.ts';
import { readPair, readText, readValue, type Style } from './proto-value.ts';

const digits = /^\d{1,20}$/;
const signedDigits = /^-?\d{1,20}$/;
const mostNanos = 2n ** 64n - 1n;

export const text: Kind<string> = {
  absent: '',
  wireTypes: [wireTypes.bytes],
  proto: (wire) => readText(wire),
  json: (value) => textAt(value, ''),
};

/** An id: bytes, which are hex in OTLP's JSON. Lower case. */
export const hex: Kind<string> = {
  absent: '',
  wireTypes: [wireTypes.bytes],
  proto: (wire) => {
    const start = wire.block();
    return wire.bytes.toString('hex', start, wire.at);
  },
  json: (value) => textAt(value, '').toLowerCase(),
};

/** fixed64, ns since 1970; 0 means that nobody said. */
export const nanos: Kind<bigint> = {
  absent: 0n,
  wireTypes: [wireTypes.fixed64],
  proto: (wire) => wire.bytes.readBigUInt64LE(wire.skipBytes(8)),
  json: (value) => {
    const written = textOfNumber(value, digits, 'ns since 1970');
    const read = BigInt(written);
    if (read > mostNanos) {
      throw new SpanFault('', `is ${written}; expected ns since 1970`);
    }
    return read;
  },
};

/** fixed64, as a double. */
export const count64: Kind<number> = {
  absent: 0,
  wireTypes: [wireTypes.fixed64],
  proto: (wire) => Number(wire.bytes.readBigUInt64LE(wire.skipBytes(8))),
  json: (value) => Number(textOfNumber(value, digits, 'a count')),
};

/** sfixed64, as a double. */
export const signed64: Kind<number> = {
  absent: 0,
  wireTypes: [wireTypes.fixed64],
  proto: (wire) => Number(wire.bytes.readBigInt64LE(wire.skipBytes(8))),
  json: (value) => Number(textOfNumber(value, signedDigits, 'an integer')),
};

export const double: Kind<number> = {
  absent: 0,
  wireTypes: [wireTypes.fixed64],
  proto: (wire) => wire.bytes.readDoubleLE(wire.skipBytes(8)),
  json: doubleOf,
};

/** uint32 and uint64 in as few bytes as they need. */
export const count: Kind<number> = {
  absent: 0,
  wireTypes: [wireTypes.varint],
  proto: (wire) => wire.varint(),
  json: (value) => countAt(value, ''),
};

/** sint32: the sign is its lowest bit. */
export const signed: Kind<number> = {
  absent: 0,
  wireTypes: [wireTypes.varint],
  proto: (wire) => {
    const written = wire.varint();
    return written % 2 === 0 ? written / 2 : -(written + 1) / 2;
  },
  json: (value) => Number(textOfNumber(value, signedDigits, 'an integer')),
};

export const flag: Kind<boolean> = {
  absent: false,
  wireTypes: [wireTypes.varint],
  proto: (wire) => wire.varint() !== 0,
  json: (value) => {
    if (typeof value !== 'boolean') {
      throw unexpected('', value, 'true or false');
    }
    return value;
  },
};

/** An enum by its number; `names` by number, which some senders write in JSON. */
export function choice(names: readonly string[]): Kind<number> {
  return {
    absent: 0,
    wireTypes: [wireTypes.varint],
    proto: (wire) => wire.varint(),
    json: (v) => choiceAt(v, '', names),
  };
}

/** AnyValue: a text as it is, bytes as base64, all else as JSON. */
export const anyText: Kind<string> = {
  absent: '',
  wireTypes: [wireTypes.bytes],
  proto: (wire) => readValue(wire, 'text'),
  json: (value) => {
    if (!isObject(value)) {
      throw unexpected('', value, 'an object');
    }
    return anyOf(value, 'text');
  },
};

/** Attributes by key, as `anyText` gives them. Of two with one key the later counts. */
export const attributes: Kind<ReadonlyMap<string, string>> = pairs('text');
/** The same as JSON: a text is in quotes. */
export const jsonAttributes: Kind<ReadonlyMap<string, string>> = pairs('json');

function pairs(style: Style): Kind<ReadonlyMap<string, string>> {
  const none = new Map<string, string>();
  return {
    absent: none,
    wireTypes: [wireTypes.bytes],
    proto: (wire: WireReader, before) => {
      const [key, value] = readPair(wire, style);
      // Any other than `none` is the map that this reader made.
      return (before === none ? new Map<string, string>() : (before as Map<string, string>)).set(key, value);
    },
    json: (value) => new Map(pairsAt(value, '').map(([key, one]) => [key, anyOf(one, style)])),
  };
}

/** An integer, as a number or, as proto3's JSON mapping has 64 bits, a text of digits. */
function textOfNumber(value: unknown, pattern: RegExp, expected: string): string {
  const written = typeof value === 'number' ? String(value) : value;
  if (typeof written !== 'string') {
    throw unexpected('', value, expected);
  }
  if (!pattern.test(written)) {
    throw new SpanFault('', `is ${shown(written)}; expected ${expected}`);
  }
  return written;
}

/** Numbers that JSON does not have are their names (proto3's JSON mapping). */
function doubleOf(value: unknown): number {
  if (typeof value === 'number') {
    return value;
  }
  if (typeof value !== 'string') {
    throw unexpected('', value, 'a number');
  }
  const read = Number(value);
  if (value.trim() === '' || (Number.isNaN(read) && value !== 'NaN')) {
    throw new SpanFault('', `is ${shown(value)}; expected a number`);
  }
  return read;
}
