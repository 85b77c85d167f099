import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Reader, type RecordsBatch, readRecordsBatch, Writer } from '@platformatic/kafka';

/** A message as it was written. */
export interface Produced {
  readonly partition: number;
  readonly key: string | undefined;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** One batch for one partition, as it came. */
export interface ProducedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly clientId: string;
  readonly bytes: Buffer;
  readonly batch: RecordsBatch;
  readonly messages: readonly Produced[];
}

/** What becomes of a batch: an error code of the protocol (0 is good), no answer at all, or a closed connection. */
export type BrokerAnswer = number | { readonly code: number; readonly message: string } | 'hang' | 'drop';

export interface FakeBroker {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  /** All that came, refused or not. */
  readonly batches: readonly ProducedBatch[];
  /** API keys of all that was asked, in its order. */
  readonly asked: readonly number[];
  /** Connections that are open now. */
  readonly connections: number;
  /** Topics that are there; the others are made where a client asks for that and `creates` is set. */
  readonly topics: Map<string, number>;
  /** How questions are answered that are no batches. */
  creates: boolean;
  metadataCode: number;
  identityCode: number;
  answer(answer: (batch: ProducedBatch) => BrokerAnswer | Promise<BrokerAnswer>): void;
  close(): Promise<void>;
}

export interface FakeBrokerOptions {
  /** Called for the first question of each connection. Rejects: the connection is closed. The result is called at its end. */
  readonly onConnection?: (clientId: string) => Promise<() => void>;
}

const keys = { produce: 0, metadata: 3, versions: 18, identity: 22 } as const;
/** The last versions before headers got tags: brokers of Kafka 2.2 to 2.3, about. */
const newest: readonly (readonly [number, number])[] = [
  [keys.produce, 8],
  [keys.metadata, 8],
  [keys.versions, 2],
  [keys.identity, 1],
];
const unsupportedVersion = 35;
const unknownTopic = 3;

interface Question {
  readonly key: number;
  readonly version: number;
  readonly correlation: number;
  readonly clientId: string;
  readonly body: Buffer;
}

/** A server that speaks as much of Kafka's protocol as a producer asks for, keeps nothing but what it got, and does as it is told. */
export async function fakeBroker(options: FakeBrokerOptions = {}): Promise<FakeBroker> {
  const fake = new Fake(options);
  return await fake.listen();
}

class Fake implements FakeBroker {
  readonly batches: ProducedBatch[] = [];
  readonly asked: number[] = [];
  readonly topics = new Map<string, number>();
  creates = true;
  metadataCode = 0;
  identityCode = 0;
  address = '';
  readonly #options: FakeBrokerOptions;
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  #answer: (batch: ProducedBatch) => BrokerAnswer | Promise<BrokerAnswer> = () => 0;
  #nextProducerId = 1n;

