import { parseHostPort } from '../../config/units.ts';
import { type Address, Broker, nameOf, type TopicState } from './broker.ts';
import { Failure } from './failure.ts';
import type { KafkaConfig } from './kafka.ts';

/** The connections of one producer, each made when it is needed. Rejections are a `Failure`. */
export class Cluster {
  readonly #config: KafkaConfig;
  readonly #bootstrap: readonly Address[];
  readonly #brokers = new Map<string, Promise<Broker>>();
  readonly #cuts = new Set<() => void>();
  #isCut = false;

  constructor(config: KafkaConfig) {
    this.#config = config;
    this.#bootstrap = config.brokers.flatMap((text) => parseHostPort(text) ?? []);
  }

  /** Ends all connections and what is asked over them. No new one is made after that. */
  cut(): void {
    this.#isCut = true;
    for (const cut of this.#cuts) {
      cut();
    }
    this.#cuts.clear();
    this.#brokers.clear();
  }

  async at(address: Address): Promise<Broker> {
    const name = nameOf(address);
    const open = await this.#brokers.get(name)?.catch(() => undefined);
    if (open?.isOpen === true) {
      return open;
    }
    open?.cut();
    const connecting = Broker.connect(address, this.#config, (cut) => {
      if (this.#isCut) {
        throw new Failure('cut off', 'unreachable');
      }
      this.#cuts.add(cut);
    });
    this.#brokers.set(name, connecting);
    return await connecting;
  }

  /** Whichever answers: those with a connection first. */
  async any(): Promise<Broker> {
    const open = await Promise.all([...this.#brokers.values()].map((broker) => broker.catch(() => undefined)));
    const found = open.find((broker) => broker?.isOpen === true);
    return found ?? (await this.#firstOfBootstrap());
  }

  async topics(names: readonly string[], create: 'create' | 'look'): Promise<ReadonlyMap<string, TopicState>> {
    const broker = await this.any();
    return await broker.topics(names, create);
  }

  async #firstOfBootstrap(): Promise<Broker> {
    const failures: Failure[] = [];
    for (const address of this.#bootstrap) {
      try {
        return await this.at(address);
      } catch (error) {
        if (!(error instanceof Failure)) {
          throw error;
        }
        failures.push(error);
      }
    }
    const worst = failures.find(({ kind }) => kind === 'misconfigured') ?? failures[0];
    throw new Failure(failures.map(({ message }) => message).join('; '), worst?.kind ?? 'unreachable');
  }
}
