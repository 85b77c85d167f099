import { statfsSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { BridgeError } from '../../contract/errors.ts';
import type { Clock } from '../../contract/runtime.ts';
import type { Question } from '../../contract/store.ts';
import type { Signal } from '../../model/batch.ts';
import { EmbeddedStore } from './embedded-store.ts';
import { LaneFollower } from './lane-follower.ts';
import type { FromWorker, PlainError, StoreSettings, ToWorker } from './messages.ts';
import type { DecodeSpans } from './traces/trace-intake.ts';

const expireEveryMs = 60_000;
const deriveEveryMs = 10_000;
/** The main thread's view of partitions and damage is at most this old. */
const statusEveryMs = 1000;

export interface ThreadOptions {
  readonly port: MessagePort;
  readonly settings: StoreSettings;
  readonly decodeSpans: DecodeSpans;
  readonly clock: Clock;
}

/** Serves one main thread: opens the store, follows lanes, answers questions. Resolves when it was told to stop and has. */
export async function serveStore(options: ThreadOptions): Promise<void> {
  const thread = new StoreThread(options);
  try {
    await thread.run();
  } catch (error) {
    thread.died(error);
    throw error;
  }
}

class StoreThread {
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #dir: string;
  readonly #store: EmbeddedStore;
  readonly #followers = new Map<Signal, LaneFollower>();
  readonly #running: Promise<void>[] = [];
  readonly #questions = new Map<number, AbortController>();
  readonly #stopped = new AbortController();
  readonly #ended = Promise.withResolvers<void>();

  constructor({ port, settings, decodeSpans, clock }: ThreadOptions) {
    this.#port = port;
    this.#clock = clock;
    this.#dir = settings.dir;
    this.#store = new EmbeddedStore({ ...settings, decodeSpans, clock });
  }

  async run(): Promise<void> {
    await this.#store.open();
    this.#port.on('message', (message: ToWorker) => this.#take(message));
    this.#post({ kind: 'opened', positions: this.#store.parts.map(({ signal, position }) => [signal, position]) });
    await this.#postStatus();
    const housekeeping = [
      this.#every(expireEveryMs, () => this.#store.expire()),
      this.#derive().then(() => this.#every(deriveEveryMs, () => this.#derive())),
      this.#every(statusEveryMs, () => this.#postStatus()),
    ];
    await this.#ended.promise;
    this.#stopped.abort();
    await Promise.all([...this.#running, ...housekeeping]);
    await this.#store.close();
    this.#port.close();
  }

  died(error: unknown): void {
    this.#post({ kind: 'died', error: plain(error) });
  }

  #take(message: ToWorker): void {
    switch (message.kind) {
      case 'follow':
        this.#follow(message);
        break;
      case 'durable':
        this.#followers.get(message.signal)?.wake();
        break;
      case 'ask':
        this.#answer(message.id, message.question).catch((error: unknown) => this.#ended.reject(error));
        break;
      case 'cancel':
        this.#questions.get(message.id)?.abort();
        break;
      default:
        this.#stop();
    }
  }

  #follow(follow: Extract<ToWorker, { kind: 'follow' }>): void {
    const { signal } = follow;
    const part = this.#store.parts.find((one) => one.signal === signal);
    if (part === undefined) {
      throw new Error(`the store does not take ${signal}`);
    }
    const follower = new LaneFollower({
      part,
      follow,
      clock: this.#clock,
      freeBytes: () => freeBytes(this.#dir),
      events: {
        stored: (stored) => this.#post({ kind: 'stored', ...stored }),
        ingesting: (work) => this.#store.ingesting(work),
        waitsForRoom: (wantedBytes) => this.#post({ kind: 'waits', signal, wantedBytes }),
        lost: (losses) => this.#post({ kind: 'lost', signal, losses }),
      },
    });
    this.#followers.set(signal, follower);
    const running = follower.run();
    running.catch((error: unknown) => {
      this.#store.failed(error);
      this.#ended.reject(error);
    });
    this.#running.push(running);
  }

  async #answer(id: number, question: Question): Promise<void> {
    const asked = new AbortController();
    this.#questions.set(id, asked);
    try {
      const { contentType, body, count } = await this.#store.ask(question, asked.signal);
      const own = ownMemory(body);
      this.#post({ kind: 'answer', id, contentType, body: own, count }, [own.buffer]);
    } catch (error) {
      this.#post({ kind: 'refused', id, error: plain(error) });
    } finally {
      this.#questions.delete(id);
    }
  }

  #stop(): void {
    for (const follower of this.#followers.values()) {
      follower.stop();
    }
    for (const question of this.#questions.values()) {
      question.abort(new BridgeError('BRIDGE_OVERLOADED', 'the store is stopping'));
    }
    this.#ended.resolve();
  }

  async #every(ms: number, work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#clock.sleep(ms, signal).catch(() => undefined);
      if (!signal.aborted) {
        await work();
      }
    }
  }

  async #derive(): Promise<void> {
    const { signal } = this.#stopped;
    await this.#store.derive(signal).catch((error: unknown) => {
      if (!signal.aborted) {
        throw error;
      }
    });
  }

  async #postStatus(): Promise<void> {
    this.#post({ kind: 'status', status: await this.#store.status() });
  }

  #post(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, [...transfer]);
  }
}

/** Small buffers stand in a pool that others use too; only memory of their own can be handed over. */
function ownMemory(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = body;
  return buffer instanceof ArrayBuffer && buffer.byteLength === body.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(body);
}

function plain(error: unknown): PlainError {
  return {
    code: error instanceof BridgeError ? error.code : undefined,
    message: error instanceof Error ? error.message : String(error),
  };
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
