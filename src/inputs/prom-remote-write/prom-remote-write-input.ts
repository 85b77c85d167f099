import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import type { Counter } from '../../contract/runtime.ts';
import { Refusals } from '../../http/refusals.ts';
import { UnderWay } from '../../lib/under-way.ts';
import type { Batch } from '../../model/batch.ts';
import type { Receiver } from './receive.ts';

export const writePath = '/api/v1/write';
const maxBodyBytes = 10 * 1024 * 1024;

/**
 * Remote-write of Prometheus. A request is answered once what was taken of it is on disk. What 1.0 says of families, apart from their
 * samples, is remembered until the end of the process.
 */
export class PromRemoteWriteInput implements Input {
  readonly #runtime: InputRuntime;
  readonly #edits: Pick<Batch, 'edits'>;
  readonly #refusals: Refusals;
  readonly #exemplarsLeftOut: Counter;
  readonly #underWay = new UnderWay();
  #receiver: Receiver | undefined;

  constructor(tags: Readonly<Record<string, string>>, runtime: InputRuntime) {
    this.#runtime = runtime;
    this.#edits = Object.keys(tags).length === 0 ? {} : { edits: { add: tags } };
    this.#refusals = new Refusals(runtime, 'metrics');
    this.#exemplarsLeftOut = runtime.meter.counter(
      'meshbridge_remote_write_exemplars_left_out_total',
      'Exemplars that came by remote-write without a sample of their series in the same request.',
    );
    runtime.routes.add({
      method: 'POST',
      path: writePath,
      listeners: ['main'],
      access: 'ingest',
      maxBodyBytes,
      handle: (request) => this.#take(request),
      onRefused: (error) => this.#refusals.noteUnread(error),
    });
  }

  async start(): Promise<void> {
    const { Receiver } = await import('./receive.ts');
    this.#receiver = new Receiver();
  }

  async stop(): Promise<void> {
    this.#receiver = undefined;
    await this.#underWay.settled();
  }

  status(): object {
    return { path: writePath, ...this.#refusals.status() };
  }

  async #take(request: HttpRequest): Promise<HttpResponse> {
    if (this.#receiver === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    const { batches, refused, exemplarsLeftOut, response } = this.#receiver.receive(request);
    if (batches.length > 0) {
      const emissions = batches.map((batch) => ({ batch: { ...batch, ...this.#edits } }));
      await this.#underWay.own(this.#runtime.emitAll(emissions));
    }
    for (const { items, reason, message } of refused) {
      this.#refusals.note(items, reason, message, request.remoteAddress);
    }
    this.#exemplarsLeftOut.add(exemplarsLeftOut);
    return response;
  }
}
