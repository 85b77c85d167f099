import { readFile } from 'node:fs/promises';
import { buildConnector, Pool } from 'undici';

/** Paths of PEM files, and how strict to be. */
export interface PosterTls {
  readonly ca_file?: string | undefined;
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly server_name?: string | undefined;
  readonly insecure_skip_verify: boolean;
}

export interface PosterOptions {
  /** A user and password in it become basic authorization. */
  readonly url: string;
  /** The user's own; they win over what the URL and we say, but not over `protocolHeaders`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly protocolHeaders: Readonly<Record<string, string>>;
  readonly userAgent: string;
  readonly tls?: PosterTls | undefined;
}

export interface PostRequest {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Posted {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of the body of an answer that is not 2xx, on one line. */
  readonly text: string;
  /** The beginning of the body, as it came. */
  readonly body: Buffer;
}

/** Of an answer that says why, this much is read. */
const maxReasonBytes = 1_024;

/** The connections to one far side that is posted to. One attempt a call: no retries, no time-outs but the signal. */
export class Poster {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: PosterOptions) {
    const url = new URL(options.url);
    // The caller's signal is the only time-out.
    this.#pool = new Pool(url.origin, { connect: connector(options.tls), headersTimeout: 0, bodyTimeout: 0 });
    this.#path = url.pathname + url.search;
    this.#headers = headersOf(url, options);
  }

  /** Rejects when there is no answer, and with the reason of an aborted signal. */
  post(body: Uint8Array, signal: AbortSignal): Promise<Posted> {
    return this.send({ body, headers: {} }, signal);
  }

  /** The same, with headers of this request alone, which win over all others. Lower-case names. */
  async send({ body, headers }: PostRequest, signal: AbortSignal): Promise<Posted> {
    signal.throwIfAborted();
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: { ...this.#headers, ...headers },
        body,
        signal,
      });
      const status = answer.statusCode;
      const retryAfter = answer.headers['retry-after'];
      const first = await beginning(answer.body);
      const text = first.toString('utf8').replaceAll(/\s+/g, ' ').trim();
      const isGood = status >= 200 && status < 300;
      return {
        status,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        text: isGood ? '' : text,
        body: first,
      };
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  /** Cuts what is under way. May be called more than once. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** What every request carries: who we are, the user's headers, and a password of the URL. */
export function headersOf(
  url: URL,
  options: Pick<PosterOptions, 'headers' | 'protocolHeaders' | 'userAgent'>,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { 'user-agent': options.userAgent };
  if (url.username !== '') {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(user).toString('base64')}`;
  }
  for (const [name, value] of Object.entries(options.headers)) {
    headers[name.toLowerCase()] = value;
  }
  return { ...headers, ...options.protocolHeaders };
}

/** Reads the files for each connection, so that a renewed certificate is seen. */
function connector(tls: PosterTls | undefined): buildConnector.connector {
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

/** What node's TLS is given; the files are read now. */
export async function tlsOptions(tls: PosterTls): Promise<buildConnector.BuildOptions> {
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

/** Reads on to the end of a short body, so that the connection can be used again; a long one is cut off. */
async function beginning(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxReasonBytes) {
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, maxReasonBytes);
}
