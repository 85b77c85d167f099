import { type Address, type Answer, type Batch, type Identity, nameOf, type TopicState } from './broker.ts';
import type { Cluster } from './cluster.ts';
import { codeName, type Verdict, verdictOf } from './codes.ts';
import { Failure } from './failure.ts';
import type { KafkaConfig } from './kafka.ts';
import { type Fate, type Message, openParts } from './messages.ts';
import { partitionOf } from './partition.ts';
import { PartitionQueue } from './partition-queue.ts';
import type { Topic } from './topic.ts';

export interface ProducerOptions {
  readonly topic: Topic;
  readonly config: Pick<KafkaConfig, 'compression' | 'max_message_bytes' | 'headers'>;
  /** Of the lane: what is in front of every id. */
  readonly queueId: string;
}

/** A message that the brokers will never take. */
export interface Refusal {
  readonly message: Message;
  readonly reason: string;
}

export interface Sent {
  readonly refusals: readonly Refusal[];
  /** What is left is to be tried again. */
  readonly failure?: Failure;
  /** Something is too large or at fault, and delivery can find out what. */
  readonly split?: string;
}

interface Round {
  readonly cluster: Cluster;
  readonly state: TopicState;
  readonly identity: Identity;
  readonly refusals: Refusal[];
  /** A record that is alone can't be split by others: what is too large or at fault in it is looked for here. */
  readonly isOneRecord: boolean;
  split?: string;
}

const idHeader = Buffer.from('meshbridge-id');

/**
 * An idempotent producer for one topic (KIP-98): each batch has a number within its partition, so that the broker drops a
 * batch that it has already. It outlives connections: what got no answer is sent again just as it was. Call `send` again
 * only after it has ended.
 */
