import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { healthOf } from '../../http/status.ts';
import type { Signal } from '../../model/batch.ts';
import type { OtlpOutputConfig } from './otlp.ts';
import type { Sender } from './sender.ts';

/** OTLP 1.x (opentelemetry-proto, docs/specification.md). */
export class OtlpOutput implements Output {
  readonly #config: OtlpOutputConfig;
  readonly #runtime: OutputRuntime;
  #sender: Sender | undefined;

  constructor(config: OtlpOutputConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const { Sender } = await import('./sender.ts');
    this.#sender = new Sender(this.#config, this.#runtime);
  }

  async write({ signal: of, records }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    const sender = this.#started();
    let body: Buffer;
    try {
      body = sender.body(of, records);
    } catch (error) {
      if (!hasCode(error, 'BRIDGE_DECODE')) {
        throw error;
      }
      return { status: records.length > 1 ? 'split' : 'rejected', reason: `cannot be decoded: ${error.message}` };
    }
    return await sender.send(of, body, { records: records.length, signal });
  }

  /** Sends a request without spans, which every receiver takes. */
  async check(): Promise<Health> {
    const of: Signal = 'traces';
    const sender = this.#started();
    return await healthOf((signal) => sender.send(of, sender.body(of, []), { records: 1, signal }));
  }

  async stop(): Promise<void> {
    await this.#sender?.close();
  }

  #started(): Sender {
    if (this.#sender === undefined) {
      throw new Error('write before start');
    }
    return this.#sender;
  }
}
