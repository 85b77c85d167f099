import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import { Refusals } from '../../http/refusals.ts';
import { UnderWay } from '../../lib/under-way.ts';
import type { Batch, TagEdits } from '../../model/batch.ts';
import type { Received, Strictness, Version } from './receive.ts';
import type { SpanFilter, SpanFilterSettings } from './span-filter.ts';

const maxBodyBytes = 10 * 1024 * 1024;
const reportPath = '/zipkin.proto3.SpanService/Report';
/** Envoy counts nothing else as sent. */
const accepted: HttpResponse = { status: 202 };

export interface ZipkinSettings {
  readonly pathV1: string;
  readonly pathV2: string;
  readonly edits: TagEdits | undefined;
  readonly strictness: Strictness;
  /** Undefined where nothing is to be left out. */
  readonly filter: SpanFilterSettings | undefined;
  /** Keys of the table that have no effect. */
  readonly idleKeys: readonly string[];
}

type Receive = (request: HttpRequest, version: Version) => Received;
type Spans = Extract<Received, { readonly kind: 'spans' }>;
type Constants = Pick<Batch, 'signal' | 'origin' | 'edits'>;

/**
 * Zipkin's collector (zipkin2-api.yaml, and the reference server's behaviour: spec/tracing.md §1). A batch is all or
 * nothing, unless `partial` is set, and 202 with an empty body is sent once its bytes are on disk: as they came, where
 * nothing is left out of them.
 */
export class ZipkinInput implements Input {
  readonly #settings: ZipkinSettings;
  readonly #runtime: InputRuntime;
  readonly #constants: Constants;
  readonly #underWay = new UnderWay();
  readonly #refusals: Refusals;
  readonly #door = {
    method: 'POST',
    access: 'open',
    maxBodyBytes,
    onRefused: (error: BridgeError) => this.#refusals.noteUnread(error),
  } as const;
  #receive: Receive | undefined;
  #filtered: ((spans: Spans) => Spans | undefined) | undefined;

  constructor(settings: ZipkinSettings, runtime: InputRuntime) {
    const { edits } = settings;
    this.#settings = settings;
    this.#runtime = runtime;
    this.#refusals = new Refusals(runtime, 'traces');
    this.#constants = {
      signal: 'traces',
      origin: {},
      ...(edits === undefined ? {} : { edits }),
    };
    this.#route(settings.pathV1, 'v1');
    this.#route(settings.pathV2, 'v2');
    runtime.routes.add({
      ...this.#door,
      path: reportPath,
      listeners: ['otlp_grpc'],
      handle: (request) => this.#report(request),
    });
  }

  async start(): Promise<void> {
    const { idleKeys } = this.#settings;
    if (idleKeys.length > 0) {
      this.#runtime.log.warn({ keys: idleKeys }, 'These keys are read but have no effect in this version.');
    }
    const { filter, strictness } = this.#settings;
    const { receive, filtered } = await import('./receive.ts');
    if (filter !== undefined) {
      const { SpanFilter } = await import('./span-filter.ts');
      const acting: SpanFilter = new SpanFilter(filter);
      this.#filtered = (spans) =>
        filtered(spans, (all) => {
          const { spans: kept, dropped } = acting.filter(all, this.#runtime.clock.now());
          for (const [reason, items] of dropped) {
            this.#runtime.dropped('traces', items, reason);
          }
          return kept;
        });
    }
    this.#receive = (request, version) => receive(request, version, strictness);
  }

  async stop(): Promise<void> {
    this.#receive = undefined;
    await this.#underWay.settled();
  }

  status(): object {
    const { pathV1, pathV2, filter } = this.#settings;
    const rate = filter?.samplingRate;
    const sampling = rate === undefined ? {} : { sampling: { rate, keepsErrors: filter?.keepErrors ?? true } };
    return { pathV1, pathV2, ...sampling, ...this.#refusals.status() };
  }

  #route(path: string, version: Version): void {
    this.#runtime.routes.add({
      ...this.#door,
      path,
      listeners: ['main', 'zipkin'],
      inflate: true,
      handle: (request) => this.#take(request, version),
    });
  }

  /** A ListOfSpans by gRPC, as Zipkin's server takes it beside HTTP (zipkin.proto, SpanService). */
  async #report(request: HttpRequest): Promise<HttpResponse> {
    const headers = { ...request.headers, 'content-type': 'application/x-protobuf' };
    const answer = await this.#take({ ...request, headers }, 'v2');
    return answer === accepted ? { status: 200 } : answer;
  }

  async #take(request: HttpRequest, version: Version): Promise<HttpResponse> {
    if (this.#receive === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    const received = this.#receive(request, version);
    switch (received.kind) {
      case 'nothing':
        return accepted;
      case 'spans': {
        if (received.refused !== undefined) {
          this.#refusals.note(received.refused.items, 'malformed', received.refused.message, request.remoteAddress);
        }
        const kept = this.#filtered === undefined ? received : this.#filtered(received);
        if (kept !== undefined) {
          const { format, payload, items } = kept;
          await this.#underWay.own(this.#runtime.emit({ ...this.#constants, format, payload, items }));
        }
        return accepted;
      }
      case 'refused':
        this.#refusals.note(received.items, received.reason, received.message, request.remoteAddress);
        return received.response;
      default:
        return received satisfies never;
    }
  }
}