export class Producer {
  readonly #options: ProducerOptions;
  readonly #headers: readonly (readonly [Buffer, Buffer])[];
  readonly #queues = new Map<number, PartitionQueue>();
  #identity: Identity | undefined;
  /** The numbers can't be used any more. */
  #isLost = false;
  #batchBytes: number;
  /** Ids of what the brokers have of the requests that are not done with, by record. */
  readonly #delivered = new Map<number, Set<string>>();

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#batchBytes = options.config.max_message_bytes;
    this.#headers = Object.entries(options.config.headers).map(([name, value]) => [
      Buffer.from(name),
      Buffer.from(value),
    ]);
  }

  /** Of a record, has anything arrived? */
  hasSome(seq: number): boolean {
    return this.#delivered.has(seq);
  }

  /** Forgets what it knows of records before `seq`: they are done with. */
  forgetBefore(seq: number): void {
    for (const known of this.#delivered.keys()) {
      if (known < seq) {
        this.#delivered.delete(known);
      }
    }
  }

  /**
   * Sends those of the messages that have not arrived yet, those of one partition in their order. Rejects with the reason
   * of an aborted `signal`, and with a `Failure` before anything is sent.
   */
  async send(messages: readonly Message[], cluster: Cluster, signal: AbortSignal): Promise<Sent> {
    const underWay = new Set([...this.#queues.values()].flatMap((queue) => queue.underWay));
    const fateOf = ({ id, record }: Message): Fate =>
      this.#delivered.get(record.seq)?.has(id) === true ? 'done' : underWay.has(id) ? 'under way' : undefined;
    const open = messages.flatMap((message) => openParts(message, this.#batchBytes, fateOf));
    if (open.length === 0) {
      return { refusals: [] };
    }
    const state = await this.#options.topic.state(cluster);
    this.#line(open, state.partitions);
    this.#identity ??= await (await cluster.any()).newIdentity();
    const isOneRecord = messages.every(({ record }) => record === messages[0]?.record);
    const round: Round = { cluster, state, identity: this.#identity, refusals: [], isOneRecord };
    for (;;) {
      signal.throwIfAborted();
      const waiting = [...this.#queues].filter(([, queue]) => queue.isWaiting).map(([partition]) => partition);
      const failure = await this.#round(waiting, round);
      const { refusals, split } = round;
      if (failure !== undefined || split !== undefined || waiting.length === 0) {
        return { refusals, ...(failure !== undefined && { failure }), ...(split !== undefined && { split }) };
      }
    }
  }

  /**
   * Puts each message in the queue of its partition. Where a batch without an answer does not come again as it was, its
   * number can't be used again: we begin anew under a new id, and the brokers do not see what stands twice.
   */
  #line(messages: readonly Message[], partitions: number): void {
    const lines = new Map<number, Message[]>();
    for (const message of messages) {
      const { key, record } = message;
      const partition = key === undefined ? record.seq % partitions : partitionOf(key, partitions);
      const line = lines.get(partition) ?? [];
      lines.set(partition, line);
      line.push(message);
      if (!this.#queues.has(partition)) {
        this.#queues.set(partition, new PartitionQueue());
      }
    }
    for (const [partition, queue] of this.#queues) {
      this.#isLost = !queue.take(lines.get(partition) ?? []) || this.#isLost;
    }
    if (this.#isLost) {
      this.#isLost = false;
      this.#identity = undefined;
      for (const queue of this.#queues.values()) {
        queue.beginAnew();
      }
    }
  }

  /** One batch for each partition, all at once. */
  async #round(waiting: readonly number[], round: Round): Promise<Failure | undefined> {
    const { topic } = this.#options;
    const byLeader = new Map<string, { address: Address; partitions: number[] }>();
    for (const partition of waiting) {
      const address = round.state.leaders.get(partition);
      if (address === undefined) {
        topic.doubt();
        return new Failure(`${topic.name}[${partition}] has no leader now`, 'busy');
      }
      const group = byLeader.get(nameOf(address)) ?? { address, partitions: [] };
      byLeader.set(nameOf(address), group);
      group.partitions.push(partition);
    }
    const failures = await Promise.all(
      [...byLeader.values()].map(({ address, partitions }) => this.#produce(partitions, address, round)),
    );
    return failures.find((failure) => failure !== undefined);
  }

  async #produce(partitions: readonly number[], address: Address, round: Round): Promise<Failure | undefined> {
    const { cluster, identity } = round;
    try {
      const broker = await cluster.at(address);
      const batches = partitions.flatMap((partition) => this.#batch(partition));
      const answers = await broker.produce(batches, identity, this.#options.config.compression);
      return answers.map((answer) => this.#answered(answer, round)).find((failure) => failure !== undefined);
    } catch (error) {
      if (error instanceof Failure) {
        this.#options.topic.doubt();
        return error;
      }
      throw error;
    }
  }

  #batch(partition: number): readonly Batch[] {
    const queue = this.#queues.get(partition);
    if (queue === undefined) {
      return [];
    }
    const { sequence, messages } = queue.next(this.#batchBytes);
    const { topic, queueId } = this.#options;
    const records = messages.map(({ id, key, value, record }) => ({
      ...(key !== undefined && { key }),
      value,
      headers: new Map([...this.#headers, [idHeader, Buffer.from(`${queueId}:${id}`)]]),
      timestamp: BigInt(record.receivedAtMs),
    }));
    return [{ topic: topic.name, partition, sequence, messages: records }];
  }

  #answered({ partition, code, detail }: Answer, round: Round): Failure | undefined {
    const queue = this.#queues.get(partition);
    const verdict = verdictOf(code);
    const reason = `${this.#options.topic.name}[${partition}]: ${detail === '' ? codeName(code) : detail}`;
    switch (verdict.is) {
      case 'appended':
        for (const { record, id } of queue?.appended() ?? []) {
          const known = this.#delivered.get(record.seq) ?? new Set();
          this.#delivered.set(record.seq, known.add(id));
        }
        return undefined;
      case 'too large':
        this.#tooLarge(queue, reason, round);
        return undefined;
      case 'refused':
        this.#refused(queue, reason, round);
        return undefined;
      case 'lost count':
        this.#isLost = true;
        return new Failure(reason, 'server_error');
      default:
        return this.#failed(queue, reason, verdict);
    }
  }

  /** Smaller batches from now on; a message that is alone is cut, and refused where it cannot be. */
  #tooLarge(queue: PartitionQueue | undefined, reason: string, round: Round): void {
    const found = queue?.tooLarge();
    if (found?.alone === undefined) {
      const half = (found?.bytes ?? Number.POSITIVE_INFINITY) / 2;
      this.#batchBytes = Math.min(this.#batchBytes, half);
    } else if (round.isOneRecord) {
      round.refusals.push({ message: found.alone, reason: `${reason}: ${found.bytes} bytes are too many` });
    }
    if (!round.isOneRecord) {
      round.split = reason;
    }
  }

  #refused(queue: PartitionQueue | undefined, reason: string, round: Round): void {
    if (!round.isOneRecord) {
      queue?.notAppended();
      round.split = reason;
      return;
    }
    round.refusals.push(...(queue?.refused() ?? []).map((message) => ({ message, reason })));
  }

  #failed(queue: PartitionQueue | undefined, reason: string, verdict: Extract<Verdict, { is: 'failed' }>): Failure {
    if (!verdict.isUnsure) {
      queue?.notAppended();
    }
    if (verdict.isStale) {
      this.#options.topic.doubt();
    }
    return new Failure(verdict.advice === undefined ? reason : `${reason} (${verdict.advice})`, verdict.kind);
  }
}
