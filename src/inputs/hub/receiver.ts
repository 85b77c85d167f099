import { BridgeError, hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Emission, InputRuntime } from '../../contract/input.ts';
import { plainText } from '../../http/exchange.ts';
import { isFormat, signalOf, signals } from '../../model/batch.ts';
import { ParcelReader, type ParcelRecord } from '../../record/parcel.ts';
import type { Agents } from './agents.ts';
import { Inflating } from './inflating.ts';
import { KnownDictionaries } from './known-dictionaries.ts';
import { headOf, type ParcelHead } from './parcel-head.ts';
import { Places } from './places.ts';

const maxDictionaryBytes = 64 * 1024 * 1024;
const forgetEveryMs = 3_600_000;
const taken: HttpResponse = { status: 204 };

/** A dictionary that is not here: the agent has to send it along. */
class DictionaryMissing extends Error {}

/** Takes requests apart and puts their records into the lanes: those of one lane of an agent one request after the other. */
export class Receiver {
  readonly #runtime: InputRuntime;
  readonly #agents: Agents;
  readonly #places: Places;
  readonly #inflating = new Inflating();
  readonly #reader = new ParcelReader({ isFormat });
  readonly #dictionaries = new KnownDictionaries(maxDictionaryBytes);
  readonly #turns = new Map<string, Promise<unknown>>();
  #forgotMs = 0;

  constructor(runtime: InputRuntime, agents: Agents) {
    this.#runtime = runtime;
    this.#agents = agents;
    this.#places = new Places(runtime);
  }

  /** 204 once all is on disk; 409 when a dictionary must come along; 415 for what a later version sends. Throws BridgeError. */
  async take(request: HttpRequest): Promise<HttpResponse> {
    this.#forgetOld();
    let head: ParcelHead | undefined;
    try {
      head = headOf(request);
      await this.#taken(request, head);
      return taken;
    } catch (error) {
      return this.#answerTo(error, head);
    }
  }

  #taken(request: HttpRequest, head: ParcelHead): Promise<void> {
    return this.#inflating.inflated(request.body, head.bytes, async (parcel) => {
      const records = this.#reader.read(parcel);
      await this.#inTurn(head, () => this.#keep(request, head, records));
    });
  }

  #answerTo(error: unknown, head: ParcelHead | undefined): HttpResponse {
    if (error instanceof DictionaryMissing) {
      return plainText(409, error.message);
    }
    if (hasCode(error, 'BRIDGE_UNSUPPORTED')) {
      return plainText(415, `${error.message}: the agent is of a later version than this hub; upgrade the hub`);
    }
    if (hasCode(error, 'BRIDGE_DECODE')) {
      this.#runtime.log.warn({ reason: error.message }, 'A request of an agent is not what it should be.');
      // How many items it had nobody can say.
      this.#runtime.refused(head?.signal ?? 'metrics', 1, 'malformed');
    }
    throw error;
  }

  /** So that the position that one request finds is that of all before it, be it under an earlier queue id. */
  async #inTurn({ queueId, ancestors, signal }: ParcelHead, work: () => Promise<void>): Promise<void> {
    const key = `${queueId}:${signal}`;
    const before = [key, ...ancestors.map((ancestor) => `${ancestor.queueId}:${signal}`)];
    const turn = Promise.allSettled(before.map((one) => this.#turns.get(one))).then(work);
    this.#turns.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(key) === turn) {
        this.#turns.delete(key);
      }
    }
  }

  async #keep({ remoteAddress }: HttpRequest, head: ParcelHead, records: readonly ParcelRecord[]): Promise<void> {
    const { signal, queueId, sentMs, userAgent } = head;
    const knownSeq = this.#places.seqOf(head);
    for (const { dictionary } of records) {
      this.#learn(dictionary);
    }
    const emissions = records.filter(({ seq }) => seq > knownSeq).map((record) => this.#emission(head, record));
    await this.#runtime.emitAll(emissions);
    const last = records.at(-1);
    if (last !== undefined) {
      const items = emissions.reduce((sum, { batch }) => sum + batch.items, 0);
      const node = head.node ?? last.origin.node ?? remoteAddress;
      const { seq, receivedAtMs: takenMs } = last;
      this.#agents.heard({ node, address: remoteAddress, userAgent, signal, queueId, seq, items, sentMs, takenMs });
    }
  }

  #emission(head: ParcelHead, record: ParcelRecord): Emission {
    const { seq, format, origin, edits, dictionary, payload, items } = record;
    if (signalOf[format] !== head.signal) {
      throw new BridgeError('BRIDGE_DECODE', `record ${seq} is ${format}, which is none of ${head.signal}`);
    }
    const batch = {
      signal: head.signal,
      format,
      origin,
      // What the record does not say is not to be taken from the hub's node.
      scope: 'cluster' as const,
      payload,
      items,
      ...(edits === undefined ? {} : { edits }),
      ...(dictionary === undefined ? {} : { dictionary: this.#dictionary(dictionary) }),
    };
    return { batch, position: this.#places.positionAt(head, seq) };
  }

  /** Also of records that are here already: the agent takes it for known from now on. */
  #learn(dictionary: ParcelRecord['dictionary']): void {
    if (dictionary?.bytes !== undefined) {
      this.#dictionaries.keep(dictionary.id, dictionary.bytes);
    }
  }

  #dictionary({ id, bytes }: NonNullable<ParcelRecord['dictionary']>): { id: string; bytes: Uint8Array } {
    const found = bytes === undefined ? this.#dictionaries.get(id) : { id, bytes };
    if (found === undefined) {
      throw new DictionaryMissing(`dictionary ${id} is not here; send it along`);
    }
    return found;
  }

  #forgetOld(): void {
    const nowMs = this.#runtime.clock.now();
    if (nowMs - this.#forgotMs >= forgetEveryMs) {
      this.#forgotMs = nowMs;
      this.#places.forgetOld(signals);
    }
  }
}
