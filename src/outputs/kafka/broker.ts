import { isIP } from 'node:net';
import {
  apiVersionsV1,
  apiVersionsV3,
  Connection,
  type ConnectionOptions,
  initProducerIdV0,
  initProducerIdV2,
  initProducerIdV3,
  initProducerIdV4,
  type MessageRecord,
  metadataV4,
  metadataV5,
  metadataV7,
  metadataV8,
  metadataV9,
  metadataV10,
  metadataV11,
  metadataV12,
  NumericMap,
  produceV3,
  produceV5,
  produceV7,
  produceV8,
  produceV9,
  produceV11,
} from '@platformatic/kafka';
import type { ZodType } from 'zod';
import { tlsOptions } from '../../http/reach.ts';
import { identityAnswer, metadataAnswer, produceAnswer } from './answers.ts';
import { failureOf, protocolCodeOf } from './broker-errors.ts';
import { Failure } from './failure.ts';
import type { KafkaConfig } from './kafka.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Identity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** Consecutive messages for one partition, with the number of the first one. */
export interface Batch {
  readonly topic: string;
  readonly partition: number;
  readonly sequence: number;
  readonly messages: readonly Pick<MessageRecord, 'key' | 'value' | 'headers' | 'timestamp'>[];
}

export interface Answer {
  readonly partition: number;
  readonly code: number;
  /** What the broker said beside the code. */
  readonly detail: string;
}

export interface TopicState {
  readonly code: number;
  readonly leaders: ReadonlyMap<number, Address>;
  /** Partitions, with and without a leader. */
  readonly partitions: number;
}

/** No longer than that for a connection, with TLS and login: there may be other brokers to try within one attempt. */
const connectTimeoutMs = 5_000;
/** Delivery's `timeout` ends an attempt before; this only frees what was forgotten. */
const requestTimeoutMs = 600_000;
/** How long replicas may take to confirm. */
const acknowledgeTimeoutMs = 20_000;
const allReplicas = -1;
const unsupportedVersion = 35;

const produceApis = [produceV11, produceV9, produceV8, produceV7, produceV5, produceV3].map(({ api }) => api);
const metadataApis = [
  metadataV12,
  metadataV11,
  metadataV10,
  metadataV9,
  metadataV8,
  metadataV7,
  metadataV5,
  metadataV4,
].map(({ api }) => api);
const identityApis = [initProducerIdV4, initProducerIdV3, initProducerIdV2, initProducerIdV0].map(({ api }) => api);

interface VersionRange {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/**
 * One connection to one broker. It is the library's `Connection`, below its clients: those retry by themselves and wait for
 * ever where a broker refuses a connection or a login, while here each question fails as soon as the connection does, and
 * `cut` leaves neither socket nor timer behind. Rejections are a `Failure`.
 */
export class Broker {
  readonly address: Address;
  readonly #connection: Connection;
  readonly #versions: readonly VersionRange[];
  readonly #faults: readonly Error[];

  private constructor(address: Address, { connection, faults }: Made, versions: readonly VersionRange[]) {
    this.address = address;
    this.#connection = connection;
    this.#faults = faults;
    this.#versions = versions;
  }

