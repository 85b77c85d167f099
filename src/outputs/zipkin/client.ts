import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { type Posted, Poster } from '../../http/poster.ts';
import { healthOf, resultOfPost } from '../../http/status.ts';
import { bodyOf } from './body.ts';
import type { ZipkinOutputConfig } from './zipkin.ts';

/** The reference server reports a body past its limit as a failure of its own: 500, with the real status as text. */
function withTrueStatus(posted: Posted): Posted {
  return posted.status === 500 && posted.text.startsWith('413 ') ? { ...posted, status: 413 } : posted;
}

/** Zipkin's collector API (zipkin2-api.yaml, POST /spans), JSON v2. */
export class Client implements Sender {
  readonly #poster: Poster;
  readonly #runtime: OutputRuntime;

  constructor(config: ZipkinOutputConfig, runtime: OutputRuntime) {
    const { url, headers, tls } = config;
    this.#poster = new Poster({
      url,
      headers,
      tls,
      protocolHeaders: { 'content-type': 'application/json' },
      userAgent: runtime.userAgent,
    });
    this.#runtime = runtime;
  }

  async write({ records }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const encode = (): Buffer => bodyOf(records, this.#runtime.decode);
    return await attempt(
      { records: records.length, encode, post: (body) => this.#post(body, records.length, signal) },
      signal,
    );
  }

  /** Posts an empty list, which every server takes and none stores. */
  async check(): Promise<Health> {
    return await healthOf((signal) => this.write({ signal: 'traces', records: [], items: 0, id: '' }, signal));
  }

  async close(): Promise<void> {
    await this.#poster.close();
  }

  async #post(body: Buffer, records: number, signal: AbortSignal): Promise<WriteResult> {
    const posted = await this.#poster.post(body, signal);
    return resultOfPost(withTrueStatus(posted), { records, nowMs: this.#runtime.clock.now() });
  }
}
