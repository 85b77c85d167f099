import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import { plainText } from '../../http/exchange.ts';
import { instanceHeader } from '../../record/parcel.ts';
import { Agents } from './agents.ts';
import type { Receiver } from './receiver.ts';

export const recordsPath = '/api/native/records';
/** Of a body as it comes over the wire: a whole record of the largest size, not compressible. */
const maxBodyBytes = 144 * 1024 * 1024;

/**
 * The hub's end of `[[outputs.hub]]`: records of agents go into the lanes here as they are. 204 is sent once they are on disk,
 * with the number of the last one as the agent's position, so that a request that comes twice is taken once.
 */
export class HubInput implements Input {
  readonly #runtime: InputRuntime;
  readonly #agents: Agents;
  readonly #underWay = new Set<Promise<unknown>>();
  #receiver: Receiver | undefined;

  constructor(runtime: InputRuntime) {
    this.#runtime = runtime;
    this.#agents = new Agents(runtime);
    runtime.routes.add({
      method: 'POST',
      path: recordsPath,
      listeners: ['main'],
      access: 'ingest',
      maxBodyBytes,
      handle: (request) => this.#take(request),
    });
  }

  async start(): Promise<void> {
    const { Receiver } = await import('./receiver.ts');
    this.#receiver = new Receiver(this.#runtime, this.#agents);
  }

  async stop(): Promise<void> {
    this.#receiver = undefined;
    await Promise.allSettled(this.#underWay);
  }

  status(): object {
    return { path: recordsPath, agents: this.#agents.status() };
  }

  async #take(request: HttpRequest): Promise<HttpResponse> {
    if (this.#receiver === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    if (request.headers[instanceHeader] === this.#runtime.instance) {
      // Not a 4xx that speaks of the records: they wait until somebody mends the address.
      return plainText(403, 'this is the process that sends: [[outputs.hub]] urls must name another one');
    }
    const taking = this.#receiver.take(request);
    this.#underWay.add(taking);
    try {
      return await taking;
    } finally {
      this.#underWay.delete(taking);
    }
  }
}
