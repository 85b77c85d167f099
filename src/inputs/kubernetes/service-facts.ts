import type { Clock } from '../../contract/runtime.ts';
import type { ApiClient, MissingRight, Pod, Service } from '../../kube/kube.ts';
import type { ServiceAddress } from './configured-page.ts';
import { isIstiod } from './pod-rules.ts';
import { sliceSelector, slicesPath, slicesRight } from './service-replicas.ts';

const againMs = 300_000;
const afterFailureMs = 2_000;
const afterRefusalMs = { first: 1_000, most: 60_000 };
/**
 * A refusal counts when it stays: a server that has just started refuses what it has not read the rules of yet. One that
 * allowed it before is given longer, since whoever goes his own way meanwhile scrapes what others scrape as well.
 */
export const refusalCountsAfterMs = { atFirst: 3_000, later: 30_000 };

/** What every agent knows of a Service that the configuration names, and asks again now and then. */
export class ServiceFacts {
  readonly address: ServiceAddress;
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Undefined: it could not be read, or there is none. */
  service: Service | undefined;
  /** Whether it is a Service; undefined while that is not known. */
  exists: boolean | undefined;
  /** Whether its replicas may be read from EndpointSlices. */
  replicasReadable = false;
  /** The first answers are there. */
  known = false;
  #missing: readonly MissingRight[] = [];
  #refusals = 0;
  #refusedFromMs: number | undefined;

  constructor(address: ServiceAddress, client: ApiClient, { clock, random }: { clock: Clock; random: () => number }) {
    this.address = address;
    this.#client = client;
    this.#clock = clock;
    this.#random = random;
  }

  missing(): readonly MissingRight[] {
    return this.#missing;
  }

  /** Whether the pod is one of its replicas. */
  isBehind(pod: Pod): boolean {
    if (pod.namespace !== this.address.namespace) {
      return false;
    }
    const { selector } = this.service ?? {};
    // Without the Service, istiod is known by what runs in it.
    return selector === undefined
      ? this.service === undefined && this.isIstiods && isIstiod(pod)
      : Object.entries(selector).every(([name, value]) => pod.labels[name] === value);
  }

  /** Whether its pods can be told from others at all. */
  get isTold(): boolean {
    return this.service?.selector !== undefined || this.isIstiods;
  }

  get isIstiods(): boolean {
    return /^istiod(?:-[\w-]+)?$/.test(this.address.name);
  }

  /** Port of the pod behind that port of the Service. */
  portOf(pod: Pod, number: number): number | undefined {
    if (this.service === undefined) {
      return number;
    }
    const target = this.service.ports.find((port) => port.number === number)?.target;
    if (typeof target !== 'string') {
      return target;
    }
    const declared = pod.containers.flatMap(({ kind, ports }) => (kind === 'init' ? [] : ports));
    return declared.find(({ name }) => name === target)?.number;
  }

  /** Runs until the signal is aborted; tells of each round. */
  async run(onChange: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#ask(signal);
      if (signal.aborted) {
        return;
      }
      onChange();
      await this.#clock.sleep(waitMs * (1 + 0.2 * this.#random()), signal).catch(() => undefined);
    }
  }

  /** Resolves with the ms until it is to be asked again. */
  async #ask(signal: AbortSignal): Promise<number> {
    const { namespace, name } = this.address;
    const query = new URLSearchParams({ labelSelector: sliceSelector(this.address), limit: '1' });
    const [service, slices] = await Promise.all([
      this.#get(`/api/v1/namespaces/${namespace}/services/${name}`, signal),
      this.#get(`${slicesPath(this.address)}?${query}`, signal),
    ]);
    if (service.failed || slices.failed) {
      return afterFailureMs;
    }
    this.service = service.status === 200 ? service.service : undefined;
    this.exists = service.status === 200 ? true : service.status === 404 ? false : undefined;
    await this.#missed(service, slices);
    if (slices.status !== 403) {
      this.#refusedFromMs = undefined;
      this.#refusals = 0;
      this.replicasReadable = slices.status === 200;
      this.known = true;
      return againMs;
    }
    this.#refusedFromMs ??= this.#clock.now();
    const countsAfterMs = this.replicasReadable ? refusalCountsAfterMs.later : refusalCountsAfterMs.atFirst;
    if (this.#clock.now() - this.#refusedFromMs >= countsAfterMs) {
      this.replicasReadable = false;
      this.known = true;
    }
    return Math.min(afterRefusalMs.most, afterRefusalMs.first * 2 ** Math.min(this.#refusals++, 10));
  }

  async #missed(service: Answer, slices: Answer): Promise<void> {
    const { missingRight } = await import('../../kube/kube.ts');
    const refused = missingRight(slices.error, slicesRight(this.address), 'list');
    // The Service alone is no loss while its replicas are known, or its pods.
    const isLoss = slices.status !== 200 && !this.isTold;
    const unread = isLoss ? missingRight(service.error, this.#right(), 'get') : undefined;
    this.#missing = [refused, unread].filter((right) => right !== undefined);
  }

  async #get(path: string, signal: AbortSignal): Promise<Answer> {
    const { ApiRefusal, serviceOf } = await import('../../kube/kube.ts');
    try {
      const service = serviceOf(await this.#client.get(path, signal));
      return { failed: false, status: 200, ...(service && { service }) };
    } catch (error) {
      return error instanceof ApiRefusal && (error.status === 403 || error.status === 404)
        ? { failed: false, status: error.status, error }
        : { failed: true };
    }
  }

  #right() {
    const { namespace, name } = this.address;
    const without = `the pods behind ${namespace}/${name} are not known, and each agent scrapes the Service itself`;
    return { group: '', resource: 'services', verbs: ['get'], namespace, without };
  }
}

interface Answer {
  readonly failed: boolean;
  readonly status?: number;
  readonly service?: Service;
  readonly error?: unknown;
}
