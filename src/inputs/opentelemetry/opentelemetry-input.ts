import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import type { Counter } from '../../contract/runtime.ts';
import { Refusals } from '../../http/refusals.ts';
import { UnderWay } from '../../lib/under-way.ts';
import type { Batch } from '../../model/batch.ts';
import type { OtlpSignal, ReadOptions } from './readers.ts';
import type { receive } from './receive.ts';

const maxBodyBytes = 10 * 1024 * 1024;

/** Where each signal is posted to, and its service of gRPC. */
const ways: Readonly<Record<OtlpSignal, { readonly path: string; readonly service: string }>> = {
  traces: { path: '/v1/traces', service: 'trace.v1.TraceService' },
  metrics: { path: '/v1/metrics', service: 'metrics.v1.MetricsService' },
  logs: { path: '/v1/logs', service: 'logs.v1.LogsService' },
};
/** Where Prometheus takes the same. */
const prometheusPath = '/api/v1/otlp/v1/metrics';

export interface OpentelemetrySettings extends Omit<ReadOptions, 'nowMs'> {
  readonly tags: Readonly<Record<string, string>>;
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
  readonly #converted: Counter;
  readonly #refusals: Readonly<Record<OtlpSignal, Refusals>>;
  #receive: typeof receive | undefined;

  constructor(settings: OpentelemetrySettings, runtime: InputRuntime) {
    const { tags } = settings;
    this.#runtime = runtime;
    this.#settings = settings;
    this.#converted = runtime.meter.counter(
      'meshbridge_otlp_converted_points_total',
      'Data points that became something else than they were.',
      { from: 'exponential_histogram', to: 'histogram' },
    );
    this.#refusals = {
      traces: new Refusals(runtime, 'traces'),
      metrics: new Refusals(runtime, 'metrics'),
      logs: new Refusals(runtime, 'logs'),
    };
    this.#edits = Object.keys(tags).length === 0 ? {} : { edits: { add: tags } };
    for (const signal of Object.keys(ways) as OtlpSignal[]) {
      this.#addRoutes(signal);
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

  #addRoutes(signal: OtlpSignal): void {
    const { path, service } = ways[signal];
    const { routes } = this.#runtime;
    const route = {
      method: 'POST',
      access: 'open',
      maxBodyBytes,
      inflate: 'any',
      handle: (request: HttpRequest) => this.#take(signal, request),
      onRefused: (error: BridgeError) => this.#refusals[signal].noteUnread(error),
    } as const;
    routes.add({ ...route, path, listeners: ['main', 'otlp'] });
    routes.add({ ...route, path: `/opentelemetry.proto.collector.${service}/Export`, listeners: ['otlp_grpc'] });
    if (signal === 'metrics') {
      routes.add({ ...route, path: prometheusPath, listeners: ['main'] });
    }
  }

  async #take(signal: OtlpSignal, request: HttpRequest): Promise<HttpResponse> {
    if (this.#receive === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    const options = { ...this.#settings, nowMs: this.#runtime.clock.now() };
    const { batches, refused, response, converted = 0 } = this.#receive(signal, request, options);
    if (refused !== undefined) {
      this.#refusals[signal].note(refused.items, refused.reason, refused.message, request.remoteAddress);
    }
    if (batches.length > 0) {
      const emissions = batches.map((batch) => ({ batch: { ...batch, ...this.#edits } }));
      await this.#underWay.own(this.#runtime.emitAll(emissions));
      this.#converted.add(converted);
    }
    return response;
  }
}
