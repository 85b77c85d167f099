import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { resourceSpans } from '../../src/codec/otlp/export-spans.ts';
import { encodeRequest } from '../../src/codec/otlp/messages.ts';
import { checkOtlpTraces, checkOtlpTracesJson, otlpTraces, otlpTracesJson } from '../../src/codec/otlp/otlp-traces.ts';
import {
  checkZipkinJson,
  type Salvage,
  salvageZipkinJson,
  zipkinJson,
} from '../../src/codec/zipkin-json/zipkin-json.ts';
import { checkZipkinJsonV1, salvageZipkinJsonV1, zipkinJsonV1 } from '../../src/codec/zipkin-json-v1/zipkin-json-v1.ts';
import { checkZipkinProto, salvageZipkinProto, zipkinProto } from '../../src/codec/zipkin-proto/zipkin-proto.ts';
import { checkZipkinThrift, salvageZipkinThrift, zipkinThrift } from '../../src/codec/zipkin-thrift/zipkin-thrift.ts';
import type { Decoder } from '../../src/contract/codec.ts';
import { hasCode } from '../../src/contract/errors.ts';
import type { Span } from '../../src/model/span.ts';
import { type Choices, choicesOf } from '../e2e/zipkin/choices.ts';
import { inV1, mergedV1, traceOf } from '../e2e/zipkin/good-traces.ts';
import { protoBody, thriftBody, type V1Span, type V2Span } from '../e2e/zipkin/wire.ts';

/** `FUZZ_SECONDS` is for each decoder; `FUZZ_SEED` repeats a run that failed. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 5);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
/** Far above what one body may leave behind, and far below what a leak of a byte for each byte read would. */
const leakBytes = 24 * 1024 * 1024;

interface Subject {
  readonly name: string;
  readonly decoder: Decoder<readonly Span[]>;
  readonly check: (bytes: Uint8Array) => { readonly ok: boolean; readonly items?: number };
  /** What `partial` takes of a list that is refused as a whole. */
  readonly salvage?: (bytes: Uint8Array) => Salvage<readonly Span[]>;
  readonly goldens: readonly Buffer[];
  readonly kind: 'json' | 'binary';
  /** One span of it may stand for several. */
  readonly splits?: true;
}

const made = choicesOf(1);
const traces: readonly (readonly V2Span[])[] = Array.from({ length: 40 }, (_, n) => traceOf(made, n));
const inOldWords: readonly (readonly V1Span[])[] = traces.map((trace) =>
  mergedV1(trace.map((span) => inV1(made, span))),
);
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const decoded = traces.map((trace) => zipkinJson.decode(json(trace)));
const otlpJson = (spans: readonly Span[]): Buffer =>
  json({ resourceSpans: resourceSpans(spans, (hex) => hex, 'keep') });
const otlpProto = (spans: readonly Span[]): Buffer =>
  encodeRequest('TraceRequest', { resourceSpans: resourceSpans(spans, (hex) => Buffer.from(hex, 'hex'), 'keep') });

const subjects: readonly Subject[] = [
  {
    name: 'Zipkin v2 JSON',
    decoder: zipkinJson,
    check: checkZipkinJson,
    salvage: salvageZipkinJson,
    goldens: traces.map(json),
    kind: 'json',
  },
  {
    name: 'Zipkin v1 JSON',
    decoder: zipkinJsonV1,
    check: checkZipkinJsonV1,
    salvage: salvageZipkinJsonV1,
    splits: true,
    goldens: inOldWords.map(json),
    kind: 'json',
  },
  {
    name: 'Zipkin protobuf',
    decoder: zipkinProto,
    check: checkZipkinProto,
    salvage: salvageZipkinProto,
    goldens: traces.map(protoBody),
    kind: 'binary',
  },
  {
    name: 'Zipkin thrift',
    decoder: zipkinThrift,
    check: checkZipkinThrift,
    salvage: salvageZipkinThrift,
    splits: true,
    goldens: inOldWords.map(thriftBody),
    kind: 'binary',
  },
  {
    name: 'OTLP JSON',
    decoder: otlpTracesJson,
    check: checkOtlpTracesJson,
    goldens: decoded.map(otlpJson),
    kind: 'json',
  },
  {
    name: 'OTLP protobuf',
    decoder: otlpTraces,
    check: checkOtlpTraces,
    goldens: decoded.map(otlpProto),
    kind: 'binary',
  },
];