  constructor(options: FakeBrokerOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.address = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  answer(answer: (batch: ProducedBatch) => BrokerAnswer | Promise<BrokerAnswer>): void {
    this.#answer = answer;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let ended: Promise<() => void> | undefined;
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      ended?.then(
        (end) => end(),
        () => undefined,
      );
    });
    let held = Buffer.alloc(0);
    let turn: Promise<unknown> = Promise.resolve();
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
        const question = questionOf(held.subarray(4, 4 + held.readInt32BE(0)));
        held = held.subarray(4 + held.readInt32BE(0));
        ended ??= this.#options.onConnection?.(question.clientId);
        turn = turn
          .then(() => ended)
          .then(() => this.#reply(question, socket))
          .catch(() => socket.destroy());
      }
    });
  }

  async #reply(question: Question, socket: Socket): Promise<void> {
    this.asked.push(question.key);
    const answer = await this.#answerOf(question);
    if (answer === 'drop') {
      socket.destroy();
    } else if (answer !== 'hang') {
      socket.write(answer.appendInt32(question.correlation, false).prependLength().buffer);
    }
  }

  async #answerOf(question: Question): Promise<Writer | 'hang' | 'drop'> {
    switch (question.key) {
      case keys.versions:
        return versions(question.version);
      case keys.metadata:
        return this.#metadata(question.body);
      case keys.identity:
        return Writer.create()
          .appendInt32(0)
          .appendInt16(this.identityCode)
          .appendInt64(this.#nextProducerId++)
          .appendInt16(0);
      case keys.produce:
        return await this.#produce(question);
      default:
        return 'drop';
    }
  }

  #metadata(body: Buffer): Writer {
    const reader = Reader.from(body);
    const names = reader.readArray((r) => r.readString(false), false, false);
    const mayCreate = reader.readBoolean();
    const found = names.map((name) => {
      const partitions = this.topics.get(name);
      if (partitions === undefined && mayCreate && this.creates) {
        this.topics.set(name, 3);
      }
      return { name, partitions: partitions ?? 0, code: partitions === undefined ? unknownTopic : this.metadataCode };
    });
    const [host = '', port] = this.address.split(':');
    return Writer.create()
      .appendInt32(0)
      .appendArray(
        [1],
        (w) => w.appendInt32(1).appendString(host, false).appendInt32(Number(port)).appendString(null, false),
        false,
        false,
      )
      .appendString(null, false)
      .appendInt32(1)
      .appendArray(
        found,
        (w, topic) =>
          w
            .appendInt16(topic.code)
            .appendString(topic.name, false)
            .appendBoolean(false)
            .appendArray(
              Array.from({ length: topic.partitions }, (_, i) => i),
              (p, index) =>
                p
                  .appendInt16(0)
                  .appendInt32(index)
                  .appendInt32(1)
                  .appendInt32(0)
                  .appendInt32(0)
                  .appendInt32(0)
                  .appendInt32(0),
              false,
              false,
            )
            .appendInt32(0),
        false,
        false,
      )
      .appendInt32(0);
  }

  async #produce({ body, clientId }: Question): Promise<Writer | 'hang' | 'drop'> {
    const reader = Reader.from(body);
    reader.readNullableString(false);
    reader.readInt16();
    reader.readInt32();
    const batches = reader
      .readArray(
        (r) => {
          const topic = r.readString(false);
          return r.readArray((p) => batchOf(p, topic, clientId), false, false);
        },
        false,
        false,
      )
      .flat();
    this.batches.push(...batches);
    const answers = await Promise.all(batches.map(async (batch) => ({ batch, answer: await this.#answer(batch) })));
    const broken = answers.find(({ answer }) => answer === 'hang' || answer === 'drop')?.answer;
    if (broken === 'hang' || broken === 'drop') {
      return broken;
    }
    return Writer.create()
      .appendArray(
        [batches[0]?.topic ?? ''],
        (w, name) =>
          w.appendString(name, false).appendArray(
            answers,
            (p, { batch, answer }) => {
              const { code, message } = typeof answer === 'object' ? answer : { code: Number(answer), message: null };
              p.appendInt32(batch.partition)
                .appendInt16(code)
                .appendInt64(0n)
                .appendInt64(-1n)
                .appendInt64(0n)
                .appendInt32(0)
                .appendString(message, false);
            },
            false,
            false,
          ),
        false,
        false,
      )
      .appendInt32(0);
  }
}

function questionOf(frame: Buffer): Question {
  const idBytes = Math.max(0, frame.readInt16BE(8));
  const version = frame.readInt16BE(2);
  return {
    key: frame.readInt16BE(0),
    version,
    correlation: frame.readInt32BE(4),
    clientId: frame.toString('utf8', 10, 10 + idBytes),
    body: frame.subarray(10 + idBytes),
  };
}

/** To a version that it does not know a broker answers as to version 0. */
function versions(version: number): Writer {
  const code = version > 2 ? unsupportedVersion : 0;
  const writer = Writer.create()
    .appendInt16(code)
    .appendArray([...newest], (w, [key, max]) => w.appendInt16(key).appendInt16(0).appendInt16(max), false, false);
  return code === 0 ? writer.appendInt32(0) : writer;
}

function batchOf(reader: Reader, topic: string, clientId: string): ProducedBatch {
  const partition = reader.readInt32();
  const length = reader.readInt32();
  const bytes = Buffer.from(reader.buffer.slice(reader.position, reader.position + length));
  reader.skip(length);
  const batch = readRecordsBatch(Reader.from(bytes));
  const messages = batch.records.map(({ key, value, headers }) => ({
    partition,
    key: key === null ? undefined : String(key),
    value: value ?? Buffer.alloc(0),
    headers: Object.fromEntries(headers.map(([name, text]) => [String(name), String(text)])),
  }));
  return { topic, partition, clientId, bytes, batch, messages };
}
