import type { OutputRuntime, RecordDecoder, WriteResult } from '../../contract/output.ts';
import type { Clock } from '../../contract/runtime.ts';
import { type Posted, Poster } from '../../http/poster.ts';
import { resultOfNoAnswer, resultOfPost } from '../../http/status.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { bodyOf } from './body.ts';
import type { ZipkinOutputConfig } from './zipkin.ts';

/** The reference server reports a body past its limit as a failure of its own: 500, with the real status as text. */
function withTrueStatus(posted: Posted): Posted {
  return posted.status === 500 && posted.text.startsWith('413 ') ? { ...posted, status: 413 } : posted;
}

/** One server, and how spans are put into words for it. */
export class Client {
  readonly #poster: Poster;
  readonly #decode: RecordDecoder;
  readonly #clock: Clock;

  constructor(config: ZipkinOutputConfig, runtime: OutputRuntime) {
    const { url, headers, tls } = config;
    this.#poster = new Poster({
      url,
      headers,
      tls,
      protocolHeaders: { 'content-type': 'application/json' },
      userAgent: runtime.userAgent,
    });
    this.#decode = runtime.decode;
    this.#clock = runtime.clock;
  }

  /** Throws BRIDGE_DECODE. */
  body(records: readonly QueueRecord[]): Buffer {
    return bodyOf(records, this.#decode);
  }

  /** Rejects only with the reason of an aborted signal. */
  async post(body: Buffer, records: number, signal: AbortSignal): Promise<WriteResult> {
    try {
      const posted = await this.#poster.post(body, signal);
      return resultOfPost(withTrueStatus(posted), { records, nowMs: this.#clock.now() });
    } catch (error) {
      signal.throwIfAborted();
      return resultOfNoAnswer(error);
    }
  }

  async close(): Promise<void> {
    await this.#poster.close();
  }
}
