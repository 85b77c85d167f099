import { readFile } from 'node:fs/promises';
import type { Agent, buildConnector, Dispatcher } from 'undici';
import { z } from 'zod';
import type { ClusterAccess, ClusterLogin } from './cluster-access.ts';

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

interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: string;
}

/** Requests to a Kubernetes API server. Errors of the network come as they are. */
export class ApiClient {
  readonly #access: ClusterAccess;
  readonly #userAgent: string;
  #agent: Promise<Agent> | undefined;

  constructor(access: ClusterAccess, userAgent: string) {
    this.#access = access;
    this.#userAgent = userAgent;
  }

  /** The parsed body of a 200. Throws ApiRefusal. */
  get(path: string, signal: AbortSignal): Promise<unknown> {
    return this.#parsed({ method: 'GET', path }, signal);
  }

  /** Creates (POST) or replaces (PUT) an object; the object as the server has it now. Throws ApiRefusal, 409 among them. */
  send(method: 'POST' | 'PUT', path: string, object: object, signal: AbortSignal): Promise<unknown> {
    return this.#parsed({ method, path, body: JSON.stringify(object) }, signal);
  }

  /** The body of a 200 as it comes in; it ends when the server ends it. Throws ApiRefusal. */
  async stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    return (await this.#answer({ method: 'GET', path }, signal)).body;
  }

  async close(): Promise<void> {
    await (await this.#agent)?.destroy();
  }

  async #parsed(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
    const { body } = await this.#answer(request, deadline);
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

  /** A token that was renewed since it was read is tried once more at once. */
  async #answer(request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const authorization = await this.#authorization();
    const first = await this.#request(request, authorization, signal);
    if (first.statusCode !== 401) {
      return await accepted(first);
    }
    const renewed = await this.#authorization();
    if (renewed === authorization) {
      return await accepted(first);
    }
    await first.body.dump();
    return await accepted(await this.#request(request, renewed, signal));
  }

  async #request(
    { method, path, body }: ApiRequest,
    authorization: string | undefined,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    this.#agent ??= agentFor(this.#access);
    const agent = await this.#agent;
    return agent.request({
      origin: new URL(this.#access.url).origin,
      path: `${prefixOf(this.#access.url)}${path}`,
      method,
      headers: {
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(authorization !== undefined && { authorization }),
      },
      ...(body !== undefined && { body }),
      signal,
    });
  }

  async #authorization(): Promise<string | undefined> {
    const { tokenFile, login } = this.#access;
    if (tokenFile !== undefined) {
      return `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
    }
    return (await login?.())?.authorization;
  }
}

/** Servers behind a proxy, such as Rancher's, have a path. */
function prefixOf(url: string): string {
  return new URL(url).pathname.replace(/\/+$/, '');
}

/** Its package takes some megabytes, so it is there for those who ask an API server. */
async function agentFor(access: ClusterAccess): Promise<Agent> {
  const { Agent: UndiciAgent, buildConnector: connectorOf } = await import('undici');
  return new UndiciAgent({
    headersTimeout: answerTimeoutMs,
    bodyTimeout: 0,
    connect: (options, callback) => {
      connectOptions(access).then(
        (tls) => connectorOf(tls)(options, callback),
        (error: Error) => callback(error, null),
      );
    },
  });
}

async function connectOptions({ caFile, login }: ClusterAccess): Promise<buildConnector.BuildOptions> {
  return {
    timeout: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    ...(caFile !== undefined && { ca: await readFile(caFile) }),
    ...(login !== undefined && tlsOf(await login())),
  };
}

function tlsOf({ ca, cert, key, serverName, anyCertificate }: ClusterLogin): buildConnector.BuildOptions {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
    ...(anyCertificate === true && { rejectUnauthorized: false }),
  };
}

async function accepted(answer: Dispatcher.ResponseData): Promise<Dispatcher.ResponseData> {
  if (answer.statusCode === 200 || answer.statusCode === 201) {
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
