import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import type { Sender } from '../../http/lazy-output.ts';
import { Poster } from '../../http/poster.ts';
import { reachOf } from '../../http/reach.ts';
import { healthOf } from '../../http/status.ts';
import { instanceHeader } from '../../record/parcel.ts';
import type { HubOutputConfig } from './hub.ts';
import { HubClient } from './hub-client.ts';
import { TokenFile } from './token-file.ts';

const recordsPath = '/api/native/records';
/** A request without records, of a lane that no agent has: the hub says whether it would take ours. */
const hello: WriteRequest = { signal: 'metrics', records: [], items: 0, id: '0000000000000000:0-0' };

/**
 * The agent's end: posts the records of its lanes to the hub as they are (docs/hub.md, "The protocol"). Of the hub's
 * addresses one is used until it gives no good answer, then the next one.
 */
export class Hubs implements Sender {
  readonly #clients: readonly HubClient[];
  #at = 0;

  constructor(config: HubOutputConfig, { userAgent, instance, clock, node }: OutputRuntime) {
    const { token_file } = config;
    const token = new TokenFile(token_file, clock);
    this.#clients = config.urls.map((base) => {
      const url = recordsUrl(base);
      const poster = new Poster({
        url,
        ...reachOf(config),
        protocolHeaders: { [instanceHeader]: instance },
        userAgent,
      });
      return new HubClient({ url, poster, token, clock, node });
    });
  }

  /** One attempt, at one of them. A hub that asks to come back later (503) is the one to come back to. */
  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const at = this.#at;
    try {
      const result = await this.#client(at).write(request, signal);
      if (result.status === 'retry' && result.cause !== 'busy') {
        this.#leave(at);
      }
      return result;
    } catch (error) {
      this.#leave(at);
      throw error;
    }
  }

  /** Whichever of them would take a request. */
  async check(): Promise<Health> {
    const reasons: string[] = [];
    for (const client of this.#clients) {
      const health = await healthOf((signal) => client.write(hello, signal));
      if (health.ok) {
        return health;
      }
      reasons.push(health.reason);
    }
    return { ok: false, reason: reasons.join('; ') };
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #client(at: number): HubClient {
    const client = this.#clients[at];
    if (client === undefined) {
      throw new Error('there is no address of a hub');
    }
    return client;
  }

  /** Unless another request of ours has done so already. */
  #leave(at: number): void {
    if (this.#at === at) {
      this.#at = (at + 1) % this.#clients.length;
    }
  }
}

function recordsUrl(base: string): string {
  const url = new URL(base);
  if (url.pathname === '/' || url.pathname === '') {
    url.pathname = recordsPath;
  }
  return url.href;
}
