import { isDeepStrictEqual } from 'node:util';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';

export interface RenewedAgentOptions {
  /** Read anew for each request. */
  readonly tls: () => Promise<buildConnector.BuildOptions>;
  /** An HTTP proxy: asked in absolute form for `http:`, by CONNECT for `https:` (RFC 9110 §7.1, §9.3.6). */
  readonly proxyUrl?: string | undefined;
  readonly connections?: number;
}

/** Connections that are made anew when the files of their certificates have changed. The caller's signals are the only time-outs. */
export class RenewedAgent {
  readonly #options: RenewedAgentOptions;
  #made: { readonly tls: buildConnector.BuildOptions; readonly dispatcher: Dispatcher } | undefined;

  constructor(options: RenewedAgentOptions) {
    this.#options = options;
  }

  async dispatcher(): Promise<Dispatcher> {
    const tls = await this.#options.tls();
    if (this.#made !== undefined && isDeepStrictEqual(this.#made.tls, tls)) {
      return this.#made.dispatcher;
    }
    // Requests that are under way end on the connections that they have.
    this.#made?.dispatcher.close().catch(() => undefined);
    this.#made = { tls, dispatcher: this.#dispatcherWith(tls) };
    return this.#made.dispatcher;
  }

  /** Cuts what is under way. May be called more than once. */
  async close(): Promise<void> {
    await this.#made?.dispatcher.destroy();
    this.#made = undefined;
  }

  #dispatcherWith(tls: buildConnector.BuildOptions): Dispatcher {
    const { proxyUrl, connections } = this.#options;
    const limits = { headersTimeout: 0, bodyTimeout: 0, ...(connections !== undefined && { connections }) };
    return proxyUrl === undefined
      ? new Agent({ ...limits, connect: buildConnector(tls) })
      : new ProxyAgent({ ...limits, uri: proxyUrl, requestTls: tls });
  }
}
