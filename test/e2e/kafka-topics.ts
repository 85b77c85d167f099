import { Admin, Consumer } from '@platformatic/kafka';
import protobuf from 'protobufjs';
import { within } from '../fakes/until.ts';

/** A message as a consumer gets it. */
export interface Consumed {
  readonly key: string;
  readonly value: Buffer;
  readonly partition: number;
  readonly offset: bigint;
  readonly headers: Readonly<Record<string, string>>;
}

let groups = 0;

export interface NewTopics {
  readonly topics: readonly string[];
  readonly partitions?: number;
  /** `max.message.bytes` */
  readonly maxMessageBytes?: number;
}

/** `broker`: `host:port`, without TLS and login. */
export async function createTopics(
  broker: string,
  { topics, partitions = 3, maxMessageBytes }: NewTopics,
): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker], retries: 10 });
  const configs = maxMessageBytes === undefined ? [] : [{ name: 'max.message.bytes', value: String(maxMessageBytes) }];
  await admin.createTopics({ topics: [...topics], partitions, replicas: 1, configs });
  await admin.close();
}

/** All that stands in a topic now, partition by partition in its order. */
export async function readTopic(broker: string, topic: string): Promise<readonly Consumed[]> {
  groups += 1;
  const consumer = new Consumer({
    clientId: 'test',
    groupId: `test-${process.pid}-${groups}`,
    bootstrapBrokers: [broker],
    retries: 10,
  });
  try {
    const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? [];
    const total = Number(ends.reduce((sum, end) => sum + end, 0n));
    return total === 0 ? [] : await within(readFrom(consumer, topic, total), 60_000, `${total} messages of ${topic}`);
  } finally {
    await consumer.close(true);
  }
}

async function readFrom(consumer: Consumer, topic: string, total: number): Promise<readonly Consumed[]> {
  const found: Consumed[] = [];
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  for await (const { key, value, partition, offset, headers } of stream) {
    const texts = [...headers].map(([name, text]) => [String(name), String(text)]);
    found.push({ key: String(key ?? ''), value, partition, offset, headers: Object.fromEntries(texts) });
    if (found.length === total) {
      break;
    }
  }
  return found.toSorted((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}

/** Written from the field lists of the OpenTelemetry protocol, for a decoder that is not ours. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Traces { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);

/** ExportTraceServiceRequest as its JSON, ids as hex. */
export function tracesJson(bytes: Uint8Array): unknown {
  const message = root.lookupType('Traces');
  const object = message.toObject(message.decode(bytes), { longs: String, bytes: String });
  return JSON.parse(JSON.stringify(object), (key, value) =>
    key === 'traceId' || key === 'spanId' || key === 'parentSpanId'
      ? Buffer.from(value, 'base64').toString('hex')
      : value,
  );
}
