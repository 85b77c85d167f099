import type { Clock, Logger } from '../../contract/runtime.ts';
import type { ApiClient, EndpointSlice, Endpoints, MissingRight, ResourceWatch } from '../../kube/kube.ts';

export interface SliceSourceOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Undefined: the whole cluster. */
  readonly namespace: string | undefined;
  readonly labelSelector: string;
  /** What they are for, in messages. */
  readonly key: string;
  readonly onChange: () => void;
}

/** The endpoints of some Services, as EndpointSlices say, or Endpoints where only those may be read (DataKit's manifest). */
export class SliceSource {
  readonly #options: SliceSourceOptions;
  readonly #slices = new Map<string, EndpointSlice>();
  readonly #endpoints = new Map<string, Endpoints>();
  #watch: ResourceWatch<EndpointSlice> | undefined;
  #second: ResourceWatch<Endpoints> | undefined;
  readonly #refused = Promise.withResolvers<void>();

  constructor(options: SliceSourceOptions) {
    this.#options = options;
  }

  get isKnown(): boolean {
    return hasListed(this.#watch) || hasListed(this.#second);
  }

  slices(): readonly EndpointSlice[] {
    return hasListed(this.#watch)
      ? [...this.#slices.values()]
      : [...this.#endpoints.values()].flatMap(({ slices }) => slices);
  }

  missing(): MissingRight | undefined {
    return this.isKnown ? undefined : this.#watch?.missing();
  }

  /** Runs until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { endpointSliceOf, endpointsOf, ResourceWatch } = await import('../../kube/kube.ts');
    const { namespace, key, onChange } = this.#options;
    const place = namespacePath(namespace);
    const watch = new ResourceWatch<EndpointSlice>({
      ...this.#shared('discovery.k8s.io', 'endpointslices'),
      path: `/apis/discovery.k8s.io/v1${place}/endpointslices`,
      what: `EndpointSlices of ${key}`,
      parse: endpointSliceOf,
      listener: keeping(this.#slices, (state) => {
        if (state === 'forbidden') {
          this.#refused.resolve();
        }
        onChange();
      }),
    });
    const second = new ResourceWatch<Endpoints>({
      ...this.#shared('', 'endpoints'),
      path: `/api/v1${place}/endpoints`,
      what: `Endpoints of ${key}`,
      parse: endpointsOf,
      listener: keeping(this.#endpoints, onChange),
    });
    this.#watch = watch;
    signal.addEventListener('abort', () => this.#refused.resolve(), { once: true });
    const instead = async (): Promise<void> => {
      await this.#refused.promise;
      if (!signal.aborted) {
        this.#second = second;
        await second.run(signal);
      }
    };
    await Promise.all([watch.run(signal), instead()]);
  }

  #shared(group: string, resource: string) {
    const { client, clock, log, random, labelSelector } = this.#options;
    const selector = labelSelector === '' ? {} : { labelSelector };
    return { client, clock, log, random, selector, right: listRight(group, resource, this.#options) };
  }
}

function hasListed(watch: ResourceWatch<EndpointSlice> | ResourceWatch<Endpoints> | undefined): boolean {
  return watch !== undefined && watch.status().lists > 0;
}

export function namespacePath(namespace: string | undefined): string {
  return namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
}

/** To keep such objects as the API server has them. */
export function listRight(
  group: string,
  resource: string,
  { namespace, key }: Pick<SliceSourceOptions, 'namespace' | 'key'>,
) {
  const without = `nothing of ${key} is scraped`;
  return { group, resource, verbs: ['list', 'watch'], ...(namespace !== undefined && { namespace }), without };
}

/** A listener that keeps them in the map, by uid. */
export function keeping<T extends { readonly uid: string }, S>(map: Map<string, T>, onChange: (state?: S) => void) {
  return {
    put: (object: T): void => {
      map.set(object.uid, object);
      onChange();
    },
    remove: (uid: string): void => {
      map.delete(uid);
      onChange();
    },
    state: onChange,
  };
}
