/** Writes thrift's binary protocol, the good and the bad: what is given is written as it is. */
export type ThriftField =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'i16' | 'i32'; readonly value: number }
  | { readonly kind: 'i64'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly value: string | Uint8Array }
  | { readonly kind: 'struct'; readonly value: ThriftStruct }
  | { readonly kind: 'list'; readonly value: readonly ThriftStruct[] };

/** Field id → value, in the order of writing. */
export type ThriftStruct = readonly (readonly [id: number, field: ThriftField])[];

const types = { bool: 2, i16: 6, i32: 8, i64: 10, bytes: 11, struct: 12, list: 15 } as const;

function int(value: bigint | number, bytes: 1 | 2 | 4 | 8): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)));
  return buffer.subarray(8 - bytes);
}

function fieldBytes(field: ThriftField): Buffer {
  switch (field.kind) {
    case 'bool':
      return int(field.value ? 1 : 0, 1);
    case 'i16':
      return int(field.value, 2);
    case 'i32':
      return int(field.value, 4);
    case 'i64':
      return int(field.value, 8);
    case 'bytes': {
      const bytes = Buffer.from(field.value as string);
      return Buffer.concat([int(bytes.length, 4), bytes]);
    }
    case 'struct':
      return structOf(field.value);
    case 'list':
      return thriftList(field.value);
    default:
      return field satisfies never;
  }
}

export function structOf(struct: ThriftStruct): Buffer {
  const fields = struct.flatMap(([id, field]) => [int(types[field.kind], 1), int(id, 2), fieldBytes(field)]);
  return Buffer.concat([...fields, int(0, 1)]);
}

/** A list of structs, which is what a body of `/api/v1/spans` is. */
export function thriftList(structs: readonly ThriftStruct[], count = structs.length): Buffer {
  return Buffer.concat([int(types.struct, 1), int(count, 4), ...structs.map(structOf)]);
}
