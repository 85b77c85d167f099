import assert from 'node:assert/strict';
import type { Codec, Decoder } from '../../src/contract/codec.ts';
import { hasCode } from '../../src/contract/errors.ts';
import { describeCases } from './describe-cases.ts';
import type { Case, Exceptions } from './suite.ts';

export interface Golden<T> {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Throws when the decoded value is not what the bytes say. */
  check(value: T): void;
}

export interface CodecSubject<T> {
  readonly name: string;
  readonly decoder: Decoder<T>;
  /** Present where the codec encodes too. */
  readonly codec?: Codec<T>;
  readonly goldens: readonly Golden<T>[];
  /** Values to take there and back, beside the goldens. */
  readonly values?: readonly T[];
  /** What two equal values look like, where deepEqual is too strict. */
  readonly comparable?: (value: T) => unknown;
  /** Bytes that break the codec's own size limit, if it has one. */
  readonly tooLarge?: Uint8Array;
  /** Set for a format where a cut-off end can be valid (newline-separated text): tells whether `part` is a prefix of `whole`. */
  readonly prefix?: { readonly why: string; holds(part: T, whole: T): boolean };
}

type AnySubject = CodecSubject<unknown>;

const cases = {
  'reads every golden as what it says': async (s) => {
    assert.ok(s.goldens.length > 0, 'a codec is tested with goldens');
    for (const golden of s.goldens) {
      golden.check(s.decoder.decode(golden.bytes));
    }
  },

  'gives back what it encoded': async (s) => {
    const { codec } = s;
    if (codec === undefined) {
      return;
    }
    const seen = s.comparable ?? ((value: unknown) => value);
    for (const value of [...s.goldens.map((golden) => s.decoder.decode(golden.bytes)), ...(s.values ?? [])]) {
      const bytes = codec.encode(value);
      assert.deepEqual(seen(codec.decode(bytes)), seen(value));
      assert.deepEqual(Buffer.from(codec.encode(codec.decode(bytes))), Buffer.from(bytes), 'bytes of the second round');
    }
  },

  'refuses every truncation with BRIDGE_DECODE': async (s) => {
    for (const golden of s.goldens) {
      const whole = s.decoder.decode(golden.bytes);
      for (const end of cutsOf(golden.bytes.length)) {
        const at = `${golden.name}, cut to ${end} of ${golden.bytes.length} bytes`;
        const outcome = attempt(s, golden.bytes.slice(0, end), at);
        if (outcome !== undefined && end < golden.bytes.length) {
          assert.ok(s.prefix?.holds(outcome.value, whole) === true, `${at}: decoded as if it were whole`);
        }
      }
    }
  },

  'survives flipped bits with a value or BRIDGE_DECODE': async (s) => {
    for (const golden of s.goldens) {
      const random = randomFrom(golden.bytes.length);
      for (let round = 0; round < 300; round++) {
        const bytes = Uint8Array.from(golden.bytes);
        const index = random() % Math.max(1, bytes.length);
        bytes[index] = (bytes[index] ?? 0) ^ (1 << (random() % 8));
        attempt(s, bytes, `${golden.name}, a bit of byte ${index} flipped`);
      }
    }
  },

  'survives bytes of no meaning with a value or BRIDGE_DECODE': async (s) => {
    const random = randomFrom(7);
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from({ length: random() % 200 }, () => random() & 0xff);
      attempt(s, bytes, `random bytes ${Buffer.from(bytes).toString('hex')}`);
    }
    attempt(s, new Uint8Array(0), 'no bytes');
  },

  'says where it failed': async (s) => {
    const golden = s.goldens.find((candidate) => candidate.bytes.length > 4);
    for (const end of cutsOf(golden?.bytes.length ?? 0)) {
      const message = messageOf(s, (golden?.bytes ?? new Uint8Array()).slice(0, end));
      assert.ok(message === undefined || message.length >= 8, `a message that helps, not "${message}"`);
    }
  },

  'leaves its input as it is, and decodes it the same twice': async (s) => {
    const seen = s.comparable ?? ((value: unknown) => value);
    for (const golden of s.goldens) {
      const before = Buffer.from(golden.bytes);
      const first = s.decoder.decode(golden.bytes);
      assert.deepEqual(Buffer.from(golden.bytes), before, golden.name);
      assert.deepEqual(seen(s.decoder.decode(golden.bytes)), seen(first), golden.name);
    }
  },

  'keeps to its size limit': async (s) => {
    const { tooLarge } = s;
    if (tooLarge === undefined) {
      return;
    }
    assert.throws(
      () => s.decoder.decode(tooLarge),
      (error) => hasCode(error, 'BRIDGE_DECODE') || hasCode(error, 'BRIDGE_TOO_LARGE'),
    );
  },
} satisfies Record<string, (subject: AnySubject) => Promise<void>>;

export type CodecCase = keyof typeof cases;

export function codecCases<T>(subject: CodecSubject<T>): readonly Case[] {
  // The suite only hands values from the subject back to the subject.
  const any = subject as unknown as AnySubject;
  return Object.entries(cases).map(([name, run]) => ({ name, run: () => run(any) }));
}

/** Shows that a codec keeps contract/codec.ts. */
export function describeCodec<T>(subject: CodecSubject<T>, exceptions: Exceptions<CodecCase> = {}): void {
  describeCases(`codec ${subject.name} keeps the contract`, codecCases(subject), exceptions);
}

function attempt(subject: AnySubject, bytes: Uint8Array, at: string): { readonly value: unknown } | undefined {
  try {
    return { value: subject.decoder.decode(bytes) };
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw new Error(`${at}: threw ${String(error)}`, { cause: error });
    }
    return undefined;
  }
}

function messageOf(subject: AnySubject, bytes: Uint8Array): string | undefined {
  try {
    subject.decoder.decode(bytes);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}

/** Every length below `length`; of long inputs the first and last 1,500 and an even spread between. */
function cutsOf(length: number): number[] {
  const all = Array.from({ length }, (_, i) => i);
  const step = Math.max(1, Math.floor(length / 1_000));
  return all.filter((i) => i < 1_500 || i >= length - 1_500 || i % step === 0);
}

/** A small generator with a fixed seed (LCG of Numerical Recipes), so that a failure comes back. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}
