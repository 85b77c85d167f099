import { open } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { isPath, type PromConfig } from './config.ts';
import { type Explained, explainFailure, explainStatus } from './explain.ts';
import { KeepAliveClient, type RawResponse } from './keep-alive-client.ts';
import { loginOf } from './login.ts';
import type { PageBuffer, PageBuffers } from './page-buffers.ts';
import { ResponseFault } from './response-reader.ts';
import { proxyOf, UndiciClient } from './undici-client.ts';

const unpack = promisify(gunzip);

/** Text first, then OpenMetrics; protobuf is never asked for: pilot-agent would mix it with text (istio/istio#60322). */
const accept =
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,' +
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1';

/** Names in quotes are no part of OpenMetrics 1.0, so they are not asked for. */
const acceptStrict =
  'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,' +
  'text/plain;version=0.0.4;q=0.4,*/*;q=0.1';

export interface FetchedPage {
  readonly ok: true;
  /** Good until `release` is called. */
  readonly body: Buffer;
  readonly dialect: 'text' | 'openmetrics';
}
export type Fetched = FetchedPage | ({ readonly ok: false } & Explained);

export interface PageFetcherOptions {
  readonly url: string;
  readonly config: PromConfig;
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly buffers: PageBuffers;
  /** Hosts that a redirect may lead to. Undefined: any. */
  readonly hosts?: ReadonlySet<string>;
}

/** Gets the page of one target, again and again. */
export class PageFetcher {
  readonly #options: PageFetcherOptions;
  readonly #url: URL;
  #plain: KeepAliveClient | undefined;
  #other: UndiciClient | undefined;
  /** A target that once redirected is asked by the client that can follow. */
  #redirects = false;

  constructor(options: PageFetcherOptions) {
    this.#options = options;
    this.#url = isPath(options.url) ? fileUrl(options.url) : new URL(options.url);
  }

  /**
   * Gets the page and hands it to `use`, whose result comes back: the page's memory is used for other pages afterwards.
   * Rejects with the signal's reason when it is aborted.
   */
  async fetch<T>(use: (fetched: Fetched) => T, signal: AbortSignal): Promise<T> {
    const { buffers, timeoutMs } = this.#options;
    // Neither AbortSignal.any nor AbortSignal.timeout: `signal` lives as long as the target, and most scrapes end in time.
    const end = new AbortController();
    const stop = (): void => end.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const timer = setTimeout(() => end.abort(new DOMException('no whole answer in time', 'TimeoutError')), timeoutMs);
    const page = buffers.take();
    try {
      signal.throwIfAborted();
      const fetched = await this.#page(page, end.signal).catch((error: unknown) => {
        signal.throwIfAborted();
        const failure = explainFailure(end.signal.aborted ? end.signal.reason : error, timeoutMs);
        return { ok: false as const, ...failure, error: failure.error + this.#way };
      });
      return use(fetched);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      buffers.give(page);
    }
  }

  async close(): Promise<void> {
    this.#plain?.close();
    await this.#other?.close();
  }

  get #way(): string {
    const proxy = proxyOf(this.#options.config);
    return proxy === undefined ? '' : `, by way of the proxy ${new URL(proxy).host}`;
  }

  async #page(page: PageBuffer, signal: AbortSignal): Promise<Fetched> {
    if (this.#url.protocol === 'file:') {
      return { ok: true, body: await this.#file(page), dialect: 'text' };
    }
    const headers = await this.#headers();
    const response = await this.#response(headers, page, signal);
    const { status } = response;
    const type = (response.headers.get('content-type') ?? '').toLowerCase();
    const problem = explainStatus(this.#options.config.ignore_http_status ? 200 : status, type);
    if (problem !== undefined) {
      return { ok: false, ...problem };
    }
    const body = await this.#unpacked(response);
    return { ok: true, body, dialect: type.startsWith('application/openmetrics-text') ? 'openmetrics' : 'text' };
  }

  async #response(
    headers: Readonly<Record<string, string>>,
    page: PageBuffer,
    signal: AbortSignal,
  ): Promise<RawResponse> {
    if (this.#url.protocol === 'http:' && !this.#redirects && proxyOf(this.#options.config) === undefined) {
      this.#plain ??= this.#plainClient();
      const response = await this.#plain.get(this.#request(headers), page, signal);
      if (response.status < 300 || response.status >= 400 || !response.headers.has('location')) {
        return response;
      }
      this.#redirects = true;
      this.#plain.close();
      page.filled = 0;
    }
    const { config, hosts } = this.#options;
    this.#other ??= new UndiciClient({ url: this.#url, config, ...(hosts && { hosts }) });
    return this.#other.get(headers, page, signal);
  }

  #plainClient(): KeepAliveClient {
    const { config, buffers } = this.#options;
    return new KeepAliveClient({
      host: this.#url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(this.#url.port || 80),
      ...(config.uds_path !== undefined && { socketPath: config.uds_path }),
      maxBodyBytes: config.body_size_limit,
      buffers,
    });
  }

  #request(headers: Readonly<Record<string, string>>): Buffer {
    const { pathname, search, host } = this.#url;
    const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  }

  /** The page comes unpacked unless somebody asks for gzip: on a node's own network unpacking costs more than it saves. */
  async #headers(): Promise<Record<string, string>> {
    const { config, timeoutMs, userAgent } = this.#options;
    const headers: Record<string, string> = {
      'user-agent': userAgent,
      accept: config.openmetrics === 'strict' ? acceptStrict : accept,
      'accept-encoding': 'identity',
      'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
    };
    const login = await loginOf(this.#url, config.auth);
    if (login !== undefined) {
      headers['authorization'] = login;
    }
    for (const [name, value] of Object.entries(config.http_headers)) {
      headers[name.toLowerCase()] = value;
    }
    return headers;
  }

  async #file(page: PageBuffer): Promise<Buffer> {
    const { body_size_limit: limit } = this.#options.config;
    const file = await open(this.#url);
    try {
      for (;;) {
        const { bytesRead } = await file.read(page.room(64 * 1024), 0);
        page.filled += bytesRead;
        if (page.filled > limit) {
          throw new ResponseFault(`the page is larger than ${limit} bytes`);
        }
        if (bytesRead === 0) {
          return page.bytes.subarray(0, page.filled);
        }
      }
    } finally {
      await file.close();
    }
  }

  async #unpacked({ headers, body }: RawResponse): Promise<Buffer> {
    const coding = (headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
    if (coding === 'identity' || coding === '') {
      return body;
    }
    if (coding !== 'gzip' && coding !== 'x-gzip') {
      throw new Error(`content encoding "${coding}" is not understood`);
    }
    return await unpack(body, { maxOutputLength: this.#options.config.body_size_limit });
  }
}

function fileUrl(address: string): URL {
  return address.startsWith('/') ? pathToFileURL(address) : new URL(address);
}
