import { request } from 'node:http';
import { z } from 'zod';
import { BridgeError, hasCode } from '../../../src/contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../../src/contract/http.ts';
import { defineInput, type Input, type InputDefinition, type InputRuntime } from '../../../src/contract/input.ts';
import type { Batch } from '../../../src/model/batch.ts';
import type { ServedRoutes } from '../../fakes/route-server.ts';
import type { InputSubject, Source, Told } from '../input-contract.ts';

export type InputFault =
  | 'none'
  | 'emits twice'
  | 'emits garbage'
  | 'emits after stop'
  | 'emits another signal'
  | 'counts wrong'
  | 'counts refusals that emit counts'
  | 'acknowledges when overloaded'
  | 'acknowledges before durable'
  | 'answers 500 when the disk fails'
  | 'stays shut after an overload'
  | 'fills the batch after the call'
  | 'falls over garbage'
  | 'is silent about garbage'
  | 'throws in the second stop'
  | 'does not wait in stop'
  | 'shares state between instances'
  | 'has a status that is not JSON'
  | 'does not describe a key'
  | 'takes unknown keys'
  | 'names a key in camel case';

const schemas = {
  good: z.strictObject({ path: z.string().default('/items').describe('Where items are taken.') }),
  bare: z.strictObject({ path: z.string().default('/items') }),
  loose: z.object({ path: z.string().default('/items').describe('Where items are taken.') }),
  camel: z.strictObject({
    path: z.string().default('/items').describe('Where items are taken.'),
    maxItems: z.int().default(1).describe('Most items in one request.'),
  }),
};

function schemaFor(fault: InputFault): z.ZodObject {
  switch (fault) {
    case 'does not describe a key':
      return schemas.bare;
    case 'takes unknown keys':
      return schemas.loose;
    case 'names a key in camel case':
      return schemas.camel;
    default:
      return schemas.good;
  }
}

/** An input in forty lines: `POST /items` with `{"id": "..."}`. Keeps the contract, but for the fault that it is told to have. */
class TinyInput implements Input {
  readonly #runtime: InputRuntime;
  readonly #fault: InputFault;
  readonly #shared: { stopped: boolean };
  readonly #taken = new Set<Promise<unknown>>();
  readonly #buffer = Buffer.alloc(64);
  #stopped = false;
  #shut = false;
  #stops = 0;

  constructor(runtime: InputRuntime, fault: InputFault, shared: { stopped: boolean }) {
    this.#runtime = runtime;
    this.#fault = fault;
    this.#shared = shared;
    runtime.routes.add({
      method: 'POST',
      path: '/items',
      listeners: ['main'],
      access: 'open',
      maxBodyBytes: 1_000,
      handle: (call) => this.#handle(call),
    });
  }

  async start(): Promise<void> {
    this.#shared.stopped = false;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#shared.stopped = true;
    this.#stops += 1;
    if (this.#fault === 'throws in the second stop' && this.#stops > 1) {
      throw new Error('already stopped');
    }
    if (this.#fault !== 'does not wait in stop') {
      await Promise.allSettled(this.#taken);
    }
  }

  status(): object {
    return this.#fault === 'has a status that is not JSON' ? { since: new Date(0) } : { taking: !this.#stopped };
  }

  async #handle(call: HttpRequest): Promise<HttpResponse> {
    const stopped = this.#fault === 'shares state between instances' ? this.#shared.stopped : this.#stopped;
    if (this.#shut || (stopped && this.#fault !== 'emits after stop')) {
      return { status: 503 };
    }
    const id = this.#idIn(call.body);
    if (id === undefined) {
      if (this.#fault !== 'is silent about garbage') {
        this.#runtime.refused('traces', 1, 'decode');
      }
      throw new BridgeError('BRIDGE_DECODE', 'the body is not {"id": "..."}');
    }
    const taking = this.#take(id);
    this.#taken.add(taking);
    taking.catch(() => undefined).finally(() => this.#taken.delete(taking));
    if (this.#fault === 'acknowledges before durable') {
      return { status: 202 };
    }
    return this.#answerOf(taking);
  }

  async #answerOf(taking: Promise<void>): Promise<HttpResponse> {
    try {
      await taking;
      return { status: 202 };
    } catch (error) {
      this.#shut = this.#fault === 'stays shut after an overload';
      if (this.#fault === 'answers 500 when the disk fails') {
        return { status: 500 };
      }
      if (hasCode(error, 'BRIDGE_OVERLOADED') && this.#fault === 'counts refusals that emit counts') {
        this.#runtime.refused('traces', 1, 'overloaded');
      }
      if (this.#fault === 'acknowledges when overloaded') {
        return { status: 202 };
      }
      throw error;
    }
  }

  async #take(id: string): Promise<void> {
    const late = this.#fault === 'fills the batch after the call';
    const payload = late ? this.#buffer : Buffer.from(JSON.stringify({ id }));
    const batch: Batch = {
      signal: this.#fault === 'emits another signal' ? 'logs' : 'traces',
      format: 'zipkin-json-v2',
      payload,
      items: this.#fault === 'counts wrong' ? 2 : 1,
      origin: {},
    };
    const emitting = this.#runtime.emit(batch);
    if (late) {
      this.#buffer.fill(0);
      this.#buffer.write(JSON.stringify({ id }));
    }
    await emitting;
    if (this.#fault === 'emits twice') {
      await this.#runtime.emit(batch);
    }
  }

  #idIn(body: Buffer): string | undefined {
    try {
      return JSON.parse(body.toString()).id;
    } catch (error) {
      if (this.#fault === 'falls over garbage') {
        throw error;
      }
      return this.#fault === 'emits garbage' ? 'ffffffffffffffff' : undefined;
    }
  }
}

/** Two subjects made by one call share the state that they ought not to share. */
export function tinyInput(fault: InputFault): InputSubject {
  const shared = { stopped: false };
  const definition: InputDefinition = defineInput({
    type: 'tiny',
    summary: 'Takes items.',
    signals: ['traces'],
    config: schemaFor(fault),
    create: (_config, runtime) => new TinyInput(runtime, fault, shared),
  });
  return {
    definition,
    source: async ({ runtime }) => {
      let served: ServedRoutes | undefined;
      const post = (body: string): Promise<Told> => told(`${served?.url}/items`, body);
      const source: Source = {
        config: {},
        open: async () => {
          served = await runtime.serve('main');
        },
        send: (id) => post(JSON.stringify({ id })),
        sendGarbage: () => post('{"id": '),
        close: async () => {
          await served?.close();
        },
      };
      return source;
    },
    ids: (emission) => {
      const text = emission.payload.toString().replaceAll('\0', '');
      return text === '' ? [] : [JSON.parse(text).id];
    },
    count: () => 1,
  };
}

function told(url: string, body: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', agent: false }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      if (status >= 500 && status !== 503) {
        reject(new Error(`the input answered ${status}`));
        return;
      }
      resolve(status < 300 ? 'accepted' : status === 503 ? 'try later' : 'refused');
    });
    call.once('error', reject);
    call.end(body);
  });
}
