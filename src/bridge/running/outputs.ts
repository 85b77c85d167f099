import { join } from 'node:path';
import type { LoadedOutput } from '../../config/load.ts';
import type { LoadedDelivery } from '../../config/load-outputs.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Output, RecordDecoder } from '../../contract/output.ts';
import type { Runtime } from '../../contract/runtime.ts';
import type { OutputStatus } from '../../contract/status.ts';
import { DeadLetters } from '../../lane/dead-letters.ts';
import { Delivery } from '../../lane/delivery.ts';
import type { Lane } from '../../lane/lane.ts';
import { Pace } from '../../lane/pace.ts';
import { oneOf } from '../../lib/label-matcher.ts';
import { parseSelector, Selector } from '../../lib/selector.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';
import { ChosenItems } from '../../pipeline/selector/chosen-items.ts';
import { LaneTail } from '../../record/tail.ts';
import { tracedOutput } from '../tracing.ts';
import { OutputCheck } from './output-check.ts';

export interface OutputHost {
  readonly runtime: (id: string) => Runtime;
  readonly lanes: Readonly<Record<Signal, Lane>>;
  readonly decode: RecordDecoder;
  readonly node: string;
}

/** An output with one delivery for each signal that it takes. */
export class HostedOutput {
  readonly name: string;
  readonly output: Output;
  /** As it was when it was made. */
  readonly loaded: LoadedOutput;
  readonly #host: OutputHost;
  readonly #runtime: Runtime;
  readonly #choose: (record: QueueRecord) => QueueRecord | undefined;
  readonly #pace: Pace | undefined;
  readonly #check: OutputCheck;
  #deliveries: readonly Delivery[] = [];

  constructor(loaded: LoadedOutput, host: OutputHost) {
    this.name = loaded.name;
    this.loaded = loaded;
    this.#host = host;
    this.#runtime = host.runtime(loaded.id);
    const { delivery } = loaded;
    this.#choose = chooser(delivery, host.decode);
    const { clock, log } = this.#runtime;
    const rate = delivery.max_bytes_per_second;
    this.#pace = rate === undefined ? undefined : new Pace(rate, clock);
    this.output = loaded.definition.create(loaded.config, {
      ...this.#runtime,
      name: loaded.name,
      node: host.node,
      decode: host.decode,
    });
    this.#check = new OutputCheck({ name: this.name, output: this.output, timeoutMs: delivery.timeout, clock, log });
  }

  get signals(): readonly Signal[] {
    const { definition, delivery } = this.loaded;
    return definition.signals.filter((signal) => delivery.signals?.includes(signal) ?? true);
  }

  /** Makes the cursors durable, so that whatever comes in from now on is for this output too. */
  async attach(): Promise<void> {
    await this.output.start();
    this.#deliveries = await Promise.all(this.signals.map((signal) => this.#delivery(signal)));
  }

  status(): OutputStatus {
    const { type } = this.loaded;
    const check = this.#check.status;
    return { name: this.name, type, ...(check && { check }) };
  }

  start(): void {
    this.#check.start();
    for (const delivery of this.#deliveries) {
      delivery.start();
    }
  }

  /** Sends what is queued now as long as it is taken, and stops. */
  async drain(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#check.stop(), ...this.#deliveries.map((delivery) => delivery.drain(signal))]);
    await this.output.stop();
  }

  /** What is under way ends; the rest stays queued. */
  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#check.stop(), ...this.#deliveries.map((delivery) => delivery.stop(signal))]);
    await this.output.stop();
  }

  async #delivery(signal: Signal): Promise<Delivery> {
    const { delivery } = this.loaded;
    const source = this.#host.lanes[signal];
    const { clock, log, dataDir } = this.#runtime;
    const dir = join(dataDir, 'dead-letters', this.name);
    const deadLetters = new DeadLetters({ dir, signal, now: clock.now, log });
    deadLetters.look().catch((error: unknown) => log.warn({ signal, error }, 'The dead letters cannot be read.'));
    const cursor = await source.attach({
      deadLetters,
      output: this.name,
      start: delivery.start,
      onFull: delivery.on_full,
      ...(delivery.queue_bytes === undefined ? {} : { maxBytes: delivery.queue_bytes }),
      ...(delivery.queue_age === undefined ? {} : { maxAgeMs: delivery.queue_age }),
    });
    return new Delivery({
      source,
      cursor,
      tail: new LaneTail({ dir: source.dir, signal, afterSeq: cursor.seq, afterCumItems: cursor.cumItems }),
      output: tracedOutput(this.output, this.name, this.#runtime.tracer),
      deadLetters,
      choose: this.#choose,
      limits: {
        batchItems: delivery.batch_items,
        batchBytes: delivery.batch_bytes,
        batchWaitMs: delivery.batch_wait,
        timeoutMs: delivery.timeout,
        ...(delivery.queue_age === undefined ? {} : { maxAgeMs: delivery.queue_age }),
        concurrency: delivery.concurrency,
        ...(this.#pace === undefined ? {} : { pace: this.#pace }),
      },
      orderKey: orderKey(this.#host.decode),
      clock,
      log,
      random: Math.random,
    });
  }
}

/**
 * What keeps its order when several requests are under way: the scrapes of one target, since a receiver of metrics refuses
 * what is older than it has, and the lines of one container. Spans and RUM points have no order among themselves.
 */
function orderKey(decode: RecordDecoder): (record: QueueRecord) => string | undefined {
  return (record) => {
    switch (record.signal) {
      case 'metrics':
        return targetOf(record, decode);
      case 'logs': {
        const { namespace, pod, podUid, container } = record.origin;
        return [namespace, pod, podUid, container].join('/');
      }
      default:
        return undefined;
    }
  };
}

function targetOf(record: QueueRecord, decode: RecordDecoder): string {
  try {
    const labels = decode.frame(record).shape.series[0]?.labels ?? [];
    return labels
      .flatMap(([name, value]) => (name === 'job' || name === 'instance' ? [`${name}=${value}`] : []))
      .join();
  } catch (error) {
    if (hasCode(error, 'BRIDGE_DECODE')) {
      return '';
    }
    throw error;
  }
}

/** What of a record an output is to have, by `namespaces` and `match`. */
function chooser(delivery: LoadedDelivery, decode: RecordDecoder): (record: QueueRecord) => QueueRecord | undefined {
  const selector = selectorOf(delivery);
  const items = selector === undefined ? undefined : new ChosenItems(selector, decode);
  return (record) => (items === undefined ? record : items.of(record));
}

function selectorOf({ namespaces, match }: LoadedDelivery): Selector | undefined {
  const labels = match === undefined ? undefined : parseSelector(match).selector;
  return namespaces.length === 0
    ? labels
    : new Selector(labels?.text ?? '', [oneOf('namespace', namespaces), ...(labels?.matchers ?? [])]);
}
