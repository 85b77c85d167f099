import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import { z } from 'zod';
import {
  defineOutput,
  type Output,
  type OutputDefinition,
  type OutputRuntime,
  type RetryCause,
  type WriteRequest,
  type WriteResult,
} from '../../../src/contract/output.ts';
import type { Health } from '../../../src/contract/runtime.ts';
import type { Span } from '../../../src/model/span.ts';
import { plainSpanDecoder, requestOf, spanRecord } from '../../fakes/requests.ts';
import type { HttpOutputSubject, LocalOutputSubject } from '../output-contract.ts';

export type OutputFault =
  | 'none'
  | { readonly status: number; readonly as: WriteResult['status'] }
  | 'loops over attempts'
  | 'sleeps before it gives up'
  | 'ignores Retry-After'
  | 'ignores dates in Retry-After'
  | 'gives no reason'
  | 'names no cause'
  | 'has one attempt at a time'
  | 'throws when the connection is refused'
  | 'throws when the connection breaks'
  | 'sends items twice'
  | 'sends other bytes each time'
  | 'ignores abort'
  | 'sends though aborted before'
  | 'checks by sending items'
  | 'keeps its connections'
  | 'shares state between instances'
  | 'changes the request'
  | 'throws in the second stop'
  | 'does not describe a key'
  | 'takes unknown keys'
  | 'names a key in camel case';

const url = z.string().describe('Where items go.');
const good = z.strictObject({ url });

function schemaFor(fault: OutputFault): z.ZodObject {
  switch (fault) {
    case 'does not describe a key':
      return z.strictObject({ url: z.string() });
    case 'takes unknown keys':
      return z.object({ url });
    case 'names a key in camel case':
      return z.strictObject({ url, batchItems: z.int().default(1).describe('Most items.') });
    default:
      return good;
  }
}

const statuses: Readonly<Record<number, WriteResult['status']>> = { 413: 'split', 429: 'retry' };

/** Posts spans as JSON. Keeps the contract, but for the fault that it is told to have. */
class TinyOutput implements Output {
  readonly #url: string;
  readonly #runtime: OutputRuntime;
  readonly #fault: OutputFault;
  #agent: Agent;
  readonly #own: boolean;
  #stops = 0;
  #attempts = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(config: { readonly url: string }, runtime: OutputRuntime, rest: { fault: OutputFault; shared: Agent }) {
    this.#url = config.url;
    this.#runtime = runtime;
    this.#fault = rest.fault;
    this.#own = rest.fault !== 'shares state between instances';
    this.#agent = this.#own ? new Agent() : rest.shared;
  }

  async start(): Promise<void> {}

  async write(work: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    if (this.#fault !== 'sends though aborted before' && this.#fault !== 'ignores abort') {
      signal.throwIfAborted();
    }
    this.#attempts += 1;
    const spans = work.records.flatMap((record) => this.#runtime.decode.spans(record));
    const body = spans.map((span) => JSON.stringify(span)).join('\n');
    const stamp = this.#fault === 'sends other bytes each time' ? `\n# ${this.#attempts}` : '';
    if (this.#fault === 'changes the request') {
      work.records[0]?.payload.fill(0);
    }
    if (this.#fault === 'sends items twice') {
      await this.#post(body, signal);
    }
    const result = await this.#post(body + stamp, signal, work.records.length);
    if (this.#fault === 'loops over attempts' && result.status === 'retry') {
      return this.#post(body, signal, work.records.length);
    }
    if (this.#fault === 'sleeps before it gives up' && result.status === 'retry') {
      await this.#runtime.clock.sleep(1_000, signal);
    }
    return result;
  }

  async check(): Promise<Health> {
    if (this.#fault === 'checks by sending items') {
      await this.#post('{"id":"probe"}', new AbortController().signal);
      return { ok: true };
    }
    const result = await this.#post('', new AbortController().signal);
    return result.status === 'delivered' ? { ok: true } : { ok: false, reason: 'the far side is away' };
  }

  async stop(): Promise<void> {
    this.#stops += 1;
    if (this.#fault === 'throws in the second stop' && this.#stops > 1) {
      throw new Error('already stopped');
    }
    if (this.#fault !== 'keeps its connections' && !this.#agent.destroyed) {
      await this.#agent.destroy();
    }
  }

  async #post(body: string, signal: AbortSignal, records = 1): Promise<WriteResult> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    if (this.#fault === 'has one attempt at a time') {
      await before;
    }
    try {
      const response = await request(this.#url, {
        method: 'POST',
        body,
        dispatcher: this.#agent,
        ...(this.#fault === 'ignores abort' || this.#fault === 'sends though aborted before' ? {} : { signal }),
      });
      await response.body.dump();
      return this.#resultOf(response, records);
    } catch (error) {
      if (signal.aborted && this.#fault === 'sends though aborted before') {
        throw signal.reason;
      }
      signal.throwIfAborted();
      if (this.#throwsAt(error)) {
        throw error;
      }
      return { status: 'retry', reason: String(error), cause: 'unreachable' };
    } finally {
      resolve();
      if (this.#fault === 'sends though aborted before') {
        signal.throwIfAborted();
      }
    }
  }

  #throwsAt(error: unknown): boolean {
    const refused = typeof error === 'object' && error !== null && 'code' in error && error.code === 'ECONNREFUSED';
    return (
      !this.#own ||
      (refused && this.#fault === 'throws when the connection is refused') ||
      (!refused && this.#fault === 'throws when the connection breaks')
    );
  }

  #resultOf({ statusCode, headers }: Dispatcher.ResponseData, records: number): WriteResult {
    const planted = typeof this.#fault === 'object' && this.#fault.status === statusCode ? this.#fault.as : undefined;
    const status = planted ?? statuses[statusCode] ?? byClass(statusCode, records);
    const reason = this.#fault === 'gives no reason' ? '' : `HTTP ${statusCode}`;
    switch (status) {
      case 'delivered':
        return { status };
      case 'partial':
        return { status, rejected: 1, reason };
      case 'retry': {
        const afterMs = this.#afterMs(String(headers['retry-after'] ?? ''));
        const cause = this.#fault === 'names no cause' ? {} : { cause: causeOf(statusCode) };
        return { status, reason, ...cause, ...(afterMs === undefined ? {} : { afterMs }) };
      }
      default:
        return { status, reason };
    }
  }

  #afterMs(text: string): number | undefined {
    if (text === '' || this.#fault === 'ignores Retry-After') {
      return undefined;
    }
    if (/^\d+$/.test(text)) {
      return Number(text) * 1_000;
    }
    return this.#fault === 'ignores dates in Retry-After' ? undefined : Date.parse(text) - this.#runtime.clock.now();
  }
}

