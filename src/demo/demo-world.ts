import type { DemoRefusal, DemoRequest, DemoView } from '../contract/demo.ts';
import { DemoCluster } from './cluster/cluster.ts';
import { clusterPlanOf } from './cluster/mesh-plan.ts';
import { Mesh, type MeshPlan } from './mesh/mesh.ts';
import type { Place } from './mesh/place.ts';
import { serviceHost, Topology } from './mesh/topology.ts';
import type { DemoFacts } from './mesh-messages.ts';
import { Switchboard } from './switches/switchboard.ts';
import { Visitors } from './visits/visitors.ts';

export interface WorldPlan extends Omit<MeshPlan, 'topology' | 'onContainer'> {
  /** Of Bookinfo. */
  readonly namespace: string;
  /** Where browsers send what they see; undefined: nobody visits. */
  readonly rum: Place | undefined;
}

/** The mesh, the cluster around it, and the switches that change both. */
export class DemoWorld {
  readonly #mesh: Mesh;
  readonly #topology: Topology;
  readonly #cluster: DemoCluster;
  readonly #rum: Place | undefined;
  #board: Switchboard | undefined;
  #visitors: Visitors | undefined;

  constructor(plan: WorldPlan) {
    this.#topology = new Topology(plan.namespace);
    this.#cluster = new DemoCluster(plan.folder);
    this.#rum = plan.rum;
    this.#mesh = new Mesh({
      ...plan,
      topology: this.#topology,
      onContainer: ({ pod, container, state, restarts }) =>
        this.#cluster.containers(pod, { [container]: { restarts, isWaiting: state === 'waiting' } }),
    });
  }

  /** Resolves when all of it answers. Rejects where a part does not start; `stop` then ends the others. */
  async start(signal: AbortSignal): Promise<DemoFacts> {
    const { gateway, logRoot, pods, istiods, cadvisor } = await this.#mesh.start(signal);
    const topology = this.#topology;
    const metrics = new Map(pods.map(({ pod, metrics: url }) => [pod, url]));
    await this.#cluster.start(clusterPlanOf({ topology, metrics, istiods }));
    const productpage = `${gateway}/productpage`;
    const { kubeconfig } = this.#cluster;
    const board = new Switchboard({
      mesh: this.#mesh,
      namespace: topology.namespace,
      hosts: topology.services.map(serviceHost),
      facts: { productpage, kubeconfig },
      onState: (state) => this.#cluster.publish(state),
    });
    this.#board = board;
    this.#cluster.takesRules(async (request) => {
      const answer = await board.ask(request);
      return 'refused' in answer ? answer.refused.join('\n') : undefined;
    });
    await board.start();
    this.#letVisit(new URL(gateway));
    const pages = pods.map(({ app, pod, metrics: url }) => ({ app, pod, url }));
    return { productpage, kubeconfig, node: 'demo-worker', logRoot, cadvisor, pages };
  }

  async ask(request: DemoRequest): Promise<DemoView | DemoRefusal> {
    return this.#board?.ask(request) ?? { refused: ['the demo is still starting'] };
  }

  #letVisit({ hostname, port }: URL): void {
    if (this.#rum !== undefined) {
      this.#visitors = new Visitors({ gateway: { host: hostname, port: Number(port) }, rum: this.#rum });
      this.#visitors.start();
    }
  }

  async stop(): Promise<void> {
    await this.#visitors?.stop();
    this.#board?.stop();
    await this.#mesh.stop();
    await this.#cluster.stop();
  }
}
