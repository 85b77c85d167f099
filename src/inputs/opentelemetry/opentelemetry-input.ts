import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import { Refusals } from '../../http/refusals.ts';
import { UnderWay } from '../../lib/under-way.ts';
import type { Batch } from '../../model/batch.ts';
import type { Received } from './receive.ts';

const maxBodyBytes = 10 * 1024 * 1024;
const exportMethod = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

export interface OpentelemetrySettings {
  readonly tags: Readonly<Record<string, string>>;
}

type Receive = (request: HttpRequest) => Received;

/**
 * OTLP over HTTP and gRPC (opentelemetry-proto, docs/specification.md), traces. A request is answered once its bytes are on disk, as they came; spans without valid ids are left out and named in `partial_success`.
 */
export class OpentelemetryInput implements Input {
  readonly #runtime: InputRuntime;
  readonly #constants: Pick<Batch, 'signal' | 'origin' | 'edits'>;
  readonly #underWay = new UnderWay();
  readonly #refusals: Refusals;
  #receive: Receive | undefined;

  constructor({ tags }: OpentelemetrySettings, runtime: InputRuntime) {
    this.#runtime = runtime;
    this.#refusals = new Refusals(runtime, 'traces');
    const edits = Object.keys(tags).length === 0 ? {} : { edits: { add: tags } };
    this.#constants = { signal: 'traces', origin: {}, ...edits };
    const route = {
      method: 'POST',
      access: 'open',
      maxBodyBytes,
      inflate: true,
      handle: (request: HttpRequest) => this.#take(request),
      onRefused: (error: BridgeError) => this.#refusals.noteUnread(error),
    } as const;
    runtime.routes.add({ ...route, path: '/v1/traces', listeners: ['main', 'otlp'] });
    runtime.routes.add({ ...route, path: exportMethod, listeners: ['otlp_grpc'] });
  }

  async start(): Promise<void> {
    const { receive } = await import('./receive.ts');
    this.#receive = receive;
  }

  async stop(): Promise<void> {
    this.#receive = undefined;
    await this.#underWay.settled();
  }

  status(): object {
    return this.#refusals.status();
  }

  async #take(request: HttpRequest): Promise<HttpResponse> {
    if (this.#receive === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    const { batch, refused, response } = this.#receive(request);
    if (refused !== undefined) {
      this.#refusals.note(refused.items, refused.reason, refused.message, request.remoteAddress);
    }
    if (batch !== undefined) {
      await this.#underWay.own(this.#runtime.emit({ ...this.#constants, ...batch }));
    }
    return response;
  }
}
