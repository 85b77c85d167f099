import type { TapQuestion } from '../api/tap.ts';
import { NdjsonLines } from '../codec/ndjson/ndjson-lines.ts';
import { RecordDecoders } from '../codec/record-decoder.ts';
import { BridgeError, hasCode } from '../contract/errors.ts';
import type { RecordDecoder } from '../contract/output.ts';
import type { Logger } from '../contract/runtime.ts';
import type { Lane } from '../lane/lane.ts';
import { systemClock } from '../lib/clock.ts';
import type { QueueRecord, Signal } from '../model/batch.ts';
import { ItemSelector } from '../pipeline/selector/item-selector.ts';
import { noteLine, RecordingWriter } from '../record/recording.ts';
import { LaneTail } from '../record/tail.ts';

/** Who taps decodes on the thread that takes everything in. */
const maxTaps = 8;
/** Read at once: some ms of work. */
const chunk = { maxItems: 2_000, maxBytes: 1024 * 1024 };
/** Who is further behind goes on at the end. */
const maxBehindItems = 100_000;
const aliveEveryMs = 10_000;

export interface TapsHost {
  /** undefined until they are open. */
  readonly lanes: Readonly<Record<Signal, Lane>> | undefined;
  readonly node: string;
  readonly log: Logger;
}

/** Readers of what the lanes have taken, live. They hold nothing back and keep nothing: who is too slow misses items, and is told how many. */
export class Taps {
  readonly #host: () => TapsHost;
  readonly #ending = new AbortController();
  /** There while anybody taps. */
  #decode: RecordDecoder | undefined;
  #open = 0;

  constructor(host: () => TapsHost) {
    this.#host = host;
  }

  /** Begins at what comes next. Throws BRIDGE_OVERLOADED when too many tap. It must be read to its end, which `signal` brings. */
  open(question: TapQuestion, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const { lanes, node } = this.#host();
    if (this.#ending.signal.aborted || lanes === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', `the daemon is ${lanes === undefined ? 'starting' : 'stopping'}`);
    }
    if (this.#open >= maxTaps) {
      throw new BridgeError('BRIDGE_OVERLOADED', `${maxTaps} taps are open, and there may be no more`);
    }
    this.#open += 1;
    this.#decode ??= new RecordDecoders();
    const ended = AbortSignal.any([signal, this.#ending.signal]);
    return this.#stream(new Tap(question, { lanes, node, decode: this.#decode }), signal, ended);
  }

  /** Ends all of them. */
  close(): void {
    this.#ending.abort(new Error('the daemon is stopping'));
  }

  async *#stream(tap: Tap, gone: AbortSignal, ended: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* tap.run(ended);
      if (this.#ending.signal.aborted && !gone.aborted) {
        yield noteLine({ tap: 'end' });
      }
    } catch (error) {
      this.#host().log.warn({ error }, 'A tap failed and is closed.');
      throw error;
    } finally {
      await tap.close();
      this.#open -= 1;
      if (this.#open === 0) {
        this.#decode = undefined;
      }
    }
  }
}

interface TapContext {
  readonly lanes: Readonly<Record<Signal, Lane>>;
  readonly node: string;
  readonly decode: RecordDecoder;
}

class Tap {
  readonly #question: TapQuestion;
  readonly #context: TapContext;
  readonly #places: readonly Place[];
  readonly #items: ItemSelector | undefined;
  readonly #recording = new RecordingWriter();
  readonly #lines: NdjsonLines;
  #left: number;

  constructor(question: TapQuestion, context: TapContext) {
    this.#question = question;
    this.#context = context;
    this.#places = question.signals.map((signal) => new Place(context.lanes[signal]));
    this.#items = question.selector && new ItemSelector(question.selector, context.decode);
    this.#lines = new NdjsonLines(context.decode);
    this.#left = question.limit ?? Number.POSITIVE_INFINITY;
  }

