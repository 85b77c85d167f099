import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Answer {
  readonly id: number;
  readonly body?: unknown;
  readonly error?: string;
}

/** A program beside this file, in a process of its own, that answers questions. It ends with us. */
export class Helper<Question> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;

  constructor(program: string) {
    this.#child = fork(fileURLToPath(new URL(program, import.meta.url)), [], { execArgv: ['--no-warnings'] });
    this.#child.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) {
        waiting?.resolve(answer.body);
      } else {
        waiting?.reject(new Error(answer.error));
      }
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`${program} ended`));
      }
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask<T>(body: Question): Promise<T> {
    const id = ++this.#asked;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, body });
    return waiting.promise as Promise<T>;
  }

  end(): void {
    if (this.#child.connected) {
      this.#child.disconnect();
    }
  }
}
