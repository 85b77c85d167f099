import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import { Refusals } from '../../http/refusals.ts';
import { UnderWay } from '../../lib/under-way.ts';
import type { Batch } from '../../model/batch.ts';
import type { OtlpSignal } from './readers.ts';
import type { receive } from './receive.ts';

const maxBodyBytes = 10 * 1024 * 1024;

/** Where each signal is posted to, and its method of gRPC. */
const ways: readonly { readonly signal: OtlpSignal; readonly path: string; readonly method: string }[] = [
  { signal: 'traces', path: '/v1/traces', method: 'trace.v1.TraceService' },
  { signal: 'logs', path: '/v1/logs', method: 'logs.v1.LogsService' },
];

export interface OpentelemetrySettings {
  readonly tags: Readonly<Record<string, string>>;
  readonly maxLineBytes: number;
}

/**
 * OTLP over HTTP and gRPC (opentelemetry-proto, docs/specification.md). A request is answered once what it holds is on disk;
 * what cannot be taken of it is left out and named in `partial_success`.
 */
export class OpentelemetryInput implements Input {
  readonly #runtime: InputRuntime;
  readonly #settings: OpentelemetrySettings;
  readonly #edits: Pick<Batch, 'edits'>;
  readonly #underWay = new UnderWay();
  readonly #refusals: Readonly<Record<OtlpSignal, Refusals>>;
  #receive: typeof receive | undefined;

  constructor(settings: OpentelemetrySettings, runtime: InputRuntime) {
    const { tags } = settings;
    this.#runtime = runtime;
    this.#settings = settings;
    this.#refusals = { traces: new Refusals(runtime, 'traces'), logs: new Refusals(runtime, 'logs') };
    this.#edits = Object.keys(tags).length === 0 ? {} : { edits: { add: tags } };
    for (const { signal, path, method } of ways) {
      const route = {
        method: 'POST',
        access: 'open',
        maxBodyBytes,
        inflate: true,
        handle: (request: HttpRequest) => this.#take(signal, request),
        onRefused: (error: BridgeError) => this.#refusals[signal].noteUnread(error),
      } as const;
      runtime.routes.add({ ...route, path, listeners: ['main', 'otlp'] });
      const grpcPath = `/opentelemetry.proto.collector.${method}/Export`;
      runtime.routes.add({ ...route, path: grpcPath, listeners: ['otlp_grpc'] });
    }
  }

  async start(): Promise<void> {
    this.#receive = (await import('./receive.ts')).receive;
  }

  async stop(): Promise<void> {
    this.#receive = undefined;
    await this.#underWay.settled();
  }

  /** `lastRefusal` of whichever signal it came last. */
  status(): object {
    const all = Object.values(this.#refusals).map((one) => one.status());
    return all.reduce((last, one) => ((one.lastRefusal?.atMs ?? 0) > (last.lastRefusal?.atMs ?? 0) ? one : last));
  }

  async #take(signal: OtlpSignal, request: HttpRequest): Promise<HttpResponse> {
    if (this.#receive === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    const { maxLineBytes } = this.#settings;
    const options = { nowMs: this.#runtime.clock.now(), maxLineBytes };
    const { batches, refused, response } = this.#receive(signal, request, options);
    if (refused !== undefined) {
      this.#refusals[signal].note(refused.items, refused.reason, refused.message, request.remoteAddress);
    }
    if (batches.length > 0) {
      const emissions = batches.map((batch) => ({ batch: { ...batch, ...this.#edits } }));
      await this.#underWay.own(this.#runtime.emitAll(emissions));
    }
    return response;
  }
}
