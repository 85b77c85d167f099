import { readFile } from 'node:fs/promises';
import type { Clock } from '../../contract/runtime.ts';

const trustedMs = 10_000;

/** A token in a file that may appear, change and go while we run, as an optional Secret does that is mounted. */
export class TokenFile {
  readonly #path: string | undefined;
  readonly #clock: Clock;
  #token: string | undefined;
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(path: string | undefined, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** The token as the file has it now or had it a few seconds ago; undefined where there is none. */
  async token(): Promise<string | undefined> {
    if (this.#path !== undefined && this.#clock.now() - this.#readMs >= trustedMs) {
      this.#readMs = this.#clock.now();
      this.#token = await contents(this.#path);
    }
    return this.#token;
  }

  /** It was refused: it is read again before it is used again. */
  doubt(): void {
    this.#readMs = Number.NEGATIVE_INFINITY;
  }

  /** What a person should look at when the hub refuses us. */
  get hint(): string {
    if (this.#path === undefined) {
      return 'write the token_file of [[outputs.hub]]';
    }
    return this.#token === undefined
      ? `there is no token in ${this.#path}, the token_file of [[outputs.hub]], yet`
      : `the token in ${this.#path}, the token_file of [[outputs.hub]], is not the hub's`;
  }
}

async function contents(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim() === '' ? undefined : text.trim();
}
