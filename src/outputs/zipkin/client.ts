import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { type Posted, Poster } from '../../http/poster.ts';
import { reachOf } from '../../http/reach.ts';
import { healthOf, resultOfPost } from '../../http/status.ts';
import { jsonBody, protobufBody } from './body.ts';
import type { ZipkinOutputConfig } from './zipkin.ts';

const compress = promisify(gzip);

/** The reference server reports a body past its limit as a failure of its own: 500, with the real status as text. */
function withTrueStatus(posted: Posted): Posted {
  return posted.status === 500 && posted.text.startsWith('413 ') ? { ...posted, status: 413 } : posted;
}

const contentTypes = { json: 'application/json', protobuf: 'application/x-protobuf' } as const;
type Encoding = keyof typeof contentTypes;
const bodies = { json: jsonBody, protobuf: protobufBody } as const;

/** Zipkin's collector API (zipkin2-api.yaml, POST /spans), JSON v2 or protobuf. */
export class Client implements Sender {
  readonly #config: ZipkinOutputConfig;
  readonly #runtime: OutputRuntime;
  readonly #posters = new Map<Encoding, Poster>();

  constructor(config: ZipkinOutputConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
  }

  async write({ records }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    return await this.#attempt(this.#config.encoding, records, signal);
  }

  /** Posts an empty list, which every server takes and none stores. In protobuf it would be a body without a byte. */
  async check(): Promise<Health> {
    return await healthOf((signal) => this.#attempt('json', [], signal));
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#posters.values(), (poster) => poster.close()));
  }

  async #attempt(encoding: Encoding, records: WriteRequest['records'], signal: AbortSignal): Promise<WriteResult> {
    return await attempt(
      {
        records: records.length,
        encode: () => bodies[encoding](records, this.#runtime.decode),
        post: async (body) => {
          if (body.length === 0) {
            return { status: 'delivered' };
          }
          const posted = await this.#poster(encoding).post(await this.#compressed(body), signal);
          return resultOfPost(withTrueStatus(posted), { records: records.length, nowMs: this.#runtime.clock.now() });
        },
      },
      signal,
    );
  }

  async #compressed(body: Buffer): Promise<Buffer> {
    return this.#config.compression === 'gzip' ? await compress(body, { level: 1 }) : body;
  }

  #poster(encoding: Encoding): Poster {
    const { url, compression } = this.#config;
    const protocolHeaders = {
      'content-type': contentTypes[encoding],
      ...(compression === 'gzip' && { 'content-encoding': 'gzip' }),
    };
    const poster =
      this.#posters.get(encoding) ??
      new Poster({ url, ...reachOf(this.#config), protocolHeaders, userAgent: this.#runtime.userAgent });
    this.#posters.set(encoding, poster);
    return poster;
  }
}
