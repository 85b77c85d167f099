import { BridgeError, hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Emission, Input, InputRuntime } from '../../contract/input.ts';
import { Refusals } from '../../http/refusals.ts';
import { UnderWay } from '../../lib/under-way.ts';

export const pushPath = '/loki/api/v1/push';
const maxBodyBytes = 10 * 1024 * 1024;

/**
 * Loki's push API (HTTP API, "Ingest logs"): snappy protobuf, and JSON. 204 is sent once all lines are on disk. A request of
 * which anything is wrong is refused whole, with the place. Tenants (`X-Scope-OrgID`) are not kept apart.
 */
export class LokiInput implements Input {
  readonly #runtime: InputRuntime;
  readonly #tags: Readonly<Record<string, string>>;
  readonly #refusals: Refusals;
  readonly #underWay = new UnderWay();
  #receive: ((request: HttpRequest, tags: Readonly<Record<string, string>>) => readonly Emission[]) | undefined;

  constructor(tags: Readonly<Record<string, string>>, runtime: InputRuntime) {
    this.#tags = tags;
    this.#runtime = runtime;
    this.#refusals = new Refusals(runtime, 'logs');
    runtime.routes.add({
      method: 'POST',
      path: pushPath,
      listeners: ['main'],
      access: 'ingest',
      maxBodyBytes,
      inflate: true,
      handle: (request) => this.#take(request),
      onRefused: (error) => this.#refusals.noteUnread(error),
    });
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
    return { path: pushPath, ...this.#refusals.status() };
  }

  async #take(request: HttpRequest): Promise<HttpResponse> {
    const emissions = this.#read(request);
    await this.#underWay.own(this.#runtime.emitAll(emissions));
    return { status: 204 };
  }

  #read(request: HttpRequest): readonly Emission[] {
    if (this.#receive === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    try {
      return this.#receive(request, this.#tags);
    } catch (error) {
      if (hasCode(error, 'BRIDGE_DECODE') || hasCode(error, 'BRIDGE_TOO_LARGE')) {
        const reason = hasCode(error, 'BRIDGE_DECODE') ? 'malformed' : 'too_large';
        this.#refusals.note(1, reason, error.message, request.remoteAddress);
      }
      throw error;
    }
  }
}
