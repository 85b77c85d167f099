import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { healthOf, resultOfNoAnswer, resultOfPost } from '../../http/status.ts';
import type { MetricFrame } from '../../model/metric.ts';
import type { RemoteWriteConfig } from './remote-write.ts';
import type { Bodies, Sender } from './sender.ts';

/** Remote-write 1.0 (prometheus/docs, docs/specs/prw/remote_write_spec.md). */
export class RemoteWriteOutput implements Output {
  readonly #config: RemoteWriteConfig;
  readonly #runtime: OutputRuntime;
  #sender: Sender | undefined;

  constructor(config: RemoteWriteConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const { Sender } = await import('./sender.ts');
    this.#sender = new Sender(this.#config, this.#runtime.userAgent);
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    const sender = this.#started();
    const nowMs = this.#runtime.clock.now();
    const encoded = this.#bodies(sender, request, nowMs);
    if ('status' in encoded) {
      return encoded;
    }
    for (const [i, body] of encoded.bodies.entries()) {
      const result = await this.#post(sender, body, request.records.length, signal);
      if (result.status !== 'delivered') {
        return result;
      }
      if (i === 0) {
        sender.told(encoded.metadata, nowMs);
      }
    }
    return { status: 'delivered' };
  }

  /** Posts a request without series, which every receiver takes and nobody stores. */
  async check(): Promise<Health> {
    const sender = this.#started();
    return healthOf((signal) => this.#post(sender, sender.nothing, 1, signal));
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

  #bodies(sender: Sender, { records }: WriteRequest, nowMs: number): Bodies | WriteResult {
    const frames: MetricFrame[] = [];
    let seq = 0;
    try {
      for (const record of records) {
        seq = record.seq;
        frames.push(this.#runtime.decode.frame(record));
      }
      return sender.bodies(frames, nowMs);
    } catch (error) {
      if (!hasCode(error, 'BRIDGE_DECODE')) {
        throw error;
      }
      const reason = `record ${seq} cannot be decoded: ${error.message}`;
      return { status: records.length > 1 ? 'split' : 'rejected', reason };
    }
  }

  async #post(sender: Sender, body: Buffer, records: number, signal: AbortSignal): Promise<WriteResult> {
    try {
      return resultOfPost(await sender.post(body, signal), { records, nowMs: this.#runtime.clock.now() });
    } catch (error) {
      signal.throwIfAborted();
      return resultOfNoAnswer(error);
    }
  }
}
