import { expect, test } from '@jest/globals';
import { decodeLogBlock, encodeLogBlock } from '../../src/codec/log-block/log-block.ts';
import { FrameDecoder } from '../../src/codec/metric-frame/metric-frame.ts';
import { type Encoding, readLogsRequest, readMetricsRequest } from '../../src/codec/otlp/messages-in.ts';
import { otlpLogBlocks } from '../../src/codec/otlp/otlp-logs.ts';
import { otlpMetricFrames } from '../../src/codec/otlp/otlp-metrics.ts';
import { hasCode } from '../../src/contract/errors.ts';
import { logsRequest, metricsRequest } from '../e2e/otlp/all-signals.ts';
import { type Choices, choicesOf } from '../e2e/zipkin/choices.ts';
import { otlpProto } from '../fakes/otlp-proto.ts';

/** `FUZZ_SECONDS` is for each decoder; `FUZZ_SEED` repeats a run that failed. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 5);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const options = { nowMs: 1_795_253_868_467, maxLineBytes: 64, promote: [] };

interface Subject {
  readonly name: string;
  readonly golden: Buffer;
  /** Throws BRIDGE_DECODE, or what should never be thrown. */
  readonly read: (bytes: Buffer) => void;
}

const encodings: readonly Encoding[] = ['protobuf', 'json'];
const subjects: readonly Subject[] = encodings.flatMap((encoding) => [
  {
    name: `log records in ${encoding}`,
    golden: encoding === 'json' ? Buffer.from(JSON.stringify(logsRequest)) : otlpProto('Logs', logsRequest),
    read: (bytes: Buffer) => {
      for (const { block } of otlpLogBlocks(readLogsRequest(bytes, encoding), options).blocks) {
        expect(decodeLogBlock(encodeLogBlock(block)).count).toBe(block.count);
      }
    },
  },
  {
    name: `metrics in ${encoding}`,
    golden: encoding === 'json' ? Buffer.from(JSON.stringify(metricsRequest)) : otlpProto('Metrics', metricsRequest),
    read: (bytes: Buffer) => {
      const decoder = new FrameDecoder();
      for (const { payload, dictionary, items } of otlpMetricFrames(readMetricsRequest(bytes, encoding), options)
        .frames) {
        const { shape, values } = decoder.decode(Buffer.concat(payload), dictionary);
        const keys = shape.series.map(({ name, labels }) => JSON.stringify([name, labels]));
        expect([values.length, new Set(keys).size]).toEqual([items, items]);
      }
    },
  },
]);

/** Flips bits, cuts, doubles, or puts in bytes of no meaning; some of it several times. */
function spoiled(golden: Buffer, choices: Choices): Buffer {
  let bytes = Buffer.from(golden);
  for (let times = choices.below(4); times >= 0; times -= 1) {
    const at = choices.below(Math.max(1, bytes.length));
    const length = choices.below(16);
    const rest = bytes.subarray(Math.min(bytes.length, at + length));
    switch (choices.below(4)) {
      case 0:
        if (bytes.length > at) {
          bytes[at] = (bytes[at] ?? 0) ^ (1 << choices.below(8));
        }
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), rest]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      default: {
        const noise = Buffer.from(Array.from({ length }, () => choices.below(256)));
        bytes = Buffer.concat([bytes.subarray(0, at), noise, rest]);
      }
    }
  }
  return bytes;
}

test.each(subjects)(
  '$name that are spoiled are refused, or are what can be stored',
  ({ golden, read }) => {
    const choices = choicesOf(seed);
    const end = performance.now() + seconds * 1_000;
    read(golden);
    let refused = 0;
    let taken = 0;
    while (performance.now() < end) {
      const bytes = spoiled(golden, choices);
      try {
        read(bytes);
        taken += 1;
      } catch (error) {
        if (!hasCode(error, 'BRIDGE_DECODE')) {
          throw new Error(`seed ${seed}, bytes ${bytes.toString('base64')}`, { cause: error });
        }
        refused += 1;
      }
    }
    expect(Math.min(refused, taken)).toBeGreaterThan(0);
  },
  seconds * 1_000 + 30_000,
);
