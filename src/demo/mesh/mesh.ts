import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import type { DemoMesh, DemoState } from '../state/demo-state.ts';
import { usualState } from '../switches/usual-state.ts';
import type { PodAddress, PodAddresses } from './addresses.ts';
import { Cadvisor, type Watched } from './cadvisor.ts';
import { Authority } from './certificates.ts';
import type { ContainerEvent } from './container-life.ts';
import { ControlPlane, type PushType } from './control-plane.ts';
import { Load } from './load.ts';
import { type MeshFacts, podFacts } from './mesh-facts.ts';
import { MeshPod } from './mesh-pod.ts';
import type { Place } from './place.ts';
import { resourcesOf } from './rendering.ts';
import { meshId, principal, Topology, type Workload } from './topology.ts';

export type { MeshFacts, PodFacts } from './mesh-facts.ts';

export interface MeshPlan {
  /** Logs, configurations; made where it is missing. */
  readonly folder: string;
  /** Envoy. */
  readonly program: string;
  readonly zipkin: Place;
  /** Who is in it. Default: Bookinfo in the namespace `default`. */
  readonly topology?: Topology;
  /** Finds so many addresses, which are this mesh's until they are released. */
  readonly addresses: (count: number) => Promise<PodAddresses>;
  /** An Envoy has ended by itself. */
  readonly onEnd: (workload: string, how: string) => void;
  /** A container of an application began or ended. */
  readonly onContainer?: (event: ContainerEvent) => void;
}

const pushesOf: Readonly<Record<'clusters' | 'routes' | 'runtime', PushType>> = {
  clusters: 'cds',
  routes: 'rds',
  runtime: 'lds',
};

/** Numbers of the addresses that are no pod's, and their ports. */
const istiodPlaces = [
  { number: 2, port: 15_014 },
  { number: 3, port: 15_014 },
];
const cadvisorPlace = { number: 4, port: 4194 };

/** Bookinfo in a mesh: pods of a service, a real Envoy and an agent each, a gateway, a control plane's numbers, and a little load. */
export class Mesh implements DemoMesh {
  readonly #plan: MeshPlan;
  readonly #topology: Topology;
  readonly #authority = new Authority(meshId, systemClock.now());
  readonly #cadvisor = new Cadvisor(() => this.#watched());
  #state: DemoState;
  #addresses: PodAddresses | undefined;
  #pods: readonly MeshPod[] = [];
  #controlPlane: ControlPlane | undefined;
  #load: Load | undefined;
  readonly #stopping = new AbortController();
  /** One change after the other. */
  #changing: Promise<void> = Promise.resolve();

  constructor(plan: MeshPlan) {
    this.#plan = plan;
    this.#topology = plan.topology ?? new Topology();
    this.#state = usualState(this.#topology.namespace);
  }

