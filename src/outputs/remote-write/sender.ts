import { compressSync } from 'snappy';
import {
  encodeMetadata,
  type FamilyMetadata,
  WriteRequestEncoder,
  withPart,
} from '../../codec/remote-write/remote-write.ts';
import { type Posted, Poster } from '../../http/poster.ts';
import type { MetricFrame } from '../../model/metric.ts';
import { MetadataBook } from './metadata-book.ts';
import type { RemoteWriteConfig } from './remote-write.ts';

/** What some frames become. */
export interface Bodies {
  readonly bodies: readonly Buffer[];
  /** What the first of them tells of metrics beside their samples. */
  readonly metadata: readonly FamilyMetadata[];
}

/** The connections to one receiver, and what turns frames into request bodies. */
export class Sender {
  /** A request without series. */
  readonly nothing = compressed(Buffer.alloc(0));
  readonly #encoder: WriteRequestEncoder;
  readonly #poster: Poster;
  readonly #metadata: MetadataBook;

  constructor(config: RemoteWriteConfig, userAgent: string) {
    const { url, headers, tls } = config;
    this.#encoder = new WriteRequestEncoder({
      maxRequestBytes: config.max_request_bytes,
      maxTemplateBytes: config.label_cache,
    });
    this.#metadata = new MetadataBook(config.metadata_interval);
    this.#poster = new Poster({
      url,
      headers,
      tls,
      protocolHeaders: {
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      userAgent,
    });
  }

  /** Throws BRIDGE_DECODE where a shape cannot be read. */
  bodies(frames: readonly MetricFrame[], nowMs: number): Bodies {
    const families = frames.flatMap(({ shape }) => this.#encoder.families(shape));
    const metadata = this.#metadata.due(families, nowMs);
    const [first, ...rest] = this.#encoder.encode(frames);
    if (first === undefined || metadata.length === 0) {
      return { bodies: first === undefined ? [] : [first, ...rest], metadata: [] };
    }
    return { bodies: [withPart(first, encodeMetadata(metadata)), ...rest], metadata };
  }

  /** The far side has it now. */
  told(metadata: readonly FamilyMetadata[], nowMs: number): void {
    this.#metadata.sent(metadata, nowMs);
  }

  /** As `Poster.post`. */
  post(body: Buffer, signal: AbortSignal): Promise<Posted> {
    return this.#poster.post(body, signal);
  }

  close(): Promise<void> {
    return this.#poster.close();
  }
}

/** Block format. Without `copyOutputData` each result is memory of its own to map and unmap, 18 times as slow. */
function compressed(body: Buffer): Buffer {
  return compressSync(body, { copyOutputData: true });
}
