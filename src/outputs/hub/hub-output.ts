import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import type { HubOutputConfig } from './hub.ts';
import type { Hubs } from './hubs.ts';

/** The agent's end: posts the records of its lanes to the hub as they are (docs/hub.md, "The protocol"). */
export class HubOutput implements Output {
  readonly #config: HubOutputConfig;
  readonly #runtime: OutputRuntime;
  #hubs: Hubs | undefined;

  constructor(config: HubOutputConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const { Hubs } = await import('./hubs.ts');
    this.#hubs = new Hubs(this.#config, this.#runtime);
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    return this.#started().write(request, signal);
  }

  async check(): Promise<Health> {
    return this.#started().check();
  }

  async stop(): Promise<void> {
    await this.#hubs?.close();
  }

  #started(): Hubs {
    if (this.#hubs === undefined) {
      throw new Error('write before start');
    }
    return this.#hubs;
  }
}
