import type { Clock } from '../contract/runtime.ts';
import { type ApiClient, ApiRefusal } from './api-client.ts';
import { type Lease, type LeaseSpec, leaseOf, microTime, newLease, replacedLease } from './lease.ts';

export interface LeaseRequestsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  /** Longest time for one request. */
  readonly requestMs: number;
}

const durationSeconds = 10;
const releaseMs = 2_000;

/** A request that failed, and what it was to do: the verb of the right that it needs. */
export class FailedVerb extends Error {
  readonly verb: string;
  override readonly cause: unknown;

  constructor(cause: unknown, verb: string) {
    super(`the request to ${verb} failed`);
    this.cause = cause;
    this.verb = verb;
  }
}

/** Reads and writes one Lease. Throws FailedVerb. */
export class LeaseRequests {
  readonly #options: LeaseRequestsOptions;

  constructor(options: LeaseRequestsOptions) {
    this.#options = options;
  }

  /**
   * Undefined where there is none. `cached`: from the server's cache, which is cheap for it; if that is behind, the version
   * of the record tells on writing.
   */
  async read(freshness: 'cached' | 'newest', signal: AbortSignal): Promise<Lease | undefined> {
    const query = freshness === 'cached' ? '?resourceVersion=0' : '';
    try {
      return leaseOf(await this.#options.client.get(`${this.#path()}${query}`, this.#limited(signal)));
    } catch (error) {
      if (isStatus(error, 404)) {
        return undefined;
      }
      throw new FailedVerb(error, 'get');
    }
  }

  /** As ours. */
  async create(signal: AbortSignal): Promise<Lease> {
    const { client, clock, namespace, name } = this.#options;
    const object = newLease(namespace, name, this.#spec(microTime(clock.now()), 0));
    try {
      return leaseOf(await client.send('POST', this.#collection(), object, this.#limited(signal)));
    } catch (error) {
      throw new FailedVerb(error, 'create');
    }
  }

  /** Takes it, or renews it. Undefined where somebody else wrote or removed it meanwhile. */
  async take(lease: Lease, signal: AbortSignal): Promise<Lease | undefined> {
    const { client, clock, identity } = this.#options;
    const ours = lease.holder === identity;
    const acquireTime = ours && lease.acquireTime !== undefined ? lease.acquireTime : microTime(clock.now());
    const object = replacedLease(lease, this.#spec(acquireTime, lease.transitions + (ours ? 0 : 1)));
    try {
      return leaseOf(await client.send('PUT', this.#path(), object, this.#limited(signal)));
    } catch (error) {
      if (isStatus(error, 409) || isStatus(error, 404)) {
        return undefined;
      }
      throw new FailedVerb(error, 'update');
    }
  }

  /** So that another one need not wait until it runs out. Never rejects. */
  async release(lease: Lease): Promise<void> {
    const { client, clock } = this.#options;
    const spec = { ...this.#spec(microTime(clock.now()), lease.transitions), holderIdentity: '' };
    const object = replacedLease(lease, { ...spec, leaseDurationSeconds: 1 });
    await client.send('PUT', this.#path(), object, AbortSignal.timeout(releaseMs)).catch(() => undefined);
  }

  #spec(acquireTime: string, leaseTransitions: number): LeaseSpec {
    const { identity: holderIdentity, clock } = this.#options;
    const renewTime = microTime(clock.now());
    return { holderIdentity, leaseDurationSeconds: durationSeconds, acquireTime, renewTime, leaseTransitions };
  }

  #limited(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.#options.requestMs)]);
  }

  #collection(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }

  #path(): string {
    return `${this.#collection()}/${this.#options.name}`;
  }
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiRefusal && error.status === status;
}
