import type { ApiClient, Endpoint, MissingRight, Pod } from '../../kube/kube.ts';

const mostPods = 5_000;

/** The pods behind endpoints, each read once. */
export class EndpointPods {
  readonly #client: ApiClient;
  readonly #pods = new Map<string, Pod>();
  #missing: MissingRight | undefined;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  missing(): MissingRight | undefined {
    return this.#missing;
  }

  /** Whoever may write slices cannot borrow the labels of a pod that has not this address. */
  async podOf({ pod: reference, node }: Endpoint, ip: string, signal: AbortSignal): Promise<Pod | undefined> {
    if (reference === undefined) {
      return undefined;
    }
    const { namespace, name, uid } = reference;
    const key = `${uid} ${ip}`;
    const known = this.#pods.get(key);
    if (known !== undefined) {
      this.#remember(key, known);
      return known;
    }
    const found = await this.#read(reference, signal);
    if (found === 'not readable') {
      const bare = { phase: 'Running', deleting: false, labels: {}, annotations: {}, containers: [] };
      return { uid, namespace, name, node: node ?? '', ips: [ip], ...bare };
    }
    if (found?.ips.includes(ip) !== true) {
      return undefined;
    }
    this.#remember(key, found);
    return found;
  }

  /** Those that were asked for last; others are gone, or are read again. */
  #remember(key: string, pod: Pod): void {
    this.#pods.delete(key);
    this.#pods.set(key, pod);
    const [oldest] = this.#pods.keys();
    if (this.#pods.size > mostPods && oldest !== undefined) {
      this.#pods.delete(oldest);
    }
  }

  async #read(
    { namespace, name }: NonNullable<Endpoint['pod']>,
    signal: AbortSignal,
  ): Promise<Pod | undefined | 'not readable'> {
    const { missingRight, podOf } = await import('../../kube/kube.ts');
    try {
      return podOf(await this.#client.get(`/api/v1/namespaces/${namespace}/pods/${name}`, signal));
    } catch (error) {
      this.#missing = missingRight(error, podRight, 'get');
      return 'not readable';
    }
  }
}

const podRight = {
  group: '',
  resource: 'pods',
  verbs: ['get', 'list', 'watch'],
  without: 'replicas of Services lack the labels container, app and version',
};
