import { type BridgeError, hasCode } from '../contract/errors.ts';
import type { InputRuntime } from '../contract/input.ts';

type Signal = Parameters<InputRuntime['refused']>[0];

interface Refusal {
  readonly atMs: number;
  readonly reason: string;
  readonly message: string;
  readonly from?: string;
}

/** Counts what an input of requests refuses, by reason, and remembers the last for its status. */
export class Refusals {
  readonly #runtime: InputRuntime;
  readonly #signal: Signal;
  #last: Refusal | undefined;

  constructor(runtime: InputRuntime, signal: Signal) {
    this.#runtime = runtime;
    this.#signal = signal;
  }

  note(items: number, reason: string, message: string, from?: string): void {
    this.#runtime.refused(this.#signal, items, reason);
    this.#last = { atMs: this.#runtime.clock.now(), reason, message, ...(from !== undefined && { from }) };
  }

  /** Of a request that was refused before its route saw the body (`HttpRoute.onRefused`): how many items it held is not known. */
  noteUnread(error: BridgeError): void {
    this.note(1, reasonOf(error), error.message);
  }

  status(): { readonly lastRefusal?: Refusal } {
    return this.#last === undefined ? {} : { lastRefusal: this.#last };
  }
}

function reasonOf(error: BridgeError): string {
  if (hasCode(error, 'BRIDGE_TOO_LARGE')) {
    return 'too_large';
  }
  return hasCode(error, 'BRIDGE_OVERLOADED') ? 'overloaded' : 'malformed';
}
