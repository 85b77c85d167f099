import type { Clock } from '../../contract/runtime.ts';
import type { TopicState } from './broker.ts';
import type { Cluster } from './cluster.ts';
import { codeName, verdictOf } from './codes.ts';
import { Failure } from './failure.ts';

export interface TopicOptions {
  readonly name: string;
  /** What is done where it is missing. */
  readonly missing: 'create' | 'look';
  readonly clock: Clock;
}

/** Partitions may be added; then keys move, as they do with every producer. */
const maxAgeMs = 300_000;
/** A broker that makes a topic needs a moment; who asks so often, with pauses between, asks in vain. */
const patience = 3;

/** A topic, and who leads its partitions. */
export class Topic {
  readonly #options: TopicOptions;
  #known: { readonly state: TopicState; readonly readMs: number } | undefined;
  /** How often in a row it was asked for and not there yet. */
  #asked = 0;

  constructor(options: TopicOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** What is known may be wrong. */
  doubt(): void {
    this.#known = undefined;
  }

  /** Rejects with a `Failure`. */
  async state(cluster: Cluster): Promise<TopicState> {
    const { name, missing, clock } = this.#options;
    if (this.#known !== undefined && clock.now() - this.#known.readMs < maxAgeMs) {
      return this.#known.state;
    }
    const state = (await cluster.topics([name], missing)).get(name);
    const isComing = missing === 'create' && this.#asked < patience;
    const failure = topicFailure(name, state, isComing ? 'coming' : 'missing');
    this.#asked = failure === undefined ? 0 : this.#asked + 1;
    if (failure !== undefined || state === undefined) {
      throw failure ?? new Failure(`the brokers say nothing of the topic ${name}`, 'server_error');
    }
    this.#known = { state, readMs: clock.now() };
    return state;
  }
}

const unknownTopic = 3;

/** Why a topic can't be written to. `unknown`: what it means that the brokers do not know it. */
export function topicFailure(
  topic: string,
  state: TopicState | undefined,
  unknown: 'missing' | 'coming',
): Failure | undefined {
  const code = state?.code ?? unknownTopic;
  if (code === unknownTopic) {
    return unknown === 'missing'
      ? new Failure(
          `there is no topic ${topic}, or this user may not see it: make it (kafka-topics --create --topic ${topic}), or change \`topics\``,
          'misconfigured',
        )
      : new Failure(`the brokers were asked to make the topic ${topic}`, 'busy');
  }
  const verdict = verdictOf(code);
  if (verdict.is === 'failed') {
    const reason = `the topic ${topic}: ${codeName(code)}`;
    return new Failure(verdict.advice === undefined ? reason : `${reason} (${verdict.advice})`, verdict.kind);
  }
  return state?.partitions === 0 ? new Failure(`the topic ${topic} has no partitions yet`, 'busy') : undefined;
}
