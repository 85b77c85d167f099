import { headersOf, type Reach, tlsOptions } from './reach.ts';
import { RenewedAgent } from './renewed-agent.ts';
import { closedOverTls } from './tls-faults.ts';

export interface PosterOptions extends Reach {
  readonly url: string;
  /** Lower-case names. They win over all others but those of a single request. */
  readonly protocolHeaders: Readonly<Record<string, string>>;
  readonly userAgent: string;
}

export interface PostRequest {
  readonly body: Uint8Array;
  /** More parameters of the address, without `?`. */
  readonly search?: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Posted {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of the body of an answer that is not 2xx, on one line. */
  readonly text: string;
  /** The beginning of the body, as it came. */
  readonly body: Buffer;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Of an answer that says why, this much is read. */
const maxReasonBytes = 1_024;

/** The connections to one far side that is posted to. One attempt a call: no retries, no time-outs but the signal. */
export class Poster {
  readonly #options: PosterOptions;
  readonly #url: URL;
  readonly #agent: RenewedAgent;

  constructor(options: PosterOptions) {
    const { url, tls, proxy_url: proxyUrl } = options;
    this.#options = options;
    this.#url = new URL(url);
    this.#agent = new RenewedAgent({ tls: async () => (tls === undefined ? {} : await tlsOptions(tls)), proxyUrl });
  }

  /** Rejects when there is no answer, and with the reason of an aborted signal. */
  post(body: Uint8Array, signal: AbortSignal): Promise<Posted> {
    return this.send({ body, headers: {} }, signal);
  }

  /** The same, with headers of this request alone, which win over all others. Lower-case names. */
  async send({ body, search, headers }: PostRequest, signal: AbortSignal): Promise<Posted> {
    signal.throwIfAborted();
    try {
      const [dispatcher, common] = await Promise.all([this.#agent.dispatcher(), this.#headers()]);
      const answer = await dispatcher.request({
        method: 'POST',
        origin: this.#url.origin,
        path: pathOf(this.#url, search),
        headers: { ...common, ...headers },
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
        headers: answer.headers,
      };
    } catch (error) {
      signal.throwIfAborted();
      throw this.#url.protocol === 'https:' ? closedOverTls(error) : error;
    }
  }

  /** Cuts what is under way. May be called more than once. */
  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #headers(): Promise<Record<string, string>> {
    const { userAgent, protocolHeaders } = this.#options;
    return { ...(await headersOf(this.#url, this.#options, userAgent)), ...protocolHeaders };
  }
}

function pathOf({ pathname, search: common }: URL, search: string | undefined): string {
  return search === undefined ? pathname + common : `${pathname}${common === '' ? '?' : `${common}&`}${search}`;
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