  async *run(ended: AbortSignal): AsyncGenerator<Uint8Array> {
    const { selector } = this.#question;
    const head = { atMs: systemClock.now(), node: this.#context.node };
    yield this.#recording.head({ ...head, ...(selector && { match: selector.text }) });
    while (!ended.aborted && this.#left > 0) {
      yield* this.#round();
      if (!ended.aborted && this.#left > 0 && !(await this.#more(ended))) {
        yield noteLine({ tap: 'alive' });
      }
    }
  }

  async *#round(): AsyncGenerator<Uint8Array> {
    for (const place of this.#places) {
      const { skipped, records } = await place.read();
      if (skipped > 0) {
        yield noteLine({ tap: 'skipped', signal: place.signal, items: skipped });
      }
      const out = records.length === 0 ? nothing : this.#out(place.signal, records);
      if (out.length > 0) {
        yield out;
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#places.map((place) => place.close()));
  }

  #out(signal: Signal, records: readonly QueueRecord[]): Uint8Array {
    if (this.#question.form === 'items') {
      return Buffer.concat(records.map((record) => this.#itemsOf(record)));
    }
    const kept = records.filter((record) => this.#left > 0 && this.#isMeant(record));
    return kept.length === 0 ? nothing : this.#recording.records(signal, kept);
  }

  /** Whole records go into a recording, with all of their items. */
  #isMeant(record: QueueRecord): boolean {
    const isMeant = this.#items === undefined || unreadable(() => this.#items?.matchesAny(record)) === true;
    this.#left -= isMeant ? record.items : 0;
    return isMeant;
  }

  #itemsOf(record: QueueRecord): Uint8Array {
    const lines = unreadable(() => this.#lines.of(record, this.#items?.meant(record).isMeant)) ?? [];
    const shown = lines.slice(0, this.#left);
    this.#left -= shown.length;
    return Buffer.concat(shown);
  }

  /** Resolves with true when there is more, or it ends, and with false when nothing came for a while. */
  #more(ended: AbortSignal): Promise<boolean> {
    if (this.#places.some((place) => place.hasMore)) {
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const done = (more: boolean): void => {
        clearTimeout(timer);
        ended.removeEventListener('abort', onEnd);
        for (const stop of stops) {
          stop();
        }
        resolve(more);
      };
      const onEnd = (): void => done(true);
      const timer = setTimeout(() => done(false), aliveEveryMs);
      ended.addEventListener('abort', onEnd, { once: true });
      const stops = this.#places.map((place) => place.onMore(onEnd));
    });
  }
}

const nothing = Buffer.alloc(0);

/** A record that cannot be decoded is no business of who looks on: outputs say so. */
function unreadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, 'BRIDGE_DECODE')) {
      return undefined;
    }
    throw error;
  }
}

/** How far one lane has been read. */
class Place {
  readonly signal: Signal;
  readonly #lane: Lane;
  readonly #tail: LaneTail;
  #cumItems: number;
  /** The watermark up to which there is something that cannot be read yet, if there is. */
  #stuckAt: number | undefined;

  constructor(lane: Lane) {
    this.#lane = lane;
    this.signal = lane.signal;
    this.#cumItems = lane.cumItems;
    this.#tail = new LaneTail({
      dir: lane.dir,
      signal: lane.signal,
      afterSeq: lane.durableSeq,
      afterCumItems: lane.cumItems,
    });
  }

  get hasMore(): boolean {
    const { durableSeq } = this.#lane;
    return durableSeq > this.#tail.seq && durableSeq !== this.#stuckAt;
  }

  onMore(listener: () => void): () => void {
    return this.#lane.onDurable(listener);
  }

  async read(): Promise<{ readonly skipped: number; readonly records: readonly QueueRecord[] }> {
    const { durableSeq, cumItems } = this.#lane;
    const behind = cumItems - this.#cumItems;
    if (behind > maxBehindItems) {
      this.#cumItems = cumItems;
      await this.#tail.seek(durableSeq, cumItems);
      return { skipped: behind, records: [] };
    }
    const read = await this.#tail.read({ throughSeq: durableSeq, ...chunk });
    const grown = read.cumItems === undefined ? 0 : read.cumItems - this.#cumItems;
    this.#cumItems += grown;
    this.#stuckAt = read.records.length === 0 && durableSeq > this.#tail.seq ? durableSeq : undefined;
    return { skipped: Math.max(0, grown - read.items), records: read.records };
  }

  close(): Promise<void> {
    return this.#tail.close();
  }
}
