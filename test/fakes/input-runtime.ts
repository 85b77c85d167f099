import { BridgeError } from '../../src/contract/errors.ts';
import type { HttpRoute, ListenerName } from '../../src/contract/http.ts';
import type { InputRuntime } from '../../src/contract/input.ts';
import type { Batch, Format, Origin, Position, Signal, TagEdits } from '../../src/model/batch.ts';
import { type ServedRoutes, serveRoutes } from './route-server.ts';
import { type FakeRuntime, type FakeRuntimeOptions, fakeRuntime } from './runtime.ts';

/** A batch as it was at the moment of the call: the caller's buffers are copied, as a lane does. */
export interface Emission {
  readonly signal: Signal;
  readonly format: Format;
  readonly payload: Buffer;
  readonly items: number;
  readonly origin: Origin;
  readonly scope?: 'cluster';
  readonly edits?: TagEdits;
  readonly dictionary?: { readonly id: string; readonly bytes: Buffer };
  readonly position?: Position;
}

export interface Tally {
  readonly signal: Signal;
  readonly items: number;
  readonly reason: string;
}

interface Waiting {
  readonly emission: Emission;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface FakeInputRuntimeOptions extends FakeRuntimeOptions {
  /** What an earlier life made durable: `<signal> <key>` → value. `restart` fills it in. */
  readonly positions?: ReadonlyMap<string, string>;
}

/** The host of an input, with its lane held in hand. */
export interface FakeInputRuntime extends InputRuntime {
  readonly log: FakeRuntime['log'];
  readonly clock: FakeRuntime['clock'];
  readonly meter: FakeRuntime['meter'];
  /** Durable, in the order of the calls. Batches without items (position only) included. */
  readonly emitted: readonly Emission[];
  /** Calls that wait for `release` or `failHeld`. */
  readonly held: readonly Emission[];
  /** Every call of `emit`, refused ones included. */
  readonly calls: number;
  readonly refusals: readonly Tally[];
  readonly drops: readonly Tally[];
  readonly collectedRoutes: readonly HttpRoute[];
  /** From now on `emit` stays pending. */
  hold(): void;
  /** Makes all that is held durable, in order, and ends the holding. */
  release(): void;
  /** Rejects all that is held with BRIDGE_OVERLOADED, and ends the holding. */
  failHeld(): void;
  /** From now on `emit` rejects with BRIDGE_OVERLOADED, until `recover`. */
  overload(): void;
  recover(): void;
  /** The next life: knows the durable positions, and nothing else. What was held is lost. */
  restart(): FakeInputRuntime;
  /** Answers the collected routes of one listener on a real port. */
  serve(listener?: ListenerName): Promise<ServedRoutes>;
}

export function fakeInputRuntime(options: FakeInputRuntimeOptions = {}): FakeInputRuntime {
  const base = fakeRuntime(options);
  const lane = new HeldLane(new Map(options.positions));
  const routes: HttpRoute[] = [];
  const refusals: Tally[] = [];
  const drops: Tally[] = [];
  return {
    ...base,
    routes: { add: (route) => routes.push(route) },
    collectedRoutes: routes,
    refusals,
    drops,
    get emitted() {
      return lane.emitted;
    },
    get held() {
      return lane.waiting.map((waiting) => waiting.emission);
    },
    get calls() {
      return lane.calls;
    },
    emit: (batch, position) => lane.emit(copied(batch, position)),
    emitAll: async (emissions) => {
      await Promise.all(emissions.map(({ batch, position }) => lane.emit(copied(batch, position))));
    },
    position: (signal, key) => lane.positions.get(`${signal} ${key}`),
    positions: (signal, prefix) => lane.positionsOf(signal, prefix),
    forget: (signal, key) => lane.positions.delete(`${signal} ${key}`),
    refused: (signal, items, reason) => refusals.push({ signal, items, reason }),
    dropped: (signal, items, reason) => drops.push({ signal, items, reason }),
    hold: () => {
      lane.mode = 'held';
    },
    release: () => lane.release(),
    failHeld: () => lane.failHeld(),
    overload: () => {
      lane.mode = 'overloaded';
    },
    recover: () => {
      lane.mode = 'open';
    },
    restart: () => fakeInputRuntime({ ...options, clock: base.clock, positions: lane.positions }),
    serve: (listener = 'main') => serveRoutes(routes, listener),
  };
}

class HeldLane {
  mode: 'open' | 'held' | 'overloaded' = 'open';
  calls = 0;
  readonly emitted: Emission[] = [];
  readonly positions: Map<string, string>;
  waiting: Waiting[] = [];

  constructor(positions: Map<string, string>) {
    this.positions = positions;
  }

  emit(emission: Emission): Promise<void> {
    this.calls += 1;
    if (this.mode === 'overloaded') {
      return Promise.reject(overloaded());
    }
    if (this.mode === 'held') {
      return new Promise((resolve, reject) => this.waiting.push({ emission, resolve, reject }));
    }
    this.#keep(emission);
    return Promise.resolve();
  }

  release(): void {
    this.mode = 'open';
    for (const { emission, resolve } of this.waiting.splice(0)) {
      this.#keep(emission);
      resolve();
    }
  }

  failHeld(): void {
    this.mode = 'open';
    for (const { reject } of this.waiting.splice(0)) {
      reject(overloaded());
    }
  }

  positionsOf(signal: Signal, prefix: string): ReadonlyMap<string, string> {
    const start = `${signal} ${prefix}`;
    const found = [...this.positions].filter(([key]) => key.startsWith(start));
    return new Map(found.map(([key, value]) => [key.slice(signal.length + 1), value]));
  }

  #keep(emission: Emission): void {
    this.emitted.push(emission);
    if (emission.position !== undefined) {
      this.positions.set(`${emission.signal} ${emission.position.key}`, emission.position.value);
    }
  }
}

function overloaded(): BridgeError {
  return new BridgeError('BRIDGE_OVERLOADED', 'the lane is full');
}

function copied(batch: Batch, position: Position | undefined): Emission {
  if (!Number.isSafeInteger(batch.items) || batch.items < 0) {
    throw new TypeError(`a batch of ${batch.items} items was emitted`);
  }
  const parts = batch.payload instanceof Uint8Array ? [batch.payload] : batch.payload;
  return {
    signal: batch.signal,
    format: batch.format,
    payload: Buffer.concat(parts),
    items: batch.items,
    origin: structuredClone(batch.origin),
    ...(batch.scope === undefined ? {} : { scope: batch.scope }),
    ...(batch.edits === undefined ? {} : { edits: structuredClone(batch.edits) }),
    ...(batch.dictionary === undefined
      ? {}
      : { dictionary: { id: batch.dictionary.id, bytes: Buffer.from(batch.dictionary.bytes) } }),
    ...(position === undefined ? {} : { position: { ...position } }),
  };
}
