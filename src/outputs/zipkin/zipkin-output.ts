import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { healthOf } from '../../http/status.ts';
import type { Client } from './client.ts';
import type { ZipkinOutputConfig } from './zipkin.ts';

/** Zipkin's collector API (zipkin2-api.yaml, POST /spans), JSON v2. */
export class ZipkinOutput implements Output {
  readonly #config: ZipkinOutputConfig;
  readonly #runtime: OutputRuntime;
  #client: Client | undefined;

  constructor(config: ZipkinOutputConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const { Client } = await import('./client.ts');
    this.#client = new Client(this.#config, this.#runtime);
  }

  async write({ records }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    const client = this.#started();
    let body: Buffer;
    try {
      body = client.body(records);
    } catch (error) {
      if (!hasCode(error, 'BRIDGE_DECODE')) {
        throw error;
      }
      return { status: records.length > 1 ? 'split' : 'rejected', reason: `cannot be decoded: ${error.message}` };
    }
    return client.post(body, records.length, signal);
  }

  /** Posts an empty list, which every server takes and none stores. */
  async check(): Promise<Health> {
    return healthOf((signal) => this.#started().post(Buffer.from('[]'), 1, signal));
  }

  async stop(): Promise<void> {
    await this.#client?.close();
  }

  #started(): Client {
    if (this.#client === undefined) {
      throw new Error('write before start');
    }
    return this.#client;
  }
}
