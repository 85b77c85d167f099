import { Agent, buildConnector, interceptors } from 'undici';
import type { PromConfig } from './config.ts';
import type { RawResponse } from './keep-alive-client.ts';
import type { PageBuffer } from './page-buffers.ts';
import { ResponseFault } from './response-reader.ts';
import { tlsOptions } from './tls.ts';

const maxRedirections = 5;

/** For what the plain client does not do: TLS and redirects. Follows those to any host, without authorization to another. */
export class UndiciClient {
  readonly #agent: Agent;
  readonly #url: URL;
  readonly #maxBodyBytes: number;

  constructor(url: URL, config: PromConfig) {
    this.#agent = new Agent({
      headersTimeout: 0,
      bodyTimeout: 0,
      connections: 1,
      connect: (options, callback) => {
        tlsOptions(config).then(
          (tls) => buildConnector(tls)(options, callback),
          (error: Error) => callback(error, null),
        );
      },
    });
    this.#url = url;
    this.#maxBodyBytes = config.body_size_limit;
  }

  async get(headers: Readonly<Record<string, string>>, page: PageBuffer, signal: AbortSignal): Promise<RawResponse> {
    const dispatcher = this.#agent.compose(interceptors.redirect({ maxRedirections }));
    const answer = await dispatcher.request({
      origin: this.#url.origin,
      path: this.#url.pathname + this.#url.search,
      method: 'GET',
      headers,
      signal,
    });
    for await (const chunk of answer.body) {
      if (page.filled + chunk.length > this.#maxBodyBytes) {
        throw new ResponseFault(`the page is larger than ${this.#maxBodyBytes} bytes`);
      }
      page.append(chunk);
    }
    const found = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value ?? '')]);
    return { status: answer.statusCode, headers: new Map(found), body: page.bytes.subarray(0, page.filled) };
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
