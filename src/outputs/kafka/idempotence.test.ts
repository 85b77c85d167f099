import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type BrokerAnswer,
  type FakeBroker,
  fakeBroker,
  type ProducedBatch,
} from '../../../test/fakes/kafka-broker.ts';
import { requestOf, spanRecord } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { Output } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Span } from '../../model/span.ts';
import { kafka } from './kafka.ts';

const never = new AbortController().signal;
const okay = 0;
const tooLarge = 10;
const outOfOrder = 45;

/** What happens to a batch besides what its numbers and size ask for; `after`: although it was appended. */
type Mishap =
  | { readonly is: 'code'; readonly code: number; readonly after: boolean }
  | { readonly is: 'drop'; readonly after: boolean };

const mishap: fc.Arbitrary<Mishap | undefined> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('drop' as const), after: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...[19, 89, 3].map((code) => ({ is: 'code' as const, code, after: false })),
      ...[7, 20, 5, 6, 56, -1].map((code) => ({ is: 'code' as const, code, after: true })),
      ...[7, 5, 6, -1].map((code) => ({ is: 'code' as const, code, after: false })),
    ),
  },
);

/** A partition's leader, as KIP-98 has it: a batch is appended if its number is the next one, and known again if it is the very same. */
class Leader {
  readonly log: string[] = [];
  readonly #next = new Map<bigint, number>();
  readonly #known = new Set<string>();
  readonly #mishaps: (Mishap | undefined)[];
  readonly #maxBytes: number;

  constructor(mishaps: readonly (Mishap | undefined)[], maxBytes: number) {
    this.#mishaps = [...mishaps];
    this.#maxBytes = maxBytes;
  }

  answer(batch: ProducedBatch): BrokerAnswer {
    const next = this.#mishaps.shift();
    if (next === undefined || next.after) {
      const code = this.#take(batch);
      if (code !== okay || next === undefined) {
        return code;
      }
    }
    return next.is === 'drop' ? 'drop' : next.code;
  }

  #take({ batch, messages }: ProducedBatch): number {
    if (messages.reduce((sum, { value }) => sum + value.length, 0) > this.#maxBytes) {
      return tooLarge;
    }
    const expected = this.#next.get(batch.producerId) ?? 0;
    const name = `${batch.producerId}/${batch.firstSequence}+${messages.length}`;
    if (batch.firstSequence !== expected) {
      return this.#known.has(name) ? okay : outOfOrder;
    }
    this.#known.add(name);
    this.#next.set(batch.producerId, expected + messages.length);
    this.log.push(...messages.flatMap(({ value }) => JSON.parse(String(value)).map(({ id }: Span) => id)));
    return okay;
  }
}

/** As delivery does it: again after a retry, halves after a split. */
async function deliver(output: Output, records: readonly QueueRecord[]): Promise<void> {
  const groups = [records];
  for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
    const result = await output.write(requestOf(group), never);
    if (result.status === 'retry') {
      groups.unshift(group);
    } else if (result.status === 'split') {
      const middle = Math.ceil(group.length / 2);
      groups.unshift(group.slice(0, middle), group.slice(middle));
    } else {
      expect(result).toEqual({ status: 'delivered' });
    }
  }
}

const record = fc.array(
  fc.record({ trace: fc.integer({ min: 1, max: 5 }), text: fc.integer({ min: 0, max: 2_000 }) }),
  {
    minLength: 1,
    maxLength: 8,
  },
);

test('whatever answers are lost or late, each span stands once, and those of a trace in their order', async () => {
  const broker: FakeBroker = await fakeBroker();
  broker.topics.set('zipkin', 3);
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        fc.array(mishap, { maxLength: 30 }),
        fc.integer({ min: 3_000, max: 20_000 }),
        async (requests, mishaps, maxBytes) => {
          const leaders = [0, 1, 2].map(
            (index) =>
              new Leader(
                mishaps.filter((_, i) => i % 3 === index),
                maxBytes,
              ),
          );
          broker.answer((batch) => leaders[batch.partition]?.answer(batch) ?? 'drop');
          const runtime = { ...fakeRuntime(), name: 'kafka', decode: new RecordDecoders() };
          const table = { brokers: [broker.address], format: { traces: 'zipkin_json' }, compression: 'none' };
          const output = kafka.create(kafka.config.parse(table), runtime);
          await output.start();
          try {
            const sent = spansOf(requests);
            for (const [i, spans] of sent.entries()) {
              await deliver(
                output,
                spans.map((some, j) => spanRecord(some, { seq: 1 + i * 10 + j })),
              );
            }
            const wanted = sent.flat(2);
            const found = leaders.flatMap(({ log }) => log);
            expect(found.toSorted()).toEqual(wanted.map(({ id }) => id).toSorted());
            for (const trace of new Set(wanted.map(({ traceId }) => traceId))) {
              const own = wanted.filter(({ traceId }) => traceId === trace).map(({ id }) => id);
              expect(found.filter((id) => own.includes(id))).toEqual(own);
            }
          } finally {
            await output.stop();
          }
        },
      ),
      { numRuns: 100 },
    );
  } finally {
    await broker.close();
  }
}, 120_000);

interface Drawn {
  readonly trace: number;
  readonly text: number;
}

function spansOf(requests: readonly (readonly (readonly Drawn[])[])[]): Span[][][] {
  let last = 0;
  return requests.map((records) =>
    records.map((spans) =>
      spans.map(({ trace, text }) => {
        last += 1;
        return {
          traceId: `a${String(trace).padStart(31, '0')}`,
          id: last.toString(16).padStart(16, '0'),
          tags: { text: 'x'.repeat(text) },
        };
      }),
    ),
  );
}