  /** `opened` gets the connection before it is made, so that it can be cut at any time; it may throw to forbid it. */
  static async connect(address: Address, config: KafkaConfig, opened: (cut: () => void) => void): Promise<Broker> {
    const made = await madeFor(address, config);
    const { connection, faults } = made;
    opened(() => cut(connection));
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      cut(connection);
    }, connectTimeoutMs);
    try {
      await connection.connect(address.host, address.port);
      return new Broker(address, made, await versionsOf(connection));
    } catch (error) {
      cut(connection);
      throw isLate
        ? new Failure(`${nameOf(address)}: no answer within 5 s`, 'timeout')
        : failureOf(error, address, faults);
    } finally {
      clearTimeout(deadline);
    }
  }

  get isOpen(): boolean {
    return this.#connection.isConnected();
  }

  cut(): void {
    cut(this.#connection);
  }

  /** What it knows of topics; those that are missing are made where `create` is set and the broker is allowed to. */
  async topics(names: readonly string[], create: 'create' | 'look'): Promise<ReadonlyMap<string, TopicState>> {
    const api = this.#newest(metadataApis);
    const answer = await this.#ask(metadataAnswer, () => api.async(this.#connection, [...names], create === 'create'));
    const brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    return new Map(
      answer.topics.map(({ name, errorCode, partitions }) => {
        const leaders = partitions.flatMap(({ partitionIndex, leaderId }) => {
          const leader = brokers.get(leaderId);
          return leader === undefined ? [] : [[partitionIndex, leader] as const];
        });
        return [name ?? '', { code: errorCode, leaders: new Map(leaders), partitions: partitions.length }];
      }),
    );
  }

  async newIdentity(): Promise<Identity> {
    const api = this.#newest(identityApis);
    try {
      return identityAnswer.parse(await api.async(this.#connection, null, 0, -1n, -1));
    } catch (error) {
      throw failureOf(error, this.address, this.#faults);
    }
  }

  /** Batches of different partitions. Resolves with the broker's word on each, good or bad. */
  async produce(
    batches: readonly Batch[],
    identity: Identity,
    compression: KafkaConfig['compression'],
  ): Promise<readonly Answer[]> {
    const api = this.#newest(produceApis);
    const sequences = new NumericMap();
    const records: MessageRecord[] = batches.flatMap(({ topic, partition, sequence, messages }) => {
      sequences.set(`${topic}:${partition}`, sequence);
      return messages.map((message) => ({ ...message, topic, partition }));
    });
    const answer = await this.#ask(produceAnswer, () =>
      api.async(this.#connection, allReplicas, acknowledgeTimeoutMs, records, { compression, sequences, ...identity }),
    );
    return answer.responses.flatMap(({ partitionResponses }) =>
      partitionResponses.map(({ index, errorCode, errorMessage, recordErrors = [] }) => {
        const said = [errorMessage, ...recordErrors.map(({ batchIndexErrorMessage }) => batchIndexErrorMessage)];
        return { partition: index, code: errorCode, detail: said.find((text) => text) ?? '' };
      }),
    );
  }

  /** The library throws an answer that has an error code anywhere; each code is looked at where the answer is used. */
  async #ask<T>(shape: ZodType<T>, question: () => Promise<unknown>): Promise<T> {
    try {
      return shape.parse(await question());
    } catch (error) {
      const parsed = shape.safeParse(answerIn(error));
      if (parsed.success) {
        return parsed.data;
      }
      throw failureOf(error, this.address, this.#faults);
    }
  }

  #newest<A extends { readonly key: number; readonly version: number }>(apis: readonly A[]): A {
    const found = apis.find((api) => {
      const range = this.#versions.find(({ apiKey }) => apiKey === api.key);
      return range !== undefined && api.version >= range.minVersion && api.version <= range.maxVersion;
    });
    if (found === undefined) {
      throw new Failure(
        `${nameOf(this.address)} does not speak a version of Kafka's protocol that we do`,
        'misconfigured',
      );
    }
    return found;
  }
}

export function nameOf({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

interface Made {
  readonly connection: Connection;
  /** Why it broke: the questions under way are only told that it did. */
  readonly faults: readonly Error[];
}

async function madeFor(address: Address, config: KafkaConfig): Promise<Made> {
  try {
    const connection = new Connection(config.client_id, await optionsOf(address, config));
    const faults: Error[] = [];
    // Without a listener an `error` would end the process.
    connection.on('error', (error) => faults.push(error));
    return { connection, faults };
  } catch (error) {
    throw failureOf(error, address);
  }
}

async function optionsOf({ host }: Address, { tls, sasl }: KafkaConfig): Promise<ConnectionOptions> {
  const base = {
    connectTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    ...(sasl !== undefined && { sasl }),
  };
  if (tls === undefined) {
    return base;
  }
  const { ca, cert, key, rejectUnauthorized, servername } = await tlsOptions(tls);
  const name = servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    ...base,
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(name !== undefined && { servername: name }),
    },
  };
}

async function versionsOf(connection: Connection): Promise<readonly VersionRange[]> {
  try {
    return (await apiVersionsV3.api.async(connection, 'meshbridge', '1')).apiKeys;
  } catch (error) {
    if (protocolCodeOf(error) !== unsupportedVersion) {
      throw error;
    }
    return (await apiVersionsV1.api.async(connection, 'meshbridge', '1')).apiKeys;
  }
}

/**
 * With an error: only then the library ends what is asked over a connection that is still being made, and its timers. Its
 * own `close` leaves both; but it alone stops the timer of the next login of a connection that the broker closed.
 */
function cut(connection: Connection): void {
  connection.socket?.destroy(new Error('cut off'));
  if (connection.status === 'closed') {
    void connection.close();
  }
}

function answerIn(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'response' in error ? error.response : undefined;
}
