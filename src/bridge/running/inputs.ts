import type { LoadedInput } from '../../config/load.ts';
import { hasCode } from '../../contract/errors.ts';
import type { DefaultsContext, Emission, Input, InputRuntime } from '../../contract/input.ts';
import type { Logger, Runtime } from '../../contract/runtime.ts';
import type { InputStatus } from '../../contract/status.ts';
import type { Tracer } from '../../contract/tracer.ts';
import { inputs as definitions } from '../../inputs/index.ts';
import type { Lane } from '../../lane/lane.ts';
import type { Batch, Position, Signal } from '../../model/batch.ts';
import type { HeaderStep } from '../../pipeline/header-steps.ts';
import { InputBook } from '../../telemetry/input-books.ts';
import { committed, tracedRoutes } from '../tracing.ts';
import { GatedRoutes } from './gated-routes.ts';

export interface InputHost {
  readonly runtime: (id: string) => Runtime;
  readonly lanes: Readonly<Record<Signal, Lane>>;
  readonly steps: HeaderStep;
}

/** What could run by itself and does not: `<type>: <why>`. */
export function inputsOff(running: readonly string[], where: DefaultsContext): string[] {
  return definitions
    .filter((input) => input.offBecause !== undefined && input.byDefault?.(where) === undefined)
    .filter(({ type }) => !running.includes(type))
    .map(({ type, offBecause }) => `${type}: ${offBecause}`);
}

/** An input, and the books that the host keeps for it. */
export class HostedInput {
  readonly id: string;
  readonly type: string;
  readonly input: Input;
  /** As they were when it was made. */
  readonly loaded: LoadedInput;
  readonly routes = new GatedRoutes();
  readonly #books: ReadonlyMap<Signal, InputBook>;
  readonly #rareSignals: ReadonlySet<Signal>;
  readonly #log: Logger;
  readonly #tracer: Tracer | undefined;

  /** Does no I/O. `before`: the one whose place it takes, and whose books it goes on with. */
  constructor(loaded: LoadedInput, host: InputHost, before?: HostedInput) {
    this.id = loaded.id;
    this.type = loaded.type;
    this.loaded = loaded;
    this.#books = new Map(
      loaded.definition.signals.map((signal) => {
        const kept = before === undefined ? undefined : before.#books.get(signal);
        return [signal, kept ?? new InputBook(loaded.id, loaded.type, signal)];
      }),
    );
    this.#rareSignals = new Set(loaded.definition.rareSignals);
    const runtime = host.runtime(loaded.id);
    this.#log = runtime.log;
    this.#tracer = runtime.tracer;
    this.input = loaded.definition.create(loaded.config, this.#runtime(runtime, host));
  }

  status(): InputStatus[] {
    const detail = this.input.status?.();
    return [...this.#books.values()]
      .map((book) => book.status(detail))
      .filter(({ signal, received }) => received > 0 || !this.#rareSignals.has(signal));
  }

  #book(signal: Signal): InputBook {
    const book = this.#books.get(signal);
    if (book === undefined) {
      throw new Error(`the input ${this.type} gave ${signal}, which its definition does not name`);
    }
    return book;
  }

  #runtime(runtime: Runtime, host: InputHost): InputRuntime {
    return {
      ...runtime,
      log: this.#log,
      routes: tracedRoutes(this.routes, this.#tracer),
      emit: (batch, position) => this.#emit(host, batch, position),
      emitAll: (emissions) => this.#emitAll(host, emissions),
      position: (signal, key) => host.lanes[signal].position(key),
      positions: (signal, prefix) => host.lanes[signal].positions(prefix),
      forget: (signal, key) => host.lanes[signal].forget(key),
      refused: (signal, items, reason) => this.#book(signal).refused(items, reason),
      dropped: (signal, items, reason) => this.#book(signal).dropped(items, reason),
    };
  }

  async #emit(host: InputHost, batch: Batch, position: Position | undefined): Promise<void> {
    const book = this.#book(batch.signal);
    const kept = host.steps(batch);
    if (kept === undefined) {
      book.dropped(batch.items, 'filtered');
      return;
    }
    try {
      await committed(this.#tracer, batch, () => host.lanes[batch.signal].append(kept, position));
    } catch (error) {
      if (hasCode(error, 'BRIDGE_OVERLOADED')) {
        book.refused(batch.items, 'queue_full');
      }
      throw error;
    }
    book.accepted(batch.items);
  }

  async #emitAll(host: InputHost, emissions: readonly Emission[]): Promise<void> {
    const [first] = emissions;
    if (first === undefined) {
      return;
    }
    const { signal } = first.batch;
    const book = this.#book(signal);
    const kept = emissions.flatMap((emission) => {
      const batch = host.steps(emission.batch);
      if (batch === undefined) {
        book.dropped(emission.batch.items, 'filtered');
      }
      return batch === undefined ? [] : [{ ...emission, batch }];
    });
    const items = kept.reduce((sum, { batch }) => sum + batch.items, 0);
    const { done, settled } = await committed(this.#tracer, { signal, items }, () =>
      appended(host.lanes[signal], kept),
    );
    for (const [i, { batch }] of kept.entries()) {
      if (settled.failed.has(done[i])) {
        book.refused(batch.items, 'queue_full');
      } else {
        book.accepted(batch.items);
      }
    }
    if (settled.error !== undefined) {
      throw settled.error;
    }
  }
}

interface Settled {
  readonly failed: ReadonlySet<Promise<void> | undefined>;
  /** The first one's. */
  readonly error?: unknown;
}

async function appended(
  lane: Lane,
  emissions: readonly Emission[],
): Promise<{ readonly done: readonly Promise<void>[]; readonly settled: Settled }> {
  const done = lane.appendAll(emissions);
  return { done, settled: await settledOf(done) };
}

/** Those of one commit have one promise. */
async function settledOf(promises: readonly Promise<void>[]): Promise<Settled> {
  const different = [...new Set(promises)];
  const outcomes = await Promise.allSettled(different);
  const failed = new Set(different.filter((_, i) => outcomes[i]?.status === 'rejected'));
  const first = outcomes.find((outcome) => outcome.status === 'rejected');
  return first === undefined ? { failed } : { failed, error: first.reason };
}
