import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { healthOf } from '../../http/status.ts';
import { type Signal, signals } from '../../model/batch.ts';
import { Cluster } from './cluster.ts';
import { Failure } from './failure.ts';
import type { KafkaConfig } from './kafka.ts';
import { type Message, messagesOf } from './messages.ts';
import { Producer, type Refusal } from './producer.ts';
import { type MessageFormat, Runs } from './runs.ts';
import { Topic, topicFailure } from './topic.ts';

const delivered: WriteResult = { status: 'delivered' };

/** What one signal is sent with. */
interface Line {
  readonly producer: Producer;
  cluster: Cluster;
  isBusy: boolean;
}

interface Way {
  readonly line: Line;
  readonly request: WriteRequest;
  readonly signal: AbortSignal;
}

/** Kafka's protocol from 1.0 on (produce 3 and later): idempotent, and confirmed by all replicas that are in sync. */
export class KafkaSender implements Sender {
  readonly #config: KafkaConfig;
  readonly #runtime: OutputRuntime;
  readonly #runs: Runs;
  /** Signals have connections of their own, so that a slow topic holds up no other. */
  readonly #lines = new Map<Signal, Line>();
  readonly #clusters = new Set<Cluster>();

  constructor(config: KafkaConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
    this.#runs = new Runs({ format: config.format, shared: config.shared_spans, decode: runtime.decode });
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const { records } = request;
    const [first] = records;
    if (first === undefined) {
      return delivered;
    }
    const line = this.#line(request);
    line.producer.forgetBefore(first.seq);
    line.isBusy = true;
    try {
      return await attempt(
        {
          records: records.length,
          encode: () => records.flatMap((record) => messagesOf(record, this.#runs)),
          post: (messages) => this.#send(messages, { line, request, signal }),
        },
        signal,
      );
    } finally {
      line.isBusy = false;
      if (this.#lines.get(request.signal) !== line) {
        this.#cut(line.cluster);
      }
    }
  }

  /** Connects, logs in, asks for a producer's id and looks at the topics: one that can be written to is enough, and who says "later" is there. */
  async check(): Promise<Health> {
    const cluster = this.#opened();
    try {
      return await healthOf((signal) => cutBy(signal, cluster, this.#look(cluster)));
    } finally {
      this.#cut(cluster);
    }
  }

  async close(): Promise<void> {
    for (const cluster of this.#clusters) {
      this.#cut(cluster);
    }
  }

  async #send(messages: readonly Message[], way: Way): Promise<WriteResult> {
    const { line, signal } = way;
    try {
      const sending = line.producer.send(messages, line.cluster, signal);
      const { refusals, failure, split } = await cutBy(signal, line.cluster, sending);
      if (failure !== undefined) {
        return this.#later(failure, line);
      }
      return split === undefined ? this.#final(refusals, way) : { status: 'split', reason: split };
    } catch (error) {
      if (error instanceof Failure) {
        return this.#later(error, line);
      }
      this.#renew(line);
      throw error;
    }
  }

  /** What broke a connection may hold the others too. */
  #later(failure: Failure, line: Line): WriteResult {
    if (failure.kind !== 'busy') {
      this.#renew(line);
    }
    return failure.retry;
  }

  #final(refusals: readonly Refusal[], { line, request }: Way): WriteResult {
    const [first] = refusals;
    const last = request.records.at(-1)?.seq ?? 0;
    if (first === undefined) {
      line.producer.forgetBefore(last + 1);
      return delivered;
    }
    const { reason } = first;
    const rejected = refusals.reduce((sum, { message }) => sum + message.items, 0);
    return line.producer.hasSome(last) ? { status: 'partial', rejected, reason } : { status: 'rejected', reason };
  }

  async #look(cluster: Cluster): Promise<WriteResult> {
    const names = [...new Set(signals.map((signal) => this.#topicOf(signal)))];
    try {
      const topics = await cluster.topics(names, 'look');
      const unknown = this.#config.create_topics ? 'coming' : 'missing';
      const failures = names.map((name) => topicFailure(name, topics.get(name), unknown));
      const [first] = failures;
      if (first !== undefined && failures.every((failure) => failure !== undefined && failure.kind !== 'busy')) {
        return first.retry;
      }
      await (await cluster.any()).newIdentity();
      return delivered;
    } catch (error) {
      if (error instanceof Failure) {
        return error.kind === 'busy' ? delivered : error.retry;
      }
      throw error;
    }
  }

  /** One for each signal; another one while an attempt that was given up has not ended. */
  #line({ signal, id }: WriteRequest): Line {
    const known = this.#lines.get(signal);
    if (known !== undefined && !known.isBusy) {
      return known;
    }
    const { create_topics: createTopics } = this.#config;
    const topic = new Topic({
      name: this.#topicOf(signal),
      missing: createTopics ? 'create' : 'look',
      clock: this.#runtime.clock,
    });
    const queueId = id.slice(0, id.lastIndexOf(':'));
    const producer = new Producer({ topic, config: this.#config, queueId });
    const line = { producer, cluster: this.#opened(), isBusy: false };
    this.#lines.set(signal, line);
    return line;
  }

  #topicOf(signal: Signal): string {
    const { topics, format } = this.#config;
    return topics[signal] ?? usualTopic(signal, format[signal]);
  }

  #opened(): Cluster {
    const cluster = new Cluster(this.#config);
    this.#clusters.add(cluster);
    return cluster;
  }

  #renew(line: Line): void {
    this.#cut(line.cluster);
    line.cluster = this.#opened();
  }

  #cut(cluster: Cluster): void {
    cluster.cut();
    this.#clusters.delete(cluster);
  }
}

/** What OpenTelemetry Collector's `kafka` receiver and Zipkin's Kafka collector read where they are not told otherwise. */
function usualTopic(signal: Signal, format: MessageFormat): string {
  switch (format) {
    case 'otlp_proto':
    case 'otlp_json':
      return signal === 'traces' ? 'otlp_spans' : `otlp_${signal}`;
    case 'zipkin_json':
      return 'zipkin';
    default:
      return `meshbridge_${signal}`;
  }
}

/** Waits for `work`, but no longer than `signal` lets it: then the connections are cut. Rejects with the signal's reason. */
async function cutBy<T>(signal: AbortSignal, cluster: Cluster, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const cut = (): void => {
    cluster.cut();
    aborted.reject(signal.reason);
  };
  work.catch(() => undefined);
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', cut);
  }
}
