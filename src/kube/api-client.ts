import { readFile } from 'node:fs/promises';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { z } from 'zod';
import type { ClusterAccess } from './cluster-access.ts';

const connectTimeoutMs = 10_000;
const answerTimeoutMs = 30_000;
const maxListBytes = 256 * 1024 * 1024;

/** The API server said no. `message` is its own where it gave one. */
export class ApiRefusal extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'ApiRefusal';
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

const statusSchema = z.object({ message: z.string() });

/** GET requests to a Kubernetes API server. Errors of the network come as they are. */
export class ApiClient {
  readonly #access: ClusterAccess;
  readonly #userAgent: string;
  readonly #agent: Agent;

  constructor(access: ClusterAccess, userAgent: string) {
    this.#access = access;
    this.#userAgent = userAgent;
    this.#agent = new Agent({
      headersTimeout: answerTimeoutMs,
      bodyTimeout: 0,
      connect: (options, callback) => {
        connectOptions(access).then(
          (tls) => buildConnector(tls)(options, callback),
          (error: Error) => callback(error, null),
        );
      },
    });
  }

  /** The parsed body of a 200. Throws ApiRefusal. */
  async get(path: string, signal: AbortSignal): Promise<unknown> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
    const { body } = await this.#answer(path, deadline);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxListBytes) {
        throw new Error(`the answer is larger than ${maxListBytes} bytes`);
      }
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  }

  /** The body of a 200 as it comes in; it ends when the server ends it. Throws ApiRefusal. */
  async stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    return (await this.#answer(path, signal)).body;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  /** A token that was renewed since it was read is tried once more at once. */
  async #answer(path: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const token = await this.#token();
    const first = await this.#request(path, token, signal);
    if (first.statusCode !== 401) {
      return await accepted(first);
    }
    const renewed = await this.#token();
    if (renewed === token) {
      return await accepted(first);
    }
    await first.body.dump();
    return await accepted(await this.#request(path, renewed, signal));
  }

  #request(path: string, token: string | undefined, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    return this.#agent.request({
      origin: this.#access.url,
      path,
      method: 'GET',
      headers: {
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      signal,
    });
  }

  async #token(): Promise<string | undefined> {
    const { tokenFile } = this.#access;
    return tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim();
  }
}

async function connectOptions({ caFile }: ClusterAccess): Promise<buildConnector.BuildOptions> {
  return {
    timeout: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    ...(caFile !== undefined && { ca: await readFile(caFile) }),
  };
}

async function accepted(answer: Dispatcher.ResponseData): Promise<Dispatcher.ResponseData> {
  if (answer.statusCode === 200) {
    return answer;
  }
  const text = (await answer.body.text()).slice(0, 4096);
  throw new ApiRefusal(answer.statusCode, messageOf(text) ?? `HTTP ${answer.statusCode}`, retryAfterMs(answer));
}

function messageOf(text: string): string | undefined {
  try {
    return statusSchema.safeParse(JSON.parse(text)).data?.message;
  } catch {
    return undefined;
  }
}

function retryAfterMs({ headers }: Dispatcher.ResponseData): number | undefined {
  const seconds = Number(headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, 300_000) : undefined;
}