/** What is left of a list: all of a good one, and of another what is good, or a refusal. */
function expectSalvaged({ salvage }: Subject, bytes: Buffer, whole: readonly Span[] | undefined): void {
  try {
    const left = salvage?.(bytes);
    if (left !== undefined && whole !== undefined) {
      expect([left.bad, left.good.flat().length]).toEqual([0, whole.length]);
    }
  } catch (error) {
    if (whole !== undefined || !hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
  }
}

/** A value, or a refusal that is the sender's fault; and the reader that only looks agrees with the one that keeps. */
function survives(subject: Subject, bytes: Buffer): 'taken' | 'refused' {
  const { decoder, check, splits } = subject;
  const seen = check(bytes);
  let spans: readonly Span[];
  try {
    spans = decoder.decode(bytes);
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
    expect(seen.ok).toBe(false);
    expectSalvaged(subject, bytes, undefined);
    return 'refused';
  }
  expect(seen.ok).toBe(true);
  expectSalvaged(subject, bytes, spans);
  if (splits) {
    expect(seen.items).toBeLessThanOrEqual(spans.length);
  } else {
    expect(seen.items).toBe(spans.length);
  }
  return 'taken';
}

function withEvidence(bytes: Buffer, run: () => void): void {
  try {
    run();
  } catch (error) {
    throw new Error(`seed ${seed}, bytes in base64: ${bytes.toString('base64')}`, { cause: error });
  }
}

const oddTokens = [
  ...['null', 'true', '-0', '1e999', '1e-999', '9223372036854775808', '""', '"\\ud800"', '{}', '[]', '[[[[', '{"a":'],
  ...[
    '"\\u0000"',
    '"__proto__"',
    '{"__proto__":{"x":1}}',
    '"constructor"',
    '-1',
    '0.1',
    '"0"',
    ',',
    ':',
    '"',
    '\\',
    '\u2028',
  ],
];
const joints = /[,:[\]{}]/g;

/** One more thing that somebody, or a broken disk, does to a body. */
function spoiled(choices: Choices, { goldens, kind }: Subject): Buffer {
  const whole = Buffer.from(choices.of(goldens));
  const at = choices.below(whole.length);
  switch (choices.below(kind === 'json' ? 7 : 6)) {
    case 0:
      return whole.subarray(0, at);
    case 1:
      for (let flips = 1 + choices.below(8); flips > 0; flips -= 1) {
        const place = choices.below(whole.length);
        whole[place] = (whole[place] ?? 0) ^ (1 << choices.below(8));
      }
      return whole;
    case 2:
      return Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1 + choices.below(9))]);
    case 3: {
      const extra = Buffer.from(Array.from({ length: 1 + choices.below(9) }, () => choices.below(256)));
      return Buffer.concat([whole.subarray(0, at), extra, whole.subarray(at)]);
    }
    case 4: {
      const other = choices.of(goldens);
      return Buffer.concat([whole.subarray(0, at), other.subarray(choices.below(other.length))]);
    }
    case 5:
      // Lengths and counts that promise too much, or less than nothing.
      return Buffer.concat([
        whole.subarray(0, at),
        Buffer.from(choices.of(['7fffffff', 'ffffffff', 'ffffffff0f', '80']), 'hex'),
        whole.subarray(at),
      ]);
    default:
      return withOddToken(choices, whole.toString());
  }
}

/** Something else stands between two joints of the text. */
function withOddToken(choices: Choices, text: string): Buffer {
  const places = [...text.matchAll(joints)].map(({ index }) => index + 1);
  const n = choices.below(places.length);
  return Buffer.from(text.slice(0, places[n]) + choices.of(oddTokens) + text.slice((places[n + 1] ?? text.length) - 1));
}

const words = [
  'traceId',
  'id',
  'name',
  'tags',
  'annotations',
  'value',
  'key',
  'endpoint',
  'timestamp',
  'resourceSpans',
  'scopeSpans',
  'spans',
  'attributes',
  'a',
];

function randomValue(choices: Choices, depth: number): unknown {
  switch (choices.below(depth > 5 ? 6 : 8)) {
    case 0:
      return null;
    case 1:
      return choices.chance(0.5);
    case 2:
      return choices.below(2 ** 31) * choices.of([1, -1, 0.5, 1e10, 1e300]);
    case 3:
      return choices.hex(1 + choices.below(40));
    case 4:
      return choices.of(['', 'CLIENT', 'true', '1', '\u0000', '\ud800', 'ÿ']);
    case 5:
      return {};
    case 6:
      return Array.from({ length: choices.below(5) }, () => randomValue(choices, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: choices.below(8) }, () => [choices.of(words), randomValue(choices, depth + 1)]),
      );
  }
}

test.each(subjects)('$name: cut at every byte it is refused, and never half taken', (subject) => {
  const short = subject.goldens.filter(({ length }) => length < 4_000);
  expect(short.length).toBeGreaterThan(5);
  for (const golden of short.slice(0, 12)) {
    const whole = subject.decoder.decode(golden).length;
    for (let end = 0; end < golden.length; end += 1) {
      const cut = golden.subarray(0, end);
      withEvidence(cut, () => {
        if (survives(subject, cut) === 'taken') {
          // Of protobuf, whose messages have no end, a cut between two of them is a shorter list.
          expect(subject.name).toMatch(/protobuf/);
          expect(subject.decoder.decode(cut).length).toBeLessThanOrEqual(whole);
        }
      });
    }
  }
});

setFlagsFromString('--expose_gc');
const collect: () => void = runInNewContext('gc');

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

test.each(subjects)(
  `$name: spoiled for ${seconds} s it is taken or refused, and nothing stays behind (seed ${seed})`,
  (subject) => {
    const choices = choicesOf(seed);
    const outcomes = { taken: 0, refused: 0 };
    const run = (endMs: number): void => {
      while (performance.now() < endMs) {
        const isRandom = subject.kind === 'json' && choices.chance(0.2);
        const bytes = isRandom ? json(randomValue(choices, 0)) : spoiled(choices, subject);
        withEvidence(bytes, () => {
          outcomes[survives(subject, bytes)] += 1;
        });
      }
    };
    // What is kept on purpose, such as compiled code, is there after a while.
    run(performance.now() + seconds * 200);
    const before = heapBytes();
    run(performance.now() + seconds * 800);
    expect(heapBytes() - before).toBeLessThan(leakBytes);
    expect(outcomes.taken).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(100);
  },
  seconds * 2_000 + 60_000,
);
