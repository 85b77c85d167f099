import { BridgeError, hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import type { Batch } from '../../model/batch.ts';
import type { Received, Strictness, Version } from './receive.ts';
import type { SpanFilter, SpanFilterSettings } from './span-filter.ts';

const maxBodyBytes = 10 * 1024 * 1024;
/** Envoy counts nothing else as sent. */
const accepted: HttpResponse = { status: 202 };

export interface ZipkinSettings {
  readonly pathV1: string;
  readonly pathV2: string;
  readonly tags: Readonly<Record<string, string>>;
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
  readonly #underWay = new Set<Promise<void>>();
  #receive: Receive | undefined;
  #filtered: ((spans: Spans) => Spans | undefined) | undefined;
  #lastRefusal: object | undefined;

  constructor(settings: ZipkinSettings, runtime: InputRuntime) {
    const { tags } = settings;
    this.#settings = settings;
    this.#runtime = runtime;
    this.#constants = {
      signal: 'traces',
      origin: {},
      ...(Object.keys(tags).length === 0 ? {} : { edits: { add: tags } }),
    };
    this.#route(settings.pathV1, 'v1');
    this.#route(settings.pathV2, 'v2');
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
    await Promise.allSettled(this.#underWay);
  }

  status(): object {
    const { pathV1, pathV2 } = this.#settings;
    return { pathV1, pathV2, ...(this.#lastRefusal === undefined ? {} : { lastRefusal: this.#lastRefusal }) };
  }

  #route(path: string, version: Version): void {
    this.#runtime.routes.add({
      method: 'POST',
      path,
      listeners: ['main', 'zipkin'],
      access: 'open',
      maxBodyBytes,
      inflate: true,
      handle: (request) => this.#take(request, version),
      onRefused: (error) => this.#refuse(1, reasonOf(error), error.message),
    });
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
          this.#refuse(received.refused.items, 'malformed', received.refused.message, request.remoteAddress);
        }
        const kept = this.#filtered === undefined ? received : this.#filtered(received);
        if (kept !== undefined) {
          const { format, payload, items } = kept;
          await this.#owned(this.#runtime.emit({ ...this.#constants, format, payload, items }));
        }
        return accepted;
      }
      case 'refused':
        this.#refuse(received.items, received.reason, received.message, request.remoteAddress);
        return received.response;
      default:
        return received satisfies never;
    }
  }

  /** Keeps `stop` waiting until it is settled. */
  async #owned(emission: Promise<void>): Promise<void> {
    this.#underWay.add(emission);
    try {
      await emission;
    } finally {
      this.#underWay.delete(emission);
    }
  }

  #refuse(items: number, reason: string, message: string, from?: string): void {
    this.#runtime.refused('traces', items, reason);
    this.#lastRefusal = { atMs: this.#runtime.clock.now(), reason, message, ...(from === undefined ? {} : { from }) };
  }
}

function reasonOf(error: BridgeError): string {
  if (hasCode(error, 'BRIDGE_TOO_LARGE')) {
    return 'too_large';
  }
  return hasCode(error, 'BRIDGE_OVERLOADED') ? 'overloaded' : 'malformed';
}