function causeOf(statusCode: number): RetryCause {
  return statusCode === 429 || statusCode === 503 ? 'busy' : 'server_error';
}

function byClass(statusCode: number, records: number): WriteResult['status'] {
  if (statusCode < 300) {
    return 'delivered';
  }
  if (statusCode >= 500) {
    return 'retry';
  }
  return records > 1 ? 'split' : 'rejected';
}

export function tinyOutput(fault: OutputFault): HttpOutputSubject {
  const shared = new Agent();
  const definition: OutputDefinition = defineOutput({
    type: 'tiny',
    summary: 'Posts items.',
    signals: ['traces'],
    config: schemaFor(fault),
    create: (config, runtime) => new TinyOutput({ url: String(config['url']) }, runtime, { fault, shared }),
  });
  return {
    kind: 'http',
    definition,
    decode: plainSpanDecoder,
    request: tinyRequest,
    config: (endpoint) => ({ url: endpoint }),
    itemsIn: (received) =>
      received.body
        .toString()
        .split('\n')
        .filter((line) => line.startsWith('{')).length,
  };
}

/** A request of that many records with two spans each. */
export function tinyRequest(records: number): WriteRequest {
  const spansOf = (n: number): Span[] => [1, 2].map((i) => ({ traceId: `${n}`.padStart(16, '0'), id: `${n}${i}` }));
  const all = Array.from({ length: records }, (_, i) => spanRecord(spansOf(i + 1), { seq: i + 1, itemsBefore: i * 2 }));
  return requestOf(all);
}

export type LocalFault =
  | 'none'
  | 'loses the last record'
  | 'overwrites at start'
  | 'ignores abort'
  | 'checks by writing';

class TinyFile implements Output {
  readonly #path: string;
  readonly #runtime: OutputRuntime;
  readonly #fault: LocalFault;

  constructor(path: string, runtime: OutputRuntime, fault: LocalFault) {
    this.#path = path;
    this.#runtime = runtime;
    this.#fault = fault;
  }

  async start(): Promise<void> {
    if (this.#fault === 'overwrites at start') {
      await writeFile(this.#path, '');
    }
  }

  async write(work: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    if (this.#fault !== 'ignores abort') {
      signal.throwIfAborted();
    }
    const records = this.#fault === 'loses the last record' ? work.records.slice(0, -1) : work.records;
    const spans = records.flatMap((record) => this.#runtime.decode.spans(record));
    await appendFile(this.#path, spans.map((span) => `${JSON.stringify(span)}\n`).join(''));
    return { status: 'delivered' };
  }

  async check(): Promise<Health> {
    if (this.#fault === 'checks by writing') {
      await appendFile(this.#path, '{}\n');
    }
    return { ok: true };
  }

  async stop(): Promise<void> {
    await delay(0);
  }
}

export function tinyFile(fault: LocalFault): LocalOutputSubject {
  const definition: OutputDefinition = defineOutput({
    type: 'tiny_file',
    summary: 'Writes items.',
    signals: ['traces'],
    config: z.strictObject({ path: z.string().describe('The file.') }),
    create: (config, runtime) => new TinyFile(String(config['path']), runtime, fault),
  });
  return {
    kind: 'local',
    definition,
    decode: plainSpanDecoder,
    request: tinyRequest,
    config: (dir) => ({ path: join(dir, 'out.ndjson') }),
    itemsIn: async (dir) => {
      const text = await readFile(join(dir, 'out.ndjson'), 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '').length;
    },
  };
}
