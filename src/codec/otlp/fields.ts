import { BridgeError } from '../../contract/errors.ts';
import { isObject, type JsonObject, SpanFault, unexpected, within } from '../zipkin-json/json-value.ts';
import { listAt } from '../zipkin-json/span.ts';
import { WireReader, wireTypes } from '../zipkin-proto/wire.ts';
import { parseJson } from './json-any.ts';

/** Values that a request may have: each costs memory many times that of its bytes. */
const mostValues = 1_000_000;

/** Reads one body, and ends where it would become too much. */
export class BodyReader extends WireReader {
  #left = mostValues;

  /** To be called for each value that is kept. Throws SpanFault. */
  value(): void {
    this.#left -= 1;
    if (this.#left < 0) {
      throw this.fault(`more than ${mostValues} values in one request; send smaller ones`);
    }
  }
}

/** How a value of a message is read from protobuf and from OTLP's JSON: one table of fields gives both readers. */
export interface Kind<T> {
  /** The value of a message that does not have it. */
  readonly absent: T;
  /** Of protobuf; a field of any other wire type is stepped over. */
  readonly wireTypes: readonly number[];
  /** Reads the value that stands at the reader. `before` is what an earlier field of the same number gave. Throws SpanFault. */
  proto(wire: BodyReader, before: T): T;
  /** `value` is neither null nor undefined. Throws SpanFault, with a path from the value on. */
  json(value: unknown): T;
}

type Fields = Readonly<Record<string, readonly [number: number, kind: Kind<unknown>]>>;
export type ValueOf<K> = K extends Kind<infer T> ? T : never;
type Read<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K][1]> };

export interface MessageKind<T> extends Kind<T> {
  /** Of a message that is not within another: all that the reader has. */
  protoBody(wire: BodyReader): T;
}

/** A message by its fields: the names of OTLP's JSON, with the numbers of its protobuf definitions. What it does not name is stepped over. */
export function message<F extends Fields>(fields: F): MessageKind<Read<F>> {
  const named = Object.entries(fields);
  const byNumber = new Map(named.map(([name, [number, kind]]) => [number, { name, kind }]));
  // Each key of F gets a value of its kind, here and below.
  const absent = Object.fromEntries(named.map(([name, [, kind]]) => [name, kind.absent])) as Read<F>;
  const readInto = (wire: BodyReader, made: Record<string, unknown>): void => {
    const field = byNumber.get(wire.field);
    if (field?.kind.wireTypes.includes(wire.wireType)) {
      wire.value();
      made[field.name] = field.kind.proto(wire, made[field.name]);
    } else {
      wire.skip();
    }
  };
  return {
    absent,
    wireTypes: [wireTypes.bytes],
    proto(wire) {
      const made: Record<string, unknown> = { ...absent };
      wire.message(() => readInto(wire, made));
      return made as Read<F>;
    },
    protoBody(wire) {
      const made: Record<string, unknown> = { ...absent };
      while (wire.next()) {
        readInto(wire, made);
      }
      return made as Read<F>;
    },
    json(value) {
      const given = objectOf(value);
      const made: Record<string, unknown> = { ...absent };
      for (const [name, [, kind]] of named) {
        const one = given[name];
        if (one !== undefined && one !== null) {
          made[name] = jsonAt(kind, one, `.${name}`);
        }
      }
      return made as Read<F>;
    },
  };
}

export function repeated<T>(kind: Kind<T>): Kind<readonly T[]> {
  const none: T[] = [];
  return {
    absent: none,
    wireTypes: kind.wireTypes,
    proto(wire, before) {
      const one = kind.proto(wire, kind.absent);
      if (before === none) {
        return [one];
      }
      // Not `none`, so it is the list that this reader made.
      (before as T[]).push(one);
      return before;
    },
    json: (value) => listOf(kind, value),
  };
}

/** Numbers, which senders may write one behind the other in a single field. */
export function packed(kind: Kind<number>): Kind<readonly number[]> {
  const one = repeated(kind);
  return {
    absent: one.absent,
    wireTypes: [...kind.wireTypes, wireTypes.bytes],
    proto(wire, before) {
      if (wire.wireType !== wireTypes.bytes) {
        return one.proto(wire, before);
      }
      const outerEnd = wire.end;
      const start = wire.block();
      let made = before;
      wire.end = wire.at;
      wire.at = start;
      while (wire.at < wire.end) {
        wire.value();
        made = one.proto(wire, made);
      }
      wire.end = outerEnd;
      return made;
    },
    json: (value) => listOf(kind, value),
  };
}

/** Tells apart what is not there and what has the default value. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    absent: undefined,
    wireTypes: kind.wireTypes,
    proto: (wire) => kind.proto(wire, kind.absent),
    json: (value) => kind.json(value),
  };
}

/** The whole of a body. Throws BRIDGE_DECODE. */
export function readBody<T>(kind: MessageKind<T>, bytes: Uint8Array, encoding: 'protobuf' | 'json'): T {
  try {
    if (encoding === 'protobuf') {
      return kind.protoBody(new BodyReader(bytes));
    }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    return kind.json(parseJson(text));
  } catch (error) {
    throw error instanceof SpanFault ? new BridgeError('BRIDGE_DECODE', `$${error.path} ${error.message}`) : error;
  }
}

function listOf<T>(kind: Kind<T>, value: unknown): readonly T[] {
  return listAt(value, '').map((one, index) => jsonAt(kind, one, `[${index}]`));
}

function jsonAt<T>(kind: Kind<T>, value: unknown, path: string): T {
  try {
    return kind.json(value);
  } catch (error) {
    throw within(path, error);
  }
}

function objectOf(value: unknown): JsonObject {
  if (!isObject(value)) {
    throw unexpected('', value, 'an object');
  }
  return value;
}
