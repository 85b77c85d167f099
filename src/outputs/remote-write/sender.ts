import { readFile } from 'node:fs/promises';
import { compressSync } from 'snappy';
import { buildConnector, Pool } from 'undici';
import { WriteRequestEncoder } from '../../codec/remote-write/remote-write.ts';
import type { ClientTls } from '../../config/fields.ts';
import type { MetricFrame } from '../../model/metric.ts';
import type { RemoteWriteConfig } from './remote-write.ts';

/** Of an answer that says why, this much is read. */
const maxReasonBytes = 1024;

export interface Answered {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of the body of an answer that is not 2xx, on one line. */
  readonly text: string;
}

/** The connections to one receiver, and what turns frames into request bodies. */
export class Sender {
  /** A request without series. */
  readonly nothing = compressed(Buffer.alloc(0));
  readonly #encoder: WriteRequestEncoder;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(config: RemoteWriteConfig, userAgent: string) {
    const url = new URL(config.url);
    this.#encoder = new WriteRequestEncoder({
      maxRequestBytes: config.max_request_bytes,
      maxTemplateBytes: config.label_cache,
    });
    this.#pool = new Pool(url.origin, { connect: connector(config.tls), headersTimeout: 0, bodyTimeout: 0 });
    this.#path = url.pathname + url.search;
    this.#headers = headersOf(url, config.headers, userAgent);
  }

  /** One attempt after the other works on one buffer, so this does not wait in between. */
  bodies(frames: readonly MetricFrame[]): readonly Buffer[] {
    return Array.from(this.#encoder.encode(frames), compressed);
  }

  async post(body: Buffer, signal: AbortSignal): Promise<Answered> {
    const answer = await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: this.#headers,
      body,
      signal,
    });
    const status = answer.statusCode;
    const retryAfter = answer.headers['retry-after'];
    const good = status >= 200 && status < 300;
    const text = good ? '' : await beginning(answer.body);
    if (good) {
      await answer.body.dump();
    }
    return { status, retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined, text };
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Block format. Without `copyOutputData` each result is memory of its own to map and unmap, 18 times as slow. */
function compressed(body: Buffer): Buffer {
  return compressSync(body, { copyOutputData: true });
}

/** The user's headers may add to those of the protocol, not change them. */
function headersOf(url: URL, own: Readonly<Record<string, string>>, userAgent: string): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': userAgent };
  if (url.username !== '') {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(user).toString('base64')}`;
  }
  for (const [name, value] of Object.entries(own)) {
    headers[name.toLowerCase()] = value;
  }
  return {
    ...headers,
    'content-encoding': 'snappy',
    'content-type': 'application/x-protobuf',
    'x-prometheus-remote-write-version': '0.1.0',
  };
}

/** Reads the files for each connection, so that a renewed certificate is seen. */
function connector(tls: ClientTls | undefined): buildConnector.connector {
  if (tls === undefined) {
    return buildConnector({});
  }
  return (options, callback) => {
    tlsOptions(tls).then(
      (found) => buildConnector(found)(options, callback),
      (error: Error) => callback(error, null),
    );
  };
}

async function tlsOptions(tls: ClientTls): Promise<buildConnector.BuildOptions> {
  const [ca, cert, key] = await Promise.all([tls.ca_file, tls.cert_file, tls.key_file].map(contents));
  return {
    rejectUnauthorized: !tls.insecure_skip_verify,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(tls.server_name !== undefined && { servername: tls.server_name }),
  };
}

async function contents(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : await readFile(path);
}

async function beginning(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxReasonBytes) {
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, maxReasonBytes).toString('utf8').replaceAll(/\s+/g, ' ').trim();
}
