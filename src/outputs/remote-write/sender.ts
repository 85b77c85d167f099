import { compressSync } from 'snappy';
import {
  encodeMetadata,
  type FamilyMetadata,
  WriteRequestEncoder,
  withPart,
} from '../../codec/remote-write/remote-write.ts';
import { BridgeError, hasCode } from '../../contract/errors.ts';
import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { Poster } from '../../http/poster.ts';
import { reachOf } from '../../http/reach.ts';
import { healthOf, resultOfPost } from '../../http/status.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { MetricFrame } from '../../model/metric.ts';
import { MetadataBook } from './metadata-book.ts';
import type { RemoteWriteConfig } from './remote-write.ts';

/** What some frames become. */
interface Bodies {
  readonly bodies: readonly Buffer[];
  /** What the first of them tells of metrics beside their samples. */
  readonly metadata: readonly FamilyMetadata[];
}

/** Remote-write 1.0 (prometheus/docs, docs/specs/prw/remote_write_spec.md). */
export class RemoteWriteSender implements Sender {
  readonly #runtime: OutputRuntime;
  readonly #encoder: WriteRequestEncoder;
  readonly #poster: Poster;
  readonly #metadata: MetadataBook;

  constructor(config: RemoteWriteConfig, runtime: OutputRuntime) {
    this.#runtime = runtime;
    this.#encoder = new WriteRequestEncoder({
      maxRequestBytes: config.max_request_bytes,
      maxTemplateBytes: config.label_cache,
    });
    this.#metadata = new MetadataBook(config.metadata_interval);
    this.#poster = new Poster({
      url: config.url,
      ...reachOf(config),
      protocolHeaders: {
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      userAgent: runtime.userAgent,
    });
  }

  async write({ records }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const nowMs = this.#runtime.clock.now();
    return await attempt(
      {
        records: records.length,
        encode: () =>
          this.#bodies(
            records.map((record) => this.#frame(record)),
            nowMs,
          ),
        post: async ({ bodies, metadata }) => {
          for (const [i, body] of bodies.entries()) {
            const result = await this.#post(body, records.length, signal);
            if (result.status !== 'delivered') {
              return result;
            }
            if (i === 0) {
              this.#metadata.sent(metadata, nowMs);
            }
          }
          return { status: 'delivered' };
        },
      },
      signal,
    );
  }

  /** Posts a request without series, which every receiver takes and nobody stores. */
  async check(): Promise<Health> {
    const encode = (): Buffer => compressed(Buffer.alloc(0));
    return await healthOf((signal) => {
      return attempt({ records: 1, encode, post: (body) => this.#post(body, 1, signal) }, signal);
    });
  }

  async close(): Promise<void> {
    await this.#poster.close();
  }

  #frame(record: QueueRecord): MetricFrame {
    try {
      return this.#runtime.decode.frame(record);
    } catch (error) {
      throw hasCode(error, 'BRIDGE_DECODE')
        ? new BridgeError(error.code, `record ${record.seq}: ${error.message}`, { cause: error })
        : error;
    }
  }

  /** Throws BRIDGE_DECODE where a shape cannot be read. */
  #bodies(frames: readonly MetricFrame[], nowMs: number): Bodies {
    const families = frames.flatMap(({ shape }) => this.#encoder.families(shape));
    const metadata = this.#metadata.due(families, nowMs);
    const [first, ...rest] = this.#encoder.encode(frames);
    if (first === undefined || metadata.length === 0) {
      return { bodies: first === undefined ? [] : [first, ...rest], metadata: [] };
    }
    return { bodies: [withPart(first, encodeMetadata(metadata)), ...rest], metadata };
  }

  async #post(body: Buffer, records: number, signal: AbortSignal): Promise<WriteResult> {
    const posted = await this.#poster.post(body, signal);
    return resultOfPost(posted, { records, nowMs: this.#runtime.clock.now() });
  }
}

/** Block format. Without `copyOutputData` each result is memory of its own to map and unmap, 18 times as slow. */
function compressed(body: Buffer): Buffer {
  return compressSync(body, { copyOutputData: true });
}
