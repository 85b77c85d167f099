import { BridgeError } from '../../../src/contract/errors.ts';
import type { CodecSubject } from '../codec-contract.ts';

export type CodecFault =
  | 'none'
  | 'reads the wrong number'
  | 'loses the last field'
  | 'throws a TypeError on a truncation'
  | 'takes a truncation for the whole'
  | 'throws a RangeError on a flipped bit'
  | 'throws a RangeError on random bytes'
  | 'gives no place'
  | 'changes its input'
  | 'has no size limit';

interface Pair {
  readonly left: number;
  readonly right: string;
}

const limit = 1_000;

/** `M`, a byte, a length, that many bytes of text. Keeps the contract, but for the fault that it is told to have. */
export function tinyCodec(fault: CodecFault): CodecSubject<Pair> {
  const codec = {
    contentType: 'application/x-tiny',
    encode: ({ left, right }: Pair): Uint8Array => {
      const text = Buffer.from(fault === 'loses the last field' ? '' : right);
      return Buffer.concat([Buffer.from([0x4d, left, text.length]), text]);
    },
    decode: (bytes: Uint8Array): Pair => decoded(bytes, fault),
  };
  return {
    name: 'tiny',
    decoder: codec,
    codec,
    goldens: [
      {
        name: 'five and hello',
        bytes: Buffer.concat([Buffer.from([0x4d, 5, 5]), Buffer.from('hello')]),
        check: (value) => {
          if (value.left !== 5 || value.right !== 'hello') {
            throw new Error(`not five and hello: ${JSON.stringify(value)}`);
          }
        },
      },
    ],
    values: [{ left: 0, right: '' }],
    tooLarge: Buffer.concat([Buffer.from([0x4d, 5, 5]), Buffer.alloc(limit + 1)]),
  };
}

function decoded(bytes: Uint8Array, fault: CodecFault): Pair {
  const text = Buffer.from(bytes.subarray(3));
  if (bytes[0] !== 0x4d) {
    if (fault === 'throws a RangeError on a flipped bit' && bytes.length > 3) {
      throw new RangeError('bad magic');
    }
    if (fault === 'throws a RangeError on random bytes') {
      throw new RangeError('bad magic');
    }
    throw new BridgeError('BRIDGE_DECODE', fault === 'gives no place' ? 'bad' : 'byte 0 is not M');
  }
  if (bytes.length > limit && fault !== 'has no size limit') {
    throw new BridgeError('BRIDGE_TOO_LARGE', `more than ${limit} bytes`);
  }
  if (bytes.length < 3 || text.length < (bytes[2] ?? 0)) {
    if (fault === 'throws a TypeError on a truncation') {
      throw new TypeError('undefined is not a number');
    }
    if (fault !== 'takes a truncation for the whole') {
      throw new BridgeError('BRIDGE_DECODE', `the text ends at byte ${bytes.length}`);
    }
  }
  if (fault === 'changes its input') {
    bytes[1] = 0;
  }
  return {
    left: (bytes[1] ?? 0) + (fault === 'reads the wrong number' ? 1 : 0),
    right: text.subarray(0, bytes[2]).toString(),
  };
}
