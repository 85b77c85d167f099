import type { RetryCause } from '../contract/output.ts';
import type { CursorActivity } from './cursor.ts';

/** What an output is doing, as its cursor shows it. */
export class Activity {
  readonly #show: (activity: CursorActivity) => void;
  readonly #retries = new Map<RetryCause, number>();
  #lastError: string | undefined;
  #isFailing = false;
  #lastCause: RetryCause | undefined;

  constructor(show: (activity: CursorActivity) => void) {
    this.#show = show;
  }

  retry(cause: RetryCause): void {
    this.#retries.set(cause, (this.#retries.get(cause) ?? 0) + 1);
    this.#isFailing = true;
    this.#lastCause = cause;
  }

  /** The far side said something final, whatever it was. */
  answered(): void {
    this.#isFailing = false;
  }

  /** The far side takes data: what it said before no longer matters. */
  recovered(): void {
    this.#lastError = undefined;
    this.#lastCause = undefined;
  }

  /** `lastError` stays until the next one, or `recovered`. */
  report(state: CursorActivity['state'], lastError?: string, nextAttemptMs?: number): void {
    this.#lastError = lastError ?? this.#lastError;
    let retries = 0;
    for (const count of this.#retries.values()) {
      retries += count;
    }
    this.#show({
      state,
      circuit: this.#circuit(state),
      retries,
      retriesByCause: Object.fromEntries(this.#retries),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...(this.#lastCause === undefined ? {} : { lastCause: this.#lastCause }),
      ...(nextAttemptMs === undefined ? {} : { nextAttemptMs }),
    });
  }

  #circuit(state: CursorActivity['state']): NonNullable<CursorActivity['circuit']> {
    if (!this.#isFailing) {
      return 'closed';
    }
    return state === 'sending' ? 'half_open' : 'open';
  }
}
