import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { healthOf, resultOfNoAnswer, resultOfPost } from '../../http/status.ts';
import type { MetricFrame } from '../../model/metric.ts';
import type { RemoteWriteConfig } from './remote-write.ts';
import type { Sender } from './sender.ts';

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
    const bodies = this.#bodies(sender, request);
    if ('status' in bodies) {
      return bodies;
    }
    for (const body of bodies) {
      const result = await this.#post(sender, body, request.records.length, signal);
      if (result.status !== 'delivered') {
        return result;
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

  #bodies(sender: Sender, { records }: WriteRequest): readonly Buffer[] | WriteResult {
    const frames: MetricFrame[] = [];
    for (const record of records) {
      try {
        frames.push(this.#runtime.decode.frame(record));
      } catch (error) {
        if (!hasCode(error, 'BRIDGE_DECODE')) {
          throw error;
        }
        const reason = `record ${record.seq} cannot be decoded: ${error.message}`;
        return { status: records.length > 1 ? 'split' : 'rejected', reason };
      }
    }
    return sender.bodies(frames);
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
