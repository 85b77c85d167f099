import type { Dispatcher } from 'undici';
import { RenewedAgent } from '../http/renewed-agent.ts';
import type { PromConfig } from './config.ts';
import type { RawResponse } from './keep-alive-client.ts';
import type { PageBuffer } from './page-buffers.ts';
import { ResponseFault } from './response-reader.ts';
import { tlsOptions } from './tls.ts';

const maxRedirections = 5;

export interface UndiciClientOptions {
  readonly url: URL;
  readonly config: PromConfig;
  /** Hosts that a redirect may lead to, as URLs write them. Undefined: any. */
  readonly hosts?: ReadonlySet<string>;
}

/** For what the plain client does not do: TLS, proxies and redirects. Follows those without authorization to another origin. */
export class UndiciClient {
  readonly #options: UndiciClientOptions;
  readonly #agent: RenewedAgent;

  constructor(options: UndiciClientOptions) {
    const { config } = options;
    this.#options = options;
    this.#agent = new RenewedAgent({ tls: () => tlsOptions(config), proxyUrl: proxyOf(config), connections: 1 });
  }

  async get(headers: Readonly<Record<string, string>>, page: PageBuffer, signal: AbortSignal): Promise<RawResponse> {
    const { url: first, config } = this.#options;
    const dispatcher = await this.#agent.dispatcher();
    const visited = new Set<string>();
    for (let url = first; ; ) {
      visited.add(url.href);
      const answer = await dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: url.origin === first.origin ? headers : withoutLogin(headers),
        signal,
      });
      const next = redirectOf(answer, url);
      if (next === undefined) {
        return await read(answer, page, config.body_size_limit);
      }
      await answer.body.dump();
      url = this.#allowed(next, visited);
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  #allowed(url: URL, visited: ReadonlySet<string>): URL {
    const { hosts } = this.#options;
    if (visited.has(url.href)) {
      throw new ResponseFault(`the target redirects in a circle, back to ${url.origin}${url.pathname}`);
    }
    if (visited.size > maxRedirections) {
      throw new ResponseFault(`the target redirects more than ${maxRedirections} times`);
    }
    if (!['http:', 'https:'].includes(url.protocol)) {
      throw new ResponseFault(`the target redirects to ${url.protocol}//${url.host}, which is neither http nor https`);
    }
    if (hosts?.has(url.hostname) === false) {
      throw new ResponseFault(`the target redirects to ${url.origin}, which is not of its own pod`);
    }
    return url;
  }
}

/** A unix socket is on this machine: no proxy stands before it. */
export function proxyOf(config: PromConfig): string | undefined {
  return config.uds_path === undefined ? config.proxy_url : undefined;
}

function redirectOf(answer: Dispatcher.ResponseData, from: URL): URL | undefined {
  const { location } = answer.headers;
  const redirected = [301, 302, 303, 307, 308].includes(answer.statusCode) && typeof location === 'string';
  return redirected ? (URL.parse(location, from.href) ?? undefined) : undefined;
}

/** Headers of the configuration may hold secrets too, so only ours go on. */
function withoutLogin(headers: Readonly<Record<string, string>>): Record<string, string> {
  const ours = ['user-agent', 'accept', 'accept-encoding', 'x-prometheus-scrape-timeout-seconds'];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => ours.includes(name)));
}

async function read(answer: Dispatcher.ResponseData, page: PageBuffer, maxBodyBytes: number): Promise<RawResponse> {
  for await (const chunk of answer.body) {
    if (page.filled + chunk.length > maxBodyBytes) {
      throw new ResponseFault(`the page is larger than ${maxBodyBytes} bytes`);
    }
    page.append(chunk);
  }
  const found = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value ?? '')]);
  return { status: answer.statusCode, headers: new Map(found), body: page.bytes.subarray(0, page.filled) };
}
