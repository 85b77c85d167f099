import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { compress } from 'snappy';
import { encodePushJson } from '../../codec/loki-push/json.ts';
import { encodePushProto } from '../../codec/loki-push/proto.ts';
import type { PushStream } from '../../codec/loki-push/push.ts';
import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { type Posted, Poster } from '../../http/poster.ts';
import { reachOf } from '../../http/reach.ts';
import { healthOf, resultOfPost } from '../../http/status.ts';
import type { LokiConfig } from './loki.ts';
import { streamsOf } from './streams.ts';

const pushPath = '/loki/api/v1/push';
const compressed = promisify(gzip);

/** Loki's push API (POST /loki/api/v1/push). */
export class LokiSender implements Sender {
  readonly #config: LokiConfig;
  readonly #runtime: OutputRuntime;
  readonly #poster: Poster;

  constructor(config: LokiConfig, runtime: OutputRuntime) {
    const { headers, tenant, encoding } = config;
    this.#config = config;
    this.#runtime = runtime;
    this.#poster = new Poster({
      url: pushUrl(config.url),
      ...reachOf(config),
      headers: { ...(tenant !== undefined && { 'x-scope-orgid': tenant }), ...headers },
      protocolHeaders:
        encoding === 'json'
          ? { 'content-type': 'application/json', 'content-encoding': 'gzip' }
          : { 'content-type': 'application/x-protobuf' },
      userAgent: runtime.userAgent,
    });
  }

  async write({ records, items }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const { labels, structured_metadata: withMetadata } = this.#config;
    const encode = (): readonly PushStream[] => streamsOf(records, this.#runtime.decode, { labels, withMetadata });
    return await attempt(
      {
        records: records.length,
        encode,
        post: (streams) => this.#post(streams, { records: records.length, items }, signal),
      },
      signal,
    );
  }

  /** Posts a request without streams, which Loki takes. */
  async check(): Promise<Health> {
    return await healthOf((signal) => this.write({ signal: 'logs', records: [], items: 0, id: '' }, signal));
  }

  async close(): Promise<void> {
    await this.#poster.close();
  }

  async #post(
    streams: readonly PushStream[],
    { records, items }: { readonly records: number; readonly items: number },
    signal: AbortSignal,
  ): Promise<WriteResult> {
    const posted = await this.#poster.post(await this.#body(streams), signal);
    const rejected = rejectedLines(posted);
    return rejected === undefined
      ? resultOfPost(posted, { records, nowMs: this.#runtime.clock.now() })
      : { status: 'partial', rejected: Math.min(rejected, items), reason: posted.text };
  }

  #body(streams: readonly PushStream[]): Promise<Buffer> {
    return this.#config.encoding === 'json'
      ? compressed(encodePushJson(streams))
      : compress(Buffer.from(encodePushProto(streams)), { copyOutputData: true });
  }
}

function pushUrl(text: string): string {
  const url = new URL(text);
  if (url.pathname === '/' || url.pathname === '') {
    url.pathname = pushPath;
  }
  return url.href;
}

const ignored = /total ignored: (\d+) out of \d+/g;

/** A 400 may speak of single lines, too old or too far in the future: Loki has taken the others, and says how many not. */
function rejectedLines({ status, text }: Posted): number | undefined {
  const counts = status === 400 ? [...text.matchAll(ignored)].map(([, count]) => Number(count)) : [];
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}
