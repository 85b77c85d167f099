import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { BridgeError } from '../../contract/errors.ts';
import type { LaneLoss } from '../../contract/status.ts';
import type { Answer, Question, StorePosition, StoreReader, StoreStatus } from '../../contract/store.ts';
import type { Signal } from '../../model/batch.ts';
import type { Follow, FromWorker, PlainError, Stored, StoreSettings, ToWorker } from './messages.ts';
import type { HeldPosition } from './position.ts';
import { Watermark } from './watermark.ts';

interface Asked {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The store as the main thread sees it; the worker behind it owns the files. Start, put each lane's position right with
 * `position`, then `follow` it, and say `durable` after each of its commits.
 */
export class StoreClient implements StoreReader {
  readonly #worker: Worker;
  readonly #opened = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  readonly #asked = new Map<number, Asked>();
  readonly #watermarks = new Map<Signal, Watermark>();
  readonly #positions = new Map<Signal, HeldPosition | undefined>();
  readonly #storedListeners: ((stored: Stored) => void)[] = [];
  readonly #lossListeners: ((signal: Signal, losses: readonly LaneLoss[]) => void)[] = [];
  readonly #waitingListeners: ((signal: Signal, wantedBytes: number) => void)[] = [];
  readonly #deathListeners: ((error: Error) => void)[] = [];
  #status: StoreStatus = { partitions: [], damage: [], bytes: 0 };
  #questions = 0;
  #death: Error | undefined;
  #stopping = false;

  private constructor(settings: StoreSettings) {
    // Beside this file, under node's type stripping as well as built.
    const worker = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(worker, { workerData: settings, name: 'store' });
    this.#worker.on('message', (message: FromWorker) => this.#take(message));
    this.#worker.on('error', (error: unknown) => this.#die(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', () => this.#exit());
  }

  /** Resolves when the store is open and has recovered. Rejects when it cannot be opened. */
  static async start(settings: StoreSettings): Promise<StoreClient> {
    const client = new StoreClient(settings);
    await client.#opened.promise;
    return client;
  }

  /** What it takes. */
  get signals(): readonly Signal[] {
    return [...this.#positions.keys()];
  }

  /** What the store has of that lane: durable and found by questions. */
  position(signal: Signal): StorePosition | undefined {
    const held = this.#positions.get(signal);
    return held === undefined ? undefined : { queueId: held.queueId, seq: held.seq };
  }

  /** Begins to read that lane. Once for each signal. */
  follow(follow: Follow): void {
    const watermark = new Watermark();
    this.#watermarks.set(follow.signal, watermark);
    this.#post({ kind: 'follow', ...follow, watermark: watermark.memory });
  }

  /** The lane, which is followed, is durable up to that record. Cheap: call it at every commit. */
  durable(signal: Signal, seq: number): void {
    if (this.#watermarks.get(signal)?.raise(seq) === true) {
      this.#post({ kind: 'durable', signal });
    }
  }

  onStored(listener: (stored: Stored) => void): void {
    this.#storedListeners.push(listener);
  }

  /** Damage that the store met in a lane's files. */
  onLost(listener: (signal: Signal, losses: readonly LaneLoss[]) => void): void {
    this.#lossListeners.push(listener);
  }

  /** The store keeps a lane waiting until so many bytes are free; the next `onStored` of that lane ends it. */
  onWaiting(listener: (signal: Signal, wantedBytes: number) => void): void {
    this.#waitingListeners.push(listener);
  }

  /** The worker ended though nobody told it to. Called at once if that has happened already. */
  onDeath(listener: (error: Error) => void): void {
    this.#deathListeners.push(listener);
    if (this.#death !== undefined) {
      listener(this.#death);
    }
  }

  ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    if (signal?.aborted === true) {
      return Promise.reject(signal.reason);
    }
    if (this.#death !== undefined || this.#stopping) {
      return Promise.reject(new BridgeError('BRIDGE_OVERLOADED', 'the store is not there'));
    }
    const id = this.#questions++;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const cancel = (): void => {
      this.#asked.delete(id);
      this.#post({ kind: 'cancel', id });
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    this.#asked.set(id, { resolve, reject });
    this.#post({ kind: 'ask', id, question });
    return promise.finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** At most a second old. */
  status(): StoreStatus {
    return this.#status;
  }

  /** Commits what was read, closes the files and ends the worker. May be called more than once. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#post({ kind: 'stop' });
    }
    await this.#exited.promise;
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        for (const [signal, held] of message.positions) {
          this.#positions.set(signal, held);
        }
        this.#opened.resolve();
        break;
      case 'stored':
        this.#stored(message);
        break;
      case 'lost':
        for (const listener of this.#lossListeners) {
          listener(message.signal, message.losses);
        }
        break;
      case 'waits':
        for (const listener of this.#waitingListeners) {
          listener(message.signal, message.wantedBytes);
        }
        break;
      case 'status':
        this.#status = message.status;
        break;
      case 'answer':
        this.#settle(message.id, ({ resolve }) =>
          resolve({ contentType: message.contentType, body: message.body, count: message.count }),
        );
        break;
      case 'refused':
        this.#settle(message.id, ({ reject }) => reject(errorOf(message.error)));
        break;
      default:
        this.#die(errorOf(message.error));
    }
  }

  #stored(stored: Stored): void {
    const { signal, queueId, seq, cumItems = 0 } = stored;
    this.#positions.set(signal, { queueId, seq, cumItems });
    for (const listener of this.#storedListeners) {
      listener(stored);
    }
  }

  #settle(id: number, how: (asked: Asked) => void): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (asked !== undefined) {
      how(asked);
    }
  }

  #die(error: Error): void {
    if (this.#death !== undefined) {
      return;
    }
    this.#death = error;
    this.#opened.reject(error);
    for (const id of [...this.#asked.keys()]) {
      this.#settle(id, ({ reject }) => reject(error));
    }
    for (const listener of this.#deathListeners) {
      listener(error);
    }
  }

  #exit(): void {
    this.#exited.resolve();
    if (!this.#stopping) {
      this.#die(new Error('the store ended though nobody told it to'));
    }
  }
}

function errorOf({ code, message }: PlainError): Error {
  return code === undefined ? new Error(message) : new BridgeError(code, message);
}