  /** It begins in its usual state. Resolves when all of it answers. Rejects where a part does not start; `stop` then ends the others. */
  async start(signal: AbortSignal): Promise<MeshFacts> {
    await mkdir(join(this.#plan.folder, 'envoy'), { recursive: true });
    const addresses = await this.#plan.addresses(this.#topology.workloads.length);
    this.#addresses = addresses;
    this.#pods = this.#topology.workloads.map((workload, n) => this.#pod(workload, addressAt(addresses, n)));
    const istiods = await Promise.all(istiodPlaces.map((at) => placeIn(addresses, at)));
    const size = { proxies: this.#pods.length, services: this.#topology.services.length };
    const controlPlane = new ControlPlane(istiods, size);
    this.#controlPlane = controlPlane;
    await controlPlane.apply(this.#state);
    const cadvisor = await placeIn(addresses, cadvisorPlace);
    await this.#cadvisor.start(cadvisor);
    for (const pod of this.#pods) {
      await pod.start();
    }
    await this.#startEnvoys(signal);
    const { ip: host, ingress: port } = this.#podOf(this.#topology.gateway).address;
    this.#load = new Load({ host, port });
    this.#load.start();
    await this.#act(this.#state);
    return {
      gateway: `http://${host}:${port}`,
      logRoot: join(this.#plan.folder, 'pods'),
      pods: this.#pods.map(podFacts),
      istiods: istiods.map(({ host: ip, port: at }) => `${ip}:${at}`),
      cadvisor: `http://${cadvisor.host}:${cadvisor.port}/metrics/cadvisor`,
    };
  }

  apply(state: DemoState, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const either = AbortSignal.any([signal, this.#stopping.signal]);
      either.throwIfAborted();
      await this.#push(state, either);
      this.#state = state;
      await this.#act(state);
    });
  }

  /** May be called at any time, once. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the mesh is asked to stop'));
    await this.#changing;
    await this.#load?.stop();
    await Promise.all(this.#pods.map(({ envoy }) => envoy?.stop()));
    for (const pod of this.#pods) {
      await pod.stop();
    }
    await this.#controlPlane?.stop();
    await this.#cadvisor.stop();
    this.#addresses?.release();
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#changing.then(change);
    this.#changing = done.catch(() => {});
    return done;
  }

  #pod(workload: Workload, address: PodAddress): MeshPod {
    return new MeshPod({
      topology: this.#topology,
      workload,
      address,
      folder: this.#plan.folder,
      workloadAt: (at) => this.#pods.find((one) => at === `${one.address.ip}:${one.address.inbound}`)?.workload,
      conditions: () => this.#state,
      onContainer: (event) => this.#noteContainer(event),
    });
  }

  /** A pod whose application does not run is no endpoint. */
  #noteContainer(event: ContainerEvent): void {
    this.#plan.onContainer?.(event);
    const isStarted = this.#pods.every(({ envoy }) => envoy !== undefined);
    if (isStarted && !this.#stopping.signal.aborted) {
      // Who asked for it has had his answer; a proxy that does not take it goes on with what it has.
      void this.#inTurn(() => this.#push(this.#state, this.#stopping.signal)).catch(() => {});
    }
  }

  /** The first that fails takes back the others, and its error is the one that counts. */
  async #startEnvoys(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const starting = this.#pods.map((_, n) => this.#startEnvoy(n, either).catch((error) => failed.abort(error)));
    await Promise.all(starting);
    either.throwIfAborted();
  }

  async #startEnvoy(n: number, signal: AbortSignal): Promise<void> {
    const { program, zipkin, onEnd } = this.#plan;
    const pod = this.#pods[n];
    if (pod === undefined) {
      return;
    }
    const { workload } = pod;
    const startedMs = systemClock.now();
    const envoy = await pod.startEnvoy(
      {
        program,
        zipkin,
        identity: this.#authority.issue(principal(workload)),
        authority: this.#authority.certificate,
        resources: (proxy) => resourcesOf(proxy, this.#state, this.#pods),
      },
      signal,
    );
    this.#controlPlane?.issued(n);
    this.#controlPlane?.pushed(n, ['cds', 'eds', 'lds', 'rds'], systemClock.now() - startedMs);
    void envoy.ended.then((how) => {
      if (!this.#stopping.signal.aborted) {
        onEnd(workload.name, how);
      }
    });
  }

  /** All Envoys or none: where one does not take it, the others go back to what they had. */
  async #push(state: DemoState, signal: AbortSignal): Promise<void> {
    this.#controlPlane?.triggered();
    const pushes = this.#pods.map((pod, n) => this.#pushTo(pod, n, { state, signal }));
    const failed = (await Promise.allSettled(pushes)).find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      await Promise.all(this.#pods.map(({ proxyPlan, discovery }) => proxyPlan && discovery.restore()));
      throw failed.reason;
    }
    for (const { discovery } of this.#pods) {
      discovery.settle();
    }
  }

  async #pushTo(pod: MeshPod, n: number, { state, signal }: { state: DemoState; signal: AbortSignal }): Promise<void> {
    const { proxyPlan, discovery, workload } = pod;
    if (proxyPlan === undefined) {
      return;
    }
    const startedMs = systemClock.now();
    const outcome = await discovery.push(resourcesOf(proxyPlan, state, this.#pods), signal);
    if ('rejected' in outcome) {
      this.#controlPlane?.rejected(n, pushesOf[outcome.rejected]);
      throw new Error(`the Envoy of ${workload.name} does not take it: ${outcome.reason}`);
    }
    const types = outcome.taken.map((kind) => pushesOf[kind]);
    if (types.length > 0) {
      this.#controlPlane?.pushed(n, types, systemClock.now() - startedMs);
    }
  }

  /** What needs no Envoy. */
  async #act(state: DemoState): Promise<void> {
    for (const { agent, life, workload } of this.#pods) {
      agent.quirks = state.pageQuirks;
      await life?.crash(workload.name === state.crashLoop ? 'again and again' : 'no more');
    }
    await this.#controlPlane?.apply(state);
    if (this.#load !== undefined) {
      this.#load.pagesPerSecond = state.pagesPerSecond;
    }
  }

  #podOf(workload: Workload): MeshPod {
    const pod = this.#pods.find((one) => one.workload === workload);
    if (pod === undefined) {
      throw new Error(`${workload.name} is not of this mesh`);
    }
    return pod;
  }

  #watched(): Watched {
    const sharers = this.#pods.filter(({ life }) => life !== undefined).length;
    return {
      containers: this.#pods.flatMap((pod) => pod.watched(sharers)),
      traffic: this.#pods.map((pod) => pod.traffic()),
    };
  }
}

function addressAt({ pods }: PodAddresses, n: number): PodAddress {
  const address = pods[n];
  if (address === undefined) {
    throw new Error(`there is no address for pod ${n}`);
  }
  return address;
}

async function placeIn(
  { network, freePort }: PodAddresses,
  { number, port }: { readonly number: number; readonly port: number },
): Promise<Place> {
  return network === undefined ? { host: '127.0.0.1', port: await freePort() } : { host: `${network}.${number}`, port };
}
