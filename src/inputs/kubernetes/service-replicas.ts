import type { Clock, Logger } from '../../contract/runtime.ts';
import type { ApiClient, Endpoint, EndpointSlice, MissingRight, ResourceWatch, Service } from '../../kube/kube.ts';
import type { ConfiguredPage, ServiceAddress } from './configured-page.ts';
import { EndpointPods } from './endpoint-pods.ts';
import { type PlannedTarget, portOfUrl, targetKey, targetPodOf } from './pod-plan.ts';
import { replicaPage } from './pod-rules.ts';

export interface ServiceReplicasOptions {
  readonly page: ConfiguredPage;
  readonly address: ServiceAddress;
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** The Service itself, where it could be read. */
  readonly service: () => Service | undefined;
  /** Told of all its replicas whenever they are others. */
  readonly onTargets: (planned: readonly PlannedTarget[]) => void;
}

export interface ReplicasStatus {
  readonly state: string;
  readonly replicas: number;
  readonly error?: string;
  readonly hint?: string;
}

/** Pods of replicas that are read side by side. */
const atOnce = 8;

/** What the holder of the lease knows of a Service: its replicas, each at its own address, as EndpointSlices say. */
export class ServiceReplicas {
  readonly #options: ServiceReplicasOptions;
  readonly #slices = new Map<string, EndpointSlice>();
  readonly #pods: EndpointPods;
  #watch: ResourceWatch<EndpointSlice> | undefined;
  #planning: Promise<void> | undefined;
  #again = false;
  #replicas = 0;
  #problem: string | undefined;

  constructor(options: ServiceReplicasOptions) {
    this.#options = options;
    this.#pods = new EndpointPods(options.client);
  }

  status(): ReplicasStatus {
    const { state = 'starting', error, hint } = this.#watch?.status() ?? {};
    const said = error ?? this.#problem;
    return {
      state,
      replicas: this.#replicas,
      ...(said !== undefined && { error: said }),
      ...(hint !== undefined && { hint }),
    };
  }

  missing(): readonly MissingRight[] {
    return [this.#watch?.missing(), this.#pods.missing()].filter((right) => right !== undefined);
  }

  /** Runs until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { endpointSliceOf, ResourceWatch } = await import('../../kube/kube.ts');
    const { address, client, clock, log, random } = this.#options;
    const plan = (): void => this.#plan(signal);
    this.#watch = new ResourceWatch<EndpointSlice>({
      client,
      clock,
      log,
      random,
      path: slicesPath(address),
      selector: { labelSelector: sliceSelector(address) },
      what: `EndpointSlices of ${address.namespace}/${address.name}`,
      right: slicesRight(address),
      parse: endpointSliceOf,
      listener: {
        put: (slice) => {
          this.#slices.set(slice.uid, slice);
          plan();
        },
        remove: (uid) => {
          this.#slices.delete(uid);
          plan();
        },
        state: (state) => {
          if (state === 'watching') {
            plan();
          }
        },
      },
    });
    await this.#watch.run(signal);
    await this.#planning;
  }

  #plan(signal: AbortSignal): void {
    this.#again = true;
    this.#planning ??= this.#planAll(signal).finally(() => {
      this.#planning = undefined;
    });
  }

  async #planAll(signal: AbortSignal): Promise<void> {
    while (this.#again && !signal.aborted) {
      this.#again = false;
      const planned = await this.#planned(signal);
      if (!signal.aborted && !this.#again) {
        this.#replicas = planned.length;
        this.#options.onTargets(planned);
      }
    }
  }

  async #planned(signal: AbortSignal): Promise<readonly PlannedTarget[]> {
    const { hostname } = this.#options.address;
    const found = new Map<string, PlannedTarget>();
    this.#problem = undefined;
    for (const slice of this.#slicesOfOneFamily()) {
      const port = this.#portOf(slice);
      const endpoints = slice.endpoints.filter((one) => hostname === undefined || one.hostname === hostname);
      if (port === undefined && endpoints.length > 0) {
        this.#problem =
          'its ports have other numbers than the URL, and which is meant only the Service says: grant get of services';
        continue;
      }
      for (let from = 0; from < endpoints.length; from += atOnce) {
        const some = endpoints.slice(from, from + atOnce);
        const targets = await Promise.all(some.map((endpoint) => this.#target(endpoint, port ?? 0, signal)));
        for (const target of targets.filter((one) => one !== undefined)) {
          found.set(target.key, target);
        }
      }
    }
    return [...found.values()];
  }

  /** A replica of two families is in slices of both. */
  #slicesOfOneFamily(): readonly EndpointSlice[] {
    const all = [...this.#slices.values()];
    const wanted = this.#options.service()?.families[0] ?? 'IPv4';
    const fit = all.filter(({ family }) => family === wanted);
    return fit.length > 0 ? fit : all;
  }

  #portOf({ ports }: EndpointSlice): number | undefined {
    const number = Number(portOfUrl(new URL(this.#options.page.url)));
    const name = this.#options.service()?.ports.find((port) => port.number === number)?.name;
    const named = name === undefined ? undefined : ports.find((port) => port.name === name);
    const same = ports.find((port) => port.number === number);
    return (named ?? same ?? (ports.length === 1 ? ports[0] : undefined))?.number;
  }

  async #target(endpoint: Endpoint, port: number, signal: AbortSignal): Promise<PlannedTarget | undefined> {
    const [ip] = endpoint.addresses;
    if (ip === undefined || endpoint.terminating) {
      return undefined;
    }
    const { url: written, config } = this.#options.page;
    const page = replicaPage(ip, port, { written, config });
    const pod = await this.#pods.podOf(endpoint, ip, signal);
    const key = targetKey({ uid: pod?.uid ?? ip }, page.url);
    const { url, config: settings, rule } = page;
    return { key, url, config: settings, rule, once: true, ...(pod && { pod: targetPodOf(pod, page) }) };
  }
}

export function slicesPath({ namespace }: ServiceAddress): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
}

export function sliceSelector({ name }: ServiceAddress): string {
  return `kubernetes.io/service-name=${name}`;
}

export function slicesRight({ namespace, name }: ServiceAddress) {
  return {
    group: 'discovery.k8s.io',
    resource: 'endpointslices',
    verbs: ['get', 'list', 'watch'],
    namespace,
    without: `the replicas of ${namespace}/${name} are not known, and each agent scrapes those of its own node`,
  };
}
