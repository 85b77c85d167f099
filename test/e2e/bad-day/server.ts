import type { Backend } from './bad-day.ts';

/** A backend, and how to end it. */
export type Running = Backend & { stop(): Promise<void> };

/** A server that can be killed and started again. */
export class Server<T extends { stop(): Promise<void> }> {
  readonly #start: () => Promise<T>;
  #now: T;

  private constructor(start: () => Promise<T>, now: T) {
    this.#start = start;
    this.#now = now;
  }

  static async of<T extends { stop(): Promise<void> }>(start: () => Promise<T>): Promise<Server<T>> {
    return new Server(start, await start());
  }

  get now(): T {
    return this.#now;
  }

  readonly kill = (): Promise<void> => this.#now.stop();

  readonly restart = async (): Promise<void> => {
    this.#now = await this.#start();
  };
}
